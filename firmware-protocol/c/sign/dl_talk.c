/* The conversation with the gateway, section 7. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

enum {
	ANSWER_WAIT = 5000, /* milliseconds, [DL-FLOW-2] */
	MANIFEST_WAIT = 10000,
	REPEATS = 3,
	LONG_TALK = 120000  /* a sleeping sign's battery lasts longer than any conversation */
};

static void snapshot(const struct dl_sign *s, struct dl_snapshot *n)
{
	memset(n, 0, sizeof *n);
	if (s->force.body.size > 0) {
		n->epoch = s->force.body.epoch;
		n->seq = s->force.body.seq;
	}
	n->glass_known = s->glass_known;
	if (s->glass_known)
		memcpy(n->glass, s->glass, DL_HASH);
	n->error = s->error;
}

/* Reports whether the gateway does not know yet how things stand. */
static int news(const struct dl_sign *s)
{
	struct dl_snapshot now;

	snapshot(s, &now);
	return !s->reported || now.epoch != s->told.epoch || now.seq != s->told.seq || now.glass_known != s->told.glass_known
		|| now.error != s->told.error || !dl_same(now.glass, s->told.glass);
}

static void event_of(const struct dl_sign *s, const struct dl_press *p, struct dl_event *e)
{
	uint64_t age = dl_now(s) - p->at;

	e->boot = p->boot;
	e->counter = p->counter;
	e->button = p->button;
	e->age = p->at == 0 || age > 0xffffffffu ? 0xffffffffu : (uint32_t)age;
}

/* Writes a report into s->out and sends it. */
static void report(struct dl_sign *s, unsigned what, uint64_t now)
{
	struct dl_event events[DL_MAX_EVENTS];
	struct dl_measures measures;
	struct dl_report r;
	unsigned i;

	memset(&measures, 0, sizeof measures);
	if (s->port->measure != NULL)
		s->port->measure(s->port->user, &measures);
	snapshot(s, &s->sent);
	s->sent_boot = s->boot;
	s->sent_events = 0;
	if (what == DL_SAY_EVENT) {
		event_of(s, &s->press[0], &events[0]);
		s->sent_boot = events[0].boot;
		s->sent_counter = events[0].counter;
		s->sent_events = 1;
		s->out_size = (uint16_t)dl_write_event(s->out, sizeof s->out, &events[0]);
	} else {
		memset(&r, 0, sizeof r);
		s->sent_counter = ++s->counter;
		r.boot = s->boot;
		r.counter = s->sent_counter;
		r.epoch = s->sent.epoch;
		r.seq = s->sent.seq;
		r.glass = s->sent.glass_known ? s->sent.glass : NULL;
		r.error = s->error;
		r.draw_time = s->draw_time;
		r.hardware = &s->options->hardware;
		r.measures = &measures;
		if (what == DL_SAY_HELLO) {
			r.wake = s->wake;
			for (i = 0; i < s->presses; i++)
				event_of(s, &s->press[i], &events[i]);
			r.events = events;
			r.n_events = s->sent_events = s->presses;
			s->out_size = (uint16_t)dl_write_hello(s->out, sizeof s->out, &r);
		} else {
			r.wake = s->why;
			s->out_size = (uint16_t)dl_write_shown(s->out, sizeof s->out, &r);
		}
	}
	s->pending = (uint8_t)what;
	s->tries = 1;
	s->late = now + ANSWER_WAIT;
	(void)dl_say(s, what, s->out, s->out_size);
}

/* Sends or repeats what is to be said; other than 0 when the connection is given up. */
static int speak(struct dl_sign *s, uint64_t now)
{
	if (s->pending != DL_SAY_NONE) {
		if (s->late > now)
			return 0;
		if (s->tries++ >= REPEATS) {
			dl_broken(s, DL_ERROR_TIMEOUT);
			return 1;
		}
		s->late = now + ANSWER_WAIT;
		(void)dl_say(s, s->pending, s->out, s->out_size);
		return 0;
	}
	if (!s->hailed) {
		s->hailed = 1;
		report(s, DL_SAY_HELLO, now);
	} else if (!s->greeted) {
		return 0;
	} else if (s->presses > 0) {
		report(s, DL_SAY_EVENT, now);
	} else if (news(s)) {
		report(s, s->glass_known ? DL_SAY_SHOWN : DL_SAY_HELLO, now); /* Shown needs a glass */
	}
	return 0;
}

static void rest(struct dl_sign *s)
{
	dl_hang_up(s);
	s->awake = 0;
	if (dl_wake_at(s) <= dl_now(s))
		dl_sync(s, dl_now(s) + (uint64_t)s->offset, 0, 0);
	(void)dl_save(s);
	dl_note(s, DL_NOTE_SLEEP, 0, NULL);
}

