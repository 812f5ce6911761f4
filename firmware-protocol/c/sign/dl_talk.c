/* The conversation with the gateway, section 7. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

enum {
	ANSWER_WAIT = 5000, /* milliseconds, [DL-FLOW-2] */
	MANIFEST_WAIT = 10000,
	REPEATS = 3,
	OFFER_WAIT = 1000,  /* it follows the Ack at once, which does not say so */
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
	e->mac = NULL;
	e->age = p->at == 0 || age > 0xffffffffu ? 0xffffffffu : (uint32_t)age;
}

static size_t write_hello(struct dl_sign *s, const struct dl_measures *measures)
{
	const struct dl_hardware *h = &s->options->hardware;
	struct dl_event events[DL_MAX_EVENTS];
	struct dl_hello m;
	uint8_t mac[DL_MAC] = { 0 };
	unsigned i;

	memset(&m, 0, sizeof m);
	m.boot = s->sent_boot;
	m.counter = s->sent_counter;
	m.epoch = s->sent.epoch;
	m.seq = s->sent.seq;
	if (s->trial_until != 0 && !s->secure)
		m.epoch = m.seq = 0; /* the manifest comes again: it is the check-in [DL-FW-5] */
	m.glass = s->sent.glass_known ? s->sent.glass : NULL;
	m.wake = s->wake;
	m.error = s->sent.error;
	m.battery = measures->battery;
	m.signal = measures->signal;
	m.temperature = measures->temperature;
	m.has_temperature = measures->temperature_known;
	for (i = 0; i < s->presses; i++)
		event_of(s, &s->press[i], &events[i]);
	m.events = events;
	m.event_count = s->sent_events = s->presses;
	m.model = h->model;
	m.serial = h->serial;
	m.firmware = h->firmware;
	m.width = h->width;
	m.height = h->height;
	m.always_on = h->always_on;
	m.capabilities = dl_pinning(s) ? h->capabilities : h->capabilities & ~DL_CAP_PINS;
	m.pins_number = dl_pinning(s) ? s->pins_number : 0;
	m.key_number = s->secret[s->in_use].number;
	m.mac = mac;
	if (s->trial_until != 0)
		s->tried = 1;
	m.firmware_number = s->trial_until != 0 ? s->slots.slot[(s->options->slot & 1) ^ 1].number : s->options->firmware_number; /* [DL-FW-5] */
	dl_prove(s, "doorleaf/1 hello", dl_hello_write(&m, s->out, sizeof s->out), mac);
	return dl_hello_write(&m, s->out, sizeof s->out);
}

static size_t write_shown(struct dl_sign *s, const struct dl_measures *measures)
{
	struct dl_shown m;
	uint8_t mac[DL_MAC] = { 0 };

	memset(&m, 0, sizeof m);
	m.boot = s->sent_boot;
	m.counter = s->sent_counter;
	m.epoch = s->sent.epoch;
	m.seq = s->sent.seq;
	m.glass = s->sent.glass;
	m.wake = s->why;
	m.error = s->sent.error;
	m.battery = measures->battery;
	m.draw_millis = s->draw_time;
	m.mac = mac;
	dl_prove(s, "doorleaf/1 shown", dl_shown_write(&m, s->out, sizeof s->out), mac);
	return dl_shown_write(&m, s->out, sizeof s->out);
}

static size_t write_event(struct dl_sign *s)
{
	struct dl_event m;
	uint8_t mac[DL_MAC] = { 0 };

	event_of(s, &s->press[0], &m);
	s->sent_boot = m.boot;
	s->sent_counter = m.counter;
	s->sent_events = 1;
	m.mac = mac;
	dl_prove(s, "doorleaf/1 ev", dl_event_write(&m, s->out, sizeof s->out), mac);
	return dl_event_write(&m, s->out, sizeof s->out);
}

