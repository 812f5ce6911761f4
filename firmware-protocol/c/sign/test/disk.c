/* A disk in memory. Licence: Apache-2.0. */
#include "disk.h"

#include <stdlib.h>
#include <string.h>

struct disk disk;

static int32_t load(void *user, enum dl_record record, uint32_t offset, uint8_t *to, uint32_t n)
{
	(void)user;
	if (disk.size[record] < 0 || (uint32_t)disk.size[record] < offset)
		return -1;
	if (n > (uint32_t)disk.size[record] - offset)
		n = (uint32_t)disk.size[record] - offset;
	memcpy(to, disk.record[record] + offset, n);
	return (int32_t)n;
}

static int save(void *user, enum dl_record record, const uint8_t *data, uint32_t n)
{
	(void)user;
	danger();
	if (n > RECORD)
		return -1;
	if (n > 0)
		memcpy(disk.record[record], data, n);
	disk.size[record] = n > 0 ? (int32_t)n : -1;
	danger();
	return 0;
}

static int promote(void *user)
{
	(void)user;
	danger();
	memcpy(disk.record[DL_RECORD_BODY], disk.record[DL_RECORD_NEXT], RECORD);
	disk.size[DL_RECORD_BODY] = disk.size[DL_RECORD_NEXT];
	disk.size[DL_RECORD_NEXT] = -1;
	danger();
	return 0;
}

static int find(const uint8_t hash[DL_HASH])
{
	int i;

	for (i = 0; i < OBJECTS; i++)
		if (disk.object_size[i] >= 0 && memcmp(disk.name[i], hash, DL_HASH) == 0)
			return i;
	return -1;
}

static int32_t object_size(void *user, const uint8_t hash[DL_HASH])
{
	int i = find(hash);

	(void)user;
	return i < 0 ? -1 : disk.object_size[i];
}

static int object_read(void *user, const uint8_t *hash, uint32_t offset, uint8_t *to, uint32_t n)
{
	int i = hash == NULL ? 0 : find(hash);

	(void)user;
	if (i < 0)
		return -1;
	memcpy(to, (hash == NULL ? disk.part : disk.object[i]) + offset, n);
	return 0;
}

static int object_begin(void *user, const uint8_t hash[DL_HASH], uint32_t size)
{
	(void)user;
	danger();
	if (disk.writing)
		exit(4);
	disk.writing = 1;
	memcpy(disk.part_name, hash, DL_HASH);
	disk.part_size = (int32_t)size;
	return size > OBJECT;
}

static int object_write(void *user, uint32_t offset, const uint8_t *data, uint32_t n)
{
	(void)user;
	danger();
	memcpy(disk.part + offset, data, n);
	return 0;
}

static int object_end(void *user, int keep)
{
	int i = 0;

	(void)user;
	danger();
	disk.writing = 0;
	if (!keep)
		return 0;
	while (i < OBJECTS && disk.object_size[i] >= 0)
		i++;
	if (i == OBJECTS)
		return -1;
	memcpy(disk.object[i], disk.part, OBJECT);
	memcpy(disk.name[i], disk.part_name, DL_HASH);
	disk.object_size[i] = disk.part_size;
	danger();
	return 0;
}

static int object_sweep(void *user, int (*wanted)(void *to, const uint8_t hash[DL_HASH]), void *to)
{
	int i;

	(void)user;
	for (i = 0; i < OBJECTS; i++)
		if (disk.object_size[i] >= 0 && !wanted(to, disk.name[i]))
			disk.object_size[i] = -1;
	return 0;
}

static int slot_begin(void *user, uint32_t size)
{
	(void)user;
	danger();
	memset(disk.slot[disk.running ^ 1], 0xff, SLOT);
	disk.slot_size[disk.running ^ 1] = size;
	danger();
	return 0;
}

static int slot_write(void *user, uint32_t offset, const uint8_t *data, uint32_t n)
{
	(void)user;
	danger();
	if (offset + n > disk.slot_size[disk.running ^ 1] || offset + n > SLOT)
		return -1;
	memcpy(disk.slot[disk.running ^ 1] + offset, data, n);
	danger();
	return 0;
}

static int slot_read(void *user, uint32_t offset, uint8_t *to, uint32_t n)
{
	(void)user;
	memcpy(to, disk.slot[disk.running ^ 1] + offset, n);
	return 0;
}

void disk_init(struct dl_port *port)
{
	unsigned i;

	for (i = 0; i < DL_RECORDS; i++)
		disk.size[i] = -1;
	for (i = 0; i < OBJECTS; i++)
		disk.object_size[i] = -1;
	disk.slot_size[0] = 4;
	memcpy(disk.slot[0], "old!", 4);
	port->load = load;
	port->save = save;
	port->promote = promote;
	port->object_size = object_size;
	port->object_read = object_read;
	port->object_begin = object_begin;
	port->object_write = object_write;
	port->object_end = object_end;
	port->object_sweep = object_sweep;
	port->slot_begin = slot_begin;
	port->slot_write = slot_write;
	port->slot_read = slot_read;
}
