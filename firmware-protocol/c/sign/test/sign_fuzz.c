/*
 * What libFuzzer calls for the core of the sign: the input is what a gateway, a
 * clock and a power switch do. Cryptography is none: a sum is always the same,
 * so that forged things are believed and everything behind them is reached.
 * Licence: Apache-2.0.
 */
#include "dl_cbor.h"
#include "dl_internal.h"
#include "dl_internal_sign.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 16, HEIGHT = 8, RECORD = 7200, OBJECT = 4096, SLOT = 4096, SUM = 0x11 };

static struct {
	uint8_t record[DL_RECORDS][RECORD], object[OBJECT], part[OBJECT], slot[SLOT];
	int32_t size[DL_RECORDS], object_size, part_size;
	uint32_t slot_size;
} disk;

static struct dl_sign sign;
static uint64_t now;
static int restarted;

static void start(void *state) { (void)state; }
static void update(void *state, const uint8_t *data, size_t n)
{
	volatile uint8_t seen = 0;

	(void)state;
	while (n-- > 0)
		seen = (uint8_t)(seen + *data++); /* all of it can be read */
}
static void finish(void *state, uint8_t sum[32])
{
	(void)state;
	memset(sum, SUM, 32);
}
static void hmac_key(void *user, const uint8_t key[32]) { update(user, key, 32); }
static int hkdf(void *user, const uint8_t secret[32], const void *salt, size_t saltn, const char *info, size_t infon, uint8_t *out, size_t n)
{
	update(user, secret, 32);
	update(user, salt, saltn);
	update(user, (const uint8_t *)info, infon);
	memset(out, SUM, n);
	return 0;
}
static int x25519(void *user, const uint8_t key[32], const uint8_t *point, uint8_t out[32])
{
	update(user, key, 32);
	if (point != NULL)
		update(user, point, 32);
	memset(out, SUM, 32);
	return 0;
}
static int gcm_open(void *user, const uint8_t key[32], const uint8_t nonce[12], const void *ad, size_t adn, const uint8_t *sealed, size_t n,
	const uint8_t tag[16], uint8_t *out)
{
	update(user, key, 32);
	update(user, nonce, 12);
	update(user, ad, adn);
	update(user, tag, 16);
	memcpy(out, sealed, n);
	return 0;
}
static int random_bytes(void *user, uint8_t *out, size_t n)
{
	(void)user;
	memset(out, 0, n);
	return 0;
}
static int ed25519(void *user, const uint8_t key[32], const uint8_t *message, size_t n, const uint8_t signature[64])
{
	update(user, key, 32);
	update(user, message, n);
	update(user, signature, 64);
	return 0;
}

