/* The panel as a picture file: PNG, PBM or PPM. Licence: Apache-2.0. */
#define _GNU_SOURCE
#include "port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The colour of a pixel of several planes [DL-PIC-3]. */
static void colour(const struct dl_sign_options *o, const uint8_t *frame, size_t picture, size_t at, unsigned mask, uint8_t rgb[3])
{
	static const uint8_t plain[4][3] = { { 0, 0, 0 }, { 190, 20, 20 }, { 230, 200, 0 }, { 255, 255, 255 } };
	static const uint8_t order[5][3] = { { 0 }, { 0 }, { 0, 1 }, { 0, 2 }, { 0, 1, 2 } };
	unsigned planes = dl_planes(o->planes), i, value = 0;
	const uint8_t *c = plain[3];

	for (i = 0; i < planes; i++) {
		int set = (frame[i * picture + at] & mask) != 0;

		value = value << 1 | (unsigned)set;
		if (set && o->planes < 5)
			c = plain[order[o->planes][i]];
	}
	if (o->planes >= 5)
		memset(rgb, (int)(255 - 255 * value / ((1u << planes) - 1)), 3);
	else
		memcpy(rgb, c, 3);
}

/* The sums of PNG (RFC 2083) and zlib (RFC 1950). */
struct png {
	FILE *file;
	uint32_t crc, a, b;
};

static void put(struct png *p, const uint8_t *data, size_t n)
{
	unsigned i;

	(void)fwrite(data, 1, n, p->file);
	while (n-- > 0) {
		p->crc ^= *data++;
		for (i = 0; i < 8; i++)
			p->crc = p->crc >> 1 ^ (0xedb88320u & (0u - (p->crc & 1)));
	}
}

static void put32(struct png *p, uint32_t v)
{
	uint8_t b[4];
	unsigned i;

	for (i = 0; i < 4; i++)
		b[i] = (uint8_t)(v >> (24 - 8 * i));
	put(p, b, 4);
}

static void begin(struct png *p, const char *name, uint32_t n)
{
	put32(p, n);
	p->crc = 0xffffffffu;
	put(p, (const uint8_t *)name, 4);
}

static void end(struct png *p) { put32(p, ~p->crc); }

/* A row of the picture in zlib's form, as it is, and what came before it is 0 (filter 0). */
static void put_row(struct png *p, const uint8_t *row, size_t n, int last)
{
	uint8_t head[6];
	size_t i, block = n + 1;

	head[0] = (uint8_t)last;
	head[1] = (uint8_t)block;
	head[2] = (uint8_t)(block >> 8);
	head[3] = (uint8_t)~block;
	head[4] = (uint8_t)(~block >> 8);
	head[5] = 0;
	put(p, head, 6);
	p->b = (p->b + p->a) % 65521; /* Adler-32, of the filter's byte */
	for (i = 0; i < n; i++) {
		p->a = (p->a + row[i]) % 65521;
		p->b = (p->b + p->a) % 65521;
	}
	put(p, row, n);
}

/* One bit per pixel for one plane, else red, green and blue. Not compressed. */
static int write_png(FILE *f, const struct dl_sign_options *o, const uint8_t *frame)
{
	unsigned width = o->hardware.width, height = o->hardware.height, stride = (width + 7) / 8, x, y;
	size_t picture = (size_t)stride * height, row = o->planes == 1 ? stride : (size_t)width * 3;
	uint8_t *line = malloc(row), kind[5] = { 1, 0, 0, 0, 0 };
	struct png p = { NULL, 0, 1, 0 };

	if (line == NULL)
		return -1;
	p.file = f;
	if (o->planes != 1) {
		kind[0] = 8;
		kind[1] = 2;
	}
	(void)fwrite("\x89PNG\r\n\x1a\n", 1, 8, f);
	begin(&p, "IHDR", 13);
	put32(&p, width);
	put32(&p, height);
	put(&p, kind, sizeof kind);
	end(&p);
	begin(&p, "IDAT", (uint32_t)(2 + height * (6 + row) + 4));
	put(&p, (const uint8_t *)"\x78\x01", 2);
	for (y = 0; y < height; y++) {
		for (x = 0; x < (o->planes == 1 ? stride : width); x++) {
			if (o->planes == 1)
				line[x] = (uint8_t)~frame[(size_t)y * stride + x]; /* here 1 is white */
			else
				colour(o, frame, picture, (size_t)y * stride + x / 8, 0x80u >> (x % 8), line + 3 * x);
		}
		put_row(&p, line, row, y + 1 == height);
	}
	put32(&p, p.b << 16 | p.a);
	end(&p);
	begin(&p, "IEND", 0);
	end(&p);
	free(line);
	return 0;
}

/* A PBM, of several planes a PPM. */
static int write_plain(FILE *f, const struct dl_sign_options *o, const uint8_t *frame)
{
	unsigned width = o->hardware.width, height = o->hardware.height, stride = (width + 7) / 8, x, y;
	size_t picture = (size_t)stride * height;
	uint8_t rgb[3];

	if (o->planes == 1) {
		fprintf(f, "P4\n%u %u\n", width, height);
		(void)fwrite(frame, 1, picture, f);
		return 0;
	}
	fprintf(f, "P6\n%u %u\n255\n", width, height);
	for (y = 0; y < height; y++)
		for (x = 0; x < width; x++) {
			colour(o, frame, picture, (size_t)y * stride + x / 8, 0x80u >> (x % 8), rgb);
			(void)fwrite(rgb, 1, sizeof rgb, f);
		}
	return 0;
}

int glass_write(const char *file, const struct dl_sign_options *o, const uint8_t *frame)
{
	size_t n = strlen(file);
	char fresh[PATH_SIZE];
	FILE *f;
	int bad;

	if (snprintf(fresh, sizeof fresh, "%s.new", file) >= (int)sizeof fresh)
		return -1;
	f = fopen(fresh, "wb");
	if (f == NULL)
		return -1;
	bad = (n > 4 && strcmp(file + n - 4, ".png") == 0 ? write_png : write_plain)(f, o, frame);
	bad |= ferror(f);
	if (fclose(f) != 0 || bad)
		return -1;
	return rename(fresh, file);
}
