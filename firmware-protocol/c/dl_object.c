/* Header, raw rows, checksum and row output. Licence: Apache-2.0. */
#include "dl_internal.h"

#include <string.h>

enum { ENCODING_RAW, ENCODING_DEFLATE, ENCODING_DEFLATE_XOR, ENCODING_CONTEXT, ENCODING_CONTEXT_REF };

enum { HEADER = 18, BASE_DIGEST = 8 }; /* [DL-OBJ-2] */

static uint16_t le16(const uint8_t *b) { return (uint16_t)(b[0] | b[1] << 8); }

static uint32_t le32(const uint8_t *b) { return le16(b) | (uint32_t)le16(b + 2) << 16; }

/* CRC-32 of IEEE 802.3, four bits at a time. */
static uint32_t crc32(uint32_t crc, const uint8_t *b, size_t size)
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

int dl_delta(const struct dl_object *d)
{
	return d->encoding == ENCODING_DEFLATE_XOR || d->encoding == ENCODING_CONTEXT_REF;
}

int dl_next(struct dl_object *d)
{
	if (d->payload == 0 || d->in_size == 0)
		return -1;
	d->payload--;
	d->in_size--;
	d->last = *d->in++;
	return d->last;
}

uint8_t *dl_row(const struct dl_object *d, uint16_t y)
{
	if (d->target.frame != NULL)
		return d->target.frame + (size_t)y * d->stride;
	return d->target.rows + (size_t)(y % 3) * d->stride;
}

const uint8_t *dl_base(const struct dl_object *d)
{
	const uint8_t *base = d->target.base != NULL ? d->target.base : d->target.frame;
	return base + (size_t)d->y * d->stride;
}

int dl_row_done(struct dl_object *d)
{
	const uint8_t *row = dl_row(d, d->y);

	/* Padding bits are 0 [DL-PIC-1] [DL-OBJ-3]. */
	if ((d->width & 7) != 0 && (row[d->stride - 1] & 0xff >> (d->width & 7)) != 0)
		return DL_OBJECT_FORMAT;
	d->crc = crc32(d->crc, row, d->stride);
	if (d->target.row != NULL && d->target.row(d->target.user, d->y, row) != 0)
		return DL_OBJECT_STOPPED;
	d->y++;
	d->i = 0;
	return DL_OBJECT_MORE;
}

/*
 * Reads the 18 bytes that every object has [DL-OBJ-2], with the checks of
 * [DL-OBJ-3] and [DL-LIM-1] that need no base.
 */
static int read_header(struct dl_object *d)
{
	const uint8_t *h = d->head;
	uint32_t size = HEADER, picture;
	int flag;

	if (d->total < HEADER || memcmp(h, "DLO", 3) != 0)
		return DL_OBJECT_FORMAT;
	if (h[3] != 1 || h[4] > ENCODING_CONTEXT_REF || h[5] >> 4 != 1 || (h[5] & 0x0e) != 0)
		return DL_OBJECT_UNSUPPORTED;
	d->encoding = h[4];
	d->width = le16(h + 6);
	d->height = le16(h + 8);
	d->payload = le32(h + 10);
	d->checksum = le32(h + 14);
	if (d->width < 1 || d->height < 1 || d->width > DL_OBJECT_MAX_SIDE || d->height > DL_OBJECT_MAX_SIDE)
		return DL_OBJECT_FORMAT;
	d->stride = (uint16_t)((d->width + 7) / 8);
	picture = (uint32_t)d->stride * d->height;
	if (picture > DL_OBJECT_MAX_DECODED)
		return DL_OBJECT_FORMAT;
	flag = h[5] & 1;
	if (flag != dl_delta(d))
		return DL_OBJECT_FORMAT;
	if (flag)
		size += BASE_DIGEST;
	if (d->total < size || d->total - size != d->payload || d->payload > picture)
		return DL_OBJECT_FORMAT;
	if (d->encoding == ENCODING_RAW && d->payload != picture)
		return DL_OBJECT_FORMAT;
	if (d->width != d->target.width || d->height != d->target.height)
		return DL_OBJECT_SIZE;
	return DL_OBJECT_MORE;
}

