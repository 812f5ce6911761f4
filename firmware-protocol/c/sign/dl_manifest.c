/* Manifests. Licence: Apache-2.0. */
#include "dl_manifest.h"

static uint32_t u16(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }
static uint32_t u32(const uint8_t *p) { return u16(p) | u16(p + 2) << 16; }

static int zero(const uint8_t *p)
{
	unsigned i, any = 0;

	for (i = 0; i < DL_HASH; i++)
		any |= p[i];
	return any == 0;
}

void dl_step_read(const uint8_t *data, struct dl_step *step)
{
	memcpy(step->object, data, DL_HASH);
	step->size = u32(data + 32);
	memcpy(step->glass, data + 36, DL_HASH);
	step->from = u32(data + 68);
	step->until = u32(data + 72);
	step->base = data[76];
	if (step->base == DL_BASE_GLASS)
		memcpy(step->base_glass, data + DL_STEP, DL_HASH);
}

/* The first of the n first steps that shows a picture, n when none does. */
static unsigned shows(const struct dl_body *b, const uint8_t *data, unsigned n, const uint8_t *glass)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (memcmp(data + b->at[i] + 36, glass, DL_HASH) == 0)
			break;
	return i;
}

/* Checks step k, at that offset. Returns its bytes, 0 when it breaks a rule. */
static unsigned check(const struct dl_body *b, const uint8_t *data, size_t left, unsigned k)
{
	uint32_t most = 30 + 4 * ((b->width + 7u) / 8) * b->height; /* [DL-LIM-1] */
	const uint8_t *step = data + b->at[k];
	uint32_t size, from, until;
	unsigned base;

	if (left < DL_STEP)
		return 0;
	size = u32(step + 32);
	from = u32(step + 68);
	until = u32(step + 72);
	base = step[76];
	if (size == 0 || size > most || zero(step + 36))
		return 0;
	if (k < b->steps ? from >= until || (k > 0 && from != u32(data + b->at[k - 1] + 72)) : (from | until) != 0)
		return 0; /* [DL-MAN-3] */
	if (base == DL_BASE_NONE)
		return DL_STEP;
	if (base == DL_BASE_GLASS) /* [DL-MAN-4] */
		return left < DL_STEP_BASE || zero(step + DL_STEP) || shows(b, data, k, step + DL_STEP) < k ? 0 : DL_STEP_BASE;
	base -= DL_BASE_STEP;
	if (base >= k || shows(b, data, k, data + b->at[base] + 36) != base)
		return 0;
	return DL_STEP;
}

int dl_body_read(const uint8_t *data, size_t n, struct dl_body *b)
{
	unsigned k, size;
	size_t at = DL_BODY_HEAD;

	b->size = 0;
	if (n < DL_BODY_HEAD || n > DL_MAX_BODY || memcmp(data, "DLM\1", 4) != 0)
		return -1;
	b->epoch = u32(data + 4);
	b->seq = u32(data + 8);
	b->width = (uint16_t)u16(data + 12);
	b->height = (uint16_t)u16(data + 14);
	b->steps = data[16];
	b->stale = data[17] & 1;
	if (data[17] > 1 || b->steps < 1 || b->steps > DL_MAX_STEPS || b->width < 1 || b->height < 1
		|| b->width > DL_OBJECT_MAX_SIDE || b->height > DL_OBJECT_MAX_SIDE
		|| (uint32_t)((b->width + 7) / 8) * b->height > DL_OBJECT_MAX_DECODED)
		return -1;
	for (k = 0; k < b->steps + (unsigned)b->stale; k++) {
		b->at[k] = (uint16_t)at;
		size = check(b, data, n - at, k);
		if (size == 0)
			return -1;
		if (k < b->steps) {
			b->from[k] = u32(data + at + 68);
			b->until = u32(data + at + 72);
		}
		at += size;
	}
	if (at != n)
		return -1;
	b->at[k] = (uint16_t)at;
	b->size = (uint16_t)n;
	return 0;
}

enum dl_manifest_status dl_manifest_read(const struct dl_crypto *c, const uint8_t key[32], const char id[DL_ID],
	const uint8_t *data, size_t n, struct dl_body *body, struct dl_tail *tail)
{
	const uint8_t *end;
	uint8_t mac[DL_HASH];
	unsigned i, wrong = 0;

	body->size = 0;
	if (n < DL_BODY_HEAD + DL_TAIL + DL_MAC || n > DL_MAX_MANIFEST)
		return DL_MANIFEST_BROKEN;
	n -= DL_MAC;
	if (c->hmac(c->user, key, id, DL_ID, data, n, mac) != 0)
		return DL_MANIFEST_FORGED;
	for (i = 0; i < DL_MAC; i++)
		wrong |= mac[i] ^ data[n + i];
	if (wrong != 0)
		return DL_MANIFEST_FORGED;
	n -= DL_TAIL;
	end = data + n;
	tail->server_time = u32(end) | (uint64_t)u32(end + 4) << 32;
	tail->next_wake = u32(end + 8);
	tail->jitter = (uint16_t)u16(end + 12);
	if (tail->server_time >> 63 != 0 || dl_body_read(data, n, body) != 0)
		return DL_MANIFEST_BROKEN;
	return DL_MANIFEST_GOOD;
}

int dl_body_order(const struct dl_body *a, const struct dl_body *b)
{
	if (a->epoch != b->epoch)
		return a->epoch < b->epoch ? -1 : 1;
	return a->seq == b->seq ? 0 : a->seq < b->seq ? -1 : 1;
}
