/*
 * The smallest decoder, with DL_PLAIN in place of dl_object.c: black and white,
 * one part that is the whole picture, decoded into a frame; raw, small and
 * small-ref. It checks all that SPEC.md asks for and refuses the rest as not
 * supported. Licence: Apache-2.0.
 */
#include "dl_internal.h"

#ifdef DL_PLAIN

enum { RAW = 0, SMALL = 3, SMALL_REF = 4, FULL_REF = 6 };

/* Sizes [DL-OBJ-2] and bits [DL-PART-2]. */
enum { HEADER = 14, BASE_DIGEST = 8, MORE_OR_WINDOW = 0x28, PRIOR = 0x10 };

static unsigned le16(const uint8_t *b) { return b[0] | (unsigned)b[1] << 8; }

/* CRC-32 of IEEE 802.3, bit by bit. */
uint32_t dl_crc32(uint32_t crc, const uint8_t *b, size_t size)
{
	unsigned k;

	while (size-- > 0)
		for (crc ^= *b++, k = 0; k < 8; k++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	return crc;
}

unsigned dl_planes(uint8_t planes) { return planes == 1; }

/* Takes some bytes of the object; 0 when it has not so many, or reading failed. */
static int take(struct dl_object *d, uint8_t *to, unsigned n)
{
	if (d->left < n)
		return 0;
	d->left -= n;
	d->stopped |= d->target->read(d->target->user, to, n) != 0;
	return !d->stopped;
}

unsigned dl_next(struct dl_object *d) { return take(d, &d->last, 1) ? d->last : 0; }

/* Reads header and part up to the payload, and chooses how to decode it. */
static int begin(struct dl_object *d)
{
	const struct dl_object_target *t = d->target;
	uint8_t h[HEADER];
	unsigned encoding, planes, width, height;

	if (!take(d, h, HEADER) || memcmp(h, "DLO", 3) != 0)
		return DL_OBJECT_FORMAT;
	if (h[3] != 2 || (h[5] & 0xf8) != 0)
		return DL_OBJECT_UNSUPPORTED;
	d->flags = h[5];
	planes = h[4];
	width = le16(h + 6);
	height = le16(h + 8);
	d->checksum = le16(h + 10) | (uint32_t)le16(h + 12) << 16;
	if (width - 1u >= DL_OBJECT_MAX_SIDE || height - 1u >= DL_OBJECT_MAX_SIDE)
		return DL_OBJECT_FORMAT;
	if (planes != 1)
		return DL_OBJECT_UNSUPPORTED;
	d->stride = (uint16_t)((width + 7) / 8);
	d->room = (uint32_t)d->stride * height;
	if (d->room > DL_OBJECT_MAX_DECODED)
		return DL_OBJECT_FORMAT;
	if ((d->flags & 1) != 0) {
		if (!take(d, h, BASE_DIGEST))
			return DL_OBJECT_FORMAT;
		if (t->base_digest == NULL || memcmp(t->base_digest, h, BASE_DIGEST) != 0)
			return DL_OBJECT_BASE;
	}
	if (width != t->width || height != t->height)
		return DL_OBJECT_SIZE;
	d->width = t->width;
	d->height = t->height;
	if (!take(d, &d->head, 1))
		return DL_OBJECT_FORMAT;
	encoding = d->head & 7;
	if (encoding > FULL_REF)
		return DL_OBJECT_UNSUPPORTED;
	if (d->head > 0x3f)
		return DL_OBJECT_FORMAT; /* a plane there is not */
	if ((d->head & PRIOR) != 0 || (encoding != RAW && (encoding & 1) == 0 && (d->flags & 1) == 0))
		return DL_OBJECT_FORMAT;
	if ((d->head & MORE_OR_WINDOW) != 0 || (encoding != RAW && encoding - SMALL > 1))
		return DL_OBJECT_UNSUPPORTED;
	if (d->left > d->room || (encoding == RAW && d->left != d->room))
		return DL_OBJECT_FORMAT;
	d->base = encoding == SMALL_REF ? t->frame : NULL;
	return 0;
}

enum dl_object_status dl_object_decode(struct dl_object *d, const struct dl_object_target *t, uint32_t object_bytes)
{
	uint8_t *frame = t->frame;
	uint32_t n;
	int status;

	memset(d, 0, offsetof(struct dl_object, u));
	d->target = t;
	d->left = object_bytes;
	status = begin(d);
	if (status == 0 && d->head != RAW)
		status = dl_context_decode(d, 0);
	else if (status == 0)
		for (n = 0; n < d->room; n++)
			frame[n] = (uint8_t)dl_next(d);
	if (d->stopped)
		return DL_OBJECT_STOPPED;
	if (status != 0)
		return (enum dl_object_status)status;
	if ((d->width & 7) != 0) /* padding bits are 0 [DL-PIC-1] */
		for (n = d->stride; n <= d->room; n += d->stride)
			if ((frame[n - 1] & 0xff >> (d->width & 7)) != 0)
				return DL_OBJECT_FORMAT;
	return (dl_crc32(0xffffffffu, frame, d->room) ^ 0xffffffffu) != d->checksum ? DL_OBJECT_CHECKSUM : DL_OBJECT_DONE;
}
#else
typedef int dl_not_plain; /* a file may not be empty */
#endif
