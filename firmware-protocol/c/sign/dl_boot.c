/* Slots of firmware. Licence: Apache-2.0. */
#include "dl_boot.h"

static void put32(uint8_t *to, uint32_t v)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get32(const uint8_t *b) { return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24; }

/* A sum, because some storage tears and a boot loader must not be led astray. */
static uint32_t sum(const uint8_t *b, unsigned n)
{
	uint32_t v = 0x811c9dc5u; /* FNV-1a */

	while (n-- > 0)
		v = (v ^ *b++) * 0x01000193u;
	return v;
}

void dl_slots_write(const struct dl_slots *s, uint8_t to[DL_SLOTS])
{
	unsigned i;

	to[0] = 'D';
	to[1] = 'L';
	to[2] = 'B';
	to[3] = 1;
	for (i = 0; i < 2; i++) {
		to[4 + 6 * i] = s->slot[i].state;
		to[5 + 6 * i] = s->slot[i].starts;
		put32(to + 6 + 6 * i, s->slot[i].number);
	}
	put32(to + 16, s->failed);
	put32(to + 20, s->back);
	put32(to + 24, sum(to, 24));
}

int dl_slots_read(struct dl_slots *s, const uint8_t *data, int32_t n)
{
	unsigned i;

	if (n != DL_SLOTS || data[0] != 'D' || data[1] != 'L' || data[2] != 'B' || data[3] != 1 || get32(data + 24) != sum(data, 24))
		return -1;
	for (i = 0; i < 2; i++) {
		s->slot[i].state = data[4 + 6 * i];
		s->slot[i].starts = data[5 + 6 * i];
		s->slot[i].number = get32(data + 6 + 6 * i);
	}
	s->failed = get32(data + 16);
	s->back = data[20];
	return 0;
}

void dl_slots_back(struct dl_slots *s, unsigned slot)
{
	s->failed = s->slot[slot].number;
	s->back = 1;
	s->slot[slot].state = DL_SLOT_EMPTY;
	s->slot[slot].starts = 0;
}

int dl_boot(struct dl_slots *s)
{
	int i, good = -1;

	for (i = 0; i < 2; i++) {
		if (s->slot[i].state != DL_SLOT_TRIAL)
			continue;
		if (s->slot[i].starts < DL_TRIAL_STARTS) {
			s->slot[i].starts++;
			return i;
		}
		if (s->slot[i ^ 1].state != DL_SLOT_GOOD)
			return i; /* better than nothing; the marks were lost */
		dl_slots_back(s, (unsigned)i);
	}
	for (i = 0; i < 2; i++)
		if (s->slot[i].state == DL_SLOT_GOOD && (good < 0 || s->slot[i].number > s->slot[good].number))
			good = i;
	return good;
}
