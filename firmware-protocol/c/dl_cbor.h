/*
 * The CBOR (RFC 8949) that messages need: a writer of maps with integer keys in
 * the deterministic encoding [DL-MSG-1] and a strict reader [DL-MSG-2]. Nothing
 * is allocated, nothing outlives a call. The code is in dl_message.c.
 * Licence: Apache-2.0.
 */
#ifndef DL_CBOR_H
#define DL_CBOR_H

#include <stddef.h>
#include <stdint.h>

/* Major types. */
enum { DL_UNSIGNED, DL_NEGATIVE, DL_BYTES, DL_TEXT, DL_ARRAY, DL_MAP, DL_TAG, DL_SIMPLE };

/* A message being written; at is NULL once it did not fit. */
struct dl_writer {
	uint8_t *at, *end;
};

/* Room for one message of at most 1,024 bytes, and how many it took; 0: it did not fit. */
struct dl_writer dl_write(uint8_t *to, size_t room);
size_t dl_written(const struct dl_writer *w, const uint8_t *to);

/*
 * A map of less than 24 pairs, which counts them itself. Add its fields in the
 * order of their keys; those that are 0, false, NULL or empty are left out.
 */
uint8_t *dl_put_map(struct dl_writer *w);
void dl_put_key(struct dl_writer *w, uint8_t *map, uint32_t key);
void dl_put_number(struct dl_writer *w, uint8_t *map, uint32_t key, uint32_t value);
void dl_put_signed(struct dl_writer *w, uint8_t *map, uint32_t key, int value); /* also when 0 */
void dl_put_flag(struct dl_writer *w, uint8_t *map, uint32_t key, int value);
void dl_put_bytes(struct dl_writer *w, uint8_t *map, uint32_t key, const uint8_t *data, size_t size);
void dl_put_text(struct dl_writer *w, uint8_t *map, uint32_t key, const char *text);

/*
 * A field that a message may have: its key, its type, and the greatest number
 * or size. Reading fills in the rest; data is NULL when it is absent.
 */
struct dl_field {
	uint8_t key, major;
	uint64_t most;
	uint64_t value; /* number, flag or size */
	const uint8_t *data;
};

/* Reads a map; unknown keys are skipped [DL-MSG-3]. Returns 0, or -1 when the message is refused. */
int dl_read(struct dl_field *fields, unsigned n, const uint8_t *data, size_t size);

#endif
