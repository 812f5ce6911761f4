/* Ed25519 from OpenSSL 3, where mbedTLS has none. Licence: Apache-2.0. */
#ifndef DL_OPENSSL_H
#define DL_OPENSSL_H

#include <stddef.h>
#include <stdint.h>

/* For the hook of struct dl_crypto; user is not used. */
int dl_openssl_ed25519(void *user, const uint8_t key[32], const uint8_t *message, size_t n, const uint8_t signature[64]);

#endif
