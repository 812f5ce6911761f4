/* The panel as a picture file. Licence: Apache-2.0. */
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

int glass_write(const char *file, const struct dl_sign_options *o, const uint8_t *frame)
{
	unsigned width = o->hardware.width, height = o->hardware.height, stride = (width + 7) / 8, x, y;
	size_t picture = (size_t)stride * height;
	char fresh[PATH_SIZE];
	FILE *f;
	int bad;

	if (snprintf(fresh, sizeof fresh, "%s.new", file) >= (int)sizeof fresh)
		return -1;
	f = fopen(fresh, "wb");
	if (f == NULL)
		return -1;
	if (o->planes == 1) {
		fprintf(f, "P4\n%u %u\n", width, height);
		(void)fwrite(frame, 1, picture, f);
	} else {
		fprintf(f, "P6\n%u %u\n255\n", width, height);
		for (y = 0; y < height; y++)
			for (x = 0; x < width; x++) {
				uint8_t rgb[3];

				colour(o, frame, picture, (size_t)y * stride + x / 8, 0x80u >> (x % 8), rgb);
				(void)fwrite(rgb, 1, sizeof rgb, f);
			}
	}
	bad = ferror(f);
	if (fclose(f) != 0 || bad)
		return -1;
	return rename(fresh, file);
}
