/*
 * Pairs with the secrets given as hexadecimal arguments, for the Go test in
 * ../../../wire/client_c_test.go: private key, n1, n2, spki, hardware, id (as it
 * is), sealed secret. Prints public key, commitment, transcript, code and then
 * secret, password and manifest key, or "refused". With a challenge alone it
 * prints its nonce, address and host, or "refused". Licence: Apache-2.0.
 */
#include "dl_pair.h"
#include "mbedtls/dl_mbedtls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a hexadecimal argument. */
static size_t bytes(const char *hex, uint8_t *to, size_t room)
{
	size_t n = strlen(hex) / 2, i;
	unsigned value;

	if (n > room)
		exit(2);
	for (i = 0; i < n; i++) {
		if (sscanf(hex + 2 * i, "%2x", &value) != 1)
			exit(2);
		to[i] = (uint8_t)value;
	}
	return n;
}

static void print(const uint8_t *data, size_t n)
{
	while (n-- > 0)
		printf("%02x", *data++);
	putchar(' ');
}

static int challenge(const char *hex)
{
	uint8_t message[1024], *exact;
	struct dl_challenge c;
	const char *host = "";
	size_t n = bytes(hex, message, sizeof message);

	exact = malloc(n); /* so that a reader past its end is seen */
	if (exact == NULL)
		return 2;
	memcpy(exact, message, n);
	if (dl_read_challenge(exact, n, &c) != 0) {
		puts("refused");
	} else {
		unsigned size = dl_address_host(c.address, &host);

		print(c.n2, sizeof c.n2);
		printf("%s %.*s\n", c.address, (int)size, host);
	}
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	struct dl_mbedtls library;
	struct dl_crypto c;
	struct dl_identity identity;
	struct dl_writer w;
	uint8_t key[32], n1[32], n2[32], spki[32], hardware[512], sealed[128], public_key[32], sum[32], transcript[32], secret[32], message[256], *map;
	char code[DL_CODE + 1], password[DL_PASSWORD + 1];
	size_t n, sealed_size;

	if (argc == 2)
		return challenge(argv[1]);
	if (argc != 8 || dl_mbedtls_init(&library, &c) != 0)
		return 2;
	bytes(argv[1], key, sizeof key);
	bytes(argv[2], n1, sizeof n1);
	bytes(argv[3], n2, sizeof n2);
	bytes(argv[4], spki, sizeof spki);
	n = bytes(argv[5], hardware, sizeof hardware);
	sealed_size = bytes(argv[7], sealed, sizeof sealed);
	if (c.x25519(c.user, key, NULL, public_key) != 0)
		return 2;
	print(public_key, 32);
	dl_pair_commitment(&c, public_key, n1, sum);
	print(sum, 32);
	dl_pair_transcript(&c, spki, public_key, n1, n2, hardware, n, transcript);
	print(transcript, 32);
	dl_pair_code(transcript, code);
	printf("%s ", code);

	w = dl_write(message, sizeof message);
	map = dl_put_map(&w);
	dl_put_text(&w, map, 37, argv[6]);
	dl_put_bytes(&w, map, 38, sealed, sealed_size);
	n = dl_written(&w, message);
	if (n == 0)
		return 2;
	if (dl_read_identity(message, n, &identity) != 0
		|| dl_pair_open(&c, key, public_key, transcript, &identity, secret) != 0
		|| dl_pair_keys(&c, secret, identity.id, password, sum) != 0) {
		puts("refused");
	} else {
		print(secret, 32);
		printf("%s ", password);
		print(sum, 32);
		putchar('\n');
	}
	dl_mbedtls_free(&library);
	return 0;
}
