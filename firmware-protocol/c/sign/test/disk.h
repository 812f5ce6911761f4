/*
 * The storage of the sign in sign_runner.c: memory that survives when the power
 * is cut. Licence: Apache-2.0.
 */
#ifndef DISK_H
#define DISK_H

#include "dl_sign.h"

enum { RECORD = 8192, OBJECTS = 8, OBJECT = 1024, SLOT = 65536 };

struct disk {
	uint8_t record[DL_RECORDS][RECORD];
	int32_t size[DL_RECORDS]; /* -1: none */
	uint8_t object[OBJECTS][OBJECT], name[OBJECTS][DL_HASH], part[OBJECT], part_name[DL_HASH];
	int32_t object_size[OBJECTS], part_size;
	int writing; /* an object */
	uint8_t slot[2][SLOT];
	uint32_t slot_size[2];
	uint8_t running; /* slot that the sign runs from */
};

extern struct disk disk;

/* Empties it but for a first firmware, and brings the hooks of the port. */
void disk_init(struct dl_port *port);

/* Where the power may be cut: it does not return then. */
void danger(void);

#endif
