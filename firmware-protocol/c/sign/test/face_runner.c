/*
 * Draws the face of a sign that waits, for ../../../wire/c_face_test.go: size,
 * kind of planes, code, address, serial number, file. With another first
 * argument it draws all sizes up to that, each in memory of just that size.
 * Licence: Apache-2.0.
 */
#include "dl_internal_sign.h"
#include "posix/port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dl_sign_options options;
static struct dl_port port;
static struct dl_sign sign;

static int draw(unsigned width, unsigned height, const char *code, const char *address)
{
	options.hardware.width = (uint16_t)width;
	options.hardware.height = (uint16_t)height;
	options.frame = malloc((size_t)(width + 7) / 8 * height * dl_planes(options.planes));
	if (options.frame == NULL)
		return -1;
	dl_face(&sign, options.frame, 0, height, code, address);
	return 0;
}

/* All sizes; a code may be drawn where there is none before, and vanish, but nothing beside the panel is touched. */
static int sweep(unsigned most)
{
	static const char *const addresses[] = { "", "http://a/", "https://signs.example.com/m/pair?c=",
		"https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/" };
	unsigned width, height, i;

	for (width = 1; width <= most; width += 1 + width / 16)
		for (height = 1; height <= most; height += 1 + height / 16)
			for (i = 0; i < sizeof addresses / sizeof *addresses; i++) {
				if (draw(width, height, "MWMWMWMW", addresses[i]) != 0)
					return 1;
				free(options.frame);
			}
	return 0;
}

int main(int argc, char **argv)
{
	int bad;

	sign.port = &port;
	sign.options = &options;
	options.planes = 1;
	options.hardware.serial = "";
	qr_hooks(&port);
	if (argc == 2)
		return sweep((unsigned)atoi(argv[1]));
	if (argc != 8)
		return 2;
	options.planes = (uint8_t)atoi(argv[3]);
	options.hardware.serial = argv[6];
	bad = draw((unsigned)atoi(argv[1]), (unsigned)atoi(argv[2]), argv[4], argv[5]) != 0 || glass_write(argv[7], &options, options.frame) != 0;
	free(options.frame);
	return bad;
}
