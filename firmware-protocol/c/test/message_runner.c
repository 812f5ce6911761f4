/*
 * Writes and reads messages for the Go test in ../../wire/c_message_test.go.
 * Numbers are little-endian. Licence: Apache-2.0.
 */
#include "dl_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The numbers of a message to write, in order. */
enum { BOOT, COUNTER, EPOCH, SEQ, WAKE, ERROR, BATTERY, SIGNAL, TEMPERATURE, HAS_TEMPERATURE, WIDTH, HEIGHT, ALWAYS_ON, CAPABILITIES, DRAW, OFFSET, LENGTH, BUTTON, AGE, KEY_NUMBER, FIRMWARE_NUMBER, PINS_NUMBER, NUMBERS };

static void fill(void *to, size_t size)
{
	if (fread(to, 1, size, stdin) != size)
		abort();
}

static uint32_t take(int bytes)
{
	uint8_t b[4];
	uint32_t v = 0;

	fill(b, (size_t)bytes);
	while (bytes-- > 0)
		v = v << 8 | b[bytes];
	return v;
}

static void give(uint64_t v, int bytes)
{
	for (; bytes-- > 0; v >>= 8)
		putchar((int)(v & 0xff));
}

static void give_all(const uint8_t *b, size_t size) { fwrite(b, 1, size, stdout); }

static void write_one(int kind)
{
	static char texts[3][256];
	static struct dl_event events[256];
	uint32_t n[NUMBERS], k, count;
	uint8_t hash[32], mac[DL_MAC], has_hash, *out;
	size_t size = 0, room;

	for (k = 0; k < NUMBERS; k++)
		n[k] = take(4);
	has_hash = (uint8_t)take(1);
	fill(hash, sizeof hash);
	fill(mac, sizeof mac);
	count = take(1);
	for (k = 0; k < count; k++) {
		events[k].boot = take(4);
		events[k].counter = take(4);
		events[k].button = (uint8_t)take(4);
		events[k].age = take(4);
	}
	for (k = 0; k < 3; k++) {
		uint32_t length = take(1);
		fill(texts[k], length);
		texts[k][length] = 0;
	}
	room = take(2);
	out = malloc(room + 1);
	if (out == NULL)
		abort();
	if (kind == 'h') {
		struct dl_hello m = { 0 };
		m.boot = n[BOOT], m.counter = n[COUNTER], m.epoch = n[EPOCH], m.seq = n[SEQ];
		m.glass = has_hash ? hash : NULL;
		m.wake = (uint8_t)n[WAKE], m.error = (uint16_t)n[ERROR], m.battery = (uint16_t)n[BATTERY];
		m.signal = (int8_t)n[SIGNAL], m.temperature = (int8_t)n[TEMPERATURE], m.has_temperature = (uint8_t)n[HAS_TEMPERATURE];
		m.events = events, m.event_count = count;
		m.model = texts[0], m.serial = texts[1], m.firmware = texts[2];
		m.width = (uint16_t)n[WIDTH], m.height = (uint16_t)n[HEIGHT], m.always_on = (uint8_t)n[ALWAYS_ON], m.capabilities = n[CAPABILITIES];
		m.key_number = n[KEY_NUMBER], m.mac = has_hash ? hash + 8 : NULL, m.firmware_number = n[FIRMWARE_NUMBER], m.pins_number = n[PINS_NUMBER];
		size = dl_hello_write(&m, out, room);
	} else if (kind == 's') {
		struct dl_shown m = { 0 };
		m.boot = n[BOOT], m.counter = n[COUNTER], m.epoch = n[EPOCH], m.seq = n[SEQ];
		m.glass = has_hash ? hash : NULL;
		m.wake = (uint8_t)n[WAKE], m.error = (uint16_t)n[ERROR], m.battery = (uint16_t)n[BATTERY], m.draw_millis = n[DRAW];
		m.mac = hash + 8;
		size = dl_shown_write(&m, out, room);
	} else if (kind == 'e') {
		struct dl_event m = { 0 };
		m.boot = n[BOOT], m.counter = n[COUNTER], m.button = (uint8_t)n[BUTTON], m.age = n[AGE];
		m.mac = hash + 8;
		size = dl_event_write(&m, out, room);
	} else if (kind == 'k') {
		struct dl_key m = { 0 };
		m.boot = n[BOOT], m.counter = n[COUNTER], m.number = n[KEY_NUMBER];
		m.public_key = has_hash ? hash : NULL;
		m.mac = mac;
		size = dl_key_write(&m, out, room);
	} else {
		struct dl_get m = { 0 };
		m.object = has_hash ? hash : NULL;
		m.offset = n[OFFSET], m.length = n[LENGTH];
		size = dl_get_write(&m, out, room);
	}
	give(size, 2);
	give_all(out, size);
	free(out);
}

