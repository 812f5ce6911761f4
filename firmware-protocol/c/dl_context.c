/*
 * The context coder, SPEC.md 4.3. It runs from decision to decision and can
 * stop before any of them for want of input. Licence: Apache-2.0.
 */
#include "dl_internal.h"

#include <string.h>

/* Where each table of estimates begins [DL-CTX-1]. */
enum { SAME = 0, ABOVE = 4, EQ = 6, PLAIN = 102, PIXEL = 118 };

/* The decision that is next [DL-CTX-2]. */
enum { ROW_SAME, ROW_ABOVE, BYTE, BYTE_EQ, BYTE_COLOUR, BYTE_PLAIN, BYTE_PIXEL };

void dl_context_begin(struct dl_object *d)
{
	struct dl_context *c = &d->u.context;
	int k;

	memset(c, 0, sizeof *c);
	for (k = 0; k < DL_OBJECT_ESTIMATES; k++)
		c->p[k] = 32768; /* [DL-RC-2] */
	memset(c->equal, 0xff, sizeof c->equal); /* E(i, -1) = 1 */
	c->width = 0xffffffffu;
	c->fill = 4;
	c->phase = dl_delta(d) ? ROW_SAME : ROW_ABOVE;
}

/* Fills the code up, with zeros past the end of the payload [DL-RC-4]. */
static int normalize(struct dl_object *d)
{
	struct dl_context *c = &d->u.context;

	while (c->fill > 0 || c->width < 1ul << 24) {
		int next = 0;

		if (d->payload > 0 && (next = dl_next(d)) < 0)
			return DL_OBJECT_MORE;
		c->code = c->code << 8 | (uint32_t)next;
		if (c->fill == 0)
			c->width <<= 8;
		else if (--c->fill == 0 && c->code >= c->width)
			return DL_OBJECT_FORMAT;
	}
	return DL_OBJECT_DONE;
}

/* One decision [DL-RC-1] with its adaptation [DL-RC-3]. */
static unsigned decide(struct dl_context *c, unsigned e)
{
	uint32_t p = c->p[e];
	uint32_t rate = 131072u / (2u * c->n[e] + 3);
	uint32_t bound = (c->width >> 16) * p;
	unsigned bit = c->code < bound;

	if (bit) {
		c->width = bound;
		p += (65536u - p) * rate >> 16;
	} else {
		c->code -= bound;
		c->width -= bound;
		p -= p * rate >> 16;
	}
	c->p[e] = (uint16_t)p;
	if (c->n[e] < 32)
		c->n[e]++;
	return bit;
}

/* Byte i of a row, white outside it. */
static unsigned byte_at(const struct dl_object *d, const uint8_t *row, int i)
{
	return row != NULL && i >= 0 && i < d->stride ? row[i] : 0;
}

/* The row that many above the current one, NULL outside the picture. */
static const uint8_t *above_row(const struct dl_object *d, unsigned up)
{
	return d->y >= up ? dl_row(d, (uint16_t)(d->y - up)) : NULL;
}

/* The pixels of byte i that are in the picture. */
static unsigned valid(const struct dl_object *d)
{
	return d->i == d->stride - 1 && (d->width & 7) != 0 ? 0xff00u >> (d->width & 7) & 0xff : 0xff;
}

static unsigned equal(const struct dl_object *d, int i)
{
	return i >= 0 && i < d->stride ? d->u.context.equal[i >> 3] >> (i & 7) & 1u : 0;
}

static void set_equal(struct dl_object *d, unsigned i, unsigned e)
{
	uint8_t *b = &d->u.context.equal[i >> 3];

	*b = (uint8_t)((*b & ~(1u << (i & 7))) | e << (i & 7));
}

/* Collects the pixels around the byte [DL-CTX-3]. */
static void look_around(struct dl_object *d)
{
	struct dl_context *c = &d->u.context;
	const uint8_t *a = above_row(d, 1), *a2 = above_row(d, 2);
	int i = d->i;

	c->above2 = (uint16_t)((byte_at(d, a2, i - 1) & 1) << 9 | byte_at(d, a2, i) << 1 | byte_at(d, a2, i + 1) >> 7);
	c->above = (uint16_t)((byte_at(d, a, i - 1) & 3) << 10 | byte_at(d, a, i) << 2 | byte_at(d, a, i + 1) >> 6);
	c->left = (uint8_t)(byte_at(d, dl_row(d, d->y), i - 1) & 3);
	c->colour = c->left == 3 ? 0xff : 0;
	c->uniform = c->left == 3 ? c->above2 == 0x3ff && c->above == 0xfff : (c->above2 | c->above | c->left) == 0;
}

/* eq(i, y) [DL-CTX-6]. */
static unsigned eq(const struct dl_object *d)
{
	const struct dl_context *c = &d->u.context;
	unsigned base = dl_base(d)[d->i];
	unsigned e = equal(d, d->i - 1) << 3 | (unsigned)c->corner << 2 | equal(d, d->i) << 1 | equal(d, d->i + 1);

	if (base == byte_at(d, above_row(d, 1), d->i))
		e |= 0x10;
	if (c->uniform)
		e |= base == (c->colour & valid(d)) ? 0x20 : 0x40;
	return e;
}

