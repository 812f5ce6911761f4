/* Writes the picture on standard input: file, width, height, kind of planes. Licence: Apache-2.0. */
#include "posix/port.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	static struct dl_sign_options o;
	size_t size;
	uint8_t *frame;
	int rc;

	if (argc != 5)
		return 2;
	o.hardware.width = (uint16_t)atoi(argv[2]);
	o.hardware.height = (uint16_t)atoi(argv[3]);
	o.planes = (uint8_t)atoi(argv[4]);
	size = (o.hardware.width + 7u) / 8 * o.hardware.height * dl_planes(o.planes);
	frame = malloc(size);
	if (frame == NULL || fread(frame, 1, size, stdin) != size)
		return 2;
	rc = glass_write(argv[1], &o, frame);
	free(frame);
	return rc != 0;
}
