/* The cryptography of a sign from mbedTLS. Licence: Apache-2.0. */
#include "dl_mbedtls.h"

#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR < 3
#define mbedtls_sha256_starts mbedtls_sha256_starts_ret
#define mbedtls_sha256_update mbedtls_sha256_update_ret
#define mbedtls_sha256_finish mbedtls_sha256_finish_ret
#endif

/* The software implementation of SHA-256 cannot fail. */
static void sha_start(void *state)
{
	mbedtls_sha256_init(state);
	(void)mbedtls_sha256_starts(state, 0);
}

static void sha_update(void *state, const uint8_t *data, size_t size) { (void)mbedtls_sha256_update(state, data, size); }

static void sha_finish(void *state, uint8_t sum[32])
{
	(void)mbedtls_sha256_finish(state, sum);
	mbedtls_sha256_free(state);
}

/* Nor can HMAC, once its memory was there. */
static void hmac_key(void *user, const uint8_t key[32]) { memcpy(((struct dl_mbedtls *)user)->key, key, 32); }

static void hmac_start(void *state)
{
	struct dl_mbedtls *m = state;

	(void)mbedtls_md_hmac_starts(&m->hmac, m->key, sizeof m->key);
}

static void hmac_update(void *state, const uint8_t *data, size_t size) { (void)mbedtls_md_hmac_update(&((struct dl_mbedtls *)state)->hmac, data, size); }

static void hmac_finish(void *state, uint8_t sum[32]) { (void)mbedtls_md_hmac_finish(&((struct dl_mbedtls *)state)->hmac, sum); }

static int hkdf(void *user, const uint8_t secret[32], const void *salt, size_t saltn, const char *info, size_t infon, uint8_t *out, size_t outn)
{
	(void)user;
	return mbedtls_hkdf(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), salt, saltn, secret, 32, (const unsigned char *)info, infon, out, outn);
}

static int x25519(void *user, const uint8_t key[32], const uint8_t *point, uint8_t out[32])
{
	struct dl_mbedtls *m = user;
	mbedtls_ecp_group group;
	mbedtls_ecp_point in, product;
	mbedtls_mpi scalar;
	uint8_t k[32], p[32] = { 9 };
	size_t n;
	int rc;

	memcpy(k, key, sizeof k);
	k[0] &= 248;
	k[31] = (uint8_t)((k[31] & 127) | 64);
	if (point != NULL) {
		memcpy(p, point, sizeof p);
		p[31] &= 127;
	}
	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&in);
	mbedtls_ecp_point_init(&product);
	mbedtls_mpi_init(&scalar);
	rc = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_CURVE25519);
	if (rc == 0)
		rc = mbedtls_mpi_read_binary_le(&scalar, k, sizeof k);
	if (rc == 0)
		rc = mbedtls_ecp_point_read_binary(&group, &in, p, sizeof p);
	if (rc == 0)
		rc = mbedtls_ecp_mul(&group, &product, &scalar, &in, mbedtls_ctr_drbg_random, &m->random);
	if (rc == 0)
		rc = mbedtls_ecp_point_write_binary(&group, &product, MBEDTLS_ECP_PF_UNCOMPRESSED, &n, out, 32);
	if (rc == 0 && n != 32)
		rc = -1;
	mbedtls_mpi_free(&scalar);
	mbedtls_ecp_point_free(&product);
	mbedtls_ecp_point_free(&in);
	mbedtls_ecp_group_free(&group);
	memset(k, 0, sizeof k);
	return rc;
}

static int gcm_open(void *user, const uint8_t key[32], const uint8_t nonce[12], const void *ad, size_t adn,
	const uint8_t *sealed, size_t n, const uint8_t tag[16], uint8_t *out)
{
	mbedtls_gcm_context gcm;
	int rc;

	(void)user;
	mbedtls_gcm_init(&gcm);
	rc = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 256);
	if (rc == 0)
		rc = mbedtls_gcm_auth_decrypt(&gcm, n, nonce, 12, ad, adn, tag, 16, sealed, out);
	mbedtls_gcm_free(&gcm);
	return rc;
}

static int random_bytes(void *user, uint8_t *out, size_t n)
{
	struct dl_mbedtls *m = user;

	return mbedtls_ctr_drbg_random(&m->random, out, n);
}

int dl_mbedtls_init(struct dl_mbedtls *m, struct dl_crypto *c)
{
	mbedtls_entropy_init(&m->entropy);
	mbedtls_ctr_drbg_init(&m->random);
	mbedtls_sha256_init(&m->sha256);
	memset(c, 0, sizeof *c);
	c->sha256.state = &m->sha256;
	c->sha256.start = sha_start;
	c->sha256.update = sha_update;
	c->sha256.finish = sha_finish;
	c->user = m;
	c->hmac.state = m;
	c->hmac.start = hmac_start;
	c->hmac.update = hmac_update;
	c->hmac.finish = hmac_finish;
	c->hmac_key = hmac_key;
	c->hkdf = hkdf;
	c->x25519 = x25519;
	c->gcm_open = gcm_open;
	c->random = random_bytes;
	mbedtls_md_init(&m->hmac);
	if (mbedtls_md_setup(&m->hmac, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 1) != 0)
		return -1;
	return mbedtls_ctr_drbg_seed(&m->random, mbedtls_entropy_func, &m->entropy, (const unsigned char *)"doorleaf", 8);
}

void dl_mbedtls_free(struct dl_mbedtls *m)
{
	mbedtls_md_free(&m->hmac);
	mbedtls_sha256_free(&m->sha256);
	mbedtls_ctr_drbg_free(&m->random);
	mbedtls_entropy_free(&m->entropy);
}
