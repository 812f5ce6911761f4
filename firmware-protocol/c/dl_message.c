/* CBOR messages of a sign, SPEC.md section 5. Licence: Apache-2.0. */
#include "dl_cbor.h"
#include "dl_internal.h"
#include "dl_message.h"

static void put(struct dl_writer *w, const void *data, size_t size)
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
static void put_head(struct dl_writer *w, unsigned major, uint32_t value)
{
	uint8_t b[5];
	unsigned bytes = value < 24 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : 4, k;

	b[0] = (uint8_t)(major << 5 | (bytes == 0 ? value : bytes == 4 ? 26 : 23 + bytes));
	for (k = 0; k < bytes; k++)
		b[1 + k] = (uint8_t)(value >> 8 * (bytes - 1 - k));
	put(w, b, 1 + bytes);
}

uint8_t *dl_put_map(struct dl_writer *w)
{
	uint8_t *head = w->at;

	put_head(w, DL_MAP, 0);
	return head;
}

void dl_put_key(struct dl_writer *w, uint8_t *map, uint32_t key)
{
	put_head(w, DL_UNSIGNED, key);
	if (w->at != NULL)
		++*map;
}

void dl_put_number(struct dl_writer *w, uint8_t *map, uint32_t key, uint32_t value)
{
	if (value == 0)
		return;
	dl_put_key(w, map, key);
	put_head(w, DL_UNSIGNED, value);
}

void dl_put_signed(struct dl_writer *w, uint8_t *map, uint32_t key, int value)
{
	dl_put_key(w, map, key);
	if (value < 0)
		put_head(w, DL_NEGATIVE, (uint32_t)(-1 - value));
	else
		put_head(w, DL_UNSIGNED, (uint32_t)value);
}

void dl_put_flag(struct dl_writer *w, uint8_t *map, uint32_t key, int value)
{
	if (!value)
		return;
	dl_put_key(w, map, key);
	put_head(w, DL_SIMPLE, 21);
}

void dl_put_bytes(struct dl_writer *w, uint8_t *map, uint32_t key, const uint8_t *data, size_t size)
{
	if (data == NULL)
		return;
	dl_put_key(w, map, key);
	put_head(w, DL_BYTES, (uint32_t)size);
	put(w, data, size);
}

/* Printable ASCII [DL-MSG-4]. */
void dl_put_text(struct dl_writer *w, uint8_t *map, uint32_t key, const char *text)
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
	dl_put_key(w, map, key);
	put_head(w, DL_TEXT, size);
	put(w, text, size);
}

size_t dl_written(const struct dl_writer *w, const uint8_t *to) { return w->at == NULL ? 0 : (size_t)(w->at - to); }

struct dl_writer dl_write(uint8_t *to, size_t room)
{
	struct dl_writer w;

	w.at = to;
	w.end = to + (room < DL_MAX_MESSAGE ? room : DL_MAX_MESSAGE);
	return w;
}

static void put_event(struct dl_writer *w, const struct dl_event *e)
{
	uint8_t *map = dl_put_map(w);

	dl_put_number(w, map, 1, e->boot);
	dl_put_number(w, map, 2, e->counter);
	dl_put_number(w, map, 12, e->button);
	dl_put_number(w, map, 13, e->age);
	dl_put_bytes(w, map, 40, e->mac, DL_MAC);
	if (e->button < 1 || e->button > 4)
		w->at = NULL;
}

size_t dl_event_write(const struct dl_event *m, uint8_t *to, size_t room)
{
	struct dl_writer w = dl_write(to, room);

	put_event(&w, m);
	return dl_written(&w, to);
}

/* What Hello and Shown have in common. */
static void put_state(struct dl_writer *w, uint8_t *map, uint32_t boot, uint32_t counter, uint32_t epoch, uint32_t seq, const uint8_t *glass, uint8_t wake,
                      uint16_t error, uint16_t battery)
{
	dl_put_number(w, map, 1, boot);
	dl_put_number(w, map, 2, counter);
	dl_put_number(w, map, 3, epoch);
	dl_put_number(w, map, 4, seq);
	dl_put_bytes(w, map, 5, glass, 32);
	dl_put_number(w, map, 6, wake);
	dl_put_number(w, map, 7, error);
	dl_put_number(w, map, 8, battery);
}

