/*
 * What the sign wants from its firmware: cryptography from a well-kept library
 * (../sign/mbedtls has it for mbedTLS), storage, network, panel and clock.
 * Licence: Apache-2.0.
 */
#ifndef DL_PORT_H
#define DL_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "dl_object.h"

/* What a compiler wants from every environment, also without a C library. */
void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);

enum {
	DL_ID = 16,           /* characters of an id or nonce [DL-TOP-2] */
	DL_HASH = 32,         /* bytes of SHA-256 */
	DL_MAX_MANIFEST = 7133, /* bytes [DL-LIM-1] */
	DL_MAX_MESSAGE = 1024,
	DL_MAX_BLOCK = 4300,
	DL_MAX_DATA = 4096,
	DL_MAX_TEXT = 64,
	DL_MAX_EVENTS = 8,
	DL_MAX_STEPS = 64
};

/* Cryptography. Functions return 0, or other than 0 when they fail. */
struct dl_crypto {
	struct dl_sha256 sha256;
	void *user;
	/* HMAC-SHA-256 (RFC 2104) over a || b. */
	int (*hmac)(void *user, const uint8_t key[32], const void *a, size_t an, const void *b, size_t bn, uint8_t out[32]);
	/* HKDF-SHA-256 (RFC 5869) of a secret of 32 bytes. */
	int (*hkdf)(void *user, const uint8_t secret[32], const void *salt, size_t saltn, const char *info, size_t infon, uint8_t *out, size_t outn);
	/* X25519 (RFC 7748); point NULL stands for the base point. */
	int (*x25519)(void *user, const uint8_t key[32], const uint8_t *point, uint8_t out[32]);
	/* Opens AES-256-GCM: out only when the tag is right. */
	int (*gcm_open)(void *user, const uint8_t key[32], const uint8_t nonce[12], const void *ad, size_t adn,
		const uint8_t *sealed, size_t n, const uint8_t tag[16], uint8_t *out);
	/* Random bytes that nobody can guess. */
	int (*random)(void *user, uint8_t *out, size_t n);
};

#endif
