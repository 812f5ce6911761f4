/*
 * A sign on Linux: state in a folder, MQTT by libmosquitto, glass as a picture
 * file. Licence: Apache-2.0.
 */
#ifndef DL_POSIX_PORT_H
#define DL_POSIX_PORT_H

#include <mosquitto.h>
#include <openssl/ssl.h>

#include "../../panel/dl_panel.h"
#include "../dl_sign.h"
#include "../mbedtls/dl_mbedtls.h"
#include "../openssl/dl_openssl.h"

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
	uint8_t pins[DL_MAX_PINS][DL_HASH], spki[DL_HASH];
	unsigned pin_count;
};

/* Slots of firmware: programs in the folder of the store. */
struct slots {
	int file;           /* of the slot being written, -1: none */
	int given;          /* slot that a boot loader started, -1: this is the boot loader */
	char boot[PATH_SIZE]; /* the boot loader */
	uint8_t maker[32];
	int restart;        /* the sign wants to be started anew */
};

/* A panel on a bus of the machine. */
struct bus {
	const char *spi, *gpio; /* devices */
	unsigned pins[3];       /* lines: D/C, RST, BUSY */
	int spi_file, out_file, in_file;
	struct dl_panel_bus hooks;
	struct dl_panel panel;
	const struct dl_panel_model *model; /* NULL: none */
	unsigned turn;
	uint8_t *shown;         /* the picture on the glass */
	int known;
};

struct machine {
	struct dl_sign sign;
	struct dl_sign_options options;
	struct dl_port port;
	struct dl_crypto crypto;
	struct dl_mbedtls mbedtls;
	struct store store;
	struct net net;
	struct slots slots;
	struct bus bus;
	const char *glass; /* file that shows the panel, NULL: none */
	unsigned draw_ms;  /* how long a panel takes */
	char cut[32];      /* name of the note at which to lose power */
	unsigned cut_at;
	char version[32];  /* to show */
};

int store_open(struct store *s, const char *folder);
void store_hooks(struct dl_port *p);
/* Replaces a file as a whole. */
int store_replace(const char *folder, const char *name, const void *data, size_t n, const void *tail, size_t tailn);

void net_hooks(struct dl_port *p);
/* Waits at most so long for the network and does what it brings. */
void net_wait(struct machine *m, int milliseconds);
void net_close(struct machine *m);

/* Starts the slot that is to run, which may replace this program. 0 when this one is it. */
int slots_boot(struct machine *m, char **argv);
void slots_hooks(struct machine *m);
/* Runs the boot loader in place of this program. */
void slots_restart(struct machine *m, char **argv);

void qr_hooks(struct dl_port *p);

/* Opens the devices of the panel. */
int bus_open(struct machine *m);
int bus_draw(struct machine *m, const uint8_t *frame, unsigned refresh);

/* Writes a picture as PNG when the file is called so, else as PBM, of several planes as PPM. */
int glass_write(const char *file, const struct dl_sign_options *o, const uint8_t *frame);

#endif
