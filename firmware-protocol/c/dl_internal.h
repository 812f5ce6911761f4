/* What the files of the decoder share. Licence: Apache-2.0. */
#ifndef DL_INTERNAL_H
#define DL_INTERNAL_H

#include "dl_object.h"

/* What a compiler wants from every environment, also without a C library. */
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* Functions that are called once, but make another one larger when they are put into it. */
#ifdef __GNUC__
#define DL_APART __attribute__((noinline))
#else
#define DL_APART
#endif

/* CRC-32 of IEEE 802.3; begin with all ones, turn the result over. */
uint32_t dl_crc32(uint32_t crc, const uint8_t *b, size_t size);

/*
 * Where row y is behind the first one. With DL_ROWS d->out has but the current
 * row and the four above it.
 */
static inline uint32_t dl_row(const struct dl_object *d, const uint8_t *first, uint32_t y)
{
#ifdef DL_ROWS
	if (first == d->out)
		y %= DL_OBJECT_ROWS;
#else
	(void)first;
#endif
	return y * d->pitch;
}

/* The next byte of the payload; 0 past its end, which d->left tells. */
unsigned dl_next(struct dl_object *d);

/* Puts out the next byte of the part. Returns a status. */
int dl_emit(struct dl_object *d, unsigned value);

int dl_context_decode(struct dl_object *d, unsigned full);

/*
 * Raw DEFLATE [DL-DEF-1]: takes the payload with dl_next, d->left times, and puts
 * out d->height rows of d->stride bytes with dl_emit; when d->base is not NULL
 * each XORed with the byte of the reference at d->base[d->y * d->pitch + d->i].
 * It refuses a stream that is not exactly that, also one that ends early.
 */
int dl_inflate_decode(struct dl_object *d);

/* Trained weights [DL-TAB-1] and probabilities [DL-MIX-2]. */
extern const int8_t dl_start_small[DL_SMALL_WEIGHTS];
extern const int8_t dl_start_full[DL_FULL_WEIGHTS];
extern const uint16_t dl_squash[160];

#endif
