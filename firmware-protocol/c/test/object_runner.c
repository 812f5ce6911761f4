/*
 * Decodes objects from standard input for the Go test in ../../wire/c_test.go.
 * A case is: u32 bytes of object, u32 bytes promised to the decoder, u16 width,
 * u16 height, u8 planes, u8 whether there is a base, its 8 bytes of
 * digest, its rows, the object; numbers little-endian. An answer is: u8 status,
 * and for a decoded picture what its GlassDigest is made of. Licence:
 * Apache-2.0.
 */
#include "dl_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 22 };

struct user {
	const uint8_t *object;
	size_t left;
	uint8_t *picture;
	size_t stride;
	unsigned next;
};

static int give(void *user, uint8_t *to, uint32_t n)
{
	struct user *u = user;

	if (n > u->left || n == 0 || n > DL_OBJECT_PIECE)
		return 1;
	memcpy(to, u->object, n);
	u->object += n;
	u->left -= n;
	return 0;
}

#ifdef DL_ROWS
static int collect(void *user, uint16_t y, const uint8_t *row)
{
	struct user *u = user;

	if (y != u->next++)
		return 1;
	memcpy(u->picture + y * u->stride, row, u->stride);
	return 0;
}
#endif

/* A hash that writes down what it is given. */
static void start(void *state) { (void)state; }
static void update(void *state, const uint8_t *data, size_t size) { fwrite(data, 1, size, state); }
static void finish(void *state, uint8_t sum[32]) { (void)state; memset(sum, 0, 32); }

static uint32_t number(const uint8_t *b, int n)
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 8 | b[n];
	return v;
}

/* Memory of exactly that size, so that a byte too many is seen. */
static uint8_t *room(size_t size)
{
	uint8_t *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		abort();
	memset(p, 0x5a, size);
	return p;
}

static void fill(uint8_t *b, size_t size)
{
	if (fread(b, 1, size, stdin) != size)
		abort();
}

static void one(const uint8_t head[HEAD])
{
	size_t size = number(head, 4), picture;
	struct dl_object_target t;
	struct dl_object *d = (struct dl_object *)(void *)room(sizeof *d);
	struct user u;
	struct dl_sha256 hash = { NULL, start, update, finish };
	uint8_t sum[32], *base = NULL, *rows = NULL, *object;
	int status;

	memset(&t, 0, sizeof t);
	memset(&u, 0, sizeof u);
	t.width = (uint16_t)number(head + 8, 2);
	t.height = (uint16_t)number(head + 10, 2);
	t.planes = head[12];
	t.read = give;
	t.user = &u;
	u.stride = (t.width + 7u) / 8;
	picture = u.stride * t.height * dl_planes(t.planes);
	u.picture = room(picture);
	object = room(size);
#ifdef DL_ROWS
	t.rows = rows = room(DL_OBJECT_ROWS * u.stride);
	t.row = collect;
#else
	t.frame = u.picture;
#endif
	if (head[13]) {
		t.base_digest = head + 14;
		base = room(picture);
		fill(base, picture);
#ifdef DL_ROWS
		t.base = base;
#else
		memcpy(u.picture, base, picture);
#endif
	}
	fill(object, size);
	u.object = object;
	u.left = size;
	status = dl_object_decode(d, &t, number(head + 4, 4));
	putchar(status);
	hash.state = stdout;
	if (status == DL_OBJECT_DONE)
		dl_glass_digest(&hash, t.width, t.height, t.planes, u.picture, sum);
	free(rows);
	free(object);
	free(base);
	free(u.picture);
	free(d);
}

int main(void)
{
	uint8_t head[HEAD];

	while (fread(head, 1, sizeof head, stdin) == sizeof head)
		one(head);
	return fflush(stdout) != 0;
}
