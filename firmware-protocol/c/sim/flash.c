/*
 * The flash of the simulated signs: records, objects and slots of firmware, all
 * of which survive when the power is cut. Licence: Apache-2.0.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

static void set(struct value *v, const void *data, uint32_t n)
{
	free(v->data);
	v->data = malloc(n > 0 ? n : 1);
	if (v->data == NULL)
		sim_die("no memory");
	if (data != NULL)
		memcpy(v->data, data, n);
	else
		memset(v->data, 0xa5, n); /* flash that was used before */
	v->size = n;
	v->there = 1;
}

static int32_t load(void *user, enum dl_record record, uint32_t offset, uint8_t *to, uint32_t n)
{
	struct machine *m = user;
	const struct value *v = &m->record[record];

	if (!v->there)
		return -1;
	if (offset >= v->size)
		return 0;
	if (n > v->size - offset)
		n = v->size - offset;
	memcpy(to, v->data + offset, n);
	return (int32_t)n;
}

static int save(void *user, enum dl_record record, const uint8_t *data, uint32_t n)
{
	struct machine *m = user;
	int cut = sim_gone(m);

	if (m->full && n > 0)
		return -1;
	if (!cut || sim_rnd(m, 2)) {
		if (n == 0)
			m->record[record].there = 0;
		else
			set(&m->record[record], data, n);
	}
	if (cut)
		longjmp(sim_outage, 1);
	return 0;
}

static int promote(void *user)
{
	struct machine *m = user;
	int cut = sim_gone(m);

	if (m->full || !m->record[DL_RECORD_NEXT].there)
		return -1;
	if (!cut || sim_rnd(m, 2)) {
		set(&m->record[DL_RECORD_BODY], m->record[DL_RECORD_NEXT].data, m->record[DL_RECORD_NEXT].size);
		m->record[DL_RECORD_NEXT].there = 0;
	}
	if (cut)
		longjmp(sim_outage, 1);
	return 0;
}

static struct value *find_object(struct machine *m, const uint8_t *hash)
{
	unsigned i;

	for (i = 0; i < OBJECTS; i++)
		if (m->object[i].there && memcmp(m->object[i].name, hash, DL_HASH) == 0)
			return &m->object[i];
	return NULL;
}

static int32_t object_size(void *user, const uint8_t hash[32])
{
	const struct value *v = find_object(user, hash);

	return v == NULL ? -1 : (int32_t)v->size;
}

static int object_read(void *user, const uint8_t *hash, uint32_t offset, uint8_t *to, uint32_t n)
{
	struct machine *m = user;
	const struct value *v = hash == NULL ? &m->part : find_object(m, hash);

	if (v == NULL || !v->there || offset > v->size || n > v->size - offset || (m->bad_read > 0 && --m->bad_read == 0))
		return -1;
	memcpy(to, v->data + offset, n);
	return 0;
}

static int object_begin(void *user, const uint8_t hash[32], uint32_t size)
{
	struct machine *m = user;

	if (m->part.there)
		sim_die("it writes two objects at once");
	if (m->full)
		return -1;
	set(&m->part, NULL, size);
	memcpy(m->part.name, hash, DL_HASH);
	if (sim_gone(m))
		longjmp(sim_outage, 1);
	return 0;
}

static int object_write(void *user, uint32_t offset, const uint8_t *data, uint32_t n)
{
	struct machine *m = user;

	if (m->full || !m->part.there || offset > m->part.size || n > m->part.size - offset)
		return -1;
	memcpy(m->part.data + offset, data, n);
	if (sim_gone(m))
		longjmp(sim_outage, 1);
	return 0;
}

static int object_end(void *user, int keep)
{
	struct machine *m = user;
	struct value *v = NULL;
	unsigned i;
	int cut = sim_gone(m);

	if (!m->part.there)
		return -1;
	if (keep && m->full) {
		m->part.there = 0;
		return -1;
	}
	if (keep && (!cut || sim_rnd(m, 2))) {
		v = find_object(m, m->part.name);
		for (i = 0; v == NULL && i < OBJECTS; i++)
			if (!m->object[i].there)
				v = &m->object[i];
		if (v == NULL)
			sim_die("more objects than a sign can ever need");
		set(v, m->part.data, m->part.size);
		memcpy(v->name, m->part.name, DL_HASH);
	}
	m->part.there = 0;
	if (cut)
		longjmp(sim_outage, 1);
	return 0;
}

static int object_sweep(void *user, int (*wanted)(void *to, const uint8_t hash[32]), void *to)
{
	struct machine *m = user;
	unsigned i;

	for (i = 0; i < OBJECTS; i++)
		if (m->object[i].there && !wanted(to, m->object[i].name)) {
			m->object[i].there = 0;
			if (sim_gone(m))
				longjmp(sim_outage, 1);
		}
	return 0;
}

static int slot_begin(void *user, uint32_t size)
{
	struct machine *m = user;
	unsigned other = m->options.slot ^ 1u;

	if (m->full || size > SLOT)
		return -1;
	memset(m->slot[other], 0xff, SLOT);
	m->slot_size[other] = size;
	if (sim_gone(m))
		longjmp(sim_outage, 1);
	return 0;
}

static int slot_write(void *user, uint32_t offset, const uint8_t *data, uint32_t n)
{
	struct machine *m = user;
	unsigned other = m->options.slot ^ 1u;
	int cut = sim_gone(m);

	if (m->full || offset > m->slot_size[other] || n > m->slot_size[other] - offset)
		return -1;
	memcpy(m->slot[other] + offset, data, cut ? sim_rnd(m, n + 1) : n);
	if (cut)
		longjmp(sim_outage, 1);
	return 0;
}

static int slot_read(void *user, uint32_t offset, uint8_t *to, uint32_t n)
{
	struct machine *m = user;
	unsigned other = m->options.slot ^ 1u;

	if (offset > SLOT || n > SLOT - offset)
		return -1;
	memcpy(to, m->slot[other] + offset, n);
	return 0;
}

void sim_flash_hooks(struct dl_port *p)
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
	p->slot_begin = slot_begin;
	p->slot_write = slot_write;
	p->slot_read = slot_read;
}

void sim_flash_free(struct machine *m)
{
	unsigned i;

	for (i = 0; i < DL_RECORDS; i++)
		free(m->record[i].data);
	for (i = 0; i < OBJECTS; i++)
		free(m->object[i].data);
	free(m->part.data);
}