size_t dl_hello_write(const struct dl_hello *m, uint8_t *to, size_t room)
{
	struct dl_writer w = dl_write(to, room);
	uint8_t *map = dl_put_map(&w);
	unsigned k;

	if (m->width == 0 || m->height == 0 || m->signal > 0 || m->event_count > DL_MAX_EVENTS)
		return 0;
	put_state(&w, map, m->boot, m->counter, m->epoch, m->seq, m->glass, m->wake, m->error, m->battery);
	if (m->signal != 0)
		dl_put_signed(&w, map, 9, m->signal);
	if (m->has_temperature)
		dl_put_signed(&w, map, 10, m->temperature);
	if (m->event_count > 0) {
		dl_put_key(&w, map, 14);
		put_head(&w, DL_ARRAY, m->event_count);
		for (k = 0; k < m->event_count; k++)
			put_event(&w, &m->events[k]);
	}
	dl_put_text(&w, map, 15, m->model);
	dl_put_text(&w, map, 16, m->serial);
	dl_put_text(&w, map, 17, m->firmware);
	dl_put_number(&w, map, 18, m->width);
	dl_put_number(&w, map, 19, m->height);
	dl_put_flag(&w, map, 20, m->always_on);
	dl_put_number(&w, map, 21, m->capabilities);
	dl_put_number(&w, map, 39, m->key_number);
	dl_put_bytes(&w, map, 40, m->mac, DL_MAC);
	dl_put_number(&w, map, 42, m->firmware_number);
	dl_put_number(&w, map, 44, m->pins_number);
	return dl_written(&w, to);
}

size_t dl_shown_write(const struct dl_shown *m, uint8_t *to, size_t room)
{
	struct dl_writer w = dl_write(to, room);
	uint8_t *map = dl_put_map(&w);

	if (m->glass == NULL)
		return 0;
	put_state(&w, map, m->boot, m->counter, m->epoch, m->seq, m->glass, m->wake, m->error, m->battery);
	dl_put_number(&w, map, 11, m->draw_millis);
	dl_put_bytes(&w, map, 40, m->mac, DL_MAC);
	return dl_written(&w, to);
}

size_t dl_get_write(const struct dl_get *m, uint8_t *to, size_t room)
{
	struct dl_writer w = dl_write(to, room);
	uint8_t *map = dl_put_map(&w);

	if (m->object == NULL || m->length < 1 || m->length > DL_MAX_BLOCK_DATA)
		return 0;
	dl_put_bytes(&w, map, 26, m->object, 32);
	dl_put_number(&w, map, 27, m->offset);
	dl_put_number(&w, map, 28, m->length);
	return dl_written(&w, to);
}

size_t dl_key_write(const struct dl_key *m, uint8_t *to, size_t room)
{
	struct dl_writer w = dl_write(to, room);
	uint8_t *map = dl_put_map(&w);

	if (m->number == 0 || m->mac == NULL)
		return 0;
	dl_put_number(&w, map, 1, m->boot);
	dl_put_number(&w, map, 2, m->counter);
	dl_put_bytes(&w, map, 35, m->public_key, 32);
	dl_put_number(&w, map, 39, m->number);
	dl_put_bytes(&w, map, 40, m->mac, DL_MAC);
	dl_put_flag(&w, map, 41, m->public_key == NULL);
	return dl_written(&w, to);
}

/* A message being read. */
struct reader {
	const uint8_t *at, *end;
};

/* Reports whether a text is UTF-8 (RFC 3629). */
static int utf8(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		uint32_t c = *p++, least;
		unsigned more;

		if (c < 0x80)
			continue;
		more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
		if (c < 0xc0 || c > 0xf4 || (size_t)(end - p) < more)
			return 0;
		for (c &= 0x3fu >> more; more > 0; more--) {
			if ((*p & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (*p++ & 0x3fu);
		}
		if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0;
	}
	return 1;
}

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
	if (*major == DL_TAG || (*major == DL_SIMPLE && info < 25 && info != 20 && info != 21))
		return 0;
	if (*major != DL_BYTES && *major != DL_TEXT)
		return 1;
	return *value <= (uint64_t)(r->end - r->at) && (*major == DL_BYTES || utf8(r->at, r->at + *value));
}

/* Whether two items are the same key. */
static int same_key(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
	struct reader ra, rb;
	unsigned ma, mb;
	uint64_t va, vb;

	ra.at = a;
	rb.at = b;
	ra.end = rb.end = end;
	if (!take_head(&ra, &ma, &va) || !take_head(&rb, &mb, &vb) || ma != mb || va != vb)
		return 0;
	return ma < DL_BYTES || memcmp(ra.at, rb.at, (size_t)va) == 0;
}

static int skip(struct reader *r, unsigned major, uint64_t value, unsigned depth);

/* Reads the pairs of a map of that depth; fields it may have are filled in. */
static int pairs(struct reader *r, uint64_t n, unsigned depth, struct dl_field *fields, unsigned fieldn)
{
	const uint8_t *keys[48];
	uint64_t key, value;
	unsigned major, k, seen;

	for (seen = 0; seen < n; seen++) {
		keys[seen] = r->at;
		if (!take_head(r, &major, &key) || (depth == 1 && major > DL_NEGATIVE && major != DL_TEXT) || major > DL_TEXT)
			return 0;
		for (k = 0; k < seen; k++)
			if (same_key(keys[k], keys[seen], r->end))
				return 0;
		if (major >= DL_BYTES)
			r->at += key;
		for (k = 0; k < fieldn && (major != DL_UNSIGNED || fields[k].key != key); k++)
			;
		if (!take_head(r, &major, &value))
			return 0;
		if (k < fieldn) {
			if (major != fields[k].major)
				return 0;
			if (major == DL_SIMPLE)
				value -= 20;
			if (value > fields[k].most)
				return 0;
			fields[k].value = value;
			fields[k].data = r->at;
		}
		if (!skip(r, major, value, depth))
			return 0;
	}
	return 1;
}

