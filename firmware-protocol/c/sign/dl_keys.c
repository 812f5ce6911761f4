/* The sign's secrets: stored, used in turn, renewed, 8 and 8.1. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

/*
 * The record: magic, id, secret, how many server keys there are, the first,
 * since version 2 the secret's number, what the other one is, it and its number,
 * and since version 3 the number of the set of server keys and the others.
 */
enum { FIRST = 4 + DL_ID, PIN = FIRST + 32, SPKI = PIN + 1, IDENTITY_1 = SPKI + DL_HASH, OTHER = IDENTITY_1 + 4, IDENTITY_2 = OTHER + 1 + 32 + 4,
	MORE = IDENTITY_2 + 4, IDENTITY = MORE + (DL_MAX_PINS - 1) * DL_HASH };

enum {
	REFUSALS = 3,         /* of each secret, until the identity is forgotten [DL-PAIR-9] */
	FIRST_RETRY = 2000,   /* milliseconds until the other secret is tried */
	REFUSAL_PAUSE = 600000 /* milliseconds between those that count */
};

static void put32(uint8_t *to, uint32_t v)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get32(const uint8_t *b) { return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24; }

int dl_save_identity(struct dl_sign *s)
{
	uint8_t data[IDENTITY];
	int rc;

	memcpy(data, "DLI\3", 4);
	memcpy(data + 4, s->id, DL_ID);
	memcpy(data + FIRST, s->secret[0].secret, 32);
	data[PIN] = s->pin_count;
	memcpy(data + SPKI, s->pins[0], DL_HASH);
	put32(data + IDENTITY_2, s->pins_number);
	memcpy(data + MORE, (const uint8_t *)s->pins + DL_HASH, IDENTITY - MORE);
	put32(data + IDENTITY_1, s->secret[0].number);
	data[OTHER] = s->other;
	memcpy(data + OTHER + 1, s->secret[1].secret, 32);
	put32(data + OTHER + 33, s->secret[1].number);
	rc = s->port->save(s->port->user, DL_RECORD_IDENTITY, data, s->paired ? sizeof data : 0);
	memset(data, 0, sizeof data);
	return rc;
}

/* Makes password and manifest key of a secret; it is the one in use then. */
int dl_use_secret(struct dl_sign *s, unsigned which)
{
	s->in_use = (uint8_t)which;
	return dl_pair_keys(s->port->crypto, s->secret[which].secret, s->id, s->password, s->manifest_key);
}

void dl_load_identity(struct dl_sign *s)
{
	uint8_t data[IDENTITY] = { 0 };
	int32_t n = s->port->load(s->port->user, DL_RECORD_IDENTITY, 0, data, sizeof data);

	if (!(n == IDENTITY && memcmp(data, "DLI\3", 4) == 0) && !(n == IDENTITY_2 && memcmp(data, "DLI\2", 4) == 0) && !(n == IDENTITY_1 && memcmp(data, "DLI\1", 4) == 0))
		return;
	memcpy(s->id, data + 4, DL_ID);
	memcpy(s->secret[0].secret, data + FIRST, 32);
	s->pin_count = data[PIN] <= DL_MAX_PINS ? data[PIN] : 0;
	memcpy(s->pins[0], data + SPKI, DL_HASH);
	s->pins_number = get32(data + IDENTITY_2);
	memcpy((uint8_t *)s->pins + DL_HASH, data + MORE, IDENTITY - MORE);
	s->secret[0].number = get32(data + IDENTITY_1); /* 0 in version 1 */
	s->other = data[OTHER] <= DL_OTHER_OLD ? data[OTHER] : (uint8_t)DL_OTHER_NONE;
	memcpy(s->secret[1].secret, data + OTHER + 1, 32);
	s->secret[1].number = get32(data + OTHER + 33);
	s->paired = dl_id_valid(s->id) && dl_use_secret(s, 0) == 0;
	memset(data, 0, sizeof data);
}

static uint32_t pause_of(const struct dl_sign *s) { return s->options->refusal_pause > 0 ? s->options->refusal_pause : (uint32_t)REFUSAL_PAUSE; }

/* When the next try after a refusal is due at the latest: with the other secret soon, otherwise when a refusal counts again. */
uint64_t dl_after_refusal(const struct dl_sign *s)
{
	return s->next_use == 1 ? dl_now(s) + FIRST_RETRY : s->refused_at[0] + pause_of(s);
}

