/*
 * Raw DEFLATE of RFC 1951 with a window of 512 bytes, SPEC.md 4.2. Stricter
 * than the RFC: codes are complete and the stream ends with its last byte. It
 * can stop before any bit for want of input. Licence: Apache-2.0.
 */
#include "dl_internal.h"

#include <string.h>

enum { BLOCK, STORED_SIZE, STORED_CHECK, STORED, CODES, ORDERS, LENGTHS, REPEAT, SYMBOL, LENGTH_EXTRA, DISTANCE, DISTANCE_EXTRA };

/* What reading returns when there is nothing to read. */
enum { NO_INPUT = -1, NO_SYMBOL = -2 };

enum { WINDOW = 512 };

/* RFC 1951, 3.2.5. */
static const uint16_t length_base[29] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };

void dl_inflate_begin(struct dl_object *d) { memset(&d->u.inflate, 0, sizeof d->u.inflate); }

/* The status when bits are missing: more pieces come, or none. */
static int starved(const struct dl_object *d) { return d->payload > 0 ? DL_OBJECT_MORE : DL_OBJECT_FORMAT; }

/* The next n bits, n at most 16, first bit lowest; NO_INPUT keeps those there are. */
static int32_t take(struct dl_object *d, unsigned n)
{
	struct dl_inflate *f = &d->u.inflate;
	uint32_t v;

	while (f->have < n) {
		int next = dl_next(d);
		if (next < 0)
			return NO_INPUT;
		f->bits |= (uint32_t)next << f->have;
		f->have = (uint8_t)(f->have + 8);
	}
	v = f->bits & ((1ul << n) - 1);
	f->bits >>= n;
	f->have = (uint8_t)(f->have - n);
	return (int32_t)v;
}

