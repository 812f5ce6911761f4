/* Ed25519 from OpenSSL. Licence: Apache-2.0. */
#include "dl_openssl.h"

#include <openssl/evp.h>

int dl_openssl_ed25519(void *user, const uint8_t key[32], const uint8_t *message, size_t n, const uint8_t signature[64])
{
	EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int good = k != NULL && c != NULL && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1 && EVP_DigestVerify(c, signature, 64, message, n) == 1;

	(void)user;
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
	return good ? 0 : -1;
}
