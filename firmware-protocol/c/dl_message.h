/*
 * Messages and manifest of Doorleaf's sign protocol, ../SPEC.md sections 5 and
 * 6: what a sign writes and reads. It allocates nothing and keeps nothing;
 * results point into the bytes that were read. Publishing, storing and
 * cryptography are the caller's. Comments cite the clauses of SPEC.md.
 *
 * Licence: Apache-2.0.
 */
#ifndef DL_MESSAGE_H
#define DL_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits [DL-LIM-1]. */
#define DL_MAX_MESSAGE 1024u
#define DL_MAX_BLOCK 4300u
#define DL_MAX_BLOCK_DATA 4096u
#define DL_MAX_EVENTS 8u
#define DL_MAX_TEXT 64u
#define DL_MAX_STEPS 64u
#define DL_MAX_MANIFEST 7133u
#define DL_MAC 16u
#define DL_MAX_PINS 4u
#define DL_SEALED 80u /* a sealed secret: public key, secret, tag */
#define DL_MANIFEST_TAIL 30u /* server time, next wake, jitter, signature */

/* What reading returns. */
enum dl_message_status {
	DL_MESSAGE_OK = 0,
	DL_MESSAGE_FORMAT = -1,      /* breaks a rule of SPEC.md */
	DL_MESSAGE_UNSUPPORTED = -2, /* a manifest of another version */
	DL_MESSAGE_CHECKSUM = -4,    /* data of a Block is damaged */
	DL_MESSAGE_MAC = -7          /* a manifest that is not for this sign */
};

/* Why the sign woke, or drew [DL-ERR-2]. */
enum dl_wake { DL_WAKE_UNKNOWN, DL_WAKE_BOOT, DL_WAKE_TIMER, DL_WAKE_BUTTON, DL_WAKE_PUSH, DL_WAKE_FLIP };

/* A press of a button [DL-MSG-12]. */
struct dl_event {
	uint32_t boot, counter;
	uint8_t button;     /* 1 to 4 */
	uint32_t age;       /* milliseconds */
	const uint8_t *mac; /* DL_MAC bytes, NULL in a Hello, whose own covers it [DL-KEY-8] */
};

/* [DL-MSG-10]; NULL and 0 stand for what is absent. */
struct dl_hello {
	uint32_t boot, counter, epoch, seq;
	const uint8_t *glass; /* 32 bytes, NULL when unknown */
	uint8_t wake;
	uint16_t error, battery; /* battery in millivolts */
	int8_t signal;           /* dBm, 0 unknown */
	int8_t temperature;      /* degrees Celsius */
	uint8_t has_temperature;
	const struct dl_event *events; /* oldest first */
	unsigned event_count;
	const char *model, *serial, *firmware; /* printable ASCII [DL-MSG-4] */
	uint16_t width, height;
	uint8_t always_on;
	uint32_t capabilities;
	uint32_t key_number;      /* of the secret it connected with [DL-KEY-1] */
	const uint8_t *mac;       /* DL_MAC bytes [DL-KEY-8] */
	uint32_t firmware_number; /* [DL-FW-2], 0 unknown */
	uint32_t pins_number;     /* of the set of server keys in force [DL-PIN-1] */
};

/* [DL-MSG-11]. */
struct dl_shown {
	uint32_t boot, counter, epoch, seq;
	const uint8_t *glass; /* 32 bytes */
	uint8_t wake;
	uint16_t error, battery;
	uint32_t draw_millis;
	const uint8_t *mac;   /* DL_MAC bytes [DL-KEY-8] */
};

/* [DL-MSG-14]. */
struct dl_get {
	const uint8_t *object; /* 32 bytes */
	uint32_t offset, length;
};

/* A question for a new secret [DL-KEY-2], or without public key word that it is stored [DL-KEY-4]. */
struct dl_key {
	uint32_t boot, counter, number;
	const uint8_t *public_key; /* 32 bytes, NULL: stored */
	const uint8_t *mac;        /* DL_MAC bytes */
};

