/* Header, parts, raw rows, checksum. Licence: Apache-2.0. */
#include "dl_internal.h"

enum { RAW, DEFLATE, DEFLATE_XOR, SMALL, SMALL_REF, FULL, FULL_REF, REFERENCES = 1 << DEFLATE_XOR | 1 << SMALL_REF | 1 << FULL_REF };

/* The kind of picture it decodes. */
#ifdef DL_ROWS
#define PLANES(target) 1
#else
#define PLANES(target) (target)->planes
#endif

/* How many encodings it decodes. */
#ifdef DL_SMALL
enum { ENCODINGS = FULL };
#else
enum { ENCODINGS = FULL_REF + 1 };
#endif

/* Sizes [DL-OBJ-2] and bits [DL-PART-2]. */
enum { HEADER = 14, BASE_DIGEST = 8, BASED = 0x01, MORE = 0x08, PRIOR = 0x10, WINDOW = 0x20 };

static unsigned le16(const uint8_t *b) { return b[0] | (unsigned)b[1] << 8; }

static uint32_t le32(const uint8_t *b) { return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24; }

uint32_t dl_crc32(uint32_t crc, const uint8_t *b, size_t size)
{
	unsigned k;

	while (size-- > 0)
		for (crc ^= *b++, k = 0; k < 8; k++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	return crc;
}

/* Takes some bytes; 0 when there are not so many, or when reading failed. */
static int take(struct dl_object *d, uint8_t *to, unsigned n)
{
	if (d->left < n)
		return 0;
	d->left -= n;
	if (d->target->read(d->target->user, to, n) == 0)
		return 1;
	d->left = 0;
	d->stopped = 1;
	return 0;
}

unsigned dl_next(struct dl_object *d) { return take(d, &d->last, 1) ? d->last : 0; }

/* Reads the header [DL-OBJ-2], with the checks of [DL-OBJ-3] and [DL-OBJ-6]. */
static int read_header(struct dl_object *d)
{
	const struct dl_object_target *t = d->target;
	const uint8_t *h = d->header;
	uint8_t base[BASE_DIGEST];

	if (!take(d, d->header, HEADER) || le32(h) << 8 != ('D' << 8 | 'L' << 16 | (uint32_t)'O' << 24))
		return DL_OBJECT_FORMAT;
	if (h[3] != 2 || h[4] != PLANES(t) || h[5] > 7)
		return DL_OBJECT_UNSUPPORTED;
	if (le16(h + 6) != t->width || le16(h + 8) != t->height)
		return DL_OBJECT_SIZE;
	if ((h[5] & BASED) != 0) {
		if (!take(d, base, BASE_DIGEST))
			return DL_OBJECT_FORMAT;
		if (t->base_digest == NULL || memcmp(t->base_digest, base, BASE_DIGEST) != 0)
			return DL_OBJECT_BASE;
	}
	return 0;
}

#ifndef DL_ROWS
/* Reads a window of a part [DL-PART-2], with the checks of [DL-PART-4]. */
static int read_window(struct dl_object *d)
{
	const struct dl_object_target *t = d->target;
	uint32_t x, y, right;
	uint8_t b[8];

	if (!take(d, b, sizeof b))
		return 0;
	x = le16(b);
	y = le16(b + 2);
	d->width = le16(b + 4);
	d->height = le16(b + 6);
	d->out += y * d->pitch + x / 8;
	right = x + d->width;
	if (right != t->width && (right > t->width || (right & 7) != 0))
		return 0;
	return (x & 7) == 0 && y + d->height <= t->height;
}
#endif

/* Reads the head of a part [DL-PART-2] with the checks of [DL-PART-4]. */
static int read_part(struct dl_object *d)
{
	const struct dl_object_target *t = d->target;
	uint32_t encoding, size, reference;
#ifndef DL_ROWS
	uint32_t plane = d->pitch * t->height, at;
	uint8_t b[4];
#endif

	d->width = t->width;
	d->height = t->height;
	if (!take(d, &d->head, 1))
		return DL_OBJECT_FORMAT;
	encoding = d->head & 7;
	if (encoding >= ENCODINGS)
		return DL_OBJECT_UNSUPPORTED;
#ifdef DL_ROWS
	if ((d->head & (MORE | WINDOW)) != 0)
		return DL_OBJECT_UNSUPPORTED;
	if (d->head >= PRIOR)
		return DL_OBJECT_FORMAT;
	d->out = t->rows;
	d->base = t->base;
#else
	at = (d->head >> 6) * plane;
	if (at >= d->picture)
		return DL_OBJECT_FORMAT;
	d->out = t->frame + at;
	if ((d->head & WINDOW) != 0 && !read_window(d))
		return DL_OBJECT_FORMAT;
	d->base = d->out;
#endif
	reference = REFERENCES >> encoding & 1;
	if (!reference)
		d->base = NULL;
#ifndef DL_ROWS
	if ((d->head & PRIOR) != 0) {
		if (at == 0 || !reference)
			return DL_OBJECT_FORMAT;
		d->base -= plane;
	} else
#endif
	if (reference && (d->header[5] & BASED) == 0)
		return DL_OBJECT_FORMAT;
	d->stride = (d->width + 7) / 8;
	d->padding = 0x7f >> ((d->width - 1) & 7);
	size = d->stride * d->height;
#ifndef DL_ROWS
	d->room -= size;
	if (size == 0 || (int32_t)d->room < 0)
		return DL_OBJECT_FORMAT;
	if ((d->head & MORE) != 0) {
		if (!take(d, b, 4) || le32(b) > d->left)
			return DL_OBJECT_FORMAT;
		d->after = d->left - le32(b);
		d->left = le32(b);
	}
#endif
	return d->left > size || (encoding == RAW && d->left != size) ? DL_OBJECT_FORMAT : 0;
}

int dl_emit(struct dl_object *d, unsigned value)
{
	const struct dl_object_target *t = d->target;
	uint8_t *row = dl_row(d, d->y);
	int status = 0;

	row[d->i] = (uint8_t)value;
	if (++d->i < d->stride)
		return 0;
	d->i = 0;
	if ((value & d->padding) != 0) /* [DL-PIC-1] */
		return DL_OBJECT_FORMAT;
#ifdef DL_ROWS
	d->crc = dl_crc32(d->crc, row, d->stride);
	if (!d->stopped && t->row(t->user, (uint16_t)d->y, row) != 0)
		d->stopped = 1;
#else
	(void)t;
#endif
	d->y++;
	return status;
}

/* Decodes the part at hand. */
static int decode_part(struct dl_object *d)
{
	unsigned encoding = d->head & 7;
	int status = 0;

	d->y = d->i = 0;
	if (encoding >= SMALL)
		return dl_context_decode(d, encoding > SMALL_REF);
	if (encoding != RAW)
#ifdef DL_NO_DEFLATE
		return DL_OBJECT_UNSUPPORTED;
#else
		return dl_inflate_decode(d);
#endif
	while (status == 0 && d->left > 0)
		status = dl_emit(d, dl_next(d));
	return status;
}

static int decode(struct dl_object *d)
{
	const struct dl_object_target *t = d->target;
	int status = read_header(d);

	if (status != 0)
		return status;
	d->pitch = (t->width + 7u) / 8;
#ifdef DL_ROWS
	d->crc = ~(uint32_t)0;
	if ((status = read_part(d)) != 0 || (status = decode_part(d)) != 0)
		return status;
#else
	d->picture = d->room = d->pitch * t->height * dl_planes(t->planes);
	if ((d->header[5] & BASED) == 0)
		memset(t->frame, 0, d->picture);
	do {
		if ((status = read_part(d)) != 0 || (status = decode_part(d)) != 0)
			return status;
		d->left = d->after;
		d->after = 0;
	} while ((d->head & MORE) != 0);
	d->crc = dl_crc32(~(uint32_t)0, t->frame, d->picture);
#endif
	return ~d->crc != le32(d->header + 10) ? DL_OBJECT_CHECKSUM : 0;
}

enum dl_object_status dl_object_decode(struct dl_object *d, const struct dl_object_target *t, uint32_t object_bytes)
{
	int status;

	d->target = t;
	d->left = object_bytes;
	d->stopped = 0;
	d->last = 1;
	status = decode(d);
	return d->stopped ? DL_OBJECT_STOPPED : (enum dl_object_status)status;
}