/* Memory of exactly that size. */
static uint8_t *input(uint32_t *size)
{
	uint8_t *data;

	*size = take(2);
	data = malloc(*size > 0 ? *size : 1);
	if (data == NULL)
		abort();
	fill(data, *size);
	return data;
}

static void read_ack(void)
{
	struct dl_ack m;
	uint32_t size;
	uint8_t *data = input(&size);
	int status = dl_ack_read(&m, data, size);

	putchar(-status);
	if (status == DL_MESSAGE_OK) {
		give(m.boot, 4), give(m.counter, 4), give(m.server_time, 8);
		give(m.manifest, 1), give(m.next_wake, 4), give(m.jitter, 2), give(m.key_number, 4);
	}
	free(data);
}

static void read_new_key(void)
{
	struct dl_new_key m;
	uint32_t size;
	uint8_t *data = input(&size);
	int status = dl_new_key_read(&m, data, size);

	putchar(-status);
	if (status == DL_MESSAGE_OK) {
		give_all(m.sealed, DL_SEALED);
		give(m.number, 4);
		give_all(m.mac, DL_MAC);
	}
	free(data);
}

static void read_pins(void)
{
	struct dl_pins m;
	uint32_t size;
	uint8_t *data = input(&size);
	int status = dl_pins_read(&m, data, size);
	unsigned k;

	putchar(-status);
	if (status == DL_MESSAGE_OK) {
		give(m.count, 1);
		for (k = 0; k < m.count; k++)
			give_all(m.key[k], 32);
		give(m.number, 4);
		give_all(m.mac, DL_MAC);
	}
	free(data);
}

static void read_block(void)
{
	struct dl_block m;
	uint32_t size;
	uint8_t *data = input(&size);
	int status = dl_block_read(&m, data, size);

	putchar(-status);
	if (status == DL_MESSAGE_OK) {
		give_all(m.object, 8);
		give(m.offset, 4), give(m.total, 4), give(m.length, 2);
		if (m.length > 0)
			give_all(m.data, m.length);
	}
	free(data);
}

/* The signature that Go computed; what is signed is checked here. */
struct mac {
	uint8_t sum[32], seen[DL_MAX_MANIFEST + 16];
	size_t size;
};

static void start(void *state) { ((struct mac *)state)->size = 0; }

static void update(void *state, const uint8_t *data, size_t size)
{
	struct mac *m = state;

	memcpy(m->seen + m->size, data, size);
	m->size += size;
}

static void finish(void *state, uint8_t sum[32]) { memcpy(sum, ((struct mac *)state)->sum, 32); }

static void read_manifest(void)
{
	static struct mac mac;
	struct dl_hmac hmac = { &mac, start, update, finish };
	struct dl_manifest m;
	char id[16];
	uint32_t size, now;
	uint8_t *data;
	unsigned k;
	int status;

	fill(id, sizeof id);
	fill(mac.sum, sizeof mac.sum);
	now = take(4);
	data = input(&size);
	mac.size = 0;
	status = dl_manifest_read(&m, data, size, id, &hmac);
	if (mac.size != 0 && (mac.size != size || memcmp(mac.seen, id, 16) != 0 || memcmp(mac.seen + 16, data, size - 16) != 0))
		abort();
	putchar(-status);
	if (status == DL_MESSAGE_OK) {
		give(m.epoch, 4), give(m.seq, 4), give(m.width, 2), give(m.height, 2), give(m.steps, 1), give(m.has_stale, 1);
		give(m.server_time, 8), give(m.next_wake, 4), give(m.jitter, 2);
		give((uint64_t)(int64_t)dl_manifest_due(&m, now), 2);
		for (k = 0; k < m.steps + (unsigned)m.has_stale; k++) {
			struct dl_step s;
			dl_manifest_step(&m, k, &s);
			give_all(s.object, 32), give_all(s.glass, 32);
			give(s.size, 4), give(s.from, 4), give(s.until, 4);
			putchar(s.base != NULL);
			if (s.base != NULL)
				give_all(s.base, 32);
		}
	}
	free(data);
}

int main(void)
{
	int kind;

	while ((kind = getchar()) != EOF) {
		if (kind == 'a')
			read_ack();
		else if (kind == 'b')
			read_block();
		else if (kind == 'n')
			read_new_key();
		else if (kind == 'p')
			read_pins();
		else if (kind == 'm')
			read_manifest();
		else
			write_one(kind);
	}
	return fflush(stdout) != 0;
}
