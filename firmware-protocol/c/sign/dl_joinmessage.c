/* Messages of pairing, section 8. Licence: Apache-2.0. */
#include "dl_join.h"

/* Keys [DL-MSG-5]. */
enum {
	BATTERY = 8, SIGNAL, MODEL = 15, SERIAL, FIRMWARE, WIDTH, HEIGHT, ALWAYS_ON, CAPABILITIES,
	COMMITMENT = 32, HARDWARE, N2, PUBLIC_KEY, N1, ID, SEALED
};

size_t dl_write_hardware(uint8_t *to, size_t room, const struct dl_hardware *h, const struct dl_measures *s)
{
	struct dl_writer w = dl_write(to, room);
	uint8_t *map = dl_put_map(&w);

	dl_put_number(&w, map, BATTERY, s->battery);
	if (s->signal < 0)
		dl_put_signed(&w, map, SIGNAL, s->signal);
	dl_put_text(&w, map, MODEL, h->model);
	dl_put_text(&w, map, SERIAL, h->serial);
	dl_put_text(&w, map, FIRMWARE, h->firmware);
	dl_put_number(&w, map, WIDTH, h->width);
	dl_put_number(&w, map, HEIGHT, h->height);
	dl_put_flag(&w, map, ALWAYS_ON, h->always_on);
	dl_put_number(&w, map, CAPABILITIES, h->capabilities);
	return dl_written(&w, to);
}

/* A map of two byte strings. */
static size_t write_two(uint8_t *to, size_t room, unsigned key, const uint8_t a[32], unsigned other, const uint8_t *b, size_t n)
{
	struct dl_writer w = dl_write(to, room);
	uint8_t *map = dl_put_map(&w);

	dl_put_bytes(&w, map, key, a, DL_HASH);
	dl_put_bytes(&w, map, other, b, n);
	return dl_written(&w, to);
}

size_t dl_write_commit(uint8_t *to, size_t room, const uint8_t commitment[32], const uint8_t *hardware, size_t n)
{
	return write_two(to, room, COMMITMENT, commitment, HARDWARE, hardware, n);
}

size_t dl_write_reveal(uint8_t *to, size_t room, const uint8_t key[32], const uint8_t n1[32])
{
	return write_two(to, room, PUBLIC_KEY, key, N1, n1, DL_HASH);
}

int dl_read_challenge(const uint8_t *data, size_t n, uint8_t n2[32])
{
	struct dl_field f = { N2, DL_BYTES, DL_HASH, 0, NULL };

	if (n > DL_MAX_MESSAGE || dl_read(&f, 1, data, n) != 0 || f.value != DL_HASH)
		return -1;
	memcpy(n2, f.data, DL_HASH);
	return 0;
}

int dl_read_identity(const uint8_t *data, size_t n, struct dl_identity *to)
{
	struct dl_field f[] = { { ID, DL_TEXT, DL_ID, 0, NULL }, { SEALED, DL_BYTES, DL_SEALED, 0, NULL } };

	if (n > DL_MAX_MESSAGE || dl_read(f, 2, data, n) != 0 || f[0].value != DL_ID || f[1].value != DL_SEALED)
		return -1;
	memcpy(to->id, f[0].data, DL_ID);
	to->id[DL_ID] = 0;
	memcpy(to->sealed, f[1].data, DL_SEALED);
	return dl_id_valid(to->id) ? 0 : -1;
}

int dl_id_valid(const char *s)
{
	unsigned i;

	for (i = 0; i < DL_ID; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '2' && s[i] <= '7'))
			return 0;
	return s[DL_ID] == 0;
}