/* The next symbol of a code, bit by bit. */
static int32_t take_symbol(struct dl_object *d, const uint16_t *count, const uint16_t *symbol)
{
	struct dl_inflate *f = &d->u.inflate;

	while (f->code_bits < 15) {
		int32_t bit = take(d, 1);
		unsigned n;

		if (bit < 0)
			return NO_INPUT;
		f->code = (uint16_t)(f->code | bit);
		n = count[++f->code_bits];
		if (f->code < f->first + n) {
			int32_t s = symbol[f->before + f->code - f->first];
			f->code_bits = 0;
			f->code = f->first = f->before = 0;
			return s;
		}
		f->before = (uint16_t)(f->before + n);
		f->first = (uint16_t)((f->first + n) << 1);
		f->code = (uint16_t)(f->code << 1);
	}
	return NO_SYMBOL;
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

static int build_literal(struct dl_inflate *f, unsigned n) { return build(f->literal_count, f->literal_symbol, f->lengths, n); }

static int build_distance(struct dl_inflate *f, unsigned from, unsigned n) { return build(f->distance_count, f->distance_symbol, f->lengths + from, n); }

/* The codes of RFC 1951, 3.2.6; both are complete. */
static void fixed_codes(struct dl_inflate *f)
{
	memset(f->lengths, 8, 144);
	memset(f->lengths + 144, 9, 112);
	memset(f->lengths + 256, 7, 24);
	memset(f->lengths + 280, 8, 8);
	memset(f->lengths + 288, 5, 32);
	(void)build_literal(f, 288);
	(void)build_distance(f, 288, 32);
}

/* Puts out one byte: into the window, and over the base into the row. */
static int put(struct dl_object *d, unsigned value)
{
	struct dl_inflate *f = &d->u.inflate;

	if (d->y == d->height)
		return DL_OBJECT_FORMAT;
	f->window[f->at++ % WINDOW] = (uint8_t)value;
	if (dl_delta(d))
		value ^= dl_base(d)[d->i];
	dl_row(d, d->y)[d->i++] = (uint8_t)value;
	return d->i == d->stride ? dl_row_done(d) : DL_OBJECT_MORE;
}

/* Copies the match of f->length bytes from that far back [DL-DEF-2]. */
static int copy(struct dl_object *d, uint32_t distance)
{
	struct dl_inflate *f = &d->u.inflate;

	if (distance > WINDOW || distance > f->at)
		return DL_OBJECT_FORMAT;
	for (; f->length > 0; f->length--) {
		int status = put(d, f->window[(f->at - distance) % WINDOW]);
		if (status < 0)
			return status;
	}
	f->phase = SYMBOL;
	return DL_OBJECT_MORE;
}

/* Bits that the phase reads before it acts. */
static unsigned bits_of(const struct dl_inflate *f)
{
	switch (f->phase) {
	case BLOCK:
	case ORDERS:
		return 3;
	case STORED:
		return 8;
	case CODES:
		return 14;
	case REPEAT:
		return f->symbol == 16 ? 2 : f->symbol == 17 ? 3 : 7;
	case LENGTH_EXTRA: /* RFC 1951, 3.2.5 */
		return f->symbol < 8 || f->symbol == 28 ? 0 : f->symbol / 4u - 1;
	case DISTANCE_EXTRA:
		return f->symbol < 4 ? 0 : f->symbol / 2u - 1;
	default:
		return 16;
	}
}

/* Begins a block. */
static int begin_block(struct dl_inflate *f, uint32_t v)
{
	f->final = v & 1;
	switch (v >> 1) {
	case 0:
		f->bits = 0;
		f->have = 0;
		f->phase = STORED_SIZE;
		break;
	case 1:
		fixed_codes(f);
		f->phase = SYMBOL;
		break;
	case 2:
		f->phase = CODES;
		break;
	default:
		return DL_OBJECT_FORMAT;
	}
	return DL_OBJECT_MORE;
}

/* All lengths are read: makes both codes. */
static int end_lengths(struct dl_inflate *f)
{
	f->phase = SYMBOL;
	if (f->lengths[256] == 0 || !build_literal(f, f->literals) || !build_distance(f, f->literals, f->total - (unsigned)f->literals))
		return DL_OBJECT_FORMAT;
	return DL_OBJECT_MORE;
}

/* Appends code lengths. */
static int add_lengths(struct dl_inflate *f, unsigned length, unsigned times)
{
	if (times > (unsigned)f->total - f->index)
		return DL_OBJECT_FORMAT;
	memset(f->lengths + f->index, (int)length, times);
	f->index = (uint16_t)(f->index + times);
	f->phase = LENGTHS;
	return f->index == f->total ? end_lengths(f) : DL_OBJECT_MORE;
}

/* Repeats a length, RFC 1951, 3.2.7. */
static int repeat(struct dl_inflate *f, uint32_t v)
{
	if (f->symbol != 16)
		return add_lengths(f, 0, v + (f->symbol == 17 ? 3 : 11));
	if (f->index == 0)
		return DL_OBJECT_FORMAT;
	return add_lengths(f, f->lengths[f->index - 1], v + 3);
}

/* Numbers of code lengths, RFC 1951, 3.2.7. */
static int begin_codes(struct dl_inflate *f, uint32_t v)
{
	f->literals = (uint16_t)((v & 31) + 257);
	f->total = (uint16_t)(f->literals + (v >> 5 & 31) + 1);
	f->orders = (uint8_t)((v >> 10) + 4);
	if (f->literals > 286 || f->total - f->literals > 30)
		return DL_OBJECT_FORMAT;
	memset(f->lengths, 0, 19);
	f->order = 0;
	f->phase = ORDERS;
	return DL_OBJECT_MORE;
}

/* One length of the code of lengths, which has the place of the distances. */
static int add_order(struct dl_inflate *f, uint32_t v)
{
	static const uint8_t order[19] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };

	f->lengths[order[f->order++]] = (uint8_t)v;
	if (f->order < f->orders)
		return DL_OBJECT_MORE;
	f->index = 0;
	f->phase = LENGTHS;
	return build_distance(f, 0, 19) ? DL_OBJECT_MORE : DL_OBJECT_FORMAT;
}

