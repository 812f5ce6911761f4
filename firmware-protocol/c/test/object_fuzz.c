/*
 * What libFuzzer calls. The first byte says what the rest is: with bit 1 a
 * message or the body of a manifest, else an object, whose magic and version
 * are put right, but for bit 0, and whose base is always at hand. Both ways to
 * decode agree. Licence: Apache-2.0.
 */
#include "dl_message.h"
#include "dl_object.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER = 14, MOST = 1 << 13 };

struct user {
	const uint8_t *object;
	size_t left;
	uint8_t *picture;
	size_t stride;
};

/* object_rows.c */
enum dl_object_status dl_rows_decode(struct dl_object *d, const struct dl_object_target *target, uint32_t object_bytes);

static int give(void *user, uint8_t *to, uint32_t n)
{
	struct user *u = user;

	if (n > u->left)
		return 1;
	memcpy(to, u->object, n);
	u->object += n;
	u->left -= n;
	return 0;
}

static int collect(void *user, uint16_t y, const uint8_t *row)
{
	struct user *u = user;

	memcpy(u->picture + y * u->stride, row, u->stride);
	return 0;
}

static uint8_t *room(size_t size)
{
	uint8_t *p = malloc(size > 0 ? size : 1);
	size_t i;

	if (p == NULL)
		abort();
	for (i = 0; i < size; i++) /* a base with padding bits of 0 up to 8 pixels */
		p[i] = (uint8_t)(i % 7 == 0 ? 0xf0 : 0);
	return p;
}

/* Reads what it can and looks at every byte that results point to. */
static void messages(const uint8_t *data, size_t size)
{
	struct dl_ack ack;
	struct dl_block block;
	struct dl_manifest m;
	struct dl_step s;
	unsigned sum = 0, k, n;

	(void)dl_ack_read(&ack, data, size);
	if (dl_block_read(&block, data, size) == DL_MESSAGE_OK)
		for (k = 0; k < block.length; k++)
			sum += block.data[k] + block.object[k % 8];
	if (dl_body_read(&m, data, size) != DL_MESSAGE_OK)
		return;
	for (k = 0; k < m.steps + (unsigned)m.has_stale; k++) {
		dl_manifest_step(&m, k, &s);
		for (n = 0; n < 32; n++)
			sum += s.object[n] + s.glass[n] + (s.base != NULL ? s.base[n] : 0u);
		if (k < m.steps && dl_manifest_due(&m, s.from) != (int)k)
			abort();
	}
	if (sum == 0) /* no digest is 0 */
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_object_target t;
	struct dl_object *d;
	struct user u, v;
	uint8_t *object, *base, *rows;
	size_t picture;
	int frame, stream;

	if (size < 1)
		return 0;
	object = room(size - 1);
	memcpy(object, data + 1, size - 1);
	if ((data[0] & 2) != 0 || size < HEADER + 1) {
		messages(object, size - 1);
		free(object);
		return 0;
	}
	memset(&t, 0, sizeof t);
	t.width = (uint16_t)(object[6] | object[7] << 8);
	t.height = (uint16_t)(object[8] | object[9] << 8);
	t.planes = object[4];
	u.stride = (t.width + 7u) / 8;
	picture = u.stride * t.height * dl_planes(t.planes);
	if ((data[0] & 1) == 0)
		memcpy(object, "DLO\2", 4);
	if (picture > 0 && picture <= MOST && t.width <= DL_MAX_WIDTH && t.height <= DL_OBJECT_MAX_SIDE) {
		d = (struct dl_object *)(void *)room(sizeof *d);
		base = room(picture);
		u.object = object;
		u.left = size - 1;
		u.picture = NULL;
		v = u;
		t.read = give;
		t.user = &u;
		t.frame = room(picture);
		if (size > HEADER + 8)
			t.base_digest = data + 1 + HEADER;
		frame = dl_object_decode(d, &t, (uint32_t)(size - 1));
		v.picture = room(picture);
		t.user = &v;
		t.rows = rows = room(u.stride * DL_OBJECT_ROWS);
		t.base = base;
		t.row = collect;
		u.picture = t.frame;
		t.frame = NULL;
		stream = dl_rows_decode(d, &t, (uint32_t)(size - 1));
		if (stream != frame && stream != DL_OBJECT_UNSUPPORTED && frame != DL_OBJECT_FORMAT && stream != DL_OBJECT_FORMAT)
			abort();
		if (stream == DL_OBJECT_DONE && (frame != stream || memcmp(u.picture, v.picture, picture) != 0))
			abort();
		free(rows);
		free(v.picture);
		free(u.picture);
		free(base);
		free(d);
	}
	free(object);
	return 0;
}
