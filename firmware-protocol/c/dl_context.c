/* The context coder, SPEC.md 4.4. Licence: Apache-2.0. */
#include "dl_internal.h"

/*
 * Three bytes of each row around the current one: before, at and after it, in
 * bits 16, 8 and 0. They move left with each pixel, so that the current one is
 * in bit 15.
 */
enum { CURRENT, ABOVE1, ABOVE2, ABOVE3, ABOVE4, BASE, BELOW, DIFFERENCE, ROWS };

/* The tables of pixels and the one of references. */
enum { TABLES = 5 };

/*
 * A run of pixels that a context takes: the row, the place of its last pixel,
 * how many there are, and whether it is the last of its table [DL-CTX-4].
 */
#define RUN(row, from, to, end) ((row) << 12 | (15 - (to)) << 5 | ((to) - (from) + 1) << 1 | (end))

static const uint16_t runs_small[] = {
	RUN(CURRENT, -2, -1, 0), RUN(ABOVE1, -1, 1, 0), RUN(ABOVE2, -1, 1, 1),
	RUN(CURRENT, -3, -1, 0), RUN(ABOVE1, -4, 0, 1),
	RUN(CURRENT, -1, -1, 0), RUN(ABOVE1, 0, 0, 0), RUN(ABOVE2, 1, 1, 0), RUN(ABOVE3, -1, 2, 0), RUN(ABOVE4, 1, 1, 1),
	RUN(CURRENT, -1, -1, 0), RUN(ABOVE1, 0, 3, 0), RUN(ABOVE2, 1, 3, 1),
	RUN(CURRENT, -8, -1, 1),
	RUN(CURRENT, -1, -1, 0), RUN(ABOVE1, 0, 0, 0), RUN(BASE, 0, 1, 0), RUN(BELOW, 0, 0, 0), RUN(DIFFERENCE, -3, -1, 1),
};

#ifndef DL_SMALL
static const uint16_t runs_full[] = {
	RUN(CURRENT, -2, -1, 0), RUN(ABOVE1, -2, 1, 0), RUN(ABOVE2, -2, 1, 1),
	RUN(CURRENT, -6, -1, 0), RUN(ABOVE1, -4, -1, 1),
	RUN(CURRENT, -1, -1, 0), RUN(ABOVE1, -1, 0, 0), RUN(ABOVE3, -1, 1, 0), RUN(ABOVE4, -1, 2, 1),
	RUN(CURRENT, -1, -1, 0), RUN(ABOVE1, 0, 3, 0), RUN(ABOVE2, 1, 3, 0), RUN(ABOVE3, 1, 2, 1),
	RUN(CURRENT, -8, -1, 0), RUN(ABOVE1, 5, 6, 1),
	RUN(CURRENT, -1, -1, 0), RUN(ABOVE1, 0, 0, 0), RUN(BASE, 0, 1, 0), RUN(BELOW, 0, 0, 0), RUN(DIFFERENCE, -3, -1, 1),
};
#endif

/* Takes as many bytes as the width asks for [DL-RC-1]. */
static void normalize(struct dl_object *d)
{
	struct dl_context *c = &d->u.context;

	while (c->width < 1ul << 24) {
		c->code = c->code << 8 | dl_next(d);
		c->width <<= 8;
	}
}

/* A decision of n weights [DL-MIX-1]. */
static unsigned decide(struct dl_object *d, int16_t *const *weight, unsigned n)
{
	struct dl_context *c = &d->u.context;
	int32_t sum = 0, p;
	uint32_t bound, k;
	unsigned bit;

	for (k = 0; k < n; k++)
		sum += *weight[k];
	if (n == 1)
		sum *= 2;
	k = (uint32_t)(sum < 0 ? ~sum : sum) >> 7;
	p = dl_squash[k < 159 ? k : 159];
	if (sum < 0)
		p = 65536 - p;
	bound = (c->width >> 16) * (uint32_t)p;
	bit = c->code < bound;
	if (bit) {
		c->width = bound;
	} else {
		c->code -= bound;
		c->width -= bound;
	}
	p = ((int32_t)(bit << 16) - p + 128) >> 8; /* [DL-MIX-3] */
	for (k = 0; k < n; k++)
		*weight[k] = (int16_t)(*weight[k] + p);
	normalize(d);
	return bit;
}

static unsigned decide_one(struct dl_object *d, int16_t *weight) { return decide(d, &weight, 1); }

/* Bytes i-1 to i+1 of a row, white outside it. */
static uint32_t around(const struct dl_object *d, const uint8_t *row, unsigned i)
{
	uint32_t v = (uint32_t)row[i] << 8;

	if (i > 0)
		v |= (uint32_t)row[i - 1] << 16;
	if (i + 1 < d->stride)
		v |= row[i + 1];
	return v;
}

