/*
 * Which of two slots of firmware to start, [DL-FW-5] to [DL-FW-7]. A boot loader
 * needs this file and dl_boot.c alone; it shares one record with the sign.
 * Licence: Apache-2.0.
 */
#ifndef DL_BOOT_H
#define DL_BOOT_H

#include <stdint.h>

enum { DL_SLOTS = 28, DL_TRIAL_STARTS = 3 }; /* bytes of the record; starts of a firmware on trial */

enum dl_slot_state { DL_SLOT_EMPTY, DL_SLOT_TRIAL, DL_SLOT_GOOD };

struct dl_slot {
	uint8_t state;
	uint8_t starts; /* on trial */
	uint32_t number; /* of the firmware */
};

/* The marks. */
struct dl_slots {
	struct dl_slot slot[2];
	uint32_t failed; /* number of the firmware that was left, 0: none */
	uint8_t back;    /* and the gateway was not told */
};

/* The record; reading returns 0 when it is one. */
void dl_slots_write(const struct dl_slots *s, uint8_t to[DL_SLOTS]);
int dl_slots_read(struct dl_slots *s, const uint8_t *data, int32_t n);

/*
 * Decides what to start and counts it. Store the marks before the start when
 * they changed. Returns the slot, or -1 when there is nothing to start.
 */
int dl_boot(struct dl_slots *s);

/* Leaves the slot on trial; the other one is good. */
void dl_slots_back(struct dl_slots *s, unsigned slot);

#endif