/* Skips an item whose head was taken; depth is that of what it stands in. */
static int skip(struct reader *r, unsigned major, uint64_t value, unsigned depth)
{
	unsigned inner;
	uint64_t number;

	if (major == DL_BYTES || major == DL_TEXT) {
		r->at += value;
		return 1;
	}
	if (major != DL_ARRAY && major != DL_MAP)
		return 1;
	if (depth == 4 || value > (major == DL_ARRAY ? 16u : 48u)) /* [DL-LIM-1] */
		return 0;
	if (major == DL_MAP)
		return pairs(r, value, depth + 1, NULL, 0);
	while (value-- > 0)
		if (!take_head(r, &inner, &number) || !skip(r, inner, number, depth + 1))
			return 0;
	return 1;
}

int dl_read(struct dl_field *fields, unsigned n, const uint8_t *data, size_t size)
{
	struct reader r;
	unsigned major;
	uint64_t count;

	r.at = data;
	r.end = data + size;
	if (!take_head(&r, &major, &count) || major != DL_MAP || count > 48 || !pairs(&r, count, 1, fields, n))
		return -1;
	return r.at == r.end ? 0 : -1;
}

enum dl_message_status dl_new_key_read(struct dl_new_key *m, const uint8_t *data, size_t size)
{
	struct dl_field f[] = { { 38, DL_BYTES, DL_SEALED, 0, NULL }, { 39, DL_UNSIGNED, 0xffffffffu, 0, NULL }, { 40, DL_BYTES, DL_MAC, 0, NULL } };

	if (size > DL_MAX_MESSAGE || dl_read(f, 3, data, size) != 0 || f[0].value != DL_SEALED || f[1].value == 0 || f[2].value != DL_MAC)
		return DL_MESSAGE_FORMAT;
	m->sealed = f[0].data;
	m->number = (uint32_t)f[1].value;
	m->mac = f[2].data;
	return DL_MESSAGE_OK;
}

enum dl_message_status dl_pins_read(struct dl_pins *m, const uint8_t *data, size_t size)
{
	struct dl_field f[] = { { 40, DL_BYTES, DL_MAC, 0, NULL }, { 43, DL_ARRAY, DL_MAX_PINS, 0, NULL }, { 44, DL_UNSIGNED, 0xffffffffu, 0, NULL } };
	struct reader r;
	unsigned major;
	uint64_t length;

	if (size > DL_MAX_MESSAGE || dl_read(f, 3, data, size) != 0 || f[0].value != DL_MAC || f[1].value == 0 || f[2].value == 0)
		return DL_MESSAGE_FORMAT;
	r.at = f[1].data;
	r.end = data + size;
	for (m->count = 0; m->count < f[1].value; m->count++) {
		if (!take_head(&r, &major, &length) || major != DL_BYTES || length != 32)
			return DL_MESSAGE_FORMAT;
		m->key[m->count] = r.at;
		r.at += length;
	}
	m->number = (uint32_t)f[2].value;
	m->mac = f[0].data;
	return DL_MESSAGE_OK;
}

enum dl_message_status dl_removed_read(const uint8_t **mac, const uint8_t *data, size_t size)
{
	struct dl_field f[] = { { 40, DL_BYTES, DL_MAC, 0, NULL } };

	if (size > DL_MAX_MESSAGE || dl_read(f, 1, data, size) != 0 || f[0].value != DL_MAC)
		return DL_MESSAGE_FORMAT;
	*mac = f[0].data;
	return DL_MESSAGE_OK;
}

enum dl_message_status dl_ack_read(struct dl_ack *m, const uint8_t *data, size_t size)
{
	struct dl_field f[] = {
		{ 1, DL_UNSIGNED, 0xffffffffu, 0, NULL }, { 2, DL_UNSIGNED, 0xffffffffu, 0, NULL }, { 22, DL_UNSIGNED, UINT64_MAX >> 1, 0, NULL },
		{ 23, DL_SIMPLE, 1, 0, NULL }, { 24, DL_UNSIGNED, 0xffffffffu, 0, NULL }, { 25, DL_UNSIGNED, 0xffff, 0, NULL },
		{ 39, DL_UNSIGNED, 0xffffffffu, 0, NULL },
	};

	if (size > DL_MAX_MESSAGE || dl_read(f, sizeof f / sizeof *f, data, size) != 0)
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
	struct dl_field f[] = {
		{ 26, DL_BYTES, 8, 0, NULL }, { 27, DL_UNSIGNED, 0xffffffffu, 0, NULL }, { 29, DL_UNSIGNED, 0xffffffffu, 0, NULL },
		{ 30, DL_BYTES, DL_MAX_BLOCK_DATA, 0, NULL }, { 31, DL_UNSIGNED, 0xffffffffu, 0, NULL },
	};

	if (size > DL_MAX_BLOCK || dl_read(f, sizeof f / sizeof *f, data, size) != 0 || f[0].value != 8)
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
