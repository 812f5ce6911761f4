/* Pairing. Licence: Apache-2.0. */
#include "dl_pair.h"

void dl_pair_commitment(const struct dl_crypto *c, const uint8_t key[32], const uint8_t n1[32], uint8_t out[32])
{
	const struct dl_sha256 *h = &c->sha256;

	h->start(h->state);
	h->update(h->state, (const uint8_t *)"doorleaf/1 pair commitment", 26);
	h->update(h->state, key, 32);
	h->update(h->state, n1, 32);
	h->finish(h->state, out);
}

void dl_pair_transcript(const struct dl_crypto *c, const uint8_t spki[32], const uint8_t key[32], const uint8_t n1[32], const uint8_t n2[32],
	const uint8_t *hardware, size_t n, uint8_t out[32])
{
	const struct dl_sha256 *h = &c->sha256;

	h->start(h->state);
	h->update(h->state, (const uint8_t *)"doorleaf/1 pair transcript", 26);
	h->update(h->state, spki, 32);
	h->update(h->state, key, 32);
	h->update(h->state, n1, 32);
	h->update(h->state, n2, 32);
	h->update(h->state, hardware, n);
	h->finish(h->state, out);
}

void dl_pair_code(const uint8_t transcript[32], char code[DL_CODE + 1])
{
	unsigned i, bits = 0, have = 0;

	for (i = 0; i < DL_CODE; i++) {
		if (have < 5) {
			bits = (bits << 8 | *transcript++) & 0xffff;
			have += 8;
		}
		have -= 5;
		code[i] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"[bits >> have & 31];
	}
	code[DL_CODE] = 0;
}

int dl_seal_open(const struct dl_crypto *c, const uint8_t private_key[32], const uint8_t key[32], const char *info, size_t infon, const uint8_t *ad,
	size_t adn, const uint8_t sealed[DL_SEALED], uint8_t secret[32])
{
	uint8_t shared[32], salt[64], derived[44];
	unsigned i, any = 0;
	int bad;

	if (c->x25519(c->user, private_key, sealed, shared) != 0)
		return -1;
	for (i = 0; i < 32; i++)
		any |= shared[i];
	if (any == 0)
		return -1;
	memcpy(salt, sealed, 32);
	memcpy(salt + 32, key, 32);
	bad = c->hkdf(c->user, shared, salt, sizeof salt, info, infon, derived, sizeof derived) != 0
		|| c->gcm_open(c->user, derived, derived + 32, ad, adn, sealed + 32, 32, sealed + 64, secret) != 0;
	memset(shared, 0, sizeof shared);
	memset(derived, 0, sizeof derived);
	return bad ? -1 : 0;
}

int dl_pair_open(const struct dl_crypto *c, const uint8_t private_key[32], const uint8_t key[32], const uint8_t transcript[32],
	const struct dl_identity *id, uint8_t secret[32])
{
	uint8_t ad[32 + DL_ID];

	memcpy(ad, transcript, 32);
	memcpy(ad + 32, id->id, DL_ID);
	return dl_seal_open(c, private_key, key, "doorleaf/1 pair seal", 20, ad, sizeof ad, id->sealed, secret);
}

int dl_pair_keys(const struct dl_crypto *c, const uint8_t secret[32], const char id[DL_ID], char password[DL_PASSWORD + 1], uint8_t manifest_key[32])
{
	uint8_t raw[DL_PASSWORD / 2];
	unsigned i;

	if (c->hkdf(c->user, secret, id, DL_ID, "doorleaf/1 mqtt password", 24, raw, sizeof raw) != 0
		|| c->hkdf(c->user, secret, id, DL_ID, "doorleaf/1 manifest key", 23, manifest_key, 32) != 0)
		return -1;
	for (i = 0; i < sizeof raw; i++) {
		password[2 * i] = "0123456789abcdef"[raw[i] >> 4];
		password[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
	}
	password[DL_PASSWORD] = 0;
	return 0;
}
