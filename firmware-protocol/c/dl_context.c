/* The context coder, SPEC.md 4.4. Licence: Apache-2.0. */
#include "dl_internal.h"

/*
 * Of each row three bytes are in view: before, at and after the current one, in
 * bits 16, 8 and 0. The pixel of bit 15 is the first one of the current byte.
 */
enum { ABOVE4 = DL_ABOVE4, ABOVE3 = DL_ABOVE3, ABOVE2 = DL_ABOVE2, ABOVE1 = DL_ABOVE1, BASE = DL_BASE, BELOW = DL_BELOW, CURRENT = DL_CURRENT, DIFFERENCE = DL_DIFFERENCE };

/* The tables of pixels and the one of references. */
enum { TABLES = 5 };

/*
 * A run of pixels that a context takes: the row, how far to move the first one
 * to the top of a word, how many there are, and whether it is the last of its
 * table [DL-CTX-4].
 */
#define RUN(row, from, to, end) ((row) << 12 | (16 + (from)) << 5 | ((to) - (from) + 1) << 1 | (end))
#define RUNS_REF RUN(CURRENT, -1, -1, 0), RUN(ABOVE1, 0, 0, 0), RUN(BASE, 0, 1, 0), RUN(BELOW, 0, 0, 0), RUN(DIFFERENCE, -3, -1, 1)

static const uint16_t runs_small[] = {
	RUN(CURRENT, -2, -1, 0), RUN(ABOVE1, -1, 1, 0), RUN(ABOVE2, -1, 1, 1),
	RUN(CURRENT, -3, -1, 0), RUN(ABOVE1, -4, 0, 1),
	RUN(CURRENT, -1, -1, 0), RUN(ABOVE1, 0, 0, 0), RUN(ABOVE2, 1, 1, 0), RUN(ABOVE3, -1, 2, 0), RUN(ABOVE4, 1, 1, 1),
	RUN(CURRENT, -1, -1, 0), RUN(ABOVE1, 0, 3, 0), RUN(ABOVE2, 1, 3, 1),
	RUN(CURRENT, -8, -1, 1),
	RUNS_REF,
};

#ifndef DL_SMALL
static const uint16_t runs_full[] = {
	RUN(CURRENT, -2, -1, 0), RUN(ABOVE1, -2, 1, 0), RUN(ABOVE2, -2, 1, 1),
	RUN(CURRENT, -6, -1, 0), RUN(ABOVE1, -4, -1, 1),
	RUN(CURRENT, -1, -1, 0), RUN(ABOVE1, -1, 0, 0), RUN(ABOVE3, -1, 1, 0), RUN(ABOVE4, -1, 2, 1),
	RUN(CURRENT, -1, -1, 0), RUN(ABOVE1, 0, 3, 0), RUN(ABOVE2, 1, 3, 0), RUN(ABOVE3, 1, 2, 1),
	RUN(CURRENT, -8, -1, 0), RUN(ABOVE1, 5, 6, 1),
	RUNS_REF,
};
#endif

/* A profile [DL-CTX-1]. */
struct dl_profile {
	const uint16_t *runs;
	const int8_t *start;
	uint16_t table, weights; /* of a table, of all */
};

static const struct dl_profile profiles[] = {
	{ runs_small, dl_start_small, 256, DL_SMALL_WEIGHTS },
#ifndef DL_SMALL
	{ runs_full, dl_start_full, 1024, DL_FULL_WEIGHTS },
#endif
};

/* A decision of the n weights in use, which add up to sum [DL-MIX-1] [DL-RC-1]. */
static unsigned decide(struct dl_object *d, unsigned n, int32_t sum)
{
	struct dl_context *c = &d->u.context;
	int32_t p, sign = sum >> 31;
	uint32_t bound, k = (uint32_t)(sum ^ sign) >> 7;

	p = dl_squash[k < 159 ? k : 159];
	if (sign != 0)
		p = 65536 - p;
	bound = (c->width >> 16) * (uint32_t)p;
	p = -p;
	if (c->code < bound) {
		c->width = bound;
		p += 65536;
	} else {
		c->code -= bound;
		c->width -= bound;
	}
	do {
		n--;
		*c->use[n] = (int16_t)(*c->use[n] + ((p + 128) >> 8)); /* [DL-MIX-3] */
	} while (n > 0);
	for (; c->width < 1ul << 24; c->width <<= 8)
		c->code = c->code << 8 | dl_next(d);
	return ~(uint32_t)p >> 31;
}

/* A decision of one of the weights behind the tables, which counts twice. */
DL_APART static unsigned decide_one(struct dl_object *d, unsigned weight)
{
	int16_t *w = d->u.context.others + weight;

	d->u.context.use[0] = w;
	return decide(d, 1, *w * 2);
}

