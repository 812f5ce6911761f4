/* Header, parts, raw rows, checksum. Licence: Apache-2.0. */
#include "dl_internal.h"

enum { RAW, DEFLATE, DEFLATE_XOR, SMALL, SMALL_REF, FULL, FULL_REF, REFERENCES = 1 << DEFLATE_XOR | 1 << SMALL_REF | 1 << FULL_REF };

/* The kind of picture it decodes. */
#ifdef DL_ONE_PART
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

/* Number of planes of each kind [DL-PIC-3], 4 bits each. */
enum { PLANE_COUNTS = 0x4232210 };

/* Sizes [DL-OBJ-2] and bits [DL-PART-2]. */
enum { HEADER = 14, BASE_DIGEST = 8, BASED = 0x01, MORE = 0x08, PRIOR = 0x10, WINDOW = 0x20 };

/* Little-endian numbers; compilers make one instruction of each. */
#define LE16(b) ((b)[0] | (uint32_t)(b)[1] << 8)
#define LE32(b) (LE16(b) | (uint32_t)(b)[2] << 16 | (uint32_t)(b)[3] << 24)

uint32_t dl_crc32(uint32_t crc, const uint8_t *b, size_t size)
{
	/* Of half a byte: three times as fast as bit by bit, for 8 bytes more of code. */
	static const uint32_t half[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	unsigned k;

	while (size-- > 0)
		for (crc ^= *b++, k = 0; k < 2; k++)
			crc = crc >> 4 ^ half[crc & 15];
	return crc;
}

/* Takes some bytes; 0 when there are not so many, or when reading failed. */
static int take(struct dl_object *d, unsigned n)
{
	const struct dl_object_target *t = d->target;

	if (d->left < n)
		return 0;
	d->left -= n;
	if (t->read(t->user, d->bytes, n) == 0)
		return 1;
	d->left = 0;
	d->stopped = 1;
	return 0;
}

unsigned dl_next(struct dl_object *d) { return take(d, 1) ? d->bytes[0] : 0; }

/* Reads the header [DL-OBJ-2], with the checks of [DL-OBJ-3] and [DL-OBJ-6]. */
static int read_header(struct dl_object *d)
{
	const struct dl_object_target *t = d->target;
	const uint8_t *h = d->bytes;

	if (!take(d, HEADER) || LE32(h) << 8 != ('D' << 8 | 'L' << 16 | (uint32_t)'O' << 24))
		return DL_OBJECT_FORMAT;
	d->flags = h[5];
	d->checksum = LE32(&h[10]);
	if (h[3] != 2 || h[4] != PLANES(t) || d->flags > 7)
		return DL_OBJECT_UNSUPPORTED;
	if (LE32(&h[6]) != (t->width | (uint32_t)t->height << 16))
		return DL_OBJECT_SIZE;
	if ((d->flags & BASED) != 0) {
		if (!take(d, BASE_DIGEST))
			return DL_OBJECT_FORMAT;
		if (t->base_digest == NULL || memcmp(t->base_digest, h, BASE_DIGEST) != 0)
			return DL_OBJECT_BASE;
	}
	return 0;
}

int dl_emit(struct dl_object *d, unsigned value)
{
	uint8_t *row = d->out + dl_row(d, d->out, d->y);
	uint32_t i = d->i;

	row[i++] = (uint8_t)value;
	if (i == d->stride) {
		if ((value & 0xff & ~(unsigned)d->valid) != 0) /* [DL-PIC-1] */
			return DL_OBJECT_FORMAT;
#ifdef DL_ROWS
		d->crc = dl_crc32(d->crc, row, i);
		if (d->stopped || d->target->row(d->target->user, (uint16_t)d->y, row) != 0)
			d->stopped = 1;
#endif
		d->y++;
		i = 0;
	}
	d->i = i;
	return 0;
}

#ifndef DL_ONE_PART
/* Reads the window of a part [DL-PART-2], with the checks of [DL-PART-4]. */
static int read_window(struct dl_object *d)
{
	const struct dl_object_target *t = d->target;
	uint32_t x, y, right;

	if (!take(d, 8))
		return 0;
	x = LE16(d->bytes);
	y = LE16(&d->bytes[2]);
	d->width = LE16(&d->bytes[4]);
	d->height = LE16(&d->bytes[6]);
	right = x + d->width;
	if ((x & 7) != 0 || y + d->height > t->height || right > t->width || (right != t->width && (right & 7) != 0))
		return 0;
	d->out += y * d->pitch + x / 8;
	return 1;
}
#endif

/* Reads the head of a part [DL-PART-2] with the checks of [DL-PART-4] and decodes it. */
DL_APART static int decode_part(struct dl_object *d)
{
	const struct dl_object_target *t = d->target;
	uint32_t encoding, size, reference;
	int status;
#ifndef DL_ONE_PART
	uint32_t at;
#endif

	d->width = t->width;
	d->height = t->height;
	if (!take(d, 1))
		return DL_OBJECT_FORMAT;
	d->head = d->bytes[0];
	encoding = d->head & 7;
	if (encoding >= ENCODINGS)
		return DL_OBJECT_UNSUPPORTED;
	reference = REFERENCES >> encoding & 1;
#ifdef DL_ONE_PART
	if ((d->head & (MORE | WINDOW)) != 0)
		return DL_OBJECT_UNSUPPORTED;
	if (d->head >= PRIOR)
		return DL_OBJECT_FORMAT;
#ifdef DL_ROWS
	d->out = t->rows;
	d->base = reference ? t->base : NULL;
#else
	d->out = t->frame;
	d->base = reference ? d->out : NULL;
#endif
#else
	at = (d->head >> 6) * d->plane;
	if (at >= d->picture)
		return DL_OBJECT_FORMAT;
	d->out = t->frame + at;
	if ((d->head & WINDOW) != 0 && !read_window(d))
		return DL_OBJECT_FORMAT;
	d->base = reference ? d->out : NULL;
	if ((d->head & PRIOR) != 0) {
		if (at == 0 || !reference)
			return DL_OBJECT_FORMAT;
		d->base -= d->plane;
	} else
#endif
	if (reference && (d->flags & BASED) == 0)
		return DL_OBJECT_FORMAT;
	d->stride = (d->width + 7) / 8;
	d->valid = (uint8_t)(0xff << (-d->width & 7));
	size = d->stride * d->height;
#ifndef DL_ONE_PART
	if (size - 1 >= d->room) /* 0, too */
		return DL_OBJECT_FORMAT;
	d->room -= size;
	if ((d->head & MORE) != 0) {
		uint32_t left;

		if (!take(d, 4))
			return DL_OBJECT_FORMAT;
		left = LE32(d->bytes);
		if (left > d->left)
			return DL_OBJECT_FORMAT;
		d->after = d->left - left;
		d->left = left;
	}
#endif
	if (d->left > size)
		return DL_OBJECT_FORMAT;
	d->y = d->i = 0;
	if (encoding >= SMALL)
		return dl_context_decode(d, (encoding - SMALL) / 2);
	if (encoding != RAW)
#ifdef DL_NO_DEFLATE
		return DL_OBJECT_UNSUPPORTED;
#else
		return dl_inflate_decode(d);
#endif
	if (d->left != size)
		return DL_OBJECT_FORMAT;
	do
		status = dl_emit(d, dl_next(d));
	while (status == 0 && d->left > 0);
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
#else
	d->picture = d->pitch * t->height * (PLANE_COUNTS >> 4 * PLANES(t) & 15);
#endif
#ifdef DL_ONE_PART
	status = decode_part(d);
#else
	d->plane = d->pitch * t->height;
	d->room = d->picture;
	if ((d->flags & BASED) == 0)
		memset(t->frame, 0, d->picture);
	while ((status = decode_part(d)) == 0 && (d->head & MORE) != 0)
		d->left = d->after;
#endif
	if (status != 0)
		return status;
#ifdef DL_ROWS
	return ~d->crc != d->checksum ? DL_OBJECT_CHECKSUM : 0;
#else
	return ~dl_crc32(~(uint32_t)0, t->frame, d->picture) != d->checksum ? DL_OBJECT_CHECKSUM : 0;
#endif
}

enum dl_object_status dl_object_decode(struct dl_object *d, const struct dl_object_target *t, uint32_t object_bytes)
{
	int status;

	d->target = t;
	d->left = object_bytes;
	d->stopped = 0;
	status = decode(d);
	return d->stopped ? DL_OBJECT_STOPPED : (enum dl_object_status)status;
}
