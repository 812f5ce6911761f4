/*
 * Manifests, SPEC.md section 6: the signature is checked before anything else,
 * the body is held to every rule, its steps are read one by one from wherever
 * the firmware keeps it. Licence: Apache-2.0.
 */
#ifndef DL_MANIFEST_H
#define DL_MANIFEST_H

#include "dl_port.h"

enum {
	DL_BODY_HEAD = 18,
	DL_STEP = 77,     /* bytes without the digest of a base */
	DL_STEP_BASE = DL_STEP + 32,
	DL_TAIL = 14,
	DL_MAC = 16,
	DL_MAX_BODY = DL_BODY_HEAD + (DL_MAX_STEPS + 1) * DL_STEP_BASE
};

/* The base of a step [DL-MAN-4]; greater ones are steps. */
enum { DL_BASE_NONE, DL_BASE_GLASS, DL_BASE_STEP };

/* A step. */
struct dl_step {
	uint8_t object[32]; /* ObjectHash */
	uint32_t size;      /* bytes of the object */
	uint8_t glass[32];  /* GlassDigest */
	uint32_t from, until; /* Unix seconds */
	uint8_t base;
	uint8_t base_glass[32]; /* with DL_BASE_GLASS */
};

/* What of a body stays in memory; steps are read with its offsets. */
struct dl_body {
	uint32_t epoch, seq;
	uint16_t width, height;
	uint8_t steps, stale;  /* number of steps, and whether a stale one follows */
	uint16_t size;         /* bytes of the body; 0: there is none */
	uint16_t at[DL_MAX_STEPS + 2]; /* offset of each step, of the stale one and of the end */
	uint32_t from[DL_MAX_STEPS];
	uint32_t until;        /* of the last step */
};

/* The tail. */
struct dl_tail {
	uint64_t server_time; /* Unix milliseconds */
	uint32_t next_wake;   /* seconds */
	uint16_t jitter;
};

enum dl_manifest_status {
	DL_MANIFEST_GOOD,
	DL_MANIFEST_FORGED = 1, /* error 1 of [DL-ERR-1] */
	DL_MANIFEST_BROKEN = 2  /* error 2 */
};

/* Checks and reads a manifest for the sign of that id [DL-MAN-5]. */
enum dl_manifest_status dl_manifest_read(const struct dl_crypto *c, const uint8_t key[32], const char id[DL_ID],
	const uint8_t *data, size_t n, struct dl_body *body, struct dl_tail *tail);

/* Checks and reads a body; other than 0 when it breaks a rule. */
int dl_body_read(const uint8_t *data, size_t n, struct dl_body *body);

/* Reads a step from its bytes, as many as dl_body.at tells. */
void dl_step_read(const uint8_t *data, struct dl_step *step);

/* Negative, 0 or positive as (epoch, seq) of a is before, equal to or after b's. */
int dl_body_order(const struct dl_body *a, const struct dl_body *b);

#endif
