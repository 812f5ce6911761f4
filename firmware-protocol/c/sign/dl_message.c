/* Messages of section 5 and 8. Licence: Apache-2.0. */
#include "dl_message.h"

/* Keys [DL-MSG-5]. */
enum {
	BOOT = 1, COUNTER, EPOCH, SEQ, GLASS, WAKE, ERROR, BATTERY, SIGNAL, TEMPERATURE, DRAW_TIME, BUTTON, AGE, EVENTS,
	MODEL, SERIAL, FIRMWARE, WIDTH, HEIGHT, ALWAYS_ON, CAPABILITIES, SERVER_TIME, MANIFEST, NEXT_WAKE, JITTER,
	OBJECT, OFFSET, LENGTH, TOTAL, DATA, CRC, COMMITMENT, HARDWARE, N2, PUBLIC_KEY, N1, ID, SEALED
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

static void put_event(struct dl_writer *w, const struct dl_event *e)
{
	struct dl_map m;

	dl_map_begin(w, &m);
	dl_map_number(w, &m, BOOT, e->boot);
	dl_map_number(w, &m, COUNTER, e->counter);
	dl_map_number(w, &m, BUTTON, e->button);
	dl_map_number(w, &m, AGE, e->age);
	dl_map_end(w, &m);
}

static void put_measures(struct dl_writer *w, struct dl_map *m, const struct dl_measures *s)
{
	dl_map_number(w, m, BATTERY, s->battery);
	if (s->signal < 0)
		dl_map_signed(w, m, SIGNAL, s->signal);
	if (s->temperature_known)
		dl_map_signed(w, m, TEMPERATURE, s->temperature);
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

static void put_report(struct dl_writer *w, struct dl_map *m, const struct dl_report *r)
{
	dl_map_number(w, m, BOOT, r->boot);
	dl_map_number(w, m, COUNTER, r->counter);
	dl_map_number(w, m, EPOCH, r->epoch);
	dl_map_number(w, m, SEQ, r->seq);
	if (r->glass != NULL)
		dl_map_bytes(w, m, GLASS, r->glass, DL_HASH);
	dl_map_number(w, m, WAKE, r->wake);
	dl_map_number(w, m, ERROR, r->error);
}

size_t dl_write_hello(uint8_t *to, size_t room, const struct dl_report *r)
{
	struct dl_writer w;
	struct dl_map m;
	unsigned i;

	begin(&w, &m, to, room);
	put_report(&w, &m, r);
	put_measures(&w, &m, r->measures);
	if (r->n_events > 0) {
		dl_map_key(&w, &m, EVENTS);
		dl_write_head(&w, DL_ARRAY, r->n_events);
		for (i = 0; i < r->n_events; i++)
			put_event(&w, &r->events[i]);
	}
	put_hardware(&w, &m, r->hardware);
	return end(&w, &m);
}

size_t dl_write_shown(uint8_t *to, size_t room, const struct dl_report *r)
{
	struct dl_writer w;
	struct dl_map m;

	begin(&w, &m, to, room);
	put_report(&w, &m, r);
	dl_map_number(&w, &m, BATTERY, r->measures->battery);
	dl_map_number(&w, &m, DRAW_TIME, r->draw_time);
	return end(&w, &m);
}

size_t dl_write_event(uint8_t *to, size_t room, const struct dl_event *e)
{
	struct dl_writer w;

	w.start = w.at = to;
	w.end = to + room;
	w.failed = 0;
	put_event(&w, e);
	return w.failed ? 0 : (size_t)(w.at - w.start);
}

size_t dl_write_get(uint8_t *to, size_t room, const uint8_t object[32], uint32_t offset, uint32_t length)
{
	struct dl_writer w;
	struct dl_map m;

	begin(&w, &m, to, room);
	dl_map_bytes(&w, &m, OBJECT, object, DL_HASH);
	dl_map_number(&w, &m, OFFSET, offset);
	dl_map_number(&w, &m, LENGTH, length);
	return end(&w, &m);
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

static int ack_field(void *to, uint64_t key, const struct dl_value *v)
{
	struct dl_ack *a = to;
	uint64_t n = 0;
	int bad = 0;

	switch (key) {
	case BOOT: bad = dl_value_number(v, 0xffffffffu, &n); a->boot = (uint32_t)n; break;
	case COUNTER: bad = dl_value_number(v, 0xffffffffu, &n); a->counter = (uint32_t)n; break;
	case SERVER_TIME: bad = dl_value_number(v, ~(uint64_t)0 >> 1, &n); a->server_time = n; break;
	case MANIFEST: bad = v->major != DL_SIMPLE || v->number > 21; a->manifest = v->number == 21; break;
	case NEXT_WAKE: bad = dl_value_number(v, 0xffffffffu, &n); a->next_wake = (uint32_t)n; break;
	case JITTER: bad = dl_value_number(v, 0xffff, &n); a->jitter = (uint16_t)n; break;
	}
	return bad;
}

int dl_read_ack(const uint8_t *data, size_t n, struct dl_ack *to)
{
	memset(to, 0, sizeof *to);
	return dl_read_map(data, n, DL_MAX_MESSAGE, ack_field, to);
}

struct block_fields {
	struct dl_block *block;
	uint32_t crc;
	int object;
};

static int block_field(void *to, uint64_t key, const struct dl_value *v)
{
	struct block_fields *f = to;
	struct dl_block *b = f->block;
	uint64_t n = 0;
	int bad = 0;

	switch (key) {
	case OBJECT: bad = dl_value_fixed(v, b->object, sizeof b->object); f->object = 1; break;
	case OFFSET: bad = dl_value_number(v, 0xffffffffu, &n); b->offset = (uint32_t)n; break;
	case TOTAL: bad = dl_value_number(v, 0xffffffffu, &n); b->total = (uint32_t)n; break;
	case DATA: bad = v->major != DL_BYTES || v->number > DL_MAX_DATA; b->data = v->bytes; b->length = (uint32_t)v->number; break;
	case CRC: bad = dl_value_number(v, 0xffffffffu, &n); f->crc = (uint32_t)n; break;
	}
	return bad;
}

static uint32_t crc32(const uint8_t *p, uint32_t n)
{
	uint32_t crc = 0xffffffffu;
	unsigned i;

	while (n-- > 0) {
		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

int dl_read_block(const uint8_t *data, size_t n, struct dl_block *to)
{
	struct block_fields f = { 0, 0, 0 };

	memset(to, 0, sizeof *to);
	f.block = to;
	if (dl_read_map(data, n, DL_MAX_BLOCK, block_field, &f) != 0 || !f.object)
		return -1;
	if (to->length > to->total || to->offset > to->total - to->length)
		return to->total == 0 && to->length == 0 ? 0 : -1;
	return crc32(to->data, to->length) == f.crc ? 0 : -1;
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
