/*
 * A sign whose world is the Go test ../../../wire/c_renew_test.go: its clock, its
 * network, its power. Storage (disk.h) survives when the power is cut, which happens
 * within any call of the core to its firmware, before or after it has an effect.
 * Commands are lines on standard input:
 *
 *   record N HEX    puts a record into storage
 *   boot K          the boot loader starts the sign; at call K the power is cut (0: not)
 *   again           it does so after a restart, and calls are counted on
 *   time MS         the clock goes on
 *   step            dl_sign_step
 *   link open|tls|refused|failed
 *   lost            the connection is gone
 *   message NAME HEX
 *   dump            tells the records
 *   report ask|stored|hello NUMBER BOOT COUNTER PRIVATE   writes that message; PRIVATE is the new secret for stored and hello
 *   answer NUMBER PRIVATE PUBLIC HEX                takes an answer to that question
 *   offer MODEL RUNNING FAILED MILLIVOLTS KEY HEX   takes an offer as such a sign
 *
 * Answers are lines too; "done" or "cut" ends those to a command.
 * Licence: Apache-2.0.
 */
#include "disk.h"
#include "dl_internal_sign.h"
#include "mbedtls/dl_mbedtls.h"
#include "openssl/dl_openssl.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 64, HEIGHT = 16 };

static struct dl_sign sign;
static struct dl_sign_options options;
static struct dl_port port;
static struct dl_crypto crypto;
static struct dl_mbedtls library;
static uint8_t frame[WIDTH / 8 * HEIGHT], maker[32];
static uint64_t now = 1000000;
static unsigned long calls, cut_at;
static jmp_buf power;
static int running;

/* Each call counts twice: before its effect and after it. */
void danger(void)
{
	if (++calls == cut_at)
		longjmp(power, 1);
}

static void print(const uint8_t *data, size_t n)
{
	while (n-- > 0)
		printf("%02x", *data++);
}

static uint64_t clock_now(void *user)
{
	(void)user;
	return now;
}

static void connect_to(void *user, const struct dl_login *l)
{
	(void)user;
	printf("connect %s %s\n", l->client, l->password);
}

static int publish(void *user, const char *topic, int qos, const uint8_t *data, size_t n)
{
	(void)user;
	danger();
	printf("publish %s %d ", topic, qos);
	print(data, n);
	putchar('\n');
	danger();
	return 0;
}

static void disconnect(void *user)
{
	(void)user;
	puts("disconnect");
}

static int draw(void *user, const uint8_t *f, unsigned refresh)
{
	(void)user;
	danger();
	printf("draw %u ", refresh);
	print(f, sizeof frame);
	putchar('\n');
	danger();
	return 0;
}

static void note(void *user, enum dl_note n, uint32_t number, const char *text)
{
	(void)user;
	printf("note %d %lu %s\n", (int)n, (unsigned long)number, text != NULL ? text : "");
}

static void restart(void *user)
{
	(void)user;
	puts("restart");
	longjmp(power, 1);
}

/* What a boot loader does, and then the sign's start. */
static void boot(void)
{
	struct dl_slots s;
	uint8_t data[DL_SLOTS];
	int slot = 0;

	options.firmware_number = 1;
	if (dl_slots_read(&s, data, port.load(NULL, DL_RECORD_SLOTS, 0, data, sizeof data)) == 0) {
		slot = dl_boot(&s);
		dl_slots_write(&s, data);
		(void)port.save(NULL, DL_RECORD_SLOTS, data, sizeof data);
		if (slot >= 0)
			options.firmware_number = s.slot[slot].number;
	}
	printf("boot %d %lu ", slot, (unsigned long)options.firmware_number);
	if (slot < 0)
		exit(3);
	print(disk.slot[slot], disk.slot_size[slot]);
	putchar('\n');
	disk.writing = 0;
	options.slot = disk.running = (uint8_t)slot;
	if (dl_sign_start(&sign, &port, &options) != 0)
		exit(3);
	running = 1;
}

static size_t bytes(const char *hex, uint8_t *to, size_t room)
{
	size_t n = 0;
	unsigned value;

	while (n < room && sscanf(hex + 2 * n, "%2x", &value) == 1)
		to[n++] = (uint8_t)value;
	return n;
}

static void message(const char *name, const char *hex)
{
	static uint8_t data[8192];
	char topic[128];
	size_t n = bytes(hex, data, sizeof data);

	snprintf(topic, sizeof topic, "dl/1/%s/d/%s", sign.id, name);
	dl_sign_received(&sign, topic, data, n);
}

/* Random bytes that the test chose. */
static uint8_t chosen[32];

