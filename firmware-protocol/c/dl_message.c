/* CBOR messages of a sign, SPEC.md section 5. Licence: Apache-2.0. */
#include "dl_internal.h"
#include "dl_message.h"

/* Major types of RFC 8949. */
enum { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };

/* A message being written; at is NULL once it did not fit. */
struct writer {
	uint8_t *at, *end;
};

static void put(struct writer *w, const void *data, size_t size)
{
	const uint8_t *b = data;

	if (w->at == NULL || (size_t)(w->end - w->at) < size) {
		w->at = NULL;
		return;
	}
	while (size-- > 0)
		*w->at++ = *b++;
}

/* The head of an item in its shortest form [DL-MSG-1]. */
static void put_head(struct writer *w, unsigned major, uint32_t value)
{
	uint8_t b[5];
	unsigned bytes = value < 24 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : 4, k;

	b[0] = (uint8_t)(major << 5 | (bytes == 0 ? value : bytes == 4 ? 26 : 23 + bytes));
	for (k = 0; k < bytes; k++)
		b[1 + k] = (uint8_t)(value >> 8 * (bytes - 1 - k));
	put(w, b, 1 + bytes);
}

/* A map that is counted while it is written; it has less than 24 pairs. */
static uint8_t *begin_map(struct writer *w)
{
	uint8_t *head = w->at;

	put_head(w, MAP, 0);
	return head;
}

static void put_key(struct writer *w, uint8_t *map, uint32_t key)
{
	put_head(w, UNSIGNED, key);
	if (w->at != NULL)
		++*map;
}

/* A number, left out when it is 0. */
static void put_number(struct writer *w, uint8_t *map, uint32_t key, uint32_t value)
{
	if (value == 0)
		return;
	put_key(w, map, key);
	put_head(w, UNSIGNED, value);
}

static void put_signed(struct writer *w, uint8_t *map, uint32_t key, int value)
{
	put_key(w, map, key);
	if (value < 0)
		put_head(w, NEGATIVE, (uint32_t)(-1 - value));
	else
		put_head(w, UNSIGNED, (uint32_t)value);
}

static void put_bytes(struct writer *w, uint8_t *map, uint32_t key, const uint8_t *data, uint32_t size)
{
	if (data == NULL)
		return;
	put_key(w, map, key);
	put_head(w, BYTES, size);
	put(w, data, size);
}

/* Printable ASCII [DL-MSG-4], left out when empty. */
static void put_text(struct writer *w, uint8_t *map, uint32_t key, const char *text)
{
	uint32_t size = 0;

	while (text != NULL && text[size] >= 0x20 && text[size] <= 0x7e && size <= DL_MAX_TEXT)
		size++;
	if (size > DL_MAX_TEXT || (text != NULL && text[size] != 0)) {
		w->at = NULL;
		return;
	}
	if (size == 0)
		return;
	put_key(w, map, key);
	put_head(w, TEXT, size);
	put(w, text, size);
}

static size_t written(const struct writer *w, const uint8_t *to) { return w->at == NULL ? 0 : (size_t)(w->at - to); }

/* Room for one message. */
static struct writer begin(uint8_t *to, size_t room)
{
	struct writer w;

	w.at = to;
	w.end = to + (room < DL_MAX_MESSAGE ? room : DL_MAX_MESSAGE);
	return w;
}

static void put_event(struct writer *w, const struct dl_event *e)
{
	uint8_t *map = begin_map(w);

	put_number(w, map, 1, e->boot);
	put_number(w, map, 2, e->counter);
	put_number(w, map, 12, e->button);
	put_number(w, map, 13, e->age);
	if (e->button < 1 || e->button > 4)
		w->at = NULL;
}

size_t dl_event_write(const struct dl_event *m, uint8_t *to, size_t room)
{
	struct writer w = begin(to, room);

	put_event(&w, m);
	return written(&w, to);
}

/* What Hello and Shown have in common. */
static void put_state(struct writer *w, uint8_t *map, uint32_t boot, uint32_t counter, uint32_t epoch, uint32_t seq, const uint8_t *glass, uint8_t wake,
                      uint16_t error, uint16_t battery)
{
	put_number(w, map, 1, boot);
	put_number(w, map, 2, counter);
	put_number(w, map, 3, epoch);
	put_number(w, map, 4, seq);
	put_bytes(w, map, 5, glass, 32);
	put_number(w, map, 6, wake);
	put_number(w, map, 7, error);
	put_number(w, map, 8, battery);
}

