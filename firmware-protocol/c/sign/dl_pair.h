/* The computations of pairing, SPEC.md section 8. Licence: Apache-2.0. */
#ifndef DL_PAIR_H
#define DL_PAIR_H

#include "dl_join.h"

enum { DL_CODE = 8, DL_PASSWORD = 48 };

/* SHA-256 of what a sign commits to [DL-PAIR-2]. */
void dl_pair_commitment(const struct dl_crypto *c, const uint8_t key[32], const uint8_t n1[32], uint8_t out[32]);

/* The transcript [DL-PAIR-3] and the code of it [DL-PAIR-4]. */
void dl_pair_transcript(const struct dl_crypto *c, const uint8_t spki[32], const uint8_t key[32], const uint8_t n1[32], const uint8_t n2[32],
	const uint8_t *hardware, size_t n, uint8_t out[32]);
void dl_pair_code(const uint8_t transcript[32], char code[DL_CODE + 1]);

/* Opens what is sealed to a public key [DL-PAIR-6] [DL-KEY-3]; 0 when it is genuine. */
int dl_seal_open(const struct dl_crypto *c, const uint8_t private_key[32], const uint8_t key[32], const char *info, size_t infon, const uint8_t *ad,
	size_t adn, const uint8_t sealed[DL_SEALED], uint8_t secret[32]);

/* Opens the sealed secret [DL-PAIR-6] with the private key; 0 when it is genuine. */
int dl_pair_open(const struct dl_crypto *c, const uint8_t private_key[32], const uint8_t key[32], const uint8_t transcript[32],
	const struct dl_identity *i, uint8_t secret[32]);

/* The password and the manifest key of a secret [DL-PAIR-7]; 0 when it worked. */
int dl_pair_keys(const struct dl_crypto *c, const uint8_t secret[32], const char id[DL_ID], char password[DL_PASSWORD + 1], uint8_t manifest_key[32]);

#endif