static int random_chosen(void *user, uint8_t *out, size_t n)
{
	(void)user;
	memcpy(out, chosen, n < sizeof chosen ? n : sizeof chosen);
	return 0;
}

/* Hello, Shown or Event of reports.json, with the key of the second secret. */
static void prove(const char *what, unsigned long boot_number, unsigned long counter)
{
	static uint8_t glass[DL_HASH] = { 1, 2, 3 };
	struct dl_event press = { 0 };
	struct dl_hello hello = { 0 };
	struct dl_shown shown = { 0 };
	uint8_t mac[DL_MAC] = { 0 };
	size_t n = 0;
	int round;

	(void)dl_use_secret(&sign, 1);
	hello.boot = shown.boot = press.boot = (uint32_t)boot_number;
	hello.counter = shown.counter = press.counter = (uint32_t)counter;
	press.button = 2;
	press.age = 250;
	hello.epoch = shown.epoch = 4;
	hello.seq = shown.seq = 77;
	hello.glass = shown.glass = glass;
	hello.wake = shown.wake = DL_WAKE_BUTTON;
	hello.battery = shown.battery = 2950;
	hello.model = "800x480";
	hello.width = 800;
	hello.height = 480;
	hello.capabilities = 257;
	hello.key_number = sign.secret[1].number;
	hello.events = &press;
	hello.event_count = 1;
	hello.mac = shown.mac = mac;
	shown.draw_millis = 1800;
	for (round = 0; round < 2; round++) {
		if (what[0] == 'h') {
			n = dl_hello_write(&hello, sign.out, sizeof sign.out);
			dl_prove(&sign, "doorleaf/1 hello", n, mac);
		} else if (what[1] == 'h') {
			n = dl_shown_write(&shown, sign.out, sizeof sign.out);
			dl_prove(&sign, "doorleaf/1 shown", n, mac);
		} else {
			press.mac = mac;
			n = dl_event_write(&press, sign.out, sizeof sign.out);
			dl_prove(&sign, "doorleaf/1 ev", n, mac);
		}
	}
	printf("written ");
	print(sign.out, n);
	putchar('\n');
}

static void report(const char *what, unsigned long number, unsigned long boot_number, unsigned long counter, const char *private_key)
{
	int (*before)(void *user, uint8_t *out, size_t n) = crypto.random;

	sign.sent_boot = (uint32_t)boot_number;
	sign.sent_counter = (uint32_t)counter;
	sign.wanted_key = sign.secret[1].number = (uint32_t)number;
	bytes(private_key, chosen, sizeof chosen);
	if (what[0] != 'a')
		memcpy(sign.secret[1].secret, chosen, sizeof chosen);
	if (what[0] != 'a' && strcmp(what, "stored") != 0) {
		prove(what, boot_number, counter);
		return;
	}
	crypto.random = random_chosen;
	printf("written ");
	print(sign.out, dl_key_report(&sign, what[0] == 'a' ? DL_SAY_ASK : DL_SAY_STORED));
	putchar('\n');
	crypto.random = before;
}

static void answer(unsigned long number, const char *private_key, const char *public_key, const char *hex)
{
	static uint8_t data[8192];

	sign.pending = DL_SAY_ASK;
	sign.asked_key = (uint32_t)number;
	bytes(private_key, sign.key, sizeof sign.key);
	bytes(public_key, sign.public_key, sizeof sign.public_key);
	dl_key_take(&sign, data, bytes(hex, data, sizeof data));
}

static uint16_t millivolts;

static void measure(void *user, struct dl_measures *to)
{
	(void)user;
	to->battery = millivolts;
}

static void offer(unsigned long runs, unsigned long failed, unsigned long battery, const char *key, const char *hex)
{
	static uint8_t data[8192];

	options.firmware_number = (uint32_t)runs;
	memset(&sign.slots, 0, sizeof sign.slots);
	sign.slots.failed = (uint32_t)failed;
	millivolts = (uint16_t)battery;
	memset(sign.release, 0, sizeof sign.release);
	sign.offered = 0;
	bytes(key, sign.manifest_key, sizeof sign.manifest_key);
	dl_firmware_offer(&sign, data, bytes(hex, data, sizeof data));
	options.firmware_number = 1;
	millivolts = 0;
}

/* A set of server keys that comes to a sign with that number in force, from that server. */
static void pins(unsigned long number, const char *server, const char *key, const char *hex)
{
	static uint8_t data[8192];

	sign.pins_number = (uint32_t)number;
	sign.pin_count = sign.secure = 1;
	sign.error = 0;
	bytes(server, sign.spki_seen, sizeof sign.spki_seen);
	memcpy(sign.pins[0], sign.spki_seen, sizeof sign.pins[0]);
	bytes(key, sign.manifest_key, sizeof sign.manifest_key);
	dl_pins_take(&sign, data, bytes(hex, data, sizeof data));
	printf("pinned %lu %u %u ", (unsigned long)sign.pins_number, sign.error, sign.pin_count);
	print((const uint8_t *)sign.pins, sizeof sign.pins);
	putchar('\n');
}

