/*
 * Raw DEFLATE of RFC 1951 with a window of 512 bytes, SPEC.md 4.3. Stricter
 * than the RFC: codes are complete and the stream ends with its last byte.
 * Licence: Apache-2.0.
 */
#include "dl_internal.h"

#ifndef DL_NO_DEFLATE

enum { REACH = 512 };

/* RFC 1951, 3.2.5. */
static const uint16_t length_base[29] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };

/* The next n bits, n at most 16, first bit lowest; -1 past the end. */
static int32_t take_bits(struct dl_object *d, unsigned n)
{
	struct dl_inflate *f = &d->u.inflate;
	uint32_t v;

	while (f->have < n) {
		if (d->left == 0)
			return -1;
		f->bits |= (uint32_t)dl_next(d) << f->have;
		f->have += 8;
	}
	v = f->bits & ((1ul << n) - 1);
	f->bits >>= n;
	f->have -= n;
	return (int32_t)v;
}

/* The next symbol of a code, bit by bit; negative when there is none. */
static int32_t take_symbol(struct dl_object *d, const uint16_t *count, const uint16_t *symbol)
{
	uint32_t code = 0, first = 0, before = 0;
	unsigned bits;

	for (bits = 1; bits < 16; bits++) {
		int32_t bit = take_bits(d, 1);

		if (bit < 0)
			return -1;
		code |= (uint32_t)bit;
		if (code < first + count[bits])
			return symbol[before + code - first];
		before += count[bits];
		first = (first + count[bits]) << 1;
		code <<= 1;
	}
	return -1;
}

/*
 * Makes a code of its lengths; 0 when it is neither complete nor made of at
 * most one symbol of length 1 [DL-DEF-2].
 */
static int build(uint16_t count[16], uint16_t *symbol, const uint8_t *lengths, unsigned n)
{
	uint16_t at[16];
	int32_t left = 1;
	unsigned k, used;

	memset(count, 0, 16 * sizeof *count);
	for (k = 0; k < n; k++)
		count[lengths[k]]++;
	used = n - count[0];
	at[1] = 0;
	for (k = 1; k < 16; k++) {
		left = left * 2 - count[k];
		if (left < 0)
			return 0;
		if (k < 15)
			at[k + 1] = (uint16_t)(at[k] + count[k]);
	}
	if (left > 0 && (used > 1 || count[1] != used))
		return 0;
	for (k = 0; k < n; k++)
		if (lengths[k] != 0)
			symbol[at[lengths[k]]++] = (uint16_t)k;
	return 1;
}

static int build_both(struct dl_inflate *f, unsigned literals, unsigned distances)
{
	return build(f->literal_count, f->literal_symbol, f->lengths, literals) &&
	       build(f->distance_count, f->distance_symbol, f->lengths + literals, distances);
}

/* Puts out one byte: into the window, and with the reference into the row. */
static int put(struct dl_object *d, unsigned value)
{
	struct dl_inflate *f = &d->u.inflate;

	if (d->y == d->height)
		return DL_OBJECT_FORMAT;
	f->window[f->at++ % REACH] = (uint8_t)value;
	if (d->base != NULL)
		value ^= d->base[d->y * d->pitch + d->i];
	return dl_emit(d, value);
}

/* A match: its length is known by symbol [DL-DEF-2]. */
static int copy(struct dl_object *d, unsigned symbol)
{
	struct dl_inflate *f = &d->u.inflate;
	int32_t extra, s;
	uint32_t length, distance;
	int status = 0;

	if (symbol >= 29)
		return DL_OBJECT_FORMAT;
	extra = take_bits(d, symbol < 8 || symbol == 28 ? 0 : symbol / 4 - 1);
	s = take_symbol(d, f->distance_count, f->distance_symbol);
	if (extra < 0 || s < 0 || s >= 30)
		return DL_OBJECT_FORMAT;
	length = length_base[symbol] + (uint32_t)extra;
	distance = (uint32_t)s + 1;
	if (s >= 4) {
		extra = take_bits(d, (unsigned)s / 2 - 1);
		if (extra < 0)
			return DL_OBJECT_FORMAT;
		distance = ((2u + ((uint32_t)s & 1)) << (s / 2 - 1)) + 1 + (uint32_t)extra;
	}
	if (distance > REACH || distance > f->at)
		return DL_OBJECT_FORMAT;
	while (length-- > 0 && status == 0)
		status = put(d, f->window[(f->at - distance) % REACH]);
	return status;
}