void dl_converse(struct dl_sign *s, uint64_t now)
{
	struct dl_step step;

	if (!s->options->hardware.always_on && now - s->began > LONG_TALK) {
		dl_broken(s, DL_ERROR_TIMEOUT);
		return;
	}
	if (s->promised != 0 && s->promised <= now) {
		s->promised = 0;
		if (++s->missed >= REPEATS) {
			dl_broken(s, DL_ERROR_TIMEOUT);
			return;
		}
		s->hailed = s->greeted = 0;
	}
	if (s->options->hardware.always_on && s->greeted && s->pending == DL_SAY_NONE && dl_wake_at(s) <= now) {
		s->hailed = s->greeted = 0; /* a regular Hello [DL-FLOW-8] */
		s->wake = DL_WAKE_TIMER;
	}
	if (speak(s, now) != 0)
		return;
	if (s->greeted)
		dl_pull(s, now);
	if (s->link != 2 || s->options->hardware.always_on || !s->greeted || s->pending != DL_SAY_NONE || s->promised != 0
		|| s->next.body.size > 0 || s->presses > 0 || news(s) || (!s->gave_up && dl_missing(s, &step) >= 0))
		return;
	rest(s);
}

/* Compares the body in force with that of a message. */
static int same_body(const struct dl_sign *s, const uint8_t *data)
{
	uint8_t piece[64];
	uint32_t at, n;

	for (at = 0; at < s->force.body.size; at += n) {
		n = s->force.body.size - at < sizeof piece ? s->force.body.size - at : (uint32_t)sizeof piece;
		if (s->port->load(s->port->user, DL_RECORD_BODY, at, piece, n) != (int32_t)n || memcmp(piece, data + at, n) != 0)
			return 0;
	}
	return 1;
}

/* Takes a manifest: only a newer one changes anything [DL-MAN-6]. */
static void manifest(struct dl_sign *s, const uint8_t *data, size_t n)
{
	const struct dl_hardware *h = &s->options->hardware;
	struct dl_body body;
	struct dl_tail tail;
	enum dl_manifest_status status = dl_manifest_read(s->port->crypto, s->manifest_key, s->id, data, n, &body, &tail);
	int order = 1;

	if (status != DL_MANIFEST_GOOD) {
		dl_remember(s, status == DL_MANIFEST_FORGED ? DL_ERROR_MAC : DL_ERROR_MANIFEST);
		return;
	}
	if (body.width != h->width || body.height != h->height) {
		dl_remember(s, DL_ERROR_PANEL);
		return;
	}
	if (s->force.body.size > 0)
		order = dl_body_order(&body, &s->force.body);
	if (order < 0) {
		dl_remember(s, DL_ERROR_OLD);
		return;
	}
	if (order == 0) {
		if (body.size == s->force.body.size && same_body(s, data)) {
			s->promised = 0;
			s->reported = 0; /* tell it again */
		} else {
			dl_remember(s, DL_ERROR_CONFLICT);
		}
		return;
	}
	s->promised = 0;
	if (s->next.body.size > 0 && dl_body_order(&body, &s->next.body) <= 0)
		return; /* on its way already */
	if (s->port->save(s->port->user, DL_RECORD_NEXT, data, body.size) != 0) {
		dl_remember(s, DL_ERROR_STORAGE);
		return;
	}
	memset(&s->next, 0, sizeof s->next);
	s->next.body = body;
	s->next.record = DL_RECORD_NEXT;
	s->gave_up = 0;
	dl_sync(s, tail.server_time, tail.next_wake, tail.jitter);
	dl_note(s, DL_NOTE_MANIFEST, body.seq, NULL);
}

static void acknowledged(struct dl_sign *s, const uint8_t *data, size_t n)
{
	unsigned what = s->pending, i;
	struct dl_ack a;

	if (what == DL_SAY_NONE || dl_read_ack(data, n, &a) != 0 || a.boot != s->sent_boot || a.counter != s->sent_counter)
		return;
	s->pending = DL_SAY_NONE;
	dl_sync(s, a.server_time, a.next_wake, a.jitter);
	for (i = s->sent_events; i < s->presses; i++)
		s->press[i - s->sent_events] = s->press[i];
	s->presses = (uint8_t)(s->presses - s->sent_events);
	if (what != DL_SAY_EVENT) {
		if (s->error == s->sent.error)
			s->error = s->sent.error = 0;
		s->told = s->sent;
		s->reported = 1;
	}
	if (a.manifest)
		s->promised = dl_now(s) + MANIFEST_WAIT;
	if (dl_save(s) != 0)
		dl_remember(s, DL_ERROR_STORAGE);
	if (what == DL_SAY_HELLO)
		s->greeted = 1;
	if (what == DL_SAY_SHOWN)
		dl_note(s, DL_NOTE_SHOWN, s->sent.seq, NULL);
}

static int equal(const char *a, const char *b)
{
	while (*a != 0 && *a == *b)
		a++, b++;
	return *a == *b;
}

void dl_handle(struct dl_sign *s, const char *name, const uint8_t *data, size_t n)
{
	if (equal(name, "want"))
		manifest(s, data, n);
	else if (equal(name, "blk"))
		dl_take(s, data, n);
	else if (equal(name, "ack"))
		acknowledged(s, data, n);
}
