/* The cryptography of a sign from mbedTLS 2.28 or 3. Licence: Apache-2.0. */
#ifndef DL_MBEDTLS_H
#define DL_MBEDTLS_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/md.h>
#include <mbedtls/sha256.h>

#include "dl_port.h"

/* What it needs; one for each sign. */
struct dl_mbedtls {
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
	mbedtls_sha256_context sha256;
	mbedtls_md_context_t hmac;
	uint8_t key[32]; /* of hmac */
};

/* Fills in crypto, which uses m as long as it lives. 0 when it worked. */
int dl_mbedtls_init(struct dl_mbedtls *m, struct dl_crypto *crypto);
void dl_mbedtls_free(struct dl_mbedtls *m);

#endif
