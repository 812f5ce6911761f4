/*
 * A sign on Linux: state in a folder, MQTT by libmosquitto, glass as a picture
 * file. Licence: Apache-2.0.
 */
#ifndef DL_POSIX_PORT_H
#define DL_POSIX_PORT_H

#include <mosquitto.h>
#include <openssl/ssl.h>

#include "../dl_sign.h"
#include "../mbedtls/dl_mbedtls.h"

enum { PATH_SIZE = 1024 };

/* A folder with a file for each record and object. */
struct store {
	char folder[PATH_SIZE - 96];
	int part;         /* file of the object being written, -1: none */
	char object[80];  /* its name when it is whole */
	int clock_kept;   /* the machine was not switched off since */
};

/* The connection to the broker. */
struct net {
	struct mosquitto *client; /* NULL: none */
	char host[256];
	int port, tls;
	const char *ca;   /* file, NULL: the key seen while pairing is pinned */
	int wanted, closing;
	char id[32], user[32], password[64], filter[64];
	uint8_t pin[32], spki[32];
	int pinned;
};

struct machine {
	struct dl_sign sign;
	struct dl_sign_options options;
	struct dl_port port;
	struct dl_crypto crypto;
	struct dl_mbedtls mbedtls;
	struct store store;
	struct net net;
	const char *glass; /* file that shows the panel, NULL: none */
	unsigned draw_ms;  /* how long a panel takes */
	char cut[32];      /* name of the note at which to lose power */
	unsigned cut_at;
};

int store_open(struct store *s, const char *folder);
void store_hooks(struct dl_port *p);
/* Replaces a file as a whole. */
int store_replace(const char *folder, const char *name, const void *data, size_t n, const void *tail, size_t tailn);

void net_hooks(struct dl_port *p);
/* Waits at most so long for the network and does what it brings. */
void net_wait(struct machine *m, int milliseconds);
void net_close(struct machine *m);

/* Writes a picture as PBM, of several planes as PPM. */
int glass_write(const char *file, const struct dl_sign_options *o, const uint8_t *frame);

#endif
