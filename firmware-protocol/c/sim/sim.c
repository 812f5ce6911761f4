/*
 * Signs whose firmware is on the other side of a pipe: it says what happens to
 * them and what time it is, and is told what they do. Flash and panel are here,
 * and their power can be cut at every step. devices/simfleet drives it.
 *
 * Numbers are little-endian. A command on standard input is u8 what, u8 sign,
 * u64 own clock in milliseconds, u32 bytes, and that many bytes. It is answered
 * by records, u8 what, u32 bytes, bytes, of which the last one is an 'E'.
 * Licence: Apache-2.0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openssl/dl_openssl.h"
#include "sim.h"

enum { SIGNS = 16, COMMAND = 1 << 16 };

/* Commands. */
enum {
	NEW = 'N',       /* u16 width, height, u8 always-on, u16 chunk, u64 seed, u32 capabilities, public key of the maker, serial */
	BOOT = 'B',      /* u8 why, u8 whether the clock was kept */
	STEP = 'S',
	CONNECTED = 'C', /* u8 enum dl_link */
	LOST = 'L',
	MESSAGE = 'M',   /* u8 length of the topic, topic, message */
	PRESS = 'P',     /* u8 button */
	WAKE = 'W',
	FAULTS = 'F',    /* u32 steps until the power is cut, u8 flash is full, u8 times the panel breaks down, u8 mistake, u8 the power is cut at the next drawing; all bits set: as it was */
	CUT = 'X'
};

/* Mistakes that a test must notice. */
enum { ANY_EPOCH = 1, BLIND_PANEL, TORN_PANEL, LOST_STORAGE };

static struct machine *machines[SIGNS];
jmp_buf sim_outage;

void sim_die(const char *why)
{
	fprintf(stderr, "sim: %s\n", why);
	exit(2);
}

