/* Header, parts, raw rows, checksum. Licence: Apache-2.0. */
#include "dl_internal.h"

#ifndef DL_PLAIN

enum { RAW, DEFLATE, DEFLATE_XOR, SMALL, SMALL_REF, FULL, FULL_REF, ENCODINGS };

/* Sizes [DL-OBJ-2] and bits [DL-PART-2]. */
enum { HEADER = 14, BASE_DIGEST = 8, MORE = 0x08, PRIOR = 0x10, WINDOW = 0x20 };

static unsigned le16(const uint8_t *b) { return b[0] | (unsigned)b[1] << 8; }

static uint32_t le32(const uint8_t *b) { return le16(b) | (uint32_t)le16(b + 2) << 16; }

unsigned dl_planes(uint8_t planes)
{
	static const uint8_t count[] = { 0, 1, 2, 2, 3, 2, 4 };

	return planes < sizeof count ? count[planes] : 0;
}

/* CRC-32 of IEEE 802.3, four bits at a time. */
uint32_t dl_crc32(uint32_t crc, const uint8_t *b, size_t size)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	while (size-- > 0) {
		crc ^= *b++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

/* The next byte of the object. */
static unsigned take(struct dl_object *d)
{
	if (d->at == d->have) {
		uint32_t n = d->total < DL_OBJECT_PIECE ? d->total : DL_OBJECT_PIECE;

		if (n == 0 || d->stopped || d->target->read(d->target->user, d->piece, n) != 0) {
			d->stopped = 1;
			return 0;
		}
		d->total -= n;
		d->at = 0;
		d->have = (uint8_t)n;
	}
	return d->piece[d->at++];
}

/* How many bytes of the object are left. */
static uint32_t rest(const struct dl_object *d) { return d->total + (uint32_t)(d->have - d->at); }

/* Takes some bytes; 0 when the object has not so many. */
static int take_all(struct dl_object *d, uint8_t *to, unsigned n)
{
	if (rest(d) < n)
		return 0;
	while (n-- > 0)
		*to++ = (uint8_t)take(d);
	return 1;
}

unsigned dl_next(struct dl_object *d)
{
	if (d->left == 0)
		return 0;
	d->left--;
	d->last = (uint8_t)take(d);
	return d->last;
}

uint8_t *dl_row(const struct dl_object *d, unsigned y)
{
	if (d->target->frame == NULL)
		y %= DL_OBJECT_ROWS;
	return d->out + (size_t)y * d->pitch;
}

const uint8_t *dl_base(const struct dl_object *d, unsigned y)
{
	return d->base == NULL ? NULL : d->base + (size_t)y * d->pitch;
}

/* Padding bits are 0 [DL-PIC-1]; the checksum covers all rows. */
static int check_row(struct dl_object *d, const uint8_t *row, unsigned stride)
{
	d->crc = dl_crc32(d->crc, row, stride);
	return (d->target->width & 7) != 0 && (row[stride - 1] & 0xff >> (d->target->width & 7)) != 0 ? DL_OBJECT_FORMAT : 0;
}

int dl_row_done(struct dl_object *d, unsigned y)
{
	const struct dl_object_target *t = d->target;
	int status;

	if (d->stopped)
		return DL_OBJECT_STOPPED;
	if (t->frame != NULL)
		return 0;
	status = check_row(d, dl_row(d, y), d->stride);
	if (status == 0 && t->row(t->user, (uint16_t)y, dl_row(d, y)) != 0)
		status = DL_OBJECT_STOPPED;
	return status;
}

/* Reads the header [DL-OBJ-2], with the checks of [DL-OBJ-3] and [DL-OBJ-6]. */
static int read_header(struct dl_object *d)
{
	const struct dl_object_target *t = d->target;
	uint8_t h[HEADER];
	uint32_t width, height, planes;

	if (!take_all(d, h, HEADER) || memcmp(h, "DLO", 3) != 0)
		return DL_OBJECT_FORMAT;
	planes = dl_planes(h[4]);
	if (h[3] != 2 || (h[5] & 0xf8) != 0)
		return DL_OBJECT_UNSUPPORTED;
	d->flags = h[5];
	width = le16(h + 6);
	height = le16(h + 8);
	d->checksum = le32(h + 10);
	if (width < 1 || height < 1 || width > DL_OBJECT_MAX_SIDE || height > DL_OBJECT_MAX_SIDE)
		return DL_OBJECT_FORMAT;
	if (planes == 0)
		return DL_OBJECT_UNSUPPORTED;
	if ((width + 7) / 8 * height * planes > DL_OBJECT_MAX_DECODED)
		return DL_OBJECT_FORMAT;
	if ((d->flags & 1) != 0) {
		if (!take_all(d, h, BASE_DIGEST))
			return DL_OBJECT_FORMAT;
		if (t->base_digest == NULL || memcmp(t->base_digest, h, BASE_DIGEST) != 0)
			return DL_OBJECT_BASE;
	}
	if (width != t->width || height != t->height || dl_planes(t->planes) != planes)
		return DL_OBJECT_SIZE;
	return 0;
}

/* Reads the head of a part [DL-PART-2] with the checks of [DL-PART-4]. */
static int read_part(struct dl_object *d)
{
	const struct dl_object_target *t = d->target;
	uint8_t b[8];
	uint32_t x = 0, y = 0, w = t->width, h = t->height, size, plane, encoding, pitch = (w + 7) / 8;
	int reference;

	if (!take_all(d, &d->head, 1))
		return DL_OBJECT_FORMAT;
	encoding = d->head & 7;
	plane = d->head >> 6;
	if (encoding >= ENCODINGS)
		return DL_OBJECT_UNSUPPORTED;
	if (plane >= dl_planes(t->planes))
		return DL_OBJECT_FORMAT;
	reference = encoding != RAW && (encoding & 1) == 0;
	if ((d->head & PRIOR) != 0 ? plane == 0 || !reference : reference && (d->flags & 1) == 0)
		return DL_OBJECT_FORMAT;
	if ((d->head & WINDOW) != 0) {
		if (!take_all(d, b, sizeof b))
			return DL_OBJECT_FORMAT;
		x = le16(b);
		y = le16(b + 2);
		w = le16(b + 4);
		h = le16(b + 6);
		if (w < 1 || h < 1 || (x & 7) != 0 || x + w > t->width || y + h > t->height || (((x + w) & 7) != 0 && x + w != t->width))
			return DL_OBJECT_FORMAT;
	}
	d->width = (uint16_t)w;
	d->height = (uint16_t)h;
	d->stride = (uint16_t)((w + 7) / 8);
	d->pitch = (uint16_t)pitch;
	size = (uint32_t)d->stride * h;
	if (size > d->room)
		return DL_OBJECT_FORMAT;
	d->room -= size;
	d->left = rest(d);
	if ((d->head & MORE) != 0) {
		if (!take_all(d, b, 4) || le32(b) > rest(d))
			return DL_OBJECT_FORMAT;
		d->left = le32(b);
	}
	if (d->left > size || (encoding == RAW && d->left != size))
		return DL_OBJECT_FORMAT;
	if (t->frame == NULL && ((d->head & (MORE | WINDOW)) != 0 || dl_planes(t->planes) > 1))
		return DL_OBJECT_UNSUPPORTED;
	d->out = t->rows;
	d->base = t->base;
	if (t->frame != NULL) {
		size_t at = (size_t)plane * pitch * t->height + (size_t)y * pitch + x / 8;
		d->out = t->frame + at;
		d->base = d->out - ((d->head & PRIOR) != 0 ? (size_t)pitch * t->height : 0);
	}
	if (!reference)
		d->base = NULL;
	return 0;
}

static int decode_raw(struct dl_object *d)
{
	unsigned y, i;
	int status = 0;

	for (y = 0; y < d->height && status == 0; y++) {
		uint8_t *row = dl_row(d, y);
		for (i = 0; i < d->stride; i++)
			row[i] = (uint8_t)dl_next(d);
		status = dl_row_done(d, y);
	}
	return status;
}

static int decode_part(struct dl_object *d)
{
	switch (d->head & 7) {
	case RAW:
		return decode_raw(d);
#ifndef DL_NO_DEFLATE
	case DEFLATE:
	case DEFLATE_XOR:
		return dl_inflate_decode(d);
#endif
	case SMALL:
	case SMALL_REF:
		return dl_context_decode(d, 0);
#ifndef DL_SMALL
	case FULL:
	case FULL_REF:
		return dl_context_decode(d, 1);
#endif
	default:
		return DL_OBJECT_UNSUPPORTED;
	}
}

enum dl_object_status dl_object_decode(struct dl_object *d, const struct dl_object_target *t, uint32_t object_bytes)
{
	uint32_t stride = (t->width + 7u) / 8, rows = (uint32_t)t->height * dl_planes(t->planes), n;
	int status;

	memset(d, 0, offsetof(struct dl_object, u));
	d->target = t;
	d->total = object_bytes;
	d->crc = 0xffffffffu;
	status = read_header(d);
	d->room = stride * rows;
	if (status == 0 && t->frame != NULL && (d->flags & 1) == 0)
		memset(t->frame, 0, d->room);
	do {
		if (status == 0)
			status = read_part(d);
		if (status == 0)
			status = decode_part(d);
	} while (status == 0 && (d->head & MORE) != 0);
	for (n = 0; status == 0 && t->frame != NULL && n < rows; n++)
		status = check_row(d, t->frame + (size_t)n * stride, stride);
	if (d->stopped)
		status = DL_OBJECT_STOPPED;
	if (status == 0 && (d->crc ^ 0xffffffffu) != d->checksum)
		status = DL_OBJECT_CHECKSUM;
	return (enum dl_object_status)status;
}
#else
typedef int dl_plain; /* a file may not be empty */
#endif
