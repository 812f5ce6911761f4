/*
 * Storage in a folder: each file is written beside its place, brought to the
 * disk and then renamed, so that after a cut the old or the new one is there.
 * Records end with a checksum; damaged ones are gone when the sign starts.
 * Licence: Apache-2.0.
 */
#define _GNU_SOURCE
#include "port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const records[DL_RECORDS] = { "identity", "state", "body", "next", "glass", "firmware", "slots" };

static uint32_t crc32(uint32_t crc, const uint8_t *p, size_t n)
{
	unsigned i;

	crc = ~crc;
	while (n-- > 0) {
		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

static void path_of(char *path, const char *folder, const char *name) { snprintf(path, PATH_SIZE, "%s/%s", folder, name); }

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY), rc;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

static int write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int move(const char *folder, const char *from, const char *to)
{
	char a[PATH_SIZE], b[PATH_SIZE];

	path_of(a, folder, from);
	path_of(b, folder, to);
	return rename(a, b) == 0 ? sync_folder(folder) : -1;
}

int store_replace(const char *folder, const char *name, const void *data, size_t n, const void *tail, size_t tailn)
{
	char path[PATH_SIZE], fresh[96];
	int fd, bad;

	snprintf(fresh, sizeof fresh, ".%.80s.new", name);
	path_of(path, folder, fresh);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	bad = write_all(fd, data, n) != 0 || write_all(fd, tail, tailn) != 0 || fsync(fd) != 0;
	if (close(fd) != 0 || bad)
		return -1;
	return move(folder, fresh, name);
}

static int read_at(const char *folder, const char *name, uint32_t offset, void *to, size_t n, ssize_t *got, off_t *size)
{
	char path[PATH_SIZE];
	struct stat st;
	int fd;

	path_of(path, folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	*got = pread(fd, to, n, (off_t)offset);
	if (fstat(fd, &st) != 0)
		*got = -1;
	*size = st.st_size;
	close(fd);
	return *got < 0 ? -1 : 0;
}

/* Deletes a record whose checksum is wrong. */
static void check(const char *folder, const char *name)
{
	char path[PATH_SIZE];
	uint8_t data[4096], sum[4] = { 0 };
	uint32_t crc = 0, want;
	off_t size = 0, at = 0;
	ssize_t got;

	path_of(path, folder, name);
	if (access(path, F_OK) != 0)
		return;
	if (read_at(folder, name, 0, data, 0, &got, &size) == 0 && size >= 4) {
		while (at < size - 4) {
			size_t n = size - 4 - at < (off_t)sizeof data ? (size_t)(size - 4 - at) : sizeof data;

			if (read_at(folder, name, (uint32_t)at, data, n, &got, &size) != 0 || got != (ssize_t)n)
				break;
			crc = crc32(crc, data, n);
			at += got;
		}
		if (read_at(folder, name, (uint32_t)(size - 4), sum, 4, &got, &size) == 0) {
			memcpy(&want, sum, 4);
			if (want == crc)
				return;
		}
	}
	fprintf(stderr, "doorleaf-sign: %s is damaged and not used\n", name);
	(void)unlink(path);
}

int store_open(struct store *s, const char *folder)
{
	char boot[40] = "", last[40] = "";
	ssize_t got;
	off_t size;
	unsigned i;
	int fd;

	s->part = -1;
	if (snprintf(s->folder, sizeof s->folder, "%s", folder) >= (int)sizeof s->folder)
		return -1;
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return -1;
	for (i = 0; i < DL_RECORDS; i++)
		check(s->folder, records[i]);
	/* The clock is that of the machine since its start. */
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	got = read(fd, boot, 36);
	close(fd);
	if (got != 36)
		return 0;
	s->clock_kept = read_at(s->folder, "clock", 0, last, 36, &got, &size) == 0 && got == 36 && memcmp(boot, last, 36) == 0;
	if (s->clock_kept)
		return 0;
	return store_replace(s->folder, "clock", boot, 36, "", 0);
}

static int32_t load(void *user, enum dl_record record, uint32_t offset, uint8_t *to, uint32_t n)
{
	struct machine *m = user;
	ssize_t got;
	off_t size;

	if (read_at(m->store.folder, records[record], offset, to, n, &got, &size) != 0 || size < 4 + (off_t)offset)
		return -1;
	if ((off_t)offset + got > size - 4)
		got = (ssize_t)(size - 4 - (off_t)offset);
	return (int32_t)got;
}

static int save(void *user, enum dl_record record, const uint8_t *data, uint32_t n)
{
	struct machine *m = user;
	char path[PATH_SIZE];
	uint32_t crc;

	/* What these two say of a slot holds only when it is on the disk. */
	if ((record == DL_RECORD_FIRMWARE || record == DL_RECORD_SLOTS) && m->slots.file >= 0 && fsync(m->slots.file) != 0)
		return -1;
	if (n == 0) {
		path_of(path, m->store.folder, records[record]);
		return unlink(path) != 0 && errno != ENOENT ? -1 : sync_folder(m->store.folder);
	}
	crc = crc32(0, data, n);
	return store_replace(m->store.folder, records[record], data, n, &crc, 4);
}

static int promote(void *user)
{
	struct machine *m = user;

	return move(m->store.folder, records[DL_RECORD_NEXT], records[DL_RECORD_BODY]);
}

static void name_of(char name[80], const uint8_t hash[32])
{
	unsigned i;

	strcpy(name, "object-");
	for (i = 0; i < 32; i++)
		sprintf(name + 7 + 2 * i, "%02x", hash[i]);
}

static int32_t object_size(void *user, const uint8_t hash[32])
{
	struct machine *m = user;
	char name[80], path[PATH_SIZE];
	struct stat st;

	name_of(name, hash);
	path_of(path, m->store.folder, name);
	return stat(path, &st) == 0 ? (int32_t)st.st_size : -1;
}

static int object_read(void *user, const uint8_t *hash, uint32_t offset, uint8_t *to, uint32_t n)
{
	struct machine *m = user;
	char name[80];
	ssize_t got;
	off_t size;

	if (hash == NULL)
		return pread(m->store.part, to, n, (off_t)offset) == (ssize_t)n ? 0 : -1;
	name_of(name, hash);
	return read_at(m->store.folder, name, offset, to, n, &got, &size) == 0 && got == (ssize_t)n ? 0 : -1;
}

static int object_begin(void *user, const uint8_t hash[32], uint32_t size)
{
	struct machine *m = user;
	char path[PATH_SIZE];

	path_of(path, m->store.folder, ".part");
	name_of(m->store.object, hash);
	if (m->store.part >= 0)
		close(m->store.part);
	m->store.part = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return m->store.part >= 0 && ftruncate(m->store.part, (off_t)size) == 0 ? 0 : -1;
}

static int object_write(void *user, uint32_t offset, const uint8_t *data, uint32_t n)
{
	struct machine *m = user;

	return pwrite(m->store.part, data, n, (off_t)offset) == (ssize_t)n ? 0 : -1;
}

static int object_end(void *user, int keep)
{
	struct machine *m = user;
	int bad = 0;

	if (m->store.part < 0)
		return -1;
	if (keep)
		bad = fsync(m->store.part) != 0;
	if (close(m->store.part) != 0)
		bad = 1;
	m->store.part = -1;
	if (keep && !bad)
		bad = move(m->store.folder, ".part", m->store.object) != 0;
	return bad ? -1 : 0;
}

static int nibble(int c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; }

static int object_sweep(void *user, int (*wanted)(void *to, const uint8_t hash[32]), void *to)
{
	struct machine *m = user;
	DIR *d = opendir(m->store.folder);
	struct dirent *e;
	uint8_t hash[32];
	char path[PATH_SIZE];
	unsigned i;
	int rc = 0;

	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "object-", 7) != 0 || strlen(e->d_name) != 71 || strspn(e->d_name + 7, "0123456789abcdef") != 64)
			continue;
		for (i = 0; i < 32; i++)
			hash[i] = (uint8_t)(nibble(e->d_name[7 + 2 * i]) << 4 | nibble(e->d_name[8 + 2 * i]));
		if (wanted(to, hash))
			continue;
		path_of(path, m->store.folder, e->d_name);
		if (unlink(path) != 0)
			rc = -1;
	}
	closedir(d);
	return rc;
}

void store_hooks(struct dl_port *p)
{
	p->load = load;
	p->save = save;
	p->promote = promote;
	p->object_size = object_size;
	p->object_read = object_read;
	p->object_begin = object_begin;
	p->object_write = object_write;
	p->object_end = object_end;
	p->object_sweep = object_sweep;
}
