/* Pulling objects, [DL-FLOW-3] and [DL-FLOW-4]. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

enum {
	CHUNK_WAIT = 3000, /* milliseconds */
	SILENT = 3,
	GET = 64           /* bytes of a Get */
};

void dl_pull_stop(struct dl_sign *s)
{
	if (s->pulling)
		(void)s->port->object_end(s->port->user, 0);
	s->pulling = 0;
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

void dl_pull(struct dl_sign *s, uint64_t now)
{
	struct dl_stored step;
	unsigned i;
	int late = 0;

	if (s->gave_up)
		return;
	if (dl_missing(s, &step) < 0)
		return;
	if (s->pulling && !dl_same(s->object, step.object))
		dl_pull_stop(s);
	if (!s->pulling) {
		if (s->port->object_begin(s->port->user, step.object, step.size) != 0) {
			dl_fail(s, DL_ERROR_STORAGE);
			return;
		}
		s->pulling = 1;
		memcpy(s->object, step.object, DL_HASH);
		s->object_size = step.size;
		s->object_next = 0;
	}
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
		if (s->port->object_read(s->port->user, NULL, at, piece, n) != 0) {
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
	int good = genuine(s);

	s->pulling = 0;
	if (s->port->object_end(s->port->user, good) != 0)
		dl_fail(s, DL_ERROR_STORAGE);
	else if (!good)
		dl_fail(s, DL_ERROR_HASH);
	else
		dl_note(s, DL_NOTE_OBJECT, s->object_size, NULL);
}

void dl_take(struct dl_sign *s, const uint8_t *data, size_t n)
{
	struct dl_block b;
	unsigned i, open = 0, found = DL_WINDOW;

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
		dl_pull_stop(s);
		if (++s->unknown >= 2)
			dl_fail(s, DL_ERROR_HASH);
		else
			s->hailed = s->greeted = 0;
		return;
	}
	if (b.total != s->object_size) {
		dl_fail(s, DL_ERROR_SIZE);
		return;
	}
	if (b.length != s->get[found].length)
		return;
	if (s->port->object_write(s->port->user, b.offset, b.data, b.length) != 0) {
		dl_fail(s, DL_ERROR_STORAGE);
		return;
	}
	s->get[found].length = 0;
	if (open == 1 && s->object_next == s->object_size)
		complete(s);
}