static uint64_t clock_now(void *user)
{
	(void)user;
	return now;
}
static int32_t load(void *user, enum dl_record r, uint32_t offset, uint8_t *to, uint32_t n)
{
	(void)user;
	if (disk.size[r] < 0 || (uint32_t)disk.size[r] < offset)
		return -1;
	if (n > (uint32_t)disk.size[r] - offset)
		n = (uint32_t)disk.size[r] - offset;
	memcpy(to, disk.record[r] + offset, n);
	return (int32_t)n;
}
static int save(void *user, enum dl_record r, const uint8_t *data, uint32_t n)
{
	(void)user;
	if (n > RECORD)
		abort();
	if (n > 0)
		memcpy(disk.record[r], data, n);
	disk.size[r] = n > 0 ? (int32_t)n : -1;
	return 0;
}
static int promote(void *user)
{
	(void)user;
	if (disk.size[DL_RECORD_NEXT] < 0)
		abort();
	memcpy(disk.record[DL_RECORD_BODY], disk.record[DL_RECORD_NEXT], RECORD);
	disk.size[DL_RECORD_BODY] = disk.size[DL_RECORD_NEXT];
	disk.size[DL_RECORD_NEXT] = -1;
	return 0;
}
static int32_t object_size(void *user, const uint8_t hash[32])
{
	(void)user;
	return hash[0] == SUM ? disk.object_size : -1;
}
static int object_read(void *user, const uint8_t *hash, uint32_t offset, uint8_t *to, uint32_t n)
{
	(void)user;
	if (offset > OBJECT || n > OBJECT - offset)
		return -1;
	memcpy(to, (hash == NULL ? disk.part : disk.object) + offset, n);
	return 0;
}
static int object_begin(void *user, const uint8_t hash[32], uint32_t size)
{
	(void)user;
	(void)hash;
	disk.part_size = (int32_t)size;
	return size > OBJECT;
}
static int object_write(void *user, uint32_t offset, const uint8_t *data, uint32_t n)
{
	(void)user;
	if (offset > (uint32_t)disk.part_size || n > (uint32_t)disk.part_size - offset)
		abort(); /* never beyond what it began */
	memcpy(disk.part + offset, data, n);
	return 0;
}
static int object_end(void *user, int keep)
{
	(void)user;
	if (keep) {
		memcpy(disk.object, disk.part, OBJECT);
		disk.object_size = disk.part_size;
	}
	return 0;
}
static int object_sweep(void *user, int (*wanted)(void *to, const uint8_t hash[32]), void *to)
{
	static const uint8_t name[32] = { SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM,
		SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM, SUM };

	(void)user;
	if (!wanted(to, name))
		disk.object_size = -1;
	return 0;
}
static void connect_to(void *user, const struct dl_login *l)
{
	update(user, (const uint8_t *)l->client, strlen(l->client) + strlen(l->user) * 0);
	update(user, (const uint8_t *)l->password, strlen(l->password));
}
static int publish(void *user, const char *topic, int qos, const uint8_t *data, size_t n)
{
	(void)topic;
	(void)qos;
	if (n < 1 || n > DL_MAX_MESSAGE)
		abort();
	update(user, data, n);
	return 0;
}
static void disconnect(void *user) { (void)user; }
#ifdef DL_ROWS
static int take_row(void *to, uint16_t y, const uint8_t *row)
{
	if (y != (*(unsigned *)to)++)
		abort();
	update(NULL, row, WIDTH / 8);
	return 0;
}
static int draw(void *user, dl_row_giver *give, void *picture, unsigned refresh)
{
	unsigned rows = 0;

	(void)user;
	if (refresh > 3)
		abort();
	if (give(picture, take_row, &rows) != 0)
		return -1;
	if (rows != HEIGHT)
		abort();
	return 0;
}
static uint8_t rows[WIDTH / 8 * DL_OBJECT_ROWS];
#else
static int draw(void *user, const uint8_t *frame, unsigned refresh)
{
	if (refresh > 3)
		abort();
	update(user, frame, WIDTH / 8 * HEIGHT);
	return 0;
}
static uint8_t frame[WIDTH / 8 * HEIGHT];
#endif
static int slot_begin(void *user, uint32_t size)
{
	(void)user;
	disk.slot_size = size;
	return size > SLOT;
}
static int slot_write(void *user, uint32_t offset, const uint8_t *data, uint32_t n)
{
	(void)user;
	if (offset > disk.slot_size || n > disk.slot_size - offset)
		abort();
	if (offset > SLOT || n > SLOT - offset)
		return -1;
	memcpy(disk.slot + offset, data, n);
	return 0;
}
static int slot_read(void *user, uint32_t offset, uint8_t *to, uint32_t n)
{
	(void)user;
	if (offset > SLOT || n > SLOT - offset)
		return -1;
	memcpy(to, disk.slot + offset, n);
	return 0;
}
static void restart(void *user)
{
	(void)user;
	restarted = 1;
}

/* A code of another size each time, also such that no panel has room for. */
static unsigned qr_side;
static unsigned qr_make(void *user, const char *text)
{
	size_t n = strlen(text);

	(void)user;
	if (n > DL_MAX_TEXT + DL_CODE)
		abort();
	qr_side = (unsigned)(n * 7 % 60);
	return qr_side;
}
static int qr_module(void *user, unsigned x, unsigned y)
{
	(void)user;
	if (x >= qr_side || y >= qr_side)
		abort();
	return 1;
}

static const struct dl_crypto crypto = { { NULL, start, update, finish }, NULL, { NULL, start, update, finish }, hmac_key, hkdf, x25519, gcm_open,
	random_bytes, ed25519 };
static const struct dl_port port = { &crypto, NULL, clock_now, load, save, promote, object_size, object_read, object_begin, object_write, object_end,
	object_sweep, connect_to, publish, disconnect, draw, NULL, NULL, slot_begin, slot_write, slot_read, restart, qr_make,
	qr_module };
static const uint8_t maker[32];
static struct dl_sign_options options;

/* Starts the sign from what is stored, as its boot loader does. */
static void boot(void)
{
	struct dl_slots s;
	uint8_t data[DL_SLOTS];
	int slot;

	restarted = 0;
	if (dl_slots_read(&s, data, load(NULL, DL_RECORD_SLOTS, 0, data, sizeof data)) == 0) {
		slot = dl_boot(&s);
		if (slot < 0)
			abort(); /* [DL-FW-7] */
		options.slot = (uint8_t)slot;
		options.firmware_number = s.slot[slot].number;
		dl_slots_write(&s, data);
		(void)save(NULL, DL_RECORD_SLOTS, data, sizeof data);
	}
	if (dl_sign_start(&sign, &port, &options) != 0)
		abort();
}

