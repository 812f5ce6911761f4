/* Messages of pairing, section 8. Licence: Apache-2.0. */
#include "dl_join.h"

/* Keys [DL-MSG-5]. */
enum {
	BATTERY = 8, SIGNAL, MODEL = 15, SERIAL, FIRMWARE, WIDTH, HEIGHT, ALWAYS_ON, CAPABILITIES,
	COMMITMENT = 32, HARDWARE, N2, PUBLIC_KEY, N1, ID, SEALED, ADDRESS = 45
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

unsigned dl_address_host(const char *address, const char **host)
{
	unsigned n, k;

	for (n = 0; address[n] > ' ' && address[n] <= '~'; n++)
		;
	if (address[n] != 0 || n > DL_MAX_TEXT || n < 9 || memcmp(address, "http", 4) != 0)
		return 0;
	address += address[4] == 's' ? 5 : 4;
	if (memcmp(address, "://", 3) != 0)
		return 0;
	*host = address + 3;
	for (n = 0; (*host)[n] != 0 && (*host)[n] != '/'; n++) {
		const char *allowed = "abcdefghijklmnopqrstuvwxyz0123456789-.:[]";

		for (k = 0; allowed[k] != 0 && allowed[k] != (*host)[n]; k++)
			;
		if (allowed[k] == 0)
			return 0;
	}
	return (*host)[n] == '/' ? n : 0;
}

int dl_read_challenge(const uint8_t *data, size_t n, struct dl_challenge *to)
{
	struct dl_field f[] = { { N2, DL_BYTES, DL_HASH, 0, NULL }, { ADDRESS, DL_TEXT, DL_MAX_TEXT, 0, NULL } };
	const char *host;
	unsigned i;

	if (n > DL_MAX_MESSAGE || dl_read(f, 2, data, n) != 0 || f[0].value != DL_HASH)
		return -1;
	memcpy(to->n2, f[0].data, DL_HASH);
	memset(to->address, 0, sizeof to->address);
	if (f[1].value == 0)
		return 0;
	memcpy(to->address, f[1].data, (size_t)f[1].value);
	for (i = 0; i < f[1].value; i++)
		if (to->address[i] == 0)
			return -1; /* it would hide the rest */
	return dl_address_host(to->address, &host) > 0 ? 0 : -1;
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
