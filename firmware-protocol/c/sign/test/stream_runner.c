/*
 * A sign without a frame (DL_ROWS) with a panel whose wires end in the Go test
 * ../../../wire/c_stream_test.go. Argument: model. Its timeline has one step, and
 * its clock is right, so that it draws without a network. Jobs besides those of
 * ../../panel/test/jobs.h, of which it has no 'd': 'o' u32 call on the bus that
 * fails, u32 reading of the object that fails (0: none), GlassDigest, u32 bytes of
 * the object, the object; 'p' the code K7F39Q2M is shown; 's' the panel sleeps.
 * The status is minus the error that the sign reports [DL-ERR-1], or minus 100
 * when it did not draw. Licence: Apache-2.0.
 */
#include "dl_internal_sign.h"
#include "jobs.h"
#include "mbedtls/dl_mbedtls.h"
#include "wires.h"

#include <stdlib.h>
#include <string.h>

enum { BODY = 18 + 77, NOT_DRAWN = -100 };

static struct dl_panel panel;
static struct dl_sign sign;
static struct dl_sign_options options;
static struct dl_crypto crypto;
static struct dl_mbedtls library;
static uint8_t body[BODY], *object;
static uint32_t object_bytes, reads, bad_read;

static uint64_t clock_now(void *user) { return *(uint64_t *)user; }

static int32_t load(void *user, enum dl_record record, uint32_t offset, uint8_t *to, uint32_t n)
{
	(void)user;
	if (record != DL_RECORD_BODY || offset > BODY)
		return -1;
	if (n > BODY - offset)
		n = BODY - offset;
	memcpy(to, body + offset, n);
	return (int32_t)n;
}

static int save(void *user, enum dl_record record, const uint8_t *data, uint32_t n)
{
	(void)user;
	(void)data;
	(void)n;
	if (record == DL_RECORD_GLASS)
		abort(); /* there is no picture that it could keep */
	return 0;
}

static int32_t object_size(void *user, const uint8_t hash[32])
{
	(void)user;
	(void)hash;
	return (int32_t)object_bytes;
}

static int object_read(void *user, const uint8_t *hash, uint32_t offset, uint8_t *to, uint32_t n)
{
	(void)user;
	(void)hash;
	if (offset > object_bytes || n > object_bytes - offset || ++reads == bad_read)
		return -1;
	memcpy(to, object + offset, n);
	return 0;
}

static int object_sweep(void *user, int (*wanted)(void *to, const uint8_t hash[32]), void *to)
{
	(void)user;
	(void)wanted;
	(void)to;
	return 0;
}

static void connect_to(void *user, const struct dl_login *login)
{
	(void)user;
	(void)login;
}

static int publish(void *user, const char *topic, int qos, const uint8_t *data, size_t n)
{
	(void)user;
	(void)topic;
	(void)qos;
	(void)data;
	(void)n;
	return 0;
}

static void disconnect(void *user) { (void)user; }

static int draw(void *user, dl_row_giver *give, void *picture, unsigned refresh)
{
	(void)user;
	return dl_panel_draw_rows(&panel, give, picture, refresh);
}

/* A body of one step, for all times. */
static void timeline(const uint8_t glass[32])
{
	static uint8_t seq;

	memset(body, 0, sizeof body);
	memcpy(body, "DLM\1\1", 5);
	body[8] = ++seq;
	body[12] = (uint8_t)options.hardware.width;
	body[13] = (uint8_t)(options.hardware.width >> 8);
	body[14] = (uint8_t)options.hardware.height;
	body[15] = (uint8_t)(options.hardware.height >> 8);
	body[16] = 1;
	body[18] = seq; /* of the object's name */
	memcpy(body + 18 + 32, &object_bytes, 4);
	memcpy(body + 18 + 36, glass, 32);
	memset(body + 18 + 72, 0x7f, 4);
}

static int show(void)
{
	uint8_t *glass;
	int drawn;

	jobs_fail_at(jobs_number());
	bad_read = jobs_number();
	reads = 0;
	free(object);
	glass = jobs_bytes(32);
	object_bytes = jobs_number();
	object = jobs_bytes(object_bytes);
	timeline(glass);
	if (dl_load_body(&sign, DL_RECORD_BODY, &sign.force.body) != 0)
		abort();
	memset(sign.force.have, 0, sizeof sign.force.have);
	memset(sign.force.bad, 0, sizeof sign.force.bad);
	sign.draw_late = 0;
	sign.error = 0;
	dl_flip(&sign);
	drawn = sign.glass_known && memcmp(sign.glass, glass, 32) == 0;
	free(glass);
	return sign.error != 0 ? -(int)sign.error : drawn ? 0 : NOT_DRAWN;
}

static int other(int job)
{
	switch (job) {
	case 'o':
		return show();
	case 'p':
		memcpy(sign.code, "K7F39Q2M", DL_CODE + 1);
		return dl_draw_code(&sign, "");
	default:
		return dl_panel_sleep(&panel);
	}
}

int main(int argc, char **argv)
{
	static uint64_t now = 1700000000000u;
	static struct dl_port port;
	const struct dl_panel_model *m = argc > 1 ? wires_model(argv[1]) : NULL;
	struct jobs jobs = { 0, NULL, other };

	if (m == NULL || dl_panel_init(&panel, &wires, m, 1, 0) != 0 || dl_mbedtls_init(&library, &crypto) != 0)
		return 2;
	port.crypto = &crypto;
	port.user = &now;
	port.clock = clock_now;
	port.load = load;
	port.save = save;
	port.object_size = object_size;
	port.object_read = object_read;
	port.object_sweep = object_sweep;
	port.connect = connect_to;
	port.publish = publish;
	port.disconnect = disconnect;
	port.draw = draw;
	options.hardware.width = dl_panel_width(&panel);
	options.hardware.height = dl_panel_height(&panel);
	options.hardware.capabilities = DL_OBJECT_WHOLE;
	options.planes = 1;
	options.chunk = 512;
	options.rows = malloc((options.hardware.width + 7u) / 8 * DL_OBJECT_ROWS);
	if (options.rows == NULL || dl_sign_start(&sign, &port, &options) != 0)
		return 2;
	sign.paired = 1;
	sign.time_known = 1;
	jobs_run(&jobs);
	free(options.rows);
	free(object);
	dl_mbedtls_free(&library);
	return 0;
}