/*
 * Writing returns the bytes written, 0 when they do not fit or a field is
 * outside its limits.
 */
size_t dl_hello_write(const struct dl_hello *m, uint8_t *to, size_t room);
size_t dl_shown_write(const struct dl_shown *m, uint8_t *to, size_t room);
size_t dl_event_write(const struct dl_event *m, uint8_t *to, size_t room);
size_t dl_get_write(const struct dl_get *m, uint8_t *to, size_t room);
size_t dl_key_write(const struct dl_key *m, uint8_t *to, size_t room);

/* [DL-MSG-13]. */
struct dl_ack {
	uint32_t boot, counter;
	uint64_t server_time; /* Unix milliseconds */
	uint8_t manifest;     /* one follows */
	uint32_t next_wake;   /* seconds */
	uint16_t jitter;
	uint32_t key_number;  /* of the secret to ask for, 0 for none [DL-KEY-1] */
};

/* [DL-MSG-15]; total 0: not to be had. */
struct dl_block {
	const uint8_t *object; /* first 8 bytes of the ObjectHash */
	uint32_t offset, total;
	const uint8_t *data;
	uint32_t length;
};

/* The answer with a new secret [DL-KEY-3]. */
struct dl_new_key {
	const uint8_t *sealed; /* DL_SEALED bytes */
	uint32_t number;
	const uint8_t *mac;    /* DL_MAC bytes */
};

/* The keys of servers that a sign shall believe [DL-PIN-2]. */
struct dl_pins {
	const uint8_t *key[DL_MAX_PINS]; /* 32 bytes each */
	unsigned count;
	uint32_t number;
	const uint8_t *mac; /* DL_MAC bytes */
};

enum dl_message_status dl_ack_read(struct dl_ack *m, const uint8_t *data, size_t size);
enum dl_message_status dl_block_read(struct dl_block *m, const uint8_t *data, size_t size);
enum dl_message_status dl_new_key_read(struct dl_new_key *m, const uint8_t *data, size_t size);
enum dl_message_status dl_pins_read(struct dl_pins *m, const uint8_t *data, size_t size);

/* The word that the sign was removed in the gateway [DL-PAIR-13]; mac points into data. */
enum dl_message_status dl_removed_read(const uint8_t **mac, const uint8_t *data, size_t size);

/* The caller's HMAC-SHA-256, from the library that its TLS uses. */
struct dl_hmac {
	void *state;
	void (*start)(void *state); /* with the manifest key [DL-PAIR-7] */
	void (*update)(void *state, const uint8_t *data, size_t size);
	void (*finish)(void *state, uint8_t sum[32]);
};

/* A manifest, which stays where it was read. */
struct dl_manifest {
	const uint8_t *body;
	uint32_t body_size; /* what is to be stored [DL-PWR-1] */
	uint32_t epoch, seq;
	uint16_t width, height;
	uint8_t steps, has_stale;
	/* Of the tail, 0 in a stored body. */
	uint64_t server_time;
	uint32_t next_wake;
	uint16_t jitter;
};

/* A step [DL-MAN-2]. */
struct dl_step {
	const uint8_t *object, *glass; /* 32 bytes each */
	uint32_t size, from, until;
	const uint8_t *base; /* 32 bytes, NULL for none [DL-MAN-4] */
};

/* Checks the signature, then all rules [DL-MAN-5]. id has 16 characters. */
enum dl_message_status dl_manifest_read(struct dl_manifest *m, const uint8_t *data, size_t size, const char *id, const struct dl_hmac *hmac);

/* Reads a body from storage, where it was put after dl_manifest_read. */
enum dl_message_status dl_body_read(struct dl_manifest *m, const uint8_t *body, size_t size);

/* Step k, from 0; the stale one is the step after the last. k is in range. */
void dl_manifest_step(const struct dl_manifest *m, unsigned k, struct dl_step *step);

/* The step that is due [DL-FLOW-6], -1 when the glass stays as it is. */
int dl_manifest_due(const struct dl_manifest *m, uint32_t unix_seconds);

#ifdef __cplusplus
}
#endif

#endif
