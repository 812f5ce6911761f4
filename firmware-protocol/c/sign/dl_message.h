/*
 * The messages of SPEC.md, section 5, and those of pairing, section 8: written
 * and read from memory of the caller's. Licence: Apache-2.0.
 */
#ifndef DL_MESSAGE_H
#define DL_MESSAGE_H

#include "dl_cbor.h"
#include "dl_port.h"

/* A press of a button [DL-MSG-12]. */
struct dl_event {
	uint32_t boot, counter;
	uint8_t button;
	uint32_t age; /* milliseconds since */
};

/* What a sign is. Texts are printable ASCII of at most 64 bytes [DL-MSG-4]. */
struct dl_hardware {
	const char *model, *serial, *firmware;
	uint16_t width, height; /* pixels as mounted */
	uint8_t always_on;
	uint32_t capabilities; /* [DL-CAP-1] */
};

/* What it measures. */
struct dl_measures {
	uint16_t battery; /* millivolts, 0 unknown */
	int8_t signal;    /* dBm, 0 unknown */
	int8_t temperature; /* degrees Celsius */
	uint8_t temperature_known;
};

/* Hello and Shown [DL-MSG-10] [DL-MSG-11]. */
struct dl_report {
	uint32_t boot, counter, epoch, seq;
	const uint8_t *glass; /* NULL: unknown, in Hello only */
	uint8_t wake;
	uint16_t error;
	uint32_t draw_time; /* milliseconds, in Shown only */
	const struct dl_hardware *hardware;
	const struct dl_measures *measures;
	const struct dl_event *events; /* in Hello only */
	unsigned n_events;
};

/* Each returns the bytes written, 0 when the room does not do. */
size_t dl_write_hello(uint8_t *to, size_t room, const struct dl_report *r);
size_t dl_write_shown(uint8_t *to, size_t room, const struct dl_report *r);
size_t dl_write_event(uint8_t *to, size_t room, const struct dl_event *e);
size_t dl_write_get(uint8_t *to, size_t room, const uint8_t object[32], uint32_t offset, uint32_t length);
size_t dl_write_hardware(uint8_t *to, size_t room, const struct dl_hardware *h, const struct dl_measures *m);
size_t dl_write_commit(uint8_t *to, size_t room, const uint8_t commitment[32], const uint8_t *hardware, size_t n);
size_t dl_write_reveal(uint8_t *to, size_t room, const uint8_t key[32], const uint8_t n1[32]);

/* Ack [DL-MSG-13]. */
struct dl_ack {
	uint32_t boot, counter;
	uint64_t server_time; /* Unix milliseconds */
	uint8_t manifest;     /* one follows */
	uint32_t next_wake;   /* seconds */
	uint16_t jitter;
};

/* Block [DL-MSG-15]. data points into the message. */
struct dl_block {
	uint8_t object[8];
	uint32_t offset, total;
	const uint8_t *data;
	uint32_t length;
};

/* Identity [DL-PAIR-6]. */
struct dl_identity {
	char id[DL_ID + 1];
	uint8_t sealed[80];
};

/* Each returns 0, or -1 for a message that is refused. */
int dl_read_ack(const uint8_t *data, size_t n, struct dl_ack *to);
int dl_read_block(const uint8_t *data, size_t n, struct dl_block *to);
int dl_read_challenge(const uint8_t *data, size_t n, uint8_t n2[32]);
int dl_read_identity(const uint8_t *data, size_t n, struct dl_identity *to);

/* Reports whether s is 16 characters of a-z and 2-7, with no more after them [DL-TOP-2]. */
int dl_id_valid(const char *s);

#endif