/* Acts on the bits that the phase has read. */
static int act(struct dl_object *d, uint32_t v)
{
	struct dl_inflate *f = &d->u.inflate;
	uint32_t extra = 0;

	switch (f->phase) {
	case BLOCK:
		return begin_block(f, v);
	case STORED_SIZE:
		f->length = (uint16_t)v;
		f->phase = STORED_CHECK;
		return DL_OBJECT_MORE;
	case STORED_CHECK:
		f->phase = STORED;
		return (f->length ^ 0xffffu) == v ? DL_OBJECT_MORE : DL_OBJECT_FORMAT;
	case STORED:
		f->length--;
		return put(d, v);
	case CODES:
		return begin_codes(f, v);
	case ORDERS:
		return add_order(f, v);
	case REPEAT:
		return repeat(f, v);
	case LENGTH_EXTRA:
		f->length = (uint16_t)(length_base[f->symbol] + v);
		f->phase = DISTANCE;
		return DL_OBJECT_MORE;
	default: /* DISTANCE_EXTRA */
		if (f->symbol >= 4)
			extra = (2u + (f->symbol & 1u)) << (f->symbol / 2 - 1);
		else
			extra = f->symbol;
		return copy(d, 1 + extra + v);
	}
}

/* Acts on a symbol. */
static int act_symbol(struct dl_object *d, unsigned s)
{
	struct dl_inflate *f = &d->u.inflate;

	if (f->phase == LENGTHS) {
		if (s < 16)
			return add_lengths(f, s, 1);
		f->symbol = (uint8_t)s;
		f->phase = REPEAT;
	} else if (f->phase == DISTANCE) {
		if (s >= 30)
			return DL_OBJECT_FORMAT;
		f->symbol = (uint8_t)s;
		f->phase = DISTANCE_EXTRA;
	} else if (s < 256) {
		return put(d, s);
	} else if (s == 256) {
		f->phase = BLOCK;
		if (f->final)
			return DL_OBJECT_DONE;
	} else {
		if (s - 257 >= 29)
			return DL_OBJECT_FORMAT;
		f->symbol = (uint8_t)(s - 257);
		f->phase = LENGTH_EXTRA;
	}
	return DL_OBJECT_MORE;
}

/* One read and what follows from it. *starving is set when it had no input. */
static int step(struct dl_object *d, int *starving)
{
	struct dl_inflate *f = &d->u.inflate;
	int is_symbol = f->phase == LENGTHS || f->phase == SYMBOL || f->phase == DISTANCE;
	int32_t v;

	if (f->phase == STORED && f->length == 0) {
		f->phase = BLOCK;
		return f->final ? DL_OBJECT_DONE : DL_OBJECT_MORE;
	}
	if (!is_symbol)
		v = take(d, bits_of(f));
	else if (f->phase == SYMBOL)
		v = take_symbol(d, f->literal_count, f->literal_symbol);
	else
		v = take_symbol(d, f->distance_count, f->distance_symbol);
	if (v == NO_SYMBOL)
		return DL_OBJECT_FORMAT;
	if (v == NO_INPUT) {
		*starving = 1;
		return starved(d);
	}
	return is_symbol ? act_symbol(d, (unsigned)v) : act(d, (uint32_t)v);
}

int dl_inflate_run(struct dl_object *d)
{
	int starving = 0;

	while (!starving) {
		int status = step(d, &starving);

		if (status == DL_OBJECT_DONE) /* exactly the picture [DL-DEF-1] */
			return d->y == d->height && d->payload == 0 ? DL_OBJECT_DONE : DL_OBJECT_FORMAT;
		if (status < 0)
			return status;
	}
	return DL_OBJECT_MORE;
}
