/* Kinds of pictures, and the name of one. Licence: Apache-2.0. */
#include "dl_object.h"

unsigned dl_planes(uint8_t planes) { return planes > 6 ? 0 : 0x4232210u >> 4 * planes & 15; }

void dl_glass_digest_start(const struct dl_sha256 *hash, uint16_t width, uint16_t height, uint8_t planes)
{
	uint8_t head[9] = { 'D', 'L', 'G', '1' };

	head[4] = (uint8_t)width;
	head[5] = (uint8_t)(width >> 8);
	head[6] = (uint8_t)height;
	head[7] = (uint8_t)(height >> 8);
	head[8] = planes;
	hash->start(hash->state);
	hash->update(hash->state, head, sizeof head);
}

void dl_glass_digest(const struct dl_sha256 *hash, uint16_t width, uint16_t height, uint8_t planes, const uint8_t *rows, uint8_t digest[32])
{
	dl_glass_digest_start(hash, width, height, planes);
	hash->update(hash->state, rows, (size_t)((width + 7) / 8) * height * dl_planes(planes));
	hash->finish(hash->state, digest);
}