/* Checks the base before anything is decoded [DL-OBJ-6]. */
static int check_base(const struct dl_object *d)
{
	const struct dl_object_target *t = &d->target;

	if (!dl_delta(d))
		return DL_OBJECT_MORE;
	if (t->base_digest == NULL || (t->base == NULL && t->frame == NULL))
		return DL_OBJECT_BASE;
	if (memcmp(t->base_digest, d->head + HEADER, BASE_DIGEST) != 0)
		return DL_OBJECT_BASE;
	return DL_OBJECT_MORE;
}

/* Collects the header from the pieces. */
static int take_header(struct dl_object *d)
{
	for (;;) {
		uint8_t want = HEADER;

		if (d->head_size >= HEADER && dl_delta(d))
			want = HEADER + BASE_DIGEST;
		if (d->head_size == want)
			break;
		if (d->in_size == 0)
			return DL_OBJECT_MORE;
		d->head[d->head_size++] = *d->in++;
		d->in_size--;
		if (d->head_size == HEADER) {
			int status = read_header(d);
			if (status < 0)
				return status;
		}
	}
	if (check_base(d) < 0)
		return DL_OBJECT_BASE;
	d->started = 1;
	if (d->encoding >= ENCODING_CONTEXT)
		dl_context_begin(d);
	else if (d->encoding != ENCODING_RAW)
		dl_inflate_begin(d);
	return DL_OBJECT_MORE;
}

/* Copies raw rows; their number was checked with the header. */
static int run_raw(struct dl_object *d)
{
	while (d->y < d->height) {
		size_t n = (size_t)(d->stride - d->i);

		if (n > d->in_size)
			n = d->in_size;
		if (n == 0)
			return DL_OBJECT_MORE;
		memcpy(dl_row(d, d->y) + d->i, d->in, n);
		d->in += n;
		d->in_size -= n;
		d->payload -= (uint32_t)n;
		d->i = (uint16_t)(d->i + n);
		if (d->i == d->stride) {
			int status = dl_row_done(d);
			if (status < 0)
				return status;
		}
	}
	return DL_OBJECT_DONE;
}

static int run(struct dl_object *d)
{
	int status;

	if (!d->started) {
		status = take_header(d);
		if (status < 0 || !d->started)
			return status;
	}
	if (d->encoding == ENCODING_RAW)
		status = run_raw(d);
	else if (d->encoding >= ENCODING_CONTEXT)
		status = dl_context_run(d);
	else
		status = dl_inflate_run(d);
	if (status != DL_OBJECT_DONE)
		return status;
	if (d->in_size != 0)
		return DL_OBJECT_FORMAT;
	if ((d->crc ^ 0xffffffffu) != d->checksum)
		return DL_OBJECT_CHECKSUM;
	return DL_OBJECT_DONE;
}

void dl_object_begin(struct dl_object *d, const struct dl_object_target *target, uint32_t object_bytes)
{
	memset(d, 0, sizeof *d);
	d->target = *target;
	d->total = object_bytes;
	d->crc = 0xffffffffu;
	if (object_bytes < HEADER)
		d->status = DL_OBJECT_FORMAT;
}

enum dl_object_status dl_object_feed(struct dl_object *d, const uint8_t *data, size_t size)
{
	if (d->status == DL_OBJECT_DONE && size > 0)
		d->status = DL_OBJECT_FORMAT;
	if (d->status == DL_OBJECT_MORE) {
		d->in = data;
		d->in_size = size;
		d->status = (int8_t)run(d);
		d->in = NULL;
		d->in_size = 0;
	}
	return (enum dl_object_status)d->status;
}

enum dl_object_status dl_object_end(struct dl_object *d)
{
	if (d->status == DL_OBJECT_MORE)
		d->status = DL_OBJECT_FORMAT;
	return (enum dl_object_status)d->status;
}

void dl_glass_digest(const struct dl_sha256 *hash, uint16_t width, uint16_t height, const uint8_t *rows, uint8_t digest[32])
{
	uint8_t head[9] = { 'D', 'L', 'G', '1', 0, 0, 0, 0, 1 };

	head[4] = (uint8_t)width;
	head[5] = (uint8_t)(width >> 8);
	head[6] = (uint8_t)height;
	head[7] = (uint8_t)(height >> 8);
	hash->start(hash->state);
	hash->update(hash->state, head, sizeof head);
	hash->update(hash->state, rows, (size_t)((width + 7) / 8) * height);
	hash->finish(hash->state, digest);
}
