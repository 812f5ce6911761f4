/* What the files of the simulated signs share. Licence: Apache-2.0. */
#ifndef SIM_H
#define SIM_H

#include "dl_internal_sign.h"
#include "mbedtls/dl_mbedtls.h"

#include <setjmp.h>

enum { OBJECTS = 256, SLOT = 4096 /* bytes of firmware */ };

struct value {
	uint8_t name[DL_HASH]; /* of an object */
	uint8_t *data;
	uint32_t size;
	int there;
};

struct machine {
	struct dl_sign sign;
	struct dl_port port;
	struct dl_crypto crypto;
	struct dl_mbedtls mbedtls;
	struct dl_sign_options options;
	char serial[DL_MAX_TEXT + 1];
	uint32_t picture; /* bytes */
	uint64_t clock, random;
	int on;

	/* What outlives the power, but for the part of an object. */
	struct value record[DL_RECORDS], object[OBJECTS], part;
	uint8_t *glass;
	uint8_t slot[2][SLOT];
	uint32_t slot_size[2];

	uint8_t maker[32];
	int restarting;
	uint32_t steps; /* until the power is cut; 0: it is not */
	unsigned full, breaks, mistake, at_draw;
	unsigned bad_read; /* reading of an object that fails; 0: none */
};

/* Where a cut of the power goes. */
extern jmp_buf sim_outage;

void sim_die(const char *why);
uint32_t sim_rnd(struct machine *m, uint32_t below);

/* Passes a step of a hook: other than 0 when the power goes at it. */
int sim_gone(struct machine *m);

void sim_flash_hooks(struct dl_port *p);
void sim_flash_free(struct machine *m);

#endif
