/* The manifest, SPEC.md section 6. Licence: Apache-2.0. */
#include "dl_internal.h"
#include "dl_message.h"

/* Sizes and places [DL-MAN-2]. */
enum { HEAD = 18, STEP = 77, BASE = 32, MAC = 16, ID = 16 };

static uint32_t le16(const uint8_t *b) { return b[0] | (uint32_t)b[1] << 8; }

static uint32_t le32(const uint8_t *b) { return le16(b) | le16(b + 2) << 16; }

static int is_zero(const uint8_t *b)
{
	unsigned k, any = 0;

	for (k = 0; k < 32; k++)
		any |= b[k];
	return any == 0;
}

/* How many bytes the step at b has. */
static uint32_t step_size(const uint8_t *b) { return b[STEP - 1] == 1 ? STEP + BASE : STEP; }

/* Where step k is. */
static const uint8_t *find(const struct dl_manifest *m, unsigned k)
{
	const uint8_t *b = m->body + HEAD;

	while (k-- > 0)
		b += step_size(b);
	return b;
}

void dl_manifest_step(const struct dl_manifest *m, unsigned k, struct dl_step *step)
{
	const uint8_t *b = find(m, k);

	step->object = b;
	step->size = le32(b + 32);
	step->glass = b + 36;
	step->from = le32(b + 68);
	step->until = le32(b + 72);
	step->base = NULL;
	if (b[STEP - 1] == 1)
		step->base = b + STEP;
	else if (b[STEP - 1] >= 2)
		step->base = find(m, b[STEP - 1] - 2u) + 36; /* [DL-MAN-4] */
}

/* The first of the steps before k that shows glass, or k. */
static unsigned showing(const struct dl_manifest *m, const uint8_t *glass, unsigned k)
{
	const uint8_t *b = m->body + HEAD;
	unsigned n;

	for (n = 0; n < k; n++) {
		if (memcmp(b + 36, glass, 32) == 0)
			return n;
		b += step_size(b);
	}
	return k;
}

/* Checks step k, which begins at b [DL-MAN-3] [DL-MAN-4]. */
static int check_step(const struct dl_manifest *m, unsigned k, const uint8_t *b, uint32_t *until)
{
	uint32_t picture = (m->width + 7u) / 8 * m->height, base = b[STEP - 1];
	struct dl_step s;

	if (base >= 2 && base - 2 >= k)
		return 0;
	dl_manifest_step(m, k, &s);
	if (s.size < 1 || s.size > 30 + 4 * picture || is_zero(s.glass))
		return 0;
	if (k == m->steps ? s.from != 0 || s.until != 0 : s.from >= s.until || (k > 0 && s.from != *until))
		return 0;
	*until = s.until;
	if (base == 1)
		return !is_zero(s.base) && showing(m, s.base, k) == k;
	return base == 0 || showing(m, s.base, k) == base - 2;
}

enum dl_message_status dl_body_read(struct dl_manifest *m, const uint8_t *b, size_t size)
{
	uint32_t at = HEAD, until = 0;
	unsigned k;

	if (size < HEAD || size > DL_MAX_MANIFEST - DL_MANIFEST_TAIL || memcmp(b, "DLM", 3) != 0)
		return DL_MESSAGE_FORMAT;
	if (b[3] != 1 || (b[17] & 0xfe) != 0)
		return DL_MESSAGE_UNSUPPORTED;
	memset(m, 0, sizeof *m);
	m->body = b;
	m->body_size = (uint32_t)size;
	m->epoch = le32(b + 4);
	m->seq = le32(b + 8);
	m->width = (uint16_t)le16(b + 12);
	m->height = (uint16_t)le16(b + 14);
	m->steps = b[16];
	m->has_stale = b[17];
	if (m->epoch == 0 || m->seq == 0 || m->steps < 1 || m->steps > DL_MAX_STEPS || m->width < 1 || m->height < 1 || m->width > DL_OBJECT_MAX_SIDE || m->height > DL_OBJECT_MAX_SIDE ||
	    (m->width + 7u) / 8 * m->height > DL_OBJECT_MAX_DECODED)
		return DL_MESSAGE_FORMAT;
	for (k = 0; k < m->steps + (unsigned)m->has_stale; k++) {
		if (size - at < STEP || size - at < step_size(b + at) || !check_step(m, k, b + at, &until))
			return DL_MESSAGE_FORMAT;
		at += step_size(b + at);
	}
	return at == size ? DL_MESSAGE_OK : DL_MESSAGE_FORMAT;
}

enum dl_message_status dl_manifest_read(struct dl_manifest *m, const uint8_t *data, size_t size, const char *id, const struct dl_hmac *hmac)
{
	const uint8_t *tail;
	uint8_t sum[32];
	enum dl_message_status status;
	unsigned k, differ = 0;

	if (size < HEAD + DL_MANIFEST_TAIL || size > DL_MAX_MANIFEST)
		return DL_MESSAGE_FORMAT;
	hmac->start(hmac->state);
	hmac->update(hmac->state, (const uint8_t *)id, ID);
	hmac->update(hmac->state, data, size - MAC);
	hmac->finish(hmac->state, sum);
	for (k = 0; k < MAC; k++) /* in constant time [DL-MAN-5] */
		differ |= sum[k] ^ data[size - MAC + k];
	if (differ != 0)
		return DL_MESSAGE_MAC;
	tail = data + size - DL_MANIFEST_TAIL;
	if (tail[7] >= 0x80)
		return DL_MESSAGE_FORMAT;
	status = dl_body_read(m, data, size - DL_MANIFEST_TAIL);
	if (status != DL_MESSAGE_OK)
		return status;
	m->server_time = le32(tail) | (uint64_t)le32(tail + 4) << 32;
	m->next_wake = le32(tail + 8);
	m->jitter = (uint16_t)le16(tail + 12);
	return DL_MESSAGE_OK;
}

int dl_manifest_due(const struct dl_manifest *m, uint32_t now)
{
	struct dl_step s;
	unsigned k;

	for (k = 0; k < m->steps; k++) {
		dl_manifest_step(m, k, &s);
		if (now < s.from)
			return -1; /* before the first */
		if (now < s.until)
			return (int)k;
	}
	return m->has_stale ? m->steps : -1;
}
