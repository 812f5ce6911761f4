/* CBOR for messages. Licence: Apache-2.0. */
#include "dl_cbor.h"
#include "dl_port.h"

enum {
	MAX_LEVELS = 4, /* nesting, elements and pairs: [DL-LIM-1] */
	MAX_ELEMENTS = 16,
	MAX_PAIRS = 48,
	FALSE = 20,
	TRUE = 21
};

static void put(struct dl_writer *w, const void *data, size_t n)
{
	if (w->failed || (size_t)(w->end - w->at) < n) {
		w->failed = 1;
		return;
	}
	memcpy(w->at, data, n);
	w->at += n;
}

void dl_write_head(struct dl_writer *w, unsigned major, uint64_t value)
{
	uint8_t head[9];
	unsigned size = value < 24 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : value <= 0xffffffffu ? 4 : 8;
	unsigned i;

	head[0] = (uint8_t)(major << 5 | (size == 0 ? value : size == 1 ? 24u : size == 2 ? 25u : size == 4 ? 26u : 27u));
	for (i = 0; i < size; i++)
		head[1 + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
	put(w, head, 1 + size);
}

void dl_write_bytes(struct dl_writer *w, unsigned major, const void *data, size_t n)
{
	dl_write_head(w, major, n);
	put(w, data, n);
}

void dl_map_begin(struct dl_writer *w, struct dl_map *m)
{
	m->head = w->at;
	m->pairs = 0;
	dl_write_head(w, DL_MAP, 0);
}

void dl_map_end(struct dl_writer *w, const struct dl_map *m)
{
	if (m->pairs > 23)
		w->failed = 1;
	if (!w->failed)
		*m->head = (uint8_t)(DL_MAP << 5 | m->pairs);
}

void dl_map_key(struct dl_writer *w, struct dl_map *m, unsigned key)
{
	m->pairs++;
	dl_write_head(w, DL_UNSIGNED, key);
}

void dl_map_number(struct dl_writer *w, struct dl_map *m, unsigned key, uint32_t value)
{
	if (value == 0)
		return;
	dl_map_key(w, m, key);
	dl_write_head(w, DL_UNSIGNED, value);
}

void dl_map_signed(struct dl_writer *w, struct dl_map *m, unsigned key, int value)
{
	dl_map_key(w, m, key);
	if (value < 0)
		dl_write_head(w, DL_NEGATIVE, (uint64_t)(-1 - value));
	else
		dl_write_head(w, DL_UNSIGNED, (uint64_t)value);
}

void dl_map_text(struct dl_writer *w, struct dl_map *m, unsigned key, const char *text)
{
	size_t n = 0;

	while (text != NULL && text[n] != 0)
		n++;
	if (n == 0)
		return;
	dl_map_key(w, m, key);
	dl_write_bytes(w, DL_TEXT, text, n);
}

void dl_map_bytes(struct dl_writer *w, struct dl_map *m, unsigned key, const uint8_t *data, size_t n)
{
	dl_map_key(w, m, key);
	dl_write_bytes(w, DL_BYTES, data, n);
}

struct reader {
	const uint8_t *at, *end;
};

/* Reads the head of a value, and its bytes. */
static int head(struct reader *r, struct dl_value *v)
{
	unsigned info, size, i;

	if (r->at == r->end)
		return -1;
	v->major = *r->at >> 5;
	info = *r->at++ & 31;
	v->number = info;
	v->bytes = NULL;
	if (info > 27 || v->major == DL_TAG)
		return -1;
	if (info >= 24) {
		size = 1u << (info - 24);
		if ((size_t)(r->end - r->at) < size)
			return -1;
		v->number = 0;
		for (i = 0; i < size; i++)
			v->number = v->number << 8 | *r->at++;
	}
	switch (v->major) {
	case DL_BYTES:
	case DL_TEXT:
		if (v->number > (uint64_t)(r->end - r->at))
			return -1;
		v->bytes = r->at;
		r->at += v->number;
		break;
	case DL_ARRAY:
		return v->number > MAX_ELEMENTS ? -1 : 0;
	case DL_MAP:
		return v->number > MAX_PAIRS ? -1 : 0;
	case DL_SIMPLE:
		if (info > 24)
			v->number = ~(uint64_t)0; /* floating-point: nobody's value */
		else if (info == 24 || (info != FALSE && info != TRUE))
			return -1;
	}
	return 0;
}

/* Reports whether a text is UTF-8 (RFC 3629). */
static int utf8(const uint8_t *p, uint64_t n)
{
	const uint8_t *end = p + n;

	while (p < end) {
		unsigned c = *p++, more, least, i;

		if (c < 0x80)
			continue;
		if (c < 0xc2 || c > 0xf4)
			return 0;
		more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
		c &= 0x3fu >> more;
		for (i = 0; i < more; i++) {
			if (p == end || (*p & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (*p++ & 0x3f);
		}
		if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0;
	}
	return 1;
}

static int same(const struct dl_value *a, const struct dl_value *b)
{
	return a->major == b->major && a->number == b->number && (a->bytes == NULL || memcmp(a->bytes, b->bytes, (size_t)a->number) == 0);
}

static int skip(struct reader *r, unsigned level, struct dl_value *v);

/* Reads the pairs of a map; field is NULL for one that is skipped. */
static int pairs(struct reader *r, unsigned level, uint64_t n, int (*field)(void *to, uint64_t key, const struct dl_value *v), void *to)
{
	const uint8_t *keys[MAX_PAIRS];
	struct dl_value key, other, v;
	uint64_t i, j;

	for (i = 0; i < n; i++) {
		keys[i] = r->at;
		if (head(r, &key) != 0 || key.major > DL_TEXT || (field != NULL && key.major > DL_NEGATIVE))
			return -1;
		if (key.major == DL_TEXT && !utf8(key.bytes, key.number))
			return -1;
		for (j = 0; j < i; j++) {
			struct reader again = { keys[j], r->end };

			if (head(&again, &other) != 0 || same(&key, &other))
				return -1;
		}
		if (skip(r, level, &v) != 0)
			return -1;
		if (field != NULL && key.major == DL_UNSIGNED && field(to, key.number, &v) != 0)
			return -1;
	}
	return 0;
}

/* Reads a value inside of a map or array of that level. */
static int skip(struct reader *r, unsigned level, struct dl_value *v)
{
	struct dl_value inner;
	uint64_t i;

	if (head(r, v) != 0)
		return -1;
	if (v->major == DL_TEXT && !utf8(v->bytes, v->number))
		return -1;
	if (v->major != DL_ARRAY && v->major != DL_MAP)
		return 0;
	if (++level > MAX_LEVELS)
		return -1;
	if (v->major == DL_MAP)
		return pairs(r, level, v->number, NULL, NULL);
	for (i = 0; i < v->number; i++)
		if (skip(r, level, &inner) != 0)
			return -1;
	return 0;
}

int dl_read_map(const uint8_t *data, size_t n, size_t most, int (*field)(void *to, uint64_t key, const struct dl_value *v), void *to)
{
	struct reader r = { data, data + n };
	struct dl_value v;

	if (n == 0 || n > most || head(&r, &v) != 0 || v.major != DL_MAP || pairs(&r, 1, v.number, field, to) != 0)
		return -1;
	return r.at == r.end ? 0 : -1;
}

int dl_value_number(const struct dl_value *v, uint64_t most, uint64_t *to)
{
	*to = v->number;
	return v->major != DL_UNSIGNED || v->number > most;
}

int dl_value_fixed(const struct dl_value *v, uint8_t *to, size_t n)
{
	if (v->major != DL_BYTES || v->number != n)
		return 1;
	memcpy(to, v->bytes, n);
	return 0;
}