static void dump(void)
{
	unsigned i;

	for (i = 0; i < DL_RECORDS; i++) {
		printf("record %u ", i);
		if (disk.size[i] > 0)
			print(disk.record[i], (size_t)disk.size[i]);
		putchar('\n');
	}
}

static void one(char *line)
{
	static char word[64], hex[20000], model[64], private_key[80], public_key[80];
	static const uint8_t spki[32] = { 1 };
	unsigned long number, a, b;

	hex[0] = 0;
	if (sscanf(line, "record %lu %19999s", &number, hex) == 2 && number < DL_RECORDS) {
		disk.size[number] = (int32_t)bytes(hex, disk.record[number], RECORD);
	} else if (sscanf(line, "boot %lu", &number) == 1) {
		calls = 0;
		cut_at = number;
		boot();
	} else if (strncmp(line, "again", 5) == 0) {
		boot();
	} else if (sscanf(line, "time %lu", &number) == 1) {
		now += number;
	} else if (strncmp(line, "dump", 4) == 0) {
		dump();
	} else if (!running) {
		exit(2);
	} else if (sscanf(line, "press %lu", &number) == 1) {
		dl_sign_press(&sign, (unsigned)number);
	} else if (strncmp(line, "step", 4) == 0) {
		printf("wait %lu\n", (unsigned long)dl_sign_step(&sign));
	} else if (strncmp(line, "lost", 4) == 0) {
		dl_sign_lost(&sign);
	} else if (sscanf(line, "link %63s", word) == 1) {
		dl_sign_connected(&sign, word[0] == 'r' ? DL_LINK_REFUSED : word[0] == 'f' ? DL_LINK_FAILED : DL_LINK_OPEN, word[0] == 't' ? spki : NULL);
	} else if (sscanf(line, "report %63s %lu %lu %lu %79s", word, &number, &a, &b, private_key) == 5) {
		report(word, number, a, b, private_key);
	} else if (sscanf(line, "answer %lu %79s %79s %19999s", &number, private_key, public_key, hex) == 4) {
		answer(number, private_key, public_key, hex);
	} else if (sscanf(line, "offer %63s %lu %lu %lu %79s %19999s", model, &number, &a, &b, private_key, hex) >= 5) {
		const char *before = options.hardware.model;

		options.hardware.model = model;
		offer(number, a, b, private_key, hex);
		options.hardware.model = before;
	} else if (sscanf(line, "pins %lu %79s %79s %19999s", &number, public_key, private_key, hex) >= 3) {
		pins(number, public_key, private_key, hex);
	} else if (sscanf(line, "message %63s %19999s", word, hex) >= 1) {
		message(word, hex);
	} else {
		exit(2);
	}
}

static void hooks(void)
{
	disk_init(&port);
	port.crypto = &crypto;
	port.clock = clock_now;
	port.connect = connect_to;
	port.publish = publish;
	port.disconnect = disconnect;
	port.draw = draw;
	port.note = note;
	port.measure = measure;
	port.restart = restart;
	crypto.ed25519 = dl_openssl_ed25519;
}

/* Arguments: the maker's public key, the model, "always-on" or another word, bytes asked for at once. */
int main(int argc, char **argv)
{
	static char line[40000];

	if (argc != 5 || dl_mbedtls_init(&library, &crypto) != 0 || bytes(argv[1], maker, sizeof maker) != sizeof maker)
		return 2;
	hooks();
	options.hardware.model = argv[2];
	options.hardware.serial = options.hardware.firmware = "";
	options.hardware.width = WIDTH;
	options.hardware.height = HEIGHT;
	options.hardware.always_on = argv[3][0] == 'a';
	options.hardware.capabilities = DL_OBJECT_CAPABILITIES | DL_OBJECT_CAP_PARTS | DL_CAP_KEYS | DL_CAP_FIRMWARE | DL_CAP_PINS;
	options.planes = 1;
	options.frame = frame;
	options.chunk = (uint16_t)atoi(argv[4]);
	options.wake = DL_WAKE_BOOT;
	options.maker = maker;
	while (fgets(line, sizeof line, stdin) != NULL) {
		if (setjmp(power) == 0) {
			one(line);
			puts("done");
		} else {
			running = 0;
			puts("cut");
		}
		fflush(stdout);
	}
	dl_mbedtls_free(&library);
	return 0;
}
