/*
 * Firmware in slots: a slot is a program in the folder of the store, and the
 * program that was installed is the boot loader and the firmware it came with.
 * Marks are in the store's record. Licence: Apache-2.0.
 */
#define _GNU_SOURCE
#include "port.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 64 };

static void path_of(const struct machine *m, char path[PATH_SIZE], unsigned slot) { snprintf(path, PATH_SIZE, "%s/slot-%u", m->store.folder, slot); }

static void close_slot(struct machine *m)
{
	if (m->slots.file >= 0)
		close(m->slots.file);
	m->slots.file = -1;
}

static int open_slot(struct machine *m, int flags)
{
	char path[PATH_SIZE];

	if (m->slots.file >= 0)
		return 0;
	path_of(m, path, (m->options.slot & 1) ^ 1u);
	m->slots.file = open(path, O_RDWR | O_CLOEXEC | flags, 0700);
	return m->slots.file >= 0 ? 0 : -1;
}

static int slot_begin(void *user, uint32_t size)
{
	struct machine *m = user;
	char path[PATH_SIZE];

	close_slot(m);
	path_of(m, path, (m->options.slot & 1) ^ 1u);
	(void)unlink(path); /* it may be running, if it was started by hand */
	return open_slot(m, O_CREAT | O_TRUNC) == 0 && ftruncate(m->slots.file, (off_t)size) == 0 ? 0 : -1;
}

static int slot_write(void *user, uint32_t offset, const uint8_t *data, uint32_t n)
{
	struct machine *m = user;

	return open_slot(m, 0) == 0 && pwrite(m->slots.file, data, n, (off_t)offset) == (ssize_t)n ? 0 : -1;
}

static int slot_read(void *user, uint32_t offset, uint8_t *to, uint32_t n)
{
	struct machine *m = user;

	return open_slot(m, 0) == 0 && pread(m->slots.file, to, n, (off_t)offset) == (ssize_t)n ? 0 : -1;
}

static void restart(void *user)
{
	struct machine *m = user;

	m->slots.restart = 1; /* when this step is over */
}

void slots_hooks(struct machine *m)
{
	m->port.slot_begin = slot_begin;
	m->port.slot_write = slot_write;
	m->port.slot_read = slot_read;
	m->port.restart = restart;
	m->crypto.ed25519 = dl_openssl_ed25519;
}

/* Becomes the program of a slot; returns when that is impossible. */
static void become(struct machine *m, char **argv, unsigned slot)
{
	static char flag[] = "-slot", boot_flag[] = "-boot";
	char path[PATH_SIZE], number[2] = { 0 }, *args[MAX_ARGUMENTS];
	unsigned n;

	for (n = 0; argv[n] != NULL && n < MAX_ARGUMENTS - 5; n++)
		args[n] = argv[n];
	number[0] = (char)('0' + slot);
	args[n++] = flag;
	args[n++] = number;
	args[n++] = boot_flag;
	args[n++] = m->slots.boot;
	args[n] = NULL;
	path_of(m, path, slot);
	fflush(stdout);
	(void)execv(path, args);
}

int slots_boot(struct machine *m, char **argv)
{
	char path[PATH_SIZE];
	uint8_t data[DL_SLOTS];
	struct dl_slots s;
	int slot;

	for (;;) {
		if (dl_slots_read(&s, data, m->port.load(m, DL_RECORD_SLOTS, 0, data, sizeof data)) != 0)
			return 0;
		if (m->slots.given >= 0) {
			m->options.slot = (uint8_t)m->slots.given;
			m->options.firmware_number = s.slot[m->options.slot].number;
			return 0;
		}
		slot = dl_boot(&s);
		dl_slots_write(&s, data);
		if (slot < 0 || m->port.save(m, DL_RECORD_SLOTS, data, sizeof data) != 0)
			return -1;
		path_of(m, path, (unsigned)slot);
		if (access(path, F_OK) == 0)
			become(m, argv, (unsigned)slot);
		if (access(path, F_OK) != 0 && s.slot[slot].state == DL_SLOT_GOOD) {
			m->options.slot = (uint8_t)slot; /* the one it came with */
			m->options.firmware_number = s.slot[slot].number;
			return 0;
		}
		if (s.slot[slot].state == DL_SLOT_GOOD)
			return -1;
		/* On trial and does not even start: the next round counts it or goes back. */
	}
}

void slots_restart(struct machine *m, char **argv)
{
	char *args[MAX_ARGUMENTS];
	unsigned i, n = 0;

	close_slot(m);
	for (i = 0; argv[i] != NULL && n < MAX_ARGUMENTS - 1; i++) {
		if (i > 0 && (strcmp(argv[i], "-slot") == 0 || strcmp(argv[i], "-boot") == 0) && argv[i + 1] != NULL)
			i++;
		else
			args[n++] = argv[i];
	}
	args[n] = NULL;
	fflush(stdout);
	(void)execv(m->slots.boot, args);
}