/* Writes a report into s->out, where it stays for repeats, and sends it. */
static void report(struct dl_sign *s, unsigned what, uint64_t now)
{
	struct dl_measures measures;

	memset(&measures, 0, sizeof measures);
	if (s->port->measure != NULL)
		s->port->measure(s->port->user, &measures);
	snapshot(s, &s->sent);
	s->sent_boot = s->boot;
	s->sent_events = s->overtook = 0;
	if (what == DL_SAY_EVENT) {
		s->out_size = (uint16_t)write_event(s);
	} else {
		s->sent_counter = ++s->counter;
		if (what == DL_SAY_HELLO)
			s->key_quiet = s->new_pins = 0;
		s->out_size = (uint16_t)(what == DL_SAY_HELLO ? write_hello(s, &measures) : what == DL_SAY_SHOWN ? write_shown(s, &measures) : dl_key_report(s, what));
	}
	s->pending = (uint8_t)what;
	s->tries = 1;
	s->late = now + ANSWER_WAIT;
	(void)dl_say(s, what, s->out, s->out_size);
}

/* Sends or repeats what is to be said; other than 0 when the connection is given up. */
static int speak(struct dl_sign *s, uint64_t now)
{
	unsigned what;

	if (s->pending != DL_SAY_NONE) {
		if (s->late > now)
			return 0;
		if (s->tries++ >= REPEATS) {
			what = s->pending;
			if (what >= DL_SAY_ASK)
				dl_key_unanswered(s, what);
			if (what == DL_SAY_ASK) { /* nothing on the glass waits for it */
				s->pending = DL_SAY_NONE;
				return 0;
			}
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
	} else if (s->promised == 0 && (what = dl_key_due(s)) != DL_SAY_NONE) {
		report(s, what, now);
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

/* Reports whether nothing is going on. */
static int idle(struct dl_sign *s, uint64_t now)
{
	struct dl_stored step;

	return s->link == 2 && s->greeted && s->linger <= now && s->pending == DL_SAY_NONE && s->promised == 0 && s->next.body.size == 0 && s->presses == 0 && !news(s)
		&& dl_key_due(s) == DL_SAY_NONE && !s->offered && !s->restart && (s->gave_up || dl_missing(s, &step) < 0);
}

void dl_converse(struct dl_sign *s, uint64_t now)
{

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
	if (s->options->hardware.always_on && s->greeted && s->pending == DL_SAY_NONE && (s->new_pins || dl_wake_at(s) <= now)) {
		s->hailed = s->greeted = 0; /* a regular Hello [DL-FLOW-8], or one that says so [DL-PIN-4] */
		s->image_bad = 0;
		s->wake = DL_WAKE_TIMER;
	}
	if (speak(s, now) != 0)
		return;
	if (s->greeted)
		dl_pull(s, now);
	if (!idle(s, now))
		return;
	if (!s->options->hardware.always_on) {
		rest(s);
	} else if (s->renewed) { /* use the new secret now, so that the old one ends */
		dl_hang_up(s);
		dl_rouse(s, s->wake);
	}
}

/* Negative, 0 or positive as the manifest is before, the same as or after the body. */
static int compare(const struct dl_manifest *m, const struct dl_body *b)
{
	if (m->epoch != b->epoch)
		return m->epoch < b->epoch ? -1 : 1;
	return m->seq == b->seq ? 0 : m->seq < b->seq ? -1 : 1;
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
	const struct dl_crypto *c = s->port->crypto;
	struct dl_manifest m;
	enum dl_message_status status;
	uint8_t anew = s->trial_until != 0 && !s->secure; /* Hello names none */
	int order = 1;

	c->hmac_key(c->user, s->manifest_key);
	status = dl_manifest_read(&m, data, n, s->id, &c->hmac);
	if (status != DL_MESSAGE_OK) {
		dl_remember(s, status == DL_MESSAGE_MAC ? DL_ERROR_MAC : DL_ERROR_MANIFEST);
		return;
	}
	if (!s->secure)
		dl_firmware_good(s);
	if (m.width != h->width || m.height != h->height) {
		dl_remember(s, DL_ERROR_PANEL);
		return;
	}
	if (s->force.body.size > 0)
		order = compare(&m, &s->force.body);
	if (order < 0) {
		dl_remember(s, DL_ERROR_OLD);
		return;
	}
	if (order == 0) {
		if (m.body_size == s->force.body.size && same_body(s, m.body)) {
			s->overtook |= anew;
			s->promised = 0;
			s->reported = 0; /* tell it again */
		} else {
			dl_remember(s, DL_ERROR_CONFLICT);
		}
		return;
	}
	s->promised = 0;
	s->overtook = 1;
	if (s->next.body.size > 0 && compare(&m, &s->next.body) <= 0)
		return; /* on its way already */
	memset(&s->next, 0, sizeof s->next);
	s->next.record = DL_RECORD_NEXT;
	if (s->port->save(s->port->user, DL_RECORD_NEXT, m.body, m.body_size) != 0 || dl_load_body(s, DL_RECORD_NEXT, &s->next.body) != 0) {
		s->next.body.size = 0;
		dl_remember(s, DL_ERROR_STORAGE);
		return;
	}
	s->gave_up = 0;
	dl_sync(s, m.server_time, m.next_wake, m.jitter);
	dl_note(s, DL_NOTE_MANIFEST, m.seq, NULL);
}

static void acknowledged(struct dl_sign *s, const uint8_t *data, size_t n)
{
	unsigned what = s->pending, i;
	struct dl_ack a;

	if (what == DL_SAY_NONE || what == DL_SAY_ASK || dl_ack_read(&a, data, n) != DL_MESSAGE_OK || a.boot != s->sent_boot || a.counter != s->sent_counter)
		return;
	s->pending = DL_SAY_NONE;
	s->wanted_key = a.key_number;
	dl_sync(s, a.server_time, a.next_wake, a.jitter);
	for (i = s->sent_events; i < s->presses; i++)
		s->press[i - s->sent_events] = s->press[i];
	s->presses = (uint8_t)(s->presses - s->sent_events);
	if (what == DL_SAY_HELLO)
		dl_key_named(s, a.key_number);
	if (what == DL_SAY_STORED)
		dl_key_confirmed(s);
	if (what == DL_SAY_HELLO || what == DL_SAY_SHOWN) {
		if (s->error == s->sent.error)
			s->error = s->sent.error = 0;
		s->told = s->sent;
		s->reported = 1;
	}
	if (a.manifest && !s->overtook)
		s->promised = dl_now(s) + MANIFEST_WAIT;
	if (dl_save(s) != 0) {
		dl_remember(s, DL_ERROR_STORAGE);
		s->told.error = s->error; /* with the next report: no storm of them */
	}
	if (what == DL_SAY_HELLO) {
		s->greeted = 1;
		if (dl_firmware_enabled(s))
			s->linger = dl_now(s) + OFFER_WAIT;
		if (s->secure)
			dl_firmware_good(s);
	}
	if (what == DL_SAY_SHOWN)
		dl_note(s, DL_NOTE_SHOWN, s->sent.seq, NULL);
}

/* The word that somebody removed the sign [DL-PAIR-13]. */
static void removed(struct dl_sign *s, const uint8_t *data, size_t n)
{
	uint8_t want[DL_MAC];
	const uint8_t *mac;

	if (dl_removed_read(&mac, data, n) != DL_MESSAGE_OK)
		return;
	dl_authenticate(s, s->manifest_key, "doorleaf/1 removed", 0, NULL, NULL, 0, want);
	if (dl_differ(want, mac, DL_MAC))
		return;
	dl_hang_up(s);
	dl_unpaired(s);
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
	else if (equal(name, "key"))
		dl_key_take(s, data, n);
	else if (equal(name, "fw"))
		dl_firmware_offer(s, data, n);
	else if (equal(name, "pins"))
		dl_pins_take(s, data, n);
	else if (equal(name, "gone"))
		removed(s, data, n);
}