/* The pixels of the current byte, one by one [DL-CTX-5]. */
static void pixels(struct dl_object *d, unsigned valid)
{
	struct dl_context *c = &d->u.context;
	unsigned x = 0, t;

	do {
		int16_t *table = c->weight;
		int32_t sum = 0;
		const uint16_t *run = c->profile->runs;

		c->w[DIFFERENCE] = c->w[CURRENT] ^ c->w[BASE];
		for (t = 0; t < (d->base != NULL ? TABLES + 1 : TABLES); t++) {
			uint32_t context = 0;
			unsigned r, many;

			do {
				r = *run++;
				many = r >> 1 & 15;
				context = context << many | c->w[r >> 12] << x << (r >> 5 & 31) >> (32 - many);
			} while ((r & 1) == 0);
			c->use[t] = table + context;
			sum += table[context];
			table += c->profile->table;
		}
		c->w[CURRENT] |= decide(d, t, sum) << (15 - x);
	} while ((valid << ++x & 0x80) != 0);
}

/* Decodes the current byte, which has so many valid bits. Returns E. */
DL_APART static unsigned decode_byte(struct dl_object *d, unsigned e, unsigned valid)
{
	struct dl_context *c = &d->u.context;
	uint32_t colour = 0u - (c->w[CURRENT] >> 16 & 1), a1 = c->w[ABOVE1] ^ colour, a0 = c->w[CURRENT] ^ colour;
	uint32_t mixed = (a1 >> 6 & 0xfff) | ((c->w[ABOVE2] ^ colour) >> 7 & 0x3ff) | (a0 >> 16 & 3); /* [DL-CTX-3] */
	uint32_t value = (colour & valid) << 8, base = c->w[BASE] & 0xff00;
	unsigned same = 0;

	if (d->base != NULL) {
		if (base == (c->w[ABOVE1] & 0xff00))
			e += 0x10;
		if (mixed == 0) {
			e += 0x40;
			if (base == value) {
				e -= 0x20;
				mixed = 1;
			}
		}
		if (!decide_one(d, e)) { /* [DL-CTX-7] */
			value = base;
			same = 1;
			goto known;
		}
	}
	if (mixed == 0) { /* [DL-CTX-6] */
		e = DL_SAME_WEIGHTS + (colour & 8);
		if ((a1 & 0xff) == 0)
			e += 4;
		if ((a0 & 0xff0000) == 0)
			e += 2;
		if ((a1 & 0xff0000) == 0)
			e += 1;
		if (!decide_one(d, e))
			goto known;
	}
	pixels(d, valid);
	value = 0;
known:
	c->w[CURRENT] |= value;
	return same;
}

/* Decodes a row of the part. */
static int decode_row(struct dl_object *d)
{
	struct dl_context *c = &d->u.context;
	uint32_t i, r, same, e = 0;
	int status = 0;

	for (i = 0; i <= d->stride; i++) { /* byte i of the other rows comes into view, byte i-1 is decoded */
		const uint8_t *first = d->out;
		uint32_t y = d->y - BASE; /* of ABOVE4; BASE is the row d->y of the reference */

		for (r = 0; r < CURRENT; r++) {
			uint32_t seen = 0;

			if (i < d->stride && y < d->height)
				seen = first[dl_row(d, first, y) + i];
			c->w[r] = c->w[r] << 8 | seen;
			if (++y == d->y && d->base != NULL)
				first = d->base; /* otherwise nothing looks at BASE and BELOW */
		}
		c->w[CURRENT] <<= 8;
		e = e << 1 | c->equal[i]; /* E of the row above, and above them the one before */
		if (i == 0)
			continue;
		same = decode_byte(d, e, i == d->stride ? d->valid : 0xff);
		c->equal[i - 1] = (uint8_t)same;
		e = (e & 3) | same << 2;
		status = dl_emit(d, c->w[CURRENT] >> 8);
	}
	return status;
}

int dl_context_decode(struct dl_object *d, unsigned full)
{
	struct dl_context *c = &d->u.context;
	uint32_t k;

	c->profile = &profiles[full];
	for (k = 0; k < c->profile->weights; k++)
		c->weight[k] = (int16_t)(c->profile->start[k] * 128);
	c->others = c->weight + k - DL_SAME_WEIGHTS - DL_PLAIN_WEIGHTS;
	memset(c->w, 0, sizeof c->w); /* nothing is in view, as after each row */
	memset(c->equal, 1, d->stride); /* E(i, -1) */
	c->equal[d->stride] = 0;
	d->bytes[0] = 1; /* the last byte, when there is none */
	for (k = 0; k < 4; k++)
		c->code = c->code << 8 | dl_next(d);
	c->width = 0xffffffffu;
	if (c->code == c->width)
		return DL_OBJECT_FORMAT;
	while (d->y < d->height)
		if (decode_row(d) != 0)
			return DL_OBJECT_FORMAT;
	/* All bytes were read, the last one is not 0 [DL-RC-3]. */
	return d->left != 0 || d->bytes[0] == 0 ? DL_OBJECT_FORMAT : 0;
}
