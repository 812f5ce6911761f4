/* What the files of the decoder share. Licence: Apache-2.0. */
#ifndef DL_INTERNAL_H
#define DL_INTERNAL_H

#include "dl_object.h"

/* What a compiler wants from every environment, also without a C library. */
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* CRC-32 of IEEE 802.3; begin with all ones, turn the result over. */
uint32_t dl_crc32(uint32_t crc, const uint8_t *b, size_t size);

/* The next byte of the payload; 0 past its end, which d->left tells. */
unsigned dl_next(struct dl_object *d);

#ifdef DL_PLAIN
/* Rows are those of the frame; they are checked when all are there. */
static inline uint8_t *dl_row(const struct dl_object *d, unsigned y) { return d->target->frame + (size_t)y * d->stride; }
static inline const uint8_t *dl_base(const struct dl_object *d, unsigned y) { return d->base == NULL ? NULL : dl_row(d, y); }
static inline int dl_row_done(struct dl_object *d, unsigned y)
{
	(void)y;
	return d->stopped;
}
#else
/* Row y of the part, or one of the four above the current one. */
uint8_t *dl_row(const struct dl_object *d, unsigned y);

/* Row y of the reference, NULL when the part has none. */
const uint8_t *dl_base(const struct dl_object *d, unsigned y);

/* Ends row y. Returns a status. */
int dl_row_done(struct dl_object *d, unsigned y);
#endif

int dl_context_decode(struct dl_object *d, int full);
int dl_inflate_decode(struct dl_object *d);

/* Trained weights [DL-TAB-1] and probabilities [DL-MIX-2]. */
extern const int8_t dl_start_small[DL_SMALL_WEIGHTS];
extern const int8_t dl_start_full[DL_FULL_WEIGHTS];
extern const uint16_t dl_squash[160];

#endif