/* A password was refused: the other one is next. Reports whether none is left [DL-KEY-6]. */
int dl_secret_refused(struct dl_sign *s)
{
	unsigned other = s->in_use ^ 1u;

	uint64_t now = dl_now(s);

	if (s->refused_at[s->in_use] == 0 || now - s->refused_at[s->in_use] >= pause_of(s)) {
		s->refused_at[s->in_use] = now > 0 ? now : 1;
		if (s->secret[s->in_use].refused < REFUSALS)
			s->secret[s->in_use].refused++;
		if (dl_save(s) != 0)
			dl_remember(s, DL_ERROR_STORAGE);
	}
	if (s->other != DL_OTHER_NONE)
		s->next_use = (uint8_t)other;
	return s->secret[s->in_use].refused >= REFUSALS && (s->other == DL_OTHER_NONE || s->secret[other].refused >= REFUSALS);
}

/* The new secret becomes the first one. 0 when that is stored; else all is as before. */
static int put_first(struct dl_sign *s)
{
	struct dl_secret before[2];
	uint8_t other = s->other;
	int bad;

	memcpy(before, s->secret, sizeof before);
	s->secret[0] = before[1];
	s->secret[1] = before[0];
	s->other = DL_OTHER_OLD;
	bad = dl_save_identity(s);
	if (bad != 0) {
		memcpy(s->secret, before, sizeof before);
		s->other = other;
		dl_remember(s, DL_ERROR_STORAGE);
	} else {
		s->in_use ^= 1u;
		dl_note(s, DL_NOTE_RENEWED, s->secret[0].number, NULL);
	}
	memset(before, 0, sizeof before);
	return bad;
}

/* A password was accepted. */
void dl_secret_accepted(struct dl_sign *s)
{
	s->refused_at[0] = s->refused_at[1] = 0;
	if (s->secret[0].refused + s->secret[1].refused > 0) {
		s->secret[0].refused = s->secret[1].refused = 0;
		if (dl_save(s) != 0)
			dl_remember(s, DL_ERROR_STORAGE);
	}
	s->next_use = 0;
	s->wanted_key = 0;
	s->renewed = s->key_quiet = 0;
	/* The gateway knows a newer one that it did not say so of. */
	if (s->paired && s->in_use == 1 && s->secret[1].number > s->secret[0].number)
		s->key_quiet = put_first(s) != 0;
}

void dl_authenticate(const struct dl_sign *s, const uint8_t key[32], const char *text, uint32_t number, const uint8_t *a, const uint8_t *b, size_t n, uint8_t mac[DL_MAC])
{
	const struct dl_crypto *c = s->port->crypto;
	uint8_t sum[DL_HASH], le[4];
	size_t length = 0;

	while (text[length] != 0)
		length++;
	put32(le, number);
	c->hmac_key(c->user, key);
	c->hmac.start(c->hmac.state);
	c->hmac.update(c->hmac.state, (const uint8_t *)text, length);
	c->hmac.update(c->hmac.state, (const uint8_t *)s->id, DL_ID);
	c->hmac.update(c->hmac.state, le, sizeof le);
	if (a != NULL)
		c->hmac.update(c->hmac.state, a, 32);
	if (b != NULL)
		c->hmac.update(c->hmac.state, b, n);
	c->hmac.finish(c->hmac.state, sum);
	memcpy(mac, sum, DL_MAC);
}

void dl_prove(const struct dl_sign *s, const char *text, size_t n, uint8_t mac[DL_MAC])
{
	dl_authenticate(s, s->manifest_key, text, 0, NULL, s->out, n, mac);
}

int dl_differ(const uint8_t *a, const uint8_t *b, size_t n)
{
	unsigned differ = 0;

	while (n-- > 0)
		differ |= *a++ ^ *b++;
	return differ != 0;
}

unsigned dl_key_due(const struct dl_sign *s)
{
	if (s->key_quiet || s->renewed || (s->options->hardware.capabilities & DL_CAP_KEYS) == 0)
		return DL_SAY_NONE;
	if (s->other == DL_OTHER_NEW)
		return DL_SAY_STORED;
	return s->wanted_key > s->secret[s->in_use].number ? DL_SAY_ASK : DL_SAY_NONE;
}

