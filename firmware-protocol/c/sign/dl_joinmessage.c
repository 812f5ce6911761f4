/* Messages of pairing, section 8. Licence: Apache-2.0. */
#include "dl_join.h"

/* Keys [DL-MSG-5]. */
enum {
	BATTERY = 8, SIGNAL, MODEL = 15, SERIAL, FIRMWARE, WIDTH, HEIGHT, ALWAYS_ON, CAPABILITIES,
	COMMITMENT = 32, HARDWARE, N2, PUBLIC_KEY, N1, ID, SEALED
};

static void begin(struct dl_writer *w, struct dl_map *m, uint8_t *to, size_t room)
{
	w->start = w->at = to;
	w->end = to + (room < DL_MAX_MESSAGE ? room : DL_MAX_MESSAGE);
	w->failed = 0;
	dl_map_begin(w, m);
}

static size_t end(struct dl_writer *w, const struct dl_map *m)
{
	dl_map_end(w, m);
	return w->failed ? 0 : (size_t)(w->at - w->start);
}

static void put_flag(struct dl_writer *w, struct dl_map *m, unsigned key, int value)
{
	if (!value)
		return;
	dl_map_key(w, m, key);
	dl_write_head(w, DL_SIMPLE, 21);
}

static void put_hardware(struct dl_writer *w, struct dl_map *m, const struct dl_hardware *h)
{
	dl_map_text(w, m, MODEL, h->model);
	dl_map_text(w, m, SERIAL, h->serial);
	dl_map_text(w, m, FIRMWARE, h->firmware);
	dl_map_number(w, m, WIDTH, h->width);
	dl_map_number(w, m, HEIGHT, h->height);
	put_flag(w, m, ALWAYS_ON, h->always_on);
	dl_map_number(w, m, CAPABILITIES, h->capabilities);
}

size_t dl_write_hardware(uint8_t *to, size_t room, const struct dl_hardware *h, const struct dl_measures *s)
{
	struct dl_writer w;
	struct dl_map m;

	begin(&w, &m, to, room);
	dl_map_number(&w, &m, BATTERY, s->battery);
	if (s->signal < 0)
		dl_map_signed(&w, &m, SIGNAL, s->signal);
	put_hardware(&w, &m, h);
	return end(&w, &m);
}

size_t dl_write_commit(uint8_t *to, size_t room, const uint8_t commitment[32], const uint8_t *hardware, size_t n)
{
	struct dl_writer w;
	struct dl_map m;

	begin(&w, &m, to, room);
	dl_map_bytes(&w, &m, COMMITMENT, commitment, DL_HASH);
	dl_map_bytes(&w, &m, HARDWARE, hardware, n);
	return end(&w, &m);
}

size_t dl_write_reveal(uint8_t *to, size_t room, const uint8_t key[32], const uint8_t n1[32])
{
	struct dl_writer w;
	struct dl_map m;

	begin(&w, &m, to, room);
	dl_map_bytes(&w, &m, PUBLIC_KEY, key, DL_HASH);
	dl_map_bytes(&w, &m, N1, n1, DL_HASH);
	return end(&w, &m);
}

struct challenge_fields {
	uint8_t *n2;
	int had;
};

static int challenge_field(void *to, uint64_t key, const struct dl_value *v)
{
	struct challenge_fields *f = to;

	if (key != N2)
		return 0;
	f->had = 1;
	return dl_value_fixed(v, f->n2, DL_HASH);
}

int dl_read_challenge(const uint8_t *data, size_t n, uint8_t n2[32])
{
	struct challenge_fields f = { 0, 0 };

	f.n2 = n2;
	return dl_read_map(data, n, DL_MAX_MESSAGE, challenge_field, &f) == 0 && f.had ? 0 : -1;
}

struct identity_fields {
	struct dl_identity *identity;
	int sealed;
};

static int identity_field(void *to, uint64_t key, const struct dl_value *v)
{
	struct identity_fields *f = to;

	switch (key) {
	case ID:
		if (v->major != DL_TEXT || v->number != DL_ID)
			return 1;
		memcpy(f->identity->id, v->bytes, DL_ID);
		f->identity->id[DL_ID] = 0;
		return 0;
	case SEALED:
		f->sealed = 1;
		return dl_value_fixed(v, f->identity->sealed, sizeof f->identity->sealed);
	}
	return 0;
}

int dl_read_identity(const uint8_t *data, size_t n, struct dl_identity *to)
{
	struct identity_fields f = { 0, 0 };

	memset(to, 0, sizeof *to);
	f.identity = to;
	if (dl_read_map(data, n, DL_MAX_MESSAGE, identity_field, &f) != 0 || !f.sealed)
		return -1;
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