size_t dl_hello_write(const struct dl_hello *m, uint8_t *to, size_t room)
{
	struct writer w = begin(to, room);
	uint8_t *map = begin_map(&w);
	unsigned k;

	if (m->width == 0 || m->height == 0 || m->signal > 0 || m->event_count > DL_MAX_EVENTS)
		return 0;
	put_state(&w, map, m->boot, m->counter, m->epoch, m->seq, m->glass, m->wake, m->error, m->battery);
	if (m->signal != 0)
		put_signed(&w, map, 9, m->signal);
	if (m->has_temperature)
		put_signed(&w, map, 10, m->temperature);
	if (m->event_count > 0) {
		put_key(&w, map, 14);
		put_head(&w, ARRAY, m->event_count);
		for (k = 0; k < m->event_count; k++)
			put_event(&w, &m->events[k]);
	}
	put_text(&w, map, 15, m->model);
	put_text(&w, map, 16, m->serial);
	put_text(&w, map, 17, m->firmware);
	put_number(&w, map, 18, m->width);
	put_number(&w, map, 19, m->height);
	if (m->always_on) {
		put_key(&w, map, 20);
		put_head(&w, SIMPLE, 21);
	}
	put_number(&w, map, 21, m->capabilities);
	return written(&w, to);
}

size_t dl_shown_write(const struct dl_shown *m, uint8_t *to, size_t room)
{
	struct writer w = begin(to, room);
	uint8_t *map = begin_map(&w);

	if (m->glass == NULL)
		return 0;
	put_state(&w, map, m->boot, m->counter, m->epoch, m->seq, m->glass, m->wake, m->error, m->battery);
	put_number(&w, map, 11, m->draw_millis);
	return written(&w, to);
}

size_t dl_get_write(const struct dl_get *m, uint8_t *to, size_t room)
{
	struct writer w = begin(to, room);
	uint8_t *map = begin_map(&w);

	if (m->object == NULL || m->length < 1 || m->length > DL_MAX_BLOCK_DATA)
		return 0;
	put_bytes(&w, map, 26, m->object, 32);
	put_number(&w, map, 27, m->offset);
	put_number(&w, map, 28, m->length);
	return written(&w, to);
}

/* A message being read. */
struct reader {
	const uint8_t *at, *end;
};

/* The head of an item; 0 when there is none that SPEC.md allows [DL-MSG-2]. */
static int take_head(struct reader *r, unsigned *major, uint64_t *value)
{
	unsigned info, bytes;

	if (r->at == r->end)
		return 0;
	*major = *r->at >> 5;
	info = *r->at++ & 31;
	*value = info;
	if (info >= 24) {
		bytes = 1u << (info - 24);
		if (info > 27 || (size_t)(r->end - r->at) < bytes)
			return 0;
		for (*value = 0; bytes > 0; bytes--)
			*value = *value << 8 | *r->at++;
	}
	if (*major == TAG || (*major == SIMPLE && info < 25 && info != 20 && info != 21))
		return 0;
	return (*major != BYTES && *major != TEXT) || *value <= (uint64_t)(r->end - r->at);
}

/* Skips an item whose head was taken; depth is that of what it stands in. */
static int skip(struct reader *r, unsigned major, uint64_t value, unsigned depth)
{
	if (major == BYTES || major == TEXT) {
		r->at += value;
		return 1;
	}
	if (major != ARRAY && major != MAP)
		return 1;
	if (depth == 4 || value > (major == ARRAY ? 16u : 48u)) /* [DL-LIM-1] */
		return 0;
	if (major == MAP)
		value *= 2;
	while (value-- > 0) {
		unsigned inner;
		uint64_t number;
		if (!take_head(r, &inner, &number) || !skip(r, inner, number, depth + 1))
			return 0;
	}
	return 1;
}

/* What a message may have: a key with its kind and greatest number or size. */
struct field {
	uint8_t key, major;
	uint64_t most;
	uint64_t value; /* number, flag or size */
	const uint8_t *data;
};

