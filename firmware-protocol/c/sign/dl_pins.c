/* The keys of servers that the sign believes, 8.3. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

int dl_pinning(const struct dl_sign *s) { return (s->options->hardware.capabilities & DL_CAP_PINS) != 0 && s->secure && s->pin_count > 0; }

/* Whether the MAC is right, and the server of this connection in the set [DL-PIN-3]. */
static int genuine(const struct dl_sign *s, const struct dl_pins *m)
{
	uint8_t all[DL_MAX_PINS * DL_HASH], mac[DL_MAC];
	unsigned k;

	for (k = 0; k < m->count; k++)
		memcpy(all + k * DL_HASH, m->key[k], DL_HASH);
	dl_authenticate(s, s->manifest_key, "doorleaf/1 server keys", m->number, NULL, all, m->count * DL_HASH, mac);
	return !dl_differ(mac, m->mac, DL_MAC);
}

static int has_server(const struct dl_sign *s, const struct dl_pins *m)
{
	unsigned k;

	for (k = 0; k < m->count && !dl_same(m->key[k], s->spki_seen); k++)
		;
	return k < m->count;
}

/* Takes a set of server keys: it is stored as a whole before the Ack is used [DL-PIN-4]. */
void dl_pins_take(struct dl_sign *s, const uint8_t *data, size_t n)
{
	uint8_t before[sizeof s->pins], count = s->pin_count;
	uint32_t number = s->pins_number;
	struct dl_pins m;
	unsigned k;

	if (!dl_pinning(s))
		return;
	if (dl_pins_read(&m, data, n) != DL_MESSAGE_OK || !genuine(s, &m) || m.number < number || (m.number > number && !has_server(s, &m))) {
		dl_remember(s, DL_ERROR_PINS);
		return;
	}
	if (m.number == number)
		return;
	memcpy(before, s->pins, sizeof before);
	memset(s->pins, 0, sizeof s->pins);
	for (k = 0; k < m.count; k++)
		memcpy(s->pins[k], m.key[k], DL_HASH);
	s->pin_count = (uint8_t)m.count;
	s->pins_number = m.number;
	if (dl_save_identity(s) != 0) { /* what is stored is in force */
		memcpy(s->pins, before, sizeof before);
		s->pin_count = count;
		s->pins_number = number;
		dl_remember(s, DL_ERROR_STORAGE);
		return;
	}
	s->new_pins = 1;
	dl_note(s, DL_NOTE_PINS, m.number, NULL);
}
