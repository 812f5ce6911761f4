/*
 * Decodes objects from standard input for the Go test in ../../wire/c_test.go.
 * A case is: u32 bytes of object, u32 bytes promised to the decoder, u32 seed
 * of the piece sizes, u16 width, u16 height, u8 mode, u8 whether there is a
 * base, its 8 bytes of digest, its rows, the object; numbers little-endian. An
 * answer is: u8 -status, and for a decoded picture what its GlassDigest is made
 * of. Licence: Apache-2.0.
 */
#include "dl_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_PLACE, BESIDE, ROWS };

struct sink {
	uint8_t *picture;
	size_t stride;
	unsigned next;
};

static int collect(void *user, uint16_t y, const uint8_t *row)
{
	struct sink *s = user;

	if (y != s->next++)
		return 1;
	memcpy(s->picture + y * s->stride, row, s->stride);
	return 0;
}

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
	return p;
}

static void fill(uint8_t *b, size_t size)
{
	if (fread(b, 1, size, stdin) != size)
		abort();
}

/* Feeds the object in pieces of which the seed decides; 0 is all at once. */
static int feed(struct dl_object *d, const uint8_t *object, size_t size, uint32_t seed)
{
	size_t at = 0;
	int most = seed % 4 == 1 ? 1 : seed % 4 == 2 ? 7 : 600;

	while (at < size) {
		size_t n = size - at;
		uint8_t *piece;

		seed = seed == 0 ? 0 : seed * 1664525u + 1013904223u;
		if (seed != 0 && n > (seed >> 8) % (unsigned)(most + 1))
			n = (seed >> 8) % (unsigned)(most + 1);
		if (n == 0 && most == 1)
			n = 1;
		piece = room(n);
		memcpy(piece, object + at, n);
		(void)dl_object_feed(d, piece, n);
		memset(piece, 0xaa, n);
		free(piece);
		at += n;
	}
	return dl_object_end(d);
}

static void one(const uint8_t head[26])
{
	size_t size = number(head, 4), picture;
	struct dl_object_target t;
	struct dl_object *d = (struct dl_object *)(void *)room(sizeof *d);
	struct sink s;
	struct dl_sha256 hash = { NULL, start, update, finish };
	uint8_t sum[32], *base = NULL, *rows = NULL, *object;
	int status;

	memset(&t, 0, sizeof t);
	memset(&s, 0, sizeof s);
	t.width = (uint16_t)number(head + 12, 2);
	t.height = (uint16_t)number(head + 14, 2);
	s.stride = (t.width + 7u) / 8;
	picture = s.stride * t.height;
	s.picture = room(picture);
	memset(s.picture, 0x5a, picture);
	object = room(size);
	if (head[17]) {
		base = room(picture);
		fill(base, picture);
		t.base_digest = head + 18;
		if (head[16] == IN_PLACE)
			memcpy(s.picture, base, picture);
		else
			t.base = base;
	}
	fill(object, size);
	if (head[16] == ROWS) {
		t.rows = rows = room(3 * s.stride);
		t.row = collect;
		t.user = &s;
	} else {
		t.frame = s.picture;
	}
	dl_object_begin(d, &t, number(head + 4, 4));
	status = feed(d, object, size, number(head + 8, 4));
	putchar(status == DL_OBJECT_DONE ? 0 : -status);
	hash.state = stdout;
	if (status == DL_OBJECT_DONE)
		dl_glass_digest(&hash, t.width, t.height, s.picture, sum);
	free(rows);
	free(object);
	free(base);
	free(s.picture);
	free(d);
}

int main(void)
{
	uint8_t head[26];

	while (fread(head, 1, sizeof head, stdin) == sizeof head)
		one(head);
	return fflush(stdout) != 0;
}
