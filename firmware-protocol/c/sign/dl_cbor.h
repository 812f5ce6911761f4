/*
 * The CBOR (RFC 8949) that messages need: a writer of maps with integer keys in
 * the deterministic encoding [DL-MSG-1] and a strict reader [DL-MSG-2]. Nothing
 * is allocated, nothing outlives a call. Licence: Apache-2.0.
 */
#ifndef DL_CBOR_H
#define DL_CBOR_H

#include <stddef.h>
#include <stdint.h>

/* Major types. */
enum { DL_UNSIGNED, DL_NEGATIVE, DL_BYTES, DL_TEXT, DL_ARRAY, DL_MAP, DL_TAG, DL_SIMPLE };

/* A writer; failed stays set when the room did not do. */
struct dl_writer {
	uint8_t *start, *at, *end;
	int failed;
};

void dl_write_head(struct dl_writer *w, unsigned major, uint64_t value);
void dl_write_bytes(struct dl_writer *w, unsigned major, const void *data, size_t n);

/*
 * A map of at most 23 pairs: begin it, add its fields in the order of their
 * keys, end it. Fields that are 0, false or empty are left out.
 */
struct dl_map {
	uint8_t *head;
	unsigned pairs;
};

void dl_map_begin(struct dl_writer *w, struct dl_map *m);
void dl_map_end(struct dl_writer *w, const struct dl_map *m);
void dl_map_key(struct dl_writer *w, struct dl_map *m, unsigned key);
void dl_map_number(struct dl_writer *w, struct dl_map *m, unsigned key, uint32_t value);
void dl_map_signed(struct dl_writer *w, struct dl_map *m, unsigned key, int value); /* 0 is written */
void dl_map_text(struct dl_writer *w, struct dl_map *m, unsigned key, const char *text);
void dl_map_bytes(struct dl_writer *w, struct dl_map *m, unsigned key, const uint8_t *data, size_t n); /* also when empty */

/* A value of a message: its type, its number or length, its bytes. */
struct dl_value {
	unsigned major;
	uint64_t number;      /* DL_SIMPLE: 20 false, 21 true, others are refused or floating-point */
	const uint8_t *bytes; /* of DL_BYTES and DL_TEXT */
};

/*
 * Reads a whole message of at most `most` bytes: one map. For each pair with an
 * unsigned key it calls field, which returns other than 0 to refuse it; arrays
 * and maps are given without their content. Returns 0, or -1 when the message
 * is refused.
 */
int dl_read_map(const uint8_t *data, size_t n, size_t most, int (*field)(void *to, uint64_t key, const struct dl_value *v), void *to);

/* What field may use: the value, of that type and range; other than 0 refuses. */
int dl_value_number(const struct dl_value *v, uint64_t most, uint64_t *to);
int dl_value_fixed(const struct dl_value *v, uint8_t *to, size_t n);

#endif