/* Writes the question [DL-KEY-2], with a new pair of keys, or that the secret is stored [DL-KEY-4]. */
size_t dl_key_report(struct dl_sign *s, unsigned what)
{
	const struct dl_crypto *c = s->port->crypto;
	struct dl_key m;
	uint8_t mac[DL_MAC], key[32];
	char password[DL_PASSWORD + 1];

	memset(&m, 0, sizeof m);
	if (what == DL_SAY_ASK) {
		if (c->random(c->user, s->key, sizeof s->key) != 0 || c->x25519(c->user, s->key, NULL, s->public_key) != 0)
			return 0;
		s->asked_key = s->wanted_key;
		m.public_key = s->public_key;
		m.number = s->asked_key;
		dl_authenticate(s, s->manifest_key, "doorleaf/1 key ask", m.number, s->public_key, NULL, 0, mac);
	} else {
		m.number = s->secret[1].number;
		if (dl_pair_keys(c, s->secret[1].secret, s->id, password, key) != 0)
			return 0;
		dl_authenticate(s, key, "doorleaf/1 key stored", m.number, NULL, NULL, 0, mac);
		memset(password, 0, sizeof password);
		memset(key, 0, sizeof key);
	}
	m.boot = s->sent_boot;
	m.counter = s->sent_counter;
	m.mac = mac;
	return dl_key_write(&m, s->out, sizeof s->out);
}

/* Takes the answer [DL-KEY-3] and stores the new secret beside the one in use. */
void dl_key_take(struct dl_sign *s, const uint8_t *data, size_t n)
{
	struct dl_new_key m;
	struct dl_secret before[2];
	uint8_t ad[14 + DL_ID + 4], mac[DL_MAC], fresh[32], other = s->other;

	if (s->pending != DL_SAY_ASK || dl_new_key_read(&m, data, n) != DL_MESSAGE_OK || m.number != s->asked_key)
		return;
	dl_authenticate(s, s->manifest_key, "doorleaf/1 key answer", m.number, s->public_key, m.sealed, DL_SEALED, mac);
	if (dl_differ(mac, m.mac, DL_MAC))
		return;
	memcpy(ad, "doorleaf/1 key", 14);
	memcpy(ad + 14, s->id, DL_ID);
	put32(ad + 14 + DL_ID, m.number);
	if (dl_seal_open(s->port->crypto, s->key, s->public_key, "doorleaf/1 key seal", 19, ad, 14 + DL_ID + 4, m.sealed, fresh) != 0)
		return;
	memcpy(before, s->secret, sizeof before);
	s->secret[0] = before[s->in_use];
	memcpy(s->secret[1].secret, fresh, 32);
	s->secret[1].number = m.number;
	s->secret[1].refused = 0;
	s->other = DL_OTHER_NEW;
	s->pending = DL_SAY_NONE;
	s->untold = 0;
	if (dl_save_identity(s) != 0) { /* what is stored is in force */
		memcpy(s->secret, before, sizeof before);
		s->other = other;
		s->key_quiet = 1;
		dl_remember(s, DL_ERROR_STORAGE);
	} else {
		s->in_use = 0;
		dl_note(s, DL_NOTE_KEY, m.number, NULL);
	}
	memset(before, 0, sizeof before);
	memset(fresh, 0, sizeof fresh);
	memset(s->key, 0, sizeof s->key);
}

/*
 * The gateway knows that the new secret is stored: it is the first one now. When
 * that cannot be stored the old one stays in use, because the gateway ends it
 * with the first connection that uses the new one.
 */
void dl_key_confirmed(struct dl_sign *s)
{
	if (put_first(s) == 0)
		s->renewed = 1;
	else
		s->key_quiet = 1;
}

/* Stops telling of the new secret; it stays the other one [DL-KEY-4]. */
static void stop_telling(struct dl_sign *s)
{
	s->other = DL_OTHER_OLD;
	s->untold = 0;
	if (dl_save_identity(s) != 0)
		dl_remember(s, DL_ERROR_STORAGE);
}

/* Nobody answers. A question is put again after the next Hello. */
void dl_key_unanswered(struct dl_sign *s, unsigned what)
{
	s->key_quiet = 1;
	if (what == DL_SAY_STORED && ++s->untold >= REFUSALS)
		stop_telling(s);
}

/* An Ack of Hello names the secret to ask for, 0 for none. */
void dl_key_named(struct dl_sign *s, uint32_t number)
{
	if (number != 0 && s->other == DL_OTHER_NEW && number != s->secret[1].number)
		stop_telling(s);
}