/* Whether two items are the same key. */
static int same_key(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
	struct reader ra = { a, end }, rb = { b, end };
	unsigned ma, mb;
	uint64_t va, vb;

	if (!take_head(&ra, &ma, &va) || !take_head(&rb, &mb, &vb) || ma != mb || va != vb)
		return 0;
	return ma < BYTES || memcmp(ra.at, rb.at, (size_t)va) == 0;
}

/* Reads a map of fields; unknown keys are skipped [DL-MSG-3]. */
static int read_map(struct field *fields, unsigned n, const uint8_t *data, size_t size)
{
	struct reader r;
	const uint8_t *keys[48];
	uint64_t pairs, key, value;
	unsigned major, k, seen;

	r.at = data;
	r.end = data + size;
	if (!take_head(&r, &major, &pairs) || major != MAP || pairs > 48)
		return 0;
	for (seen = 0; seen < pairs; seen++) {
		keys[seen] = r.at;
		if (!take_head(&r, &major, &key) || (major > NEGATIVE && major != TEXT))
			return 0;
		for (k = 0; k < seen; k++)
			if (same_key(keys[k], keys[seen], r.end))
				return 0;
		if (major == TEXT)
			r.at += key;
		for (k = 0; k < n && (major != UNSIGNED || fields[k].key != key); k++)
			;
		if (!take_head(&r, &major, &value))
			return 0;
		if (k < n) {
			if (major != fields[k].major)
				return 0;
			if (major == SIMPLE)
				value -= 20;
			if (value > fields[k].most)
				return 0;
			fields[k].value = value;
			fields[k].data = r.at;
		}
		if (!skip(&r, major, value, 1))
			return 0;
	}
	return r.at == r.end;
}

enum dl_message_status dl_ack_read(struct dl_ack *m, const uint8_t *data, size_t size)
{
	struct field f[] = {
		{ 1, UNSIGNED, 0xffffffffu, 0, NULL }, { 2, UNSIGNED, 0xffffffffu, 0, NULL }, { 22, UNSIGNED, UINT64_MAX >> 1, 0, NULL },
		{ 23, SIMPLE, 1, 0, NULL }, { 24, UNSIGNED, 0xffffffffu, 0, NULL }, { 25, UNSIGNED, 0xffff, 0, NULL },
		{ 39, UNSIGNED, 0xffffffffu, 0, NULL },
	};

	if (size > DL_MAX_MESSAGE || !read_map(f, sizeof f / sizeof *f, data, size))
		return DL_MESSAGE_FORMAT;
	m->boot = (uint32_t)f[0].value;
	m->counter = (uint32_t)f[1].value;
	m->server_time = f[2].value;
	m->manifest = (uint8_t)f[3].value;
	m->next_wake = (uint32_t)f[4].value;
	m->jitter = (uint16_t)f[5].value;
	m->key_number = (uint32_t)f[6].value;
	return DL_MESSAGE_OK;
}

enum dl_message_status dl_block_read(struct dl_block *m, const uint8_t *data, size_t size)
{
	struct field f[] = {
		{ 26, BYTES, 8, 0, NULL }, { 27, UNSIGNED, 0xffffffffu, 0, NULL }, { 29, UNSIGNED, 0xffffffffu, 0, NULL },
		{ 30, BYTES, DL_MAX_BLOCK_DATA, 0, NULL }, { 31, UNSIGNED, 0xffffffffu, 0, NULL },
	};

	if (size > DL_MAX_BLOCK || !read_map(f, sizeof f / sizeof *f, data, size) || f[0].value != 8)
		return DL_MESSAGE_FORMAT;
	m->object = f[0].data;
	m->offset = (uint32_t)f[1].value;
	m->total = (uint32_t)f[2].value;
	m->data = f[3].data;
	m->length = (uint32_t)f[3].value;
	if ((uint64_t)m->offset + m->length > m->total || (m->total > 0 && m->length == 0))
		return DL_MESSAGE_FORMAT;
	if ((dl_crc32(0xffffffffu, m->data, m->length) ^ 0xffffffffu) != f[4].value)
		return DL_MESSAGE_CHECKSUM;
	return DL_MESSAGE_OK;
}