/* plain(i, y) [DL-CTX-5]. */
static unsigned plain(const struct dl_object *d)
{
	const struct dl_context *c = &d->u.context;
	const uint8_t *a = above_row(d, 1);

	return (c->colour & 8u) | (unsigned)(byte_at(d, a, d->i + 1) == c->colour) << 2 |
	       (unsigned)(byte_at(d, dl_row(d, d->y), d->i - 1) == c->colour) << 1 |
	       (unsigned)(byte_at(d, a, d->i - 1) == c->colour);
}

/* Ends the row and prepares the next. */
static int next_row(struct dl_object *d)
{
	d->u.context.phase = dl_delta(d) ? ROW_SAME : ROW_ABOVE;
	return dl_row_done(d);
}

/* Ends the byte with its value; a delta's E is known by then. */
static int next_byte(struct dl_object *d, unsigned value)
{
	dl_row(d, d->y)[d->i++] = (uint8_t)value;
	d->u.context.phase = BYTE;
	return d->i == d->stride ? next_row(d) : DL_OBJECT_MORE;
}

/* The row is the base's. */
static int same_row(struct dl_object *d)
{
	uint8_t *row = dl_row(d, d->y);
	const uint8_t *base = dl_base(d);

	if (row != base)
		memcpy(row, base, d->stride);
	memset(d->u.context.equal, 0xff, sizeof d->u.context.equal);
	return next_row(d);
}

/* The row is the one above; the base's byte is read before it is replaced. */
static int repeated_row(struct dl_object *d)
{
	uint8_t *row = dl_row(d, d->y);
	const uint8_t *above = above_row(d, 1);
	unsigned i;

	for (i = 0; i < d->stride; i++) {
		uint8_t value = above != NULL ? above[i] : 0;
		if (dl_delta(d))
			set_equal(d, i, value == dl_base(d)[i]);
		row[i] = value;
	}
	return next_row(d);
}

/* The base's byte or not. */
static int decide_equal(struct dl_object *d)
{
	struct dl_context *c = &d->u.context;
	unsigned other = decide(c, EQ + eq(d));

	c->corner = (uint8_t)equal(d, d->i);
	set_equal(d, d->i, 1 - other);
	if (!other)
		return next_byte(d, dl_base(d)[d->i]);
	c->phase = BYTE_COLOUR;
	return DL_OBJECT_MORE;
}

/* One pixel [DL-CTX-4]. */
static int decide_pixel(struct dl_object *d)
{
	struct dl_context *c = &d->u.context;
	unsigned context = (c->above2 >> c->bit & 7u) << 7 | (c->above >> c->bit & 31u) << 2 | c->left;
	unsigned black = decide(c, PIXEL + context);

	c->left = (uint8_t)((c->left << 1 & 3) | black);
	c->byte = (uint8_t)(c->byte | black << c->bit);
	if (c->bit == 0 || (valid(d) >> (c->bit - 1) & 1) == 0)
		return next_byte(d, c->byte);
	c->bit--;
	return DL_OBJECT_MORE;
}

/* Makes the next decision, or goes on to it. */
static int step(struct dl_object *d)
{
	struct dl_context *c = &d->u.context;
	unsigned bit;

	switch (c->phase) {
	case ROW_SAME:
		bit = decide(c, SAME + c->same);
		c->same = (uint8_t)((c->same << 1 & 3) | bit);
		if (bit == 0)
			return same_row(d);
		c->phase = ROW_ABOVE;
		break;
	case ROW_ABOVE:
		c->rowabove = (uint8_t)decide(c, ABOVE + c->rowabove);
		if (c->rowabove)
			return repeated_row(d);
		c->corner = 0;
		c->phase = BYTE;
		break;
	case BYTE:
		look_around(d);
		c->phase = dl_delta(d) ? BYTE_EQ : BYTE_COLOUR;
		break;
	case BYTE_EQ:
		return decide_equal(d);
	case BYTE_COLOUR:
		c->bit = 7;
		c->byte = 0;
		c->phase = BYTE_PIXEL;
		if (c->uniform && !(dl_delta(d) && dl_base(d)[d->i] == (c->colour & valid(d))))
			c->phase = BYTE_PLAIN;
		break;
	case BYTE_PLAIN:
		if (decide(c, PLAIN + plain(d)) == 0)
			return next_byte(d, c->colour & valid(d));
		c->phase = BYTE_PIXEL;
		break;
	default:
		return decide_pixel(d);
	}
	return DL_OBJECT_MORE;
}

int dl_context_run(struct dl_object *d)
{
	for (;;) {
		int status = normalize(d);

		if (status != DL_OBJECT_DONE)
			return status;
		if (d->y == d->height)
			break;
		status = step(d);
		if (status < 0)
			return status;
	}
	/* All bytes were read, the last one is not 0 [DL-RC-5]. */
	if (d->payload != 0 || (d->total > (dl_delta(d) ? 26u : 18u) && d->last == 0))
		return DL_OBJECT_FORMAT;
	return DL_OBJECT_DONE;
}
