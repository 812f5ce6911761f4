/* Pulling objects, [DL-FLOW-3] and [DL-FLOW-4]. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

enum {
	CHUNK_WAIT = 3000, /* milliseconds */
	SILENT = 3,
	GET = 64           /* bytes of a Get */
};

/* Up to where nothing is missing. */
static uint32_t arrived(const struct dl_sign *s)
{
	uint32_t at = s->object_next;
	unsigned i;

	for (i = 0; i < DL_WINDOW; i++)
		if (s->get[i].length > 0 && s->get[i].offset < at)
			at = s->get[i].offset;
	return at;
}

void dl_pull_stop(struct dl_sign *s)
{
	if (s->pulling == DL_PULL_OBJECT)
		(void)s->port->object_end(s->port->user, 0);
	else if (s->pulling == DL_PULL_IMAGE)
		dl_firmware_progress(s, arrived(s), 1);
	s->pulling = DL_PULL_NOTHING;
	memset(s->get, 0, sizeof s->get);
}

static void ask(struct dl_sign *s, struct dl_asked *g, uint64_t now)
{
	uint8_t message[GET];
	struct dl_get get;
	size_t n;

	get.object = s->object;
	get.offset = g->offset;
	get.length = g->length;
	n = dl_get_write(&get, message, sizeof message);
	g->late = now + CHUNK_WAIT;
	(void)dl_say(s, DL_SAY_GET, message, n);
}

/* Chooses what to pull: objects first, then firmware [DL-FW-4]. 0 when there is nothing. */
static int choose(struct dl_sign *s)
{
	struct dl_stored step;
	const uint8_t *hash = step.object;
	uint32_t size, from = 0;
	uint8_t kind = DL_PULL_OBJECT;

	if (!s->gave_up && dl_missing(s, &step) >= 0)
		size = step.size;
	else if (dl_firmware_wanted(s, &hash, &size, &from))
		kind = DL_PULL_IMAGE;
	else
		return 0;
	if (s->pulling != DL_PULL_NOTHING && !dl_same(s->object, hash)) {
		dl_pull_stop(s);
		if (kind == DL_PULL_IMAGE)
			(void)dl_firmware_wanted(s, &hash, &size, &from);
	}
	if (s->pulling != DL_PULL_NOTHING)
		return 1;
	if (kind == DL_PULL_OBJECT && s->port->object_begin(s->port->user, hash, size) != 0) {
		dl_fail(s, DL_ERROR_STORAGE);
		return 0;
	}
	s->pulling = kind;
	memcpy(s->object, hash, DL_HASH);
	s->object_size = size;
	s->object_next = from;
	return 1;
}

static void complete(struct dl_sign *s);

void dl_pull(struct dl_sign *s, uint64_t now)
{
	unsigned i, open = 0;
	int late = 0;

	if (!choose(s))
		return;
	for (i = 0; i < DL_WINDOW; i++)
		if (s->get[i].length > 0 && s->get[i].late <= now) {
			late |= s->get[i].late > 0; /* 0: asked on another connection */
			ask(s, &s->get[i], now);
		}
	if (late && ++s->silent >= SILENT) {
		dl_broken(s, DL_ERROR_TIMEOUT);
		return;
	}
	for (i = 0; i < DL_WINDOW && s->object_next < s->object_size; i++)
		if (s->get[i].length == 0) {
			uint32_t left = s->object_size - s->object_next;

			s->get[i].offset = s->object_next;
			s->get[i].length = left < s->options->chunk ? left : s->options->chunk;
			s->object_next += s->get[i].length;
			ask(s, &s->get[i], now);
		}
	for (i = 0; i < DL_WINDOW; i++)
		open += s->get[i].length > 0;
	if (open == 0) /* the power was cut after the last byte of an image */
		complete(s);
}

/* Checks the whole object against its name, as it was stored. */
static int genuine(struct dl_sign *s)
{
	const struct dl_sha256 *h = &s->port->crypto->sha256;
	uint8_t piece[64], sum[DL_HASH];
	uint32_t at, n;

	h->start(h->state);
	for (at = 0; at < s->object_size; at += n) {
		n = s->object_size - at < sizeof piece ? s->object_size - at : (uint32_t)sizeof piece;
		if ((s->pulling == DL_PULL_IMAGE ? s->port->slot_read(s->port->user, at, piece, n) : s->port->object_read(s->port->user, NULL, at, piece, n)) != 0) {
			h->finish(h->state, sum);
			return 0;
		}
		h->update(h->state, piece, n);
	}
	h->finish(h->state, sum);
	return dl_same(sum, s->object);
}

static void complete(struct dl_sign *s)
{
	int good = genuine(s), kind = s->pulling;

	s->pulling = DL_PULL_NOTHING;
	if (kind == DL_PULL_IMAGE)
		dl_firmware_complete(s, good ? 0 : DL_ERROR_FIRMWARE);
	else if (s->port->object_end(s->port->user, good) != 0)
		dl_fail(s, DL_ERROR_STORAGE);
	else if (!good)
		dl_fail(s, DL_ERROR_HASH);
	else
		dl_note(s, DL_NOTE_OBJECT, s->object_size, NULL);
}

/* Gives up what is pulled. */
static void give_up(struct dl_sign *s, unsigned error)
{
	if (s->pulling != DL_PULL_IMAGE) {
		dl_fail(s, error);
		return;
	}
	s->pulling = DL_PULL_NOTHING;
	memset(s->get, 0, sizeof s->get);
	dl_firmware_complete(s, error);
}

void dl_take(struct dl_sign *s, const uint8_t *data, size_t n)
{
	struct dl_block b;
	unsigned i, open = 0, found = DL_WINDOW;
	int image;

	if (!s->pulling || dl_block_read(&b, data, n) != DL_MESSAGE_OK || memcmp(b.object, s->object, 8) != 0)
		return;
	for (i = 0; i < DL_WINDOW; i++)
		if (s->get[i].length > 0) {
			open++;
			if (s->get[i].offset == b.offset || b.total == 0)
				found = i;
		}
	if (found == DL_WINDOW)
		return;
	s->silent = 0;
	if (b.total == 0) { /* most likely a newer manifest exists */
		if (s->pulling == DL_PULL_IMAGE) { /* it is not offered any more */
			dl_pull_stop(s);
			s->offered = 0;
			return;
		}
		dl_pull_stop(s);
		if (++s->unknown >= 2)
			dl_fail(s, DL_ERROR_HASH);
		else
			s->hailed = s->greeted = 0;
		return;
	}
	image = s->pulling == DL_PULL_IMAGE;
	if (b.total != s->object_size) {
		give_up(s, image ? DL_ERROR_FIRMWARE : DL_ERROR_SIZE);
		return;
	}
	if (b.length != s->get[found].length)
		return;
	if ((image ? s->port->slot_write : s->port->object_write)(s->port->user, b.offset, b.data, b.length) != 0) {
		give_up(s, DL_ERROR_STORAGE);
		return;
	}
	s->get[found].length = 0;
	if (image) {
		s->began = dl_now(s); /* a long conversation, but not an idle one */
		dl_firmware_progress(s, arrived(s), 0);
	}
	if (open == 1 && s->object_next == s->object_size)
		complete(s);
}