/* Symbols up to the end of a block. */
static int symbols(struct dl_object *d)
{
	struct dl_inflate *f = &d->u.inflate;
	int status = 0;

	while (status == 0) {
		int32_t s = take_symbol(d, f->literal_count, f->literal_symbol);

		if (s < 0)
			return DL_OBJECT_FORMAT;
		if (s == 256)
			break;
		status = s < 256 ? put(d, (unsigned)s) : copy(d, (unsigned)s - 257);
	}
	return status;
}

static int stored(struct dl_object *d)
{
	int32_t length, check;
	int status = 0;

	d->u.inflate.bits = d->u.inflate.have = 0;
	length = take_bits(d, 16);
	check = take_bits(d, 16);
	if (length < 0 || check < 0 || (length ^ 0xffff) != check)
		return DL_OBJECT_FORMAT;
	while (length-- > 0 && status == 0) {
		int32_t v = take_bits(d, 8);
		status = v < 0 ? DL_OBJECT_FORMAT : put(d, (unsigned)v);
	}
	return status;
}

/* The codes of RFC 1951, 3.2.6; both are complete. */
static void fixed_codes(struct dl_inflate *f)
{
	memset(f->lengths, 8, 144);
	memset(f->lengths + 144, 9, 112);
	memset(f->lengths + 256, 7, 24);
	memset(f->lengths + 280, 8, 8);
	memset(f->lengths + 288, 5, 32);
	(void)build_both(f, 288, 32);
}

/* Reads both codes, RFC 1951, 3.2.7; 0 when they are not right. */
static int read_codes(struct dl_object *d)
{
	static const uint8_t order[19] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
	struct dl_inflate *f = &d->u.inflate;
	int32_t head = take_bits(d, 14);
	unsigned literals, total, orders, k;

	if (head < 0)
		return 0;
	literals = ((unsigned)head & 31) + 257;
	total = literals + ((unsigned)head >> 5 & 31) + 1;
	orders = ((unsigned)head >> 10) + 4;
	if (literals > 286 || total - literals > 30)
		return 0;
	memset(f->lengths, 0, 19);
	for (k = 0; k < orders; k++) {
		int32_t v = take_bits(d, 3);
		if (v < 0)
			return 0;
		f->lengths[order[k]] = (uint8_t)v;
	}
	/* The code of lengths has the place of the distances. */
	if (!build(f->distance_count, f->distance_symbol, f->lengths, 19))
		return 0;
	for (k = 0; k < total;) {
		int32_t s = take_symbol(d, f->distance_count, f->distance_symbol), times = 1;

		if (s < 0)
			return 0;
		if (s >= 16) {
			times = take_bits(d, s == 16 ? 2 : s == 17 ? 3 : 7);
			if (times < 0 || (s == 16 && k == 0))
				return 0;
			times += s == 18 ? 11 : 3;
			s = s == 16 ? f->lengths[k - 1] : 0;
		}
		if ((unsigned)times > total - k)
			return 0;
		memset(f->lengths + k, s, (size_t)times);
		k += (unsigned)times;
	}
	return f->lengths[256] != 0 && build_both(f, literals, total - literals);
}

int dl_inflate_decode(struct dl_object *d)
{
	struct dl_inflate *f = &d->u.inflate;
	int32_t block;
	int status = 0;

	memset(f, 0, sizeof *f);
	do {
		block = take_bits(d, 3);
		if (block < 0 || block >> 1 == 3)
			return DL_OBJECT_FORMAT;
		if (block >> 1 == 0) {
			status = stored(d);
		} else {
			if (block >> 1 == 1)
				fixed_codes(f);
			else if (!read_codes(d))
				return DL_OBJECT_FORMAT;
			status = symbols(d);
		}
	} while (status == 0 && (block & 1) == 0);
	/* Exactly the picture [DL-DEF-1]. */
	if (status == 0 && (d->y != d->height || d->left != 0))
		status = DL_OBJECT_FORMAT;
	return status;
}
#else
typedef int dl_no_deflate; /* a file may not be empty */
#endif
