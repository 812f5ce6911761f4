/* A sign without identity, section 8. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

enum {
	ATTEMPT = 540000, /* milliseconds; at most 10 minutes [DL-PAIR-1] */
	REPEAT = 5000,    /* until the challenge comes */
	REFRESH = 60000   /* while the code is shown */
};

/* Goes on with the attempt under way, or begins one. */
void dl_join_begin(struct dl_sign *s)
{
	const struct dl_crypto *c = s->port->crypto;
	struct dl_measures measures;
	uint8_t random[DL_ID];
	uint64_t now = dl_now(s);
	unsigned i;

	s->join_repeat = 0;
	if (s->joining && now < s->join_until)
		return;
	memset(&measures, 0, sizeof measures);
	if (s->port->measure != NULL)
		s->port->measure(s->port->user, &measures);
	s->coded = 0;
	s->joining = c->random(c->user, random, sizeof random) == 0 && c->random(c->user, s->key, sizeof s->key) == 0
		&& c->random(c->user, s->n1, sizeof s->n1) == 0 && c->x25519(c->user, s->key, NULL, s->public_key) == 0;
	for (i = 0; i < DL_ID; i++)
		s->nonce[i] = "abcdefghijklmnopqrstuvwxyz234567"[random[i] & 31];
	s->nonce[DL_ID] = 0;
	s->hardware_size = (uint16_t)dl_write_hardware(s->hardware, sizeof s->hardware, &s->options->hardware, &measures);
	s->join_until = now + ATTEMPT;
}

void dl_join(struct dl_sign *s, uint64_t now)
{
	uint8_t commitment[DL_HASH];

	if (!s->joining || s->join_until <= now) {
		dl_hang_up(s);
		s->joining = 0;
		s->retry = 0;
		return;
	}
	if (s->join_repeat > now)
		return;
	s->join_repeat = now + REPEAT;
	dl_pair_commitment(s->port->crypto, s->public_key, s->n1, commitment);
	s->out_size = (uint16_t)dl_write_commit(s->out, sizeof s->out, commitment, s->hardware, s->hardware_size);
	(void)dl_say(s, DL_SAY_COMMIT, s->out, s->out_size);
}

/* Opens the commitment and shows the code [DL-PAIR-3]. */
static void challenged(struct dl_sign *s, const struct dl_challenge *m)
{
	char code[DL_CODE + 1];

	dl_pair_transcript(s->port->crypto, s->spki_seen, s->public_key, s->n1, m->n2, s->hardware, s->hardware_size, s->transcript);
	dl_pair_code(s->transcript, code);
	if (!s->coded || memcmp(code, s->code, sizeof code) != 0) {
		memcpy(s->code, code, sizeof code);
		s->coded = 1;
		if (dl_draw_code(s, m->address) != 0) /* with the same code nothing is drawn anew */
			dl_remember(s, DL_ERROR_STORAGE);
		dl_note(s, DL_NOTE_CODE, 0, s->code);
	}
	s->join_repeat = dl_now(s) + REFRESH;
	s->out_size = (uint16_t)dl_write_reveal(s->out, sizeof s->out, s->public_key, s->n1);
	(void)dl_say(s, DL_SAY_REVEAL, s->out, s->out_size);
}

/* Takes the identity that somebody confirmed by the code [DL-PAIR-8]. */
static void identified(struct dl_sign *s, const struct dl_identity *i)
{
	static const uint8_t none[32];
	uint8_t secret[32];

	if (!s->coded || dl_pair_open(s->port->crypto, s->key, s->public_key, s->transcript, i, secret) != 0)
		return;
	dl_forget(s); /* nothing of another identity is left when the new one is stored */
	if (dl_pair_keys(s->port->crypto, secret, i->id, s->password, s->manifest_key) != 0)
		return;
	memcpy(s->id, i->id, sizeof s->id);
	memset(s->secret, 0, sizeof s->secret);
	memcpy(s->secret[0].secret, secret, sizeof secret);
	s->other = DL_OTHER_NONE;
	memcpy(s->pins[0], s->spki_seen, DL_HASH);
	s->pin_count = !dl_same(s->pins[0], none);
	s->paired = 1;
	if (dl_save_identity(s) != 0) {
		s->paired = 0;
		dl_remember(s, DL_ERROR_STORAGE);
		return;
	}
	memset(secret, 0, sizeof secret);
	memset(s->key, 0, sizeof s->key);
	s->joining = 0;
	dl_note(s, DL_NOTE_PAIRED, 0, s->id);
	dl_hang_up(s);
	dl_rouse(s, s->wake);
}

void dl_join_handle(struct dl_sign *s, const char *name, const uint8_t *data, size_t n)
{
	struct dl_identity identity;
	struct dl_challenge challenge;

	if (!s->joining)
		return;
	if (name[0] == 'c' && dl_read_challenge(data, n, &challenge) == 0)
		challenged(s, &challenge);
	else if (name[0] == 'i' && dl_read_identity(data, n, &identity) == 0)
		identified(s, &identity);
}