/* A message in memory of its own. */
static void message(const char *name, const uint8_t *data, size_t n, int believed)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	char topic[64] = "dl/1/";

	if (copy == NULL)
		abort();
	memcpy(copy, data, n);
	if (believed && n >= DL_MAC)
		memset(copy + n - DL_MAC, SUM, DL_MAC);
	strcat(topic, sign.paired ? sign.id : "pair/");
	if (!sign.paired)
		strcat(topic, sign.nonce);
	strcat(strcat(topic, "/d/"), name);
	dl_sign_received(&sign, topic, copy, n);
	free(copy);
}

/* The Ack that the sign waits for. */
static void acknowledge(unsigned flags, unsigned number)
{
	uint8_t data[64], *map;
	struct dl_writer w = dl_write(data, sizeof data);

	map = dl_put_map(&w);
	dl_put_number(&w, map, 1, sign.sent_boot);
	dl_put_number(&w, map, 2, sign.sent_counter);
	dl_put_number(&w, map, 22, 1700000000u);
	dl_put_flag(&w, map, 23, flags & 1);
	dl_put_number(&w, map, 24, number);
	dl_put_number(&w, map, 39, flags >> 1);
	message("ack", data, dl_written(&w, data), 0);
}

/* The answer to one of the open questions for bytes. */
static void serve(unsigned which, const uint8_t *from, size_t n)
{
	struct dl_asked *g = &sign.get[which % DL_WINDOW];
	uint8_t data[256], bytes[64] = { 0 }, *map;
	struct dl_writer w = dl_write(data, sizeof data);

	if (g->length == 0 || g->length > sizeof bytes)
		return;
	memcpy(bytes, from, n < g->length ? n : g->length);
	map = dl_put_map(&w);
	dl_put_bytes(&w, map, 26, sign.object, 8);
	dl_put_number(&w, map, 27, g->offset);
	dl_put_number(&w, map, 29, sign.object_size);
	dl_put_bytes(&w, map, 30, bytes, g->length);
	dl_put_number(&w, map, 31, dl_crc32(0xffffffffu, bytes, g->length) ^ 0xffffffffu);
	message("blk", data, dl_written(&w, data), 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "want", "ack", "blk", "key", "fw", "challenge", "identity", "pins", "gone" };
	static const uint8_t spki[32] = { 1 };
	unsigned steps = 0, i;

	if (size < 1)
		return 0;
	memset(&disk, 0, sizeof disk);
	for (i = 0; i < DL_RECORDS; i++)
		disk.size[i] = -1;
	disk.object_size = -1;
	now = 1000;
	memset(&options, 0, sizeof options);
	options.hardware.model = "m";
	options.hardware.serial = options.hardware.firmware = "";
	options.hardware.width = WIDTH;
	options.hardware.height = HEIGHT;
	options.hardware.always_on = data[0] & 1;
	options.hardware.capabilities = DL_OBJECT_CAPABILITIES | DL_OBJECT_CAP_PARTS | DL_CAP_KEYS | DL_CAP_FIRMWARE | DL_CAP_PINS;
	options.planes = 1;
#ifdef DL_ROWS
	options.rows = rows;
#else
	options.frame = frame;
#endif
	options.chunk = 64;
	options.wake = DL_WAKE_BOOT;
	options.maker = maker;
	options.firmware_number = 1;
	if ((data[0] & 2) != 0) {
		memcpy(disk.record[DL_RECORD_IDENTITY], "DLI\1k7qf2m4pabcdefgh", 20);
		disk.size[DL_RECORD_IDENTITY] = 85;
	}
	boot();
	for (i = 1; i < size && steps++ < 400;) {
		unsigned op = data[i++], a = i < size ? data[i] : 0, n;

		switch (op & 7) {
		case 0: (void)dl_sign_step(&sign); break;
		case 1: now += (uint64_t)1 << (op >> 3); break;
		case 2: dl_sign_connected(&sign, op & 8 ? DL_LINK_REFUSED : op & 16 ? DL_LINK_FAILED : DL_LINK_OPEN, op & 32 ? spki : NULL); break;
		case 3:
			if (size - i < 2)
				return 0;
			n = data[i] | (unsigned)data[i + 1] << 8;
			i += 2;
			if (n > size - i)
				n = (unsigned)(size - i);
			message(names[op >> 3 & 7], data + i, n, op >> 6 & 1);
			i += n;
			break;
		case 4: acknowledge(op >> 3, a); break;
		case 5:
			n = size - i < 64 ? (unsigned)(size - i) : 64;
			serve(op >> 3, data + i, n);
			i += n;
			break;
		case 6:
			if (op & 8)
				dl_sign_lost(&sign);
			else if (op & 16)
				boot();
			else
				dl_sign_wake(&sign);
			break;
		case 7: dl_sign_press(&sign, op >> 3 & 7); break;
		}
		if (restarted)
			boot();
	}
	return 0;
}