/* The pixels of a byte, one by one. */
static unsigned pixels(struct dl_object *d, uint32_t w[ROWS], int full, unsigned valid)
{
	int16_t *weight[TABLES + 1];
	unsigned byte = 0, bit, n = d->base != NULL ? TABLES + 1 : TABLES;

	for (bit = 0x80; (bit & valid) != 0; bit >>= 1) {
		int16_t *table = d->u.context.weight;
		const uint16_t *run = runs_small;
		unsigned t, black;

#ifndef DL_SMALL
		if (full)
			run = runs_full;
#endif
		w[DIFFERENCE] = w[CURRENT] ^ w[BASE];
		for (t = 0; t < n; t++) {
			uint32_t context = 0;
			unsigned r;

			do {
				unsigned many;
				r = *run++;
				many = r >> 1 & 15;
				context = context << many | (w[r >> 12] >> (r >> 5 & 31) & ((1u << many) - 1));
			} while ((r & 1) == 0);
			weight[t] = table + context;
			table += full ? 1024 : 256;
		}
		black = decide(d, weight, n);
		if (black)
			byte |= bit;
		w[CURRENT] |= (uint32_t)black << 15;
		for (t = CURRENT; t < ROWS; t++)
			w[t] <<= 1;
	}
	return byte;
}

/* The pixels that are of one colour around a plain byte [DL-CTX-3]. */
enum { PLAIN1 = 0x3ffc0, PLAIN2 = 0x1ff80, PLAIN0 = 0x30000 };

static int decode_row(struct dl_object *d, unsigned y, int full)
{
	struct dl_context *c = &d->u.context;
	int16_t *same = c->weight + TABLES * (full ? 1024 : 256) + DL_REF_WEIGHTS, *plain = same + DL_SAME_WEIGHTS;
	uint8_t *row = dl_row(d, y);
	const uint8_t *base = dl_base(d, y);
	unsigned i, corner = c->equal[0] & 1, same_before = 0, before = 0, left = 0, r;

	for (i = 0; i < d->stride; i++) {
		uint32_t w[ROWS] = { 0 };
		unsigned valid = i + 1 == d->stride && (d->width & 7) != 0 ? 0xff00u >> (d->width & 7) & 0xff : 0xff;
		unsigned colour, value, uniform;

		w[CURRENT] = left << 16;
		for (r = 1; r <= 4 && r <= y; r++)
			w[r] = around(d, dl_row(d, y - r), i);
		colour = left & 1 ? 0xff : 0;
		uniform = (w[ABOVE1] & PLAIN1) == (colour ? PLAIN1 : 0) && (w[ABOVE2] & PLAIN2) == (colour ? PLAIN2 : 0) &&
		          (w[CURRENT] & PLAIN0) == (colour ? PLAIN0 : 0);
		value = colour & valid;
		if (base != NULL) {
			/* The base's byte before may be overwritten already. */
			unsigned b = base[i], e;
			uint8_t *equal = &c->equal[i / 8], bit = (uint8_t)(1u << i % 8);

			w[BASE] = (around(d, base, i) & 0xffff) | before << 16;
			before = b;
			if (y + 1 < d->height)
				w[BELOW] = around(d, dl_base(d, y + 1), i);
			corner <<= 1; /* E of the row above, from the left, and below it that before */
			if (i + 1 < d->stride)
				corner |= c->equal[(i + 1) / 8] >> (i + 1) % 8 & 1u;
			e = (corner & 7) | same_before << 3;
			if (b == (w[ABOVE1] >> 8 & 0xff))
				e |= 0x10;
			if (uniform)
				e |= b == value ? 0x20 : 0x40;
			same_before = !decide_one(d, same + e); /* [DL-CTX-7] */
			*equal = (uint8_t)(*equal | bit);
			if (same_before) {
				left = row[i] = (uint8_t)b;
				continue;
			}
			*equal ^= bit;
			if (b == value)
				uniform = 0;
		}
		if (uniform) { /* [DL-CTX-6] */
			unsigned e = (colour & 8) | (unsigned)((w[ABOVE1] & 0xff) == colour) << 2 |
			             (unsigned)(left == colour) << 1 | (unsigned)(w[ABOVE1] >> 16 == colour);
			uniform = decide_one(d, plain + e) == 0;
		}
		left = row[i] = (uint8_t)(uniform ? value : pixels(d, w, full, valid));
	}
	return dl_row_done(d, y);
}

int dl_context_decode(struct dl_object *d, int full)
{
	struct dl_context *c = &d->u.context;
	uint32_t size = d->left;
	const int8_t *start = dl_start_small;
	unsigned k, n = DL_SMALL_WEIGHTS;
	int status = 0;

#ifdef DL_SMALL
	full = 0; /* a compiler then leaves the rest out */
#else
	if (full) {
		start = dl_start_full;
		n = DL_FULL_WEIGHTS;
	}
#endif
	for (k = 0; k < n; k++)
		c->weight[k] = (int16_t)(start[k] * 128);
	memset(c->equal, 0xff, sizeof c->equal); /* E(i, -1) = 1 */
	c->code = 0;
	for (k = 0; k < 4; k++)
		c->code = c->code << 8 | dl_next(d);
	c->width = 0xffffffffu;
	if (c->code == c->width)
		return DL_OBJECT_FORMAT;
	for (k = 0; k < d->height && status == 0; k++)
		status = decode_row(d, k, full);
	/* All bytes were read, the last one is not 0 [DL-RC-3]. */
	if (status == 0 && (d->left != 0 || (size != 0 && d->last == 0)))
		status = DL_OBJECT_FORMAT;
	return status;
}