static void put(uint8_t *at, uint64_t value, unsigned n)
{
	while (n-- > 0) {
		*at++ = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t get(const uint8_t *at, unsigned n)
{
	uint64_t value = 0;

	while (n-- > 0)
		value = value << 8 | at[n];
	return value;
}

static void tell(int what, const void *a, size_t an, const void *b, size_t bn)
{
	uint8_t head[5];

	head[0] = (uint8_t)what;
	put(head + 1, an + bn, 4);
	if (fwrite(head, 1, sizeof head, stdout) != sizeof head || fwrite(a, 1, an, stdout) != an || (bn > 0 && fwrite(b, 1, bn, stdout) != bn))
		sim_die("nobody listens");
}

uint32_t sim_rnd(struct machine *m, uint32_t below)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return (uint32_t)(z >> 32) % below;
}

int sim_gone(struct machine *m) { return m->steps > 0 && --m->steps == 0; }

static uint64_t clock_of(void *user) { return ((struct machine *)user)->clock; }

static int random_of(void *user, uint8_t *out, size_t n)
{
	/* dl_crypto's user is that of mbedTLS, which is a member of the machine */
	struct machine *m = (struct machine *)(void *)((char *)user - offsetof(struct machine, mbedtls));

	while (n-- > 0)
		*out++ = (uint8_t)sim_rnd(m, 256);
	return 0;
}

static void connect_to(void *user, const struct dl_login *login)
{
	tell('c', login->client, strlen(login->client) + 1, login->password, strlen(login->password));
	if (sim_gone(user))
		longjmp(sim_outage, 1);
}

static int publish(void *user, const char *topic, int qos, const uint8_t *data, size_t n)
{
	uint8_t head[50];
	size_t length = strlen(topic);

	(void)qos;
	if (length > sizeof head - 1)
		sim_die("long topic");
	head[0] = (uint8_t)length;
	memcpy(head + 1, topic, length);
	tell('p', head, length + 1, data, n);
	if (sim_gone(user))
		longjmp(sim_outage, 1);
	return 0;
}

static void disconnect(void *user)
{
	tell('d', "", 0, NULL, 0);
	if (sim_gone(user))
		longjmp(sim_outage, 1);
}

/* The panel takes the rows from the top. */
struct drawing {
	uint8_t *glass;
	uint32_t stride, rows; /* rows that it takes */
	int fails;             /* behind them, or says nothing */
};

static int take_row(void *to, uint16_t y, const uint8_t *row)
{
	struct drawing *d = to;

	if (y < d->rows)
		memcpy(d->glass + y * d->stride, row, d->stride);
	return d->fails && y + 1u >= d->rows;
}

#ifdef DL_ROWS
static int draw(void *user, dl_row_giver *give, void *picture, unsigned refresh)
#else
static int draw(void *user, const uint8_t *frame, unsigned refresh)
#endif
{
	struct machine *m = user;
	struct drawing d;
	uint32_t height = m->options.hardware.height;
	int cut = sim_gone(m) || m->at_draw, breaks = m->breaks > 0;
	uint8_t whole = (uint8_t)(!cut && !breaks);

	(void)refresh;
	d.glass = m->glass;
	d.stride = m->picture / height;
	d.fails = !whole;
	d.rows = d.fails || m->mistake == TORN_PANEL ? sim_rnd(m, height + 1u) : height;
	if (m->mistake == BLIND_PANEL)
		return 0;
	if (breaks)
		m->breaks--;
#ifdef DL_ROWS
	if (breaks && sim_rnd(m, 2)) { /* not the panel, but the flash */
		d.fails = 0;
		d.rows = height;
		m->bad_read = 1 + sim_rnd(m, 4);
	}
	if (give(picture, take_row, &d) != 0 && !d.fails && !breaks)
		whole = 0;
	m->bad_read = 0;
#else
	for (uint16_t y = 0; y < height && take_row(&d, y, frame + y * d.stride) == 0; y++)
		;
#endif
	tell('D', &whole, 1, m->glass, m->picture);
	if (cut)
		longjmp(sim_outage, 1);
	return whole ? 0 : -1;
}

static void note(void *user, enum dl_note what, uint32_t number, const char *text)
{
	uint8_t head[5];

	head[0] = (uint8_t)what;
	put(head + 1, number, 4);
	tell('n', head, sizeof head, text, text != NULL ? strlen(text) : 0);
	if (sim_gone(user))
		longjmp(sim_outage, 1);
}

static void restart(void *user) { ((struct machine *)user)->restarting = 1; }

/* What a boot loader does, and then the sign's start. It tells what is started: u8 mark, u32 number, image. */
static int start(struct machine *m)
{
	struct dl_slots s;
	uint8_t data[DL_SLOTS], head[5];
	int slot = 0;

	m->options.firmware_number = 1;
	head[0] = DL_SLOT_GOOD;
	if (dl_slots_read(&s, data, m->port.load(m, DL_RECORD_SLOTS, 0, data, sizeof data)) == 0) {
		slot = dl_boot(&s);
		if (slot < 0)
			sim_die("there is no firmware to start");
		dl_slots_write(&s, data);
		(void)m->port.save(m, DL_RECORD_SLOTS, data, sizeof data);
		m->options.firmware_number = s.slot[slot].number;
		head[0] = s.slot[slot].state;
	}
	m->options.slot = (uint8_t)slot;
	put(head + 1, m->options.firmware_number, 4);
	tell('b', head, sizeof head, m->slot[slot], m->slot_size[slot]);
	m->restarting = 0;
	return dl_sign_start(&m->sign, &m->port, &m->options);
}

/* What of a picture is in memory, and its bytes. */
#ifdef DL_ROWS
static uint8_t *picture_of(const struct machine *m) { return m->options.rows; }
static uint32_t room_of(const struct machine *m) { return m->picture / m->options.hardware.height * DL_OBJECT_ROWS; }
#else
static uint8_t *picture_of(const struct machine *m) { return m->options.frame; }
static uint32_t room_of(const struct machine *m) { return m->picture; }
#endif

/* A sign as it leaves the factory. */
static struct machine *fresh(const uint8_t *data, size_t n)
{
	struct machine *m = calloc(1, sizeof *m);
	struct dl_hardware *h;

	if (m == NULL || n < 51 || n - 51 > DL_MAX_TEXT)
		sim_die("new sign");
	h = &m->options.hardware;
	memcpy(m->maker, data + 19, sizeof m->maker);
	m->options.maker = m->maker;
	memcpy(m->slot[0], "old!", 4);
	m->slot_size[0] = 4;
	memcpy(m->serial, data + 51, n - 51);
	h->serial = m->serial;
	h->model = "simulated";
	h->firmware = "sim 1";
	h->width = (uint16_t)get(data, 2);
	h->height = (uint16_t)get(data + 2, 2);
	h->always_on = data[4];
	h->capabilities = (uint32_t)get(data + 15, 4);
	m->options.planes = 1;
	m->options.chunk = (uint16_t)get(data + 5, 2);
	m->random = get(data + 7, 8);
	m->picture = (h->width + 7u) / 8 * h->height;
	m->glass = calloc(1, m->picture);
#ifdef DL_ROWS
	m->options.rows = malloc(room_of(m));
#else
	m->options.frame = malloc(room_of(m));
#endif
	if (m->glass == NULL || picture_of(m) == NULL || dl_mbedtls_init(&m->mbedtls, &m->crypto) != 0)
		sim_die("new sign");
	m->crypto.random = random_of;
	m->crypto.ed25519 = dl_openssl_ed25519;
	m->port.crypto = &m->crypto;
	m->port.user = m;
	m->port.clock = clock_of;
	sim_flash_hooks(&m->port);
	m->port.connect = connect_to;
	m->port.publish = publish;
	m->port.disconnect = disconnect;
	m->port.draw = draw;
	m->port.note = note;
	m->port.restart = restart;
	return m;
}

static void drop(struct machine *m)
{
	sim_flash_free(m);
	free(m->glass);
	free(picture_of(m));
	dl_mbedtls_free(&m->mbedtls);
	free(m);
}

static void power_off(struct machine *m)
{
	m->on = 0;
	m->steps = m->at_draw = 0;
	m->part.there = 0;
	if (sim_rnd(m, 2))
		m->record[DL_RECORD_NEXT].there = 0;
	if (m->mistake == LOST_STORAGE)
		m->record[DL_RECORD_BODY].there = m->record[DL_RECORD_STATE].there = 0;
	memset(picture_of(m), 0x5a, room_of(m));
	memset(&m->sign, 0x5a, sizeof m->sign);
}

static int message(struct machine *m, const uint8_t *data, size_t n)
{
	char topic[64];
	uint8_t *copy;

	if (n < 1 || data[0] >= sizeof topic || n < 1u + data[0])
		return -1;
	memcpy(topic, data + 1, data[0]);
	topic[data[0]] = 0;
	n -= 1u + data[0];
	copy = malloc(n > 0 ? n : 1); /* of its own, so that a read past its end is noticed */
	if (copy == NULL)
		sim_die("no memory");
	memcpy(copy, data + 1 + data[0], n);
	if (m->mistake == ANY_EPOCH)
		m->sign.force.body.epoch = m->sign.force.body.seq = 0;
	dl_sign_received(&m->sign, topic, copy, n);
	free(copy);
	return 0;
}

/* A step; a sign that restarts loses what it did not store. */
static int32_t step(struct machine *m)
{
	int32_t wait = (int32_t)dl_sign_step(&m->sign);

	if (!m->restarting)
		return wait;
	memset(&m->sign, 0x5a, sizeof m->sign);
	m->part.there = 0;
	m->options.wake = DL_WAKE_BOOT;
	m->options.clock_kept = 1;
	return start(m) == 0 ? 1 : -1;
}

static int32_t obey(struct machine *m, int what, const uint8_t *data, size_t n)
{
	if (what == FAULTS && n == 8) {
		if (get(data, 4) != 0xffffffffu)
			m->steps = (uint32_t)get(data, 4);
		m->full = data[4];
		if (data[5] != 255)
			m->breaks = data[5];
		m->mistake = data[6];
		if (data[7] != 255)
			m->at_draw = data[7];
		return 0;
	}
	if (what == BOOT && n == 2) {
		m->on = 1;
		m->options.wake = data[0];
		m->options.clock_kept = data[1];
		return start(m);
	}
	if (!m->on)
		return 0;
	switch (what) {
	case STEP: return step(m);
	case CONNECTED: dl_sign_connected(&m->sign, (enum dl_link)data[0], NULL); return 0;
	case LOST: dl_sign_lost(&m->sign); return 0;
	case MESSAGE: return message(m, data, n);
	case PRESS: dl_sign_press(&m->sign, data[0]); return 0;
	case WAKE: dl_sign_wake(&m->sign); return 0;
	case CUT: power_off(m); return 0;
	}
	sim_die("unknown command");
	return -1;
}

static void serve(const uint8_t *head, const uint8_t *data, size_t n)
{
	static struct machine *m; /* static: used after longjmp */
	uint8_t end[6];
	static int32_t result;

	if (head[1] >= SIGNS)
		sim_die("no such sign");
	if (head[0] == NEW) {
		if (machines[head[1]] != NULL)
			drop(machines[head[1]]);
		machines[head[1]] = fresh(data, n);
	}
	m = machines[head[1]];
	if (m == NULL)
		sim_die("no such sign");
	m->clock = get(head + 2, 8);
	result = -1;
	memset(end, 0, sizeof end);
	if (head[0] == NEW)
		result = 0;
	else if (setjmp(sim_outage) == 0)
		result = obey(m, head[0], data, n);
	else {
		end[4] = 1;
		power_off(m);
	}
	put(end, (uint64_t)(uint32_t)result, 4);
	end[5] = (uint8_t)m->on;
	tell('E', end, sizeof end, NULL, 0);
	fflush(stdout);
}

int main(void)
{
	static uint8_t data[COMMAND];
	uint8_t head[14];
	uint64_t n;
	unsigned i;

	while (fread(head, 1, sizeof head, stdin) == sizeof head) {
		n = get(head + 10, 4);
		if (n > sizeof data || fread(data, 1, n, stdin) != n)
			sim_die("broken command");
		serve(head, data, n);
	}
	for (i = 0; i < SIGNS; i++)
		if (machines[i] != NULL)
			drop(machines[i]);
	return 0;
}
