/*
 * The messages of pairing, SPEC.md section 8, written and read from memory of
 * the caller's. Licence: Apache-2.0.
 */
#ifndef DL_JOIN_H
#define DL_JOIN_H

#include "dl_cbor.h"
#include "dl_port.h"

/* What a sign is. Texts are printable ASCII of at most 64 bytes [DL-MSG-4]. */
struct dl_hardware {
	const char *model, *serial, *firmware;
	uint16_t width, height; /* pixels as mounted */
	uint8_t always_on;
	uint32_t capabilities; /* [DL-CAP-1] */
};

/* Each returns the bytes written, 0 when the room does not do. */
size_t dl_write_hardware(uint8_t *to, size_t room, const struct dl_hardware *h, const struct dl_measures *m);
size_t dl_write_commit(uint8_t *to, size_t room, const uint8_t commitment[32], const uint8_t *hardware, size_t n);
size_t dl_write_reveal(uint8_t *to, size_t room, const uint8_t key[32], const uint8_t n1[32]);

/* Identity [DL-PAIR-6]. */
struct dl_identity {
	char id[DL_ID + 1];
	uint8_t sealed[DL_SEALED];
};

/* Challenge [DL-PAIR-3]; the address is empty where there is none. */
struct dl_challenge {
	uint8_t n2[32];
	char address[DL_MAX_TEXT + 1];
};

/* Each returns 0, or -1 for a message that is refused. */
int dl_read_challenge(const uint8_t *data, size_t n, struct dl_challenge *to);
int dl_read_identity(const uint8_t *data, size_t n, struct dl_identity *to);

/* The host of a page address and its size; 0 for what is no such address [DL-PAIR-11]. */
unsigned dl_address_host(const char *address, const char **host);

/* Reports whether s is 16 characters of a-z and 2-7, with no more after them [DL-TOP-2]. */
int dl_id_valid(const char *s);

#endif
