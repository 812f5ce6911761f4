/*
 * doorleaf-sign: a sign on Linux. It prints a line of JSON for each thing it
 * does and takes commands on standard input: "button 1" to "button 4", "wake",
 * "quit". Licence: Apache-2.0.
 */
#define _GNU_SOURCE
#include "port.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICK = 200 /* milliseconds, the longest that a command waits */ };

static const char *const notes[] = { "connected", "offline", "sent", "code", "paired", "unpaired", "manifest", "object", "force", "drawing",
	"panel", "drawn", "shown", "state", "error", "sleep", "key", "renewed", "offer", "trial", "restart", "good", "pins" };

static uint64_t clock_ms(void *user)
{
	struct timespec t;

	(void)user;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Prints a note. The power may be cut at one, to try what then happens. */
static void note(void *user, enum dl_note n, uint32_t number, const char *text)
{
	struct machine *m = user;

	if (n != DL_NOTE_STATE)
		printf("{\"event\":\"%s\",\"number\":%lu,\"text\":\"%s\"}\n", notes[n], (unsigned long)number, text != NULL ? text : "");
	fflush(stdout);
	if (m->cut_at > 0 && strcmp(m->cut, notes[n]) == 0 && --m->cut_at == 0)
		(void)raise(SIGKILL);
}

static int draw(void *user, const uint8_t *frame, unsigned refresh)
{
	struct machine *m = user;
	struct timespec t = { 0, 0 };

	if (m->bus.model != NULL && bus_draw(m, frame, refresh) != 0)
		return -1;
	t.tv_sec = m->draw_ms / 1000;
	t.tv_nsec = (long)(m->draw_ms % 1000) * 1000000;
	(void)nanosleep(&t, NULL);
	return m->glass == NULL ? 0 : glass_write(m->glass, &m->options, frame);
}

static int usage(void)
{
	const struct dl_panel_model *model;

	fprintf(stderr, "usage: doorleaf-sign -gateway mqtt[s]://HOST:PORT -state FOLDER [-glass FILE] [-panel WxH] [-planes KIND]\n"
			"  [-serial TEXT] [-model TEXT] [-ca FILE] [-always-on] [-chunk BYTES] [-retry MILLISECONDS] [-draw MILLISECONDS] [-cut EVENT:N]\n"
			"  [-driver MODEL -spi DEVICE -gpio DEVICE -pins DC,RST,BUSY [-turn QUARTERS]]\n"
			"  [-maker HEX [-firmware NUMBER] [-trial MILLISECONDS]]\n"
			"models:");
	for (model = dl_panel_models; model->name != NULL; model++)
		fprintf(stderr, " %s", model->name);
	fprintf(stderr, "\n");
	return 2;
}

static int gateway(struct net *n, const char *url)
{
	const char *host = strstr(url, "://"), *colon = strrchr(url, ':');

	if (host == NULL || colon <= host + 3)
		return -1;
	host += 3;
	n->tls = strncmp(url, "mqtts://", 8) == 0;
	if ((!n->tls && strncmp(url, "mqtt://", 7) != 0) || (size_t)(colon - host) >= sizeof n->host)
		return -1;
	if (*host == '[' && colon[-1] == ']') /* an IPv6 address */
		snprintf(n->host, sizeof n->host, "%.*s", (int)(colon - host) - 2, host + 1);
	else
		snprintf(n->host, sizeof n->host, "%.*s", (int)(colon - host), host);
	n->port = atoi(colon + 1);
	return n->port > 0 && n->port < 65536 ? 0 : -1;
}

static int command(struct machine *m, char *line)
{
	unsigned button;

	if (sscanf(line, "button %u", &button) == 1)
		dl_sign_press(&m->sign, button);
	else if (strncmp(line, "wake", 4) == 0)
		dl_sign_wake(&m->sign);
	else if (strncmp(line, "quit", 4) == 0)
		return 1;
	return 0;
}

/* Reads commands that have come; 1 at the end of them all. */
static int commands(struct machine *m, int wait)
{
	static char line[64];
	static size_t have;
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
	ssize_t n;
	char *end;

	if (poll(&p, 1, wait) <= 0)
		return 0;
	n = read(STDIN_FILENO, line + have, sizeof line - 1 - have);
	if (n <= 0)
		return 1;
	have += (size_t)n;
	line[have] = 0;
	while ((end = strchr(line, '\n')) != NULL) {
		*end = 0;
		if (command(m, line))
			return 1;
		have -= (size_t)(end + 1 - line);
		memmove(line, end + 1, have + 1);
	}
	if (have == sizeof line - 1)
		have = 0; /* no command is that long */
	return 0;
}

static void run(struct machine *m)
{
	uint32_t wait;

	do {
		wait = dl_sign_step(&m->sign);
		if (wait > TICK)
			wait = TICK;
		net_wait(m, (int)wait);
	} while (!m->slots.restart && !commands(m, m->net.client == NULL && !m->net.wanted ? (int)wait : 0));
	net_close(m);
}

/* Reads the maker's public key. */
static int maker(struct machine *m, const char *hex)
{
	unsigned i, value;

	for (i = 0; i < sizeof m->slots.maker; i++) {
		if (sscanf(hex + 2 * i, "%2x", &value) != 1)
			return -1;
		m->slots.maker[i] = (uint8_t)value;
	}
	m->options.maker = m->slots.maker;
	return hex[2 * i] == 0 ? 0 : -1;
}

/* Options of the panel and of firmware. */
static int parse_more(struct machine *m, int option)
{
	struct bus *b = &m->bus;

	switch (option) {
	case 'D':
		for (b->model = dl_panel_models; b->model->name != NULL && strcmp(b->model->name, optarg) != 0; b->model++)
			;
		return b->model->name != NULL ? 0 : -1;
	case 'S': b->spi = optarg; return 0;
	case 'G': b->gpio = optarg; return 0;
	case 'P': return sscanf(optarg, "%u,%u,%u", &b->pins[0], &b->pins[1], &b->pins[2]) == 3 ? 0 : -1;
	case 'T': b->turn = (unsigned)atoi(optarg); return 0;
	case 'M': return strlen(optarg) == 64 ? maker(m, optarg) : -1;
	case 'F': m->options.firmware_number = (uint32_t)strtoul(optarg, NULL, 10); return 0;
	case 'Y': m->options.longest_trial = (uint32_t)strtoul(optarg, NULL, 10); return 0;
	case 'R': m->options.refusal_pause = (uint32_t)strtoul(optarg, NULL, 10); return 0;
	case 'X': m->slots.given = atoi(optarg) & 1; return 0;
	case 'B': return snprintf(m->slots.boot, sizeof m->slots.boot, "%s", optarg) < (int)sizeof m->slots.boot ? 0 : -1;
	case 'N': m->options.hardware.model = optarg; return strlen(optarg) <= DL_MAX_TEXT ? 0 : -1;
	}
	return -1;
}

static int parse(struct machine *m, int argc, char **argv, const char **state)
{
	static const struct option names[] = { { "gateway", 1, NULL, 'g' }, { "state", 1, NULL, 's' }, { "glass", 1, NULL, 'p' },
		{ "panel", 1, NULL, 'w' }, { "planes", 1, NULL, 'k' }, { "serial", 1, NULL, 'n' }, { "ca", 1, NULL, 'c' },
		{ "always-on", 0, NULL, 'a' }, { "chunk", 1, NULL, 'b' }, { "retry", 1, NULL, 'r' }, { "draw", 1, NULL, 'd' },
		{ "cut", 1, NULL, 'x' }, { "driver", 1, NULL, 'D' }, { "spi", 1, NULL, 'S' }, { "gpio", 1, NULL, 'G' }, { "pins", 1, NULL, 'P' },
		{ "turn", 1, NULL, 'T' }, { "maker", 1, NULL, 'M' }, { "firmware", 1, NULL, 'F' }, { "trial", 1, NULL, 'Y' }, { "slot", 1, NULL, 'X' },
		{ "boot", 1, NULL, 'B' }, { "pause", 1, NULL, 'R' }, { "model", 1, NULL, 'N' }, { NULL, 0, NULL, 0 } };
	struct dl_hardware *h = &m->options.hardware;
	unsigned width = 800, height = 480;
	int option;

	while ((option = getopt_long_only(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 'g':
			if (gateway(&m->net, optarg) != 0)
				return -1;
			break;
		case 's': *state = optarg; break;
		case 'p': m->glass = optarg; break;
		case 'w':
			if (sscanf(optarg, "%ux%u", &width, &height) != 2)
				return -1;
			break;
		case 'k': m->options.planes = (uint8_t)atoi(optarg); break;
		case 'n': h->serial = optarg; break;
		case 'c': m->net.ca = optarg; break;
		case 'a': h->always_on = 1; break;
		case 'b': m->options.chunk = (uint16_t)atoi(optarg); break;
		case 'r': m->options.longest_retry = (uint32_t)atol(optarg); break;
		case 'd': m->draw_ms = (unsigned)atoi(optarg); break;
		case 'x':
			if (sscanf(optarg, "%31[a-z]:%u", m->cut, &m->cut_at) != 2)
				return -1;
			break;
		default:
			if (parse_more(m, option) != 0)
				return -1;
		}
	}
	if (width > DL_OBJECT_MAX_SIDE || height > DL_OBJECT_MAX_SIDE || strlen(h->serial) > DL_MAX_TEXT)
		return -1;
	h->width = (uint16_t)width;
	h->height = (uint16_t)height;
	return *state != NULL && m->net.port != 0 && optind == argc ? 0 : -1;
}

static int start(struct machine *m, char **argv)
{
	struct dl_sign_options *o = &m->options;
	ssize_t n;

	o->clock_kept = (uint8_t)m->store.clock_kept;
	o->frame = calloc((o->hardware.width + 7u) / 8 * o->hardware.height, dl_planes(o->planes) > 0 ? dl_planes(o->planes) : 1);
	m->port.crypto = &m->crypto;
	m->port.user = m;
	m->port.clock = clock_ms;
	m->port.draw = draw;
	m->port.note = note;
	store_hooks(&m->port);
	net_hooks(&m->port);
	qr_hooks(&m->port);
	if (m->slots.boot[0] == 0) {
		n = readlink("/proc/self/exe", m->slots.boot, sizeof m->slots.boot - 1);
		if (n < 0)
			return -1;
		m->slots.boot[n] = 0;
	}
	if (o->maker != NULL && slots_boot(m, argv) != 0)
		return -1;
	snprintf(m->version, sizeof m->version, "posix %lu", (unsigned long)o->firmware_number);
	o->hardware.firmware = m->version;
	if (o->maker != NULL)
		o->hardware.capabilities |= DL_CAP_FIRMWARE;
	if (m->net.ca == NULL)
		o->hardware.capabilities |= DL_CAP_PINS;
	mosquitto_lib_init();
	if (o->frame == NULL || dl_mbedtls_init(&m->mbedtls, &m->crypto) != 0 || (m->bus.model != NULL && bus_open(m) != 0))
		return -1;
	slots_hooks(m);
	return dl_sign_start(&m->sign, &m->port, o);
}

int main(int argc, char **argv)
{
	static struct machine m;
	static char model[16];
	const char *state = NULL;

	m.slots.file = m.slots.given = -1;
	m.options.planes = 1;
	m.options.chunk = 2048;
	m.options.wake = DL_WAKE_BOOT;
	m.options.firmware_number = 1;
	m.options.hardware.serial = "";
	m.options.hardware.model = model;
	m.options.hardware.capabilities = DL_OBJECT_CAPABILITIES | DL_OBJECT_CAP_PARTS | DL_CAP_KEYS;
	if (parse(&m, argc, argv, &state) != 0)
		return usage();
	snprintf(model, sizeof model, "%ux%u", m.options.hardware.width, m.options.hardware.height);
	(void)signal(SIGPIPE, SIG_IGN);
	if (store_open(&m.store, state) != 0) {
		perror(state);
		return 1;
	}
	if (start(&m, argv) != 0) {
		fprintf(stderr, "doorleaf-sign: cannot start\n");
		return 1;
	}
	run(&m);
	if (m.slots.restart) {
		slots_restart(&m, argv);
		perror(m.slots.boot);
		return 1;
	}
	dl_mbedtls_free(&m.mbedtls);
	free(m.options.frame);
	free(m.bus.shown);
	mosquitto_lib_cleanup();
	return 0;
}
