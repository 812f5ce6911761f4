/* The sign: its storage, its clock, its radio. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

#ifdef DL_ROWS
#define NOWHERE(options) ((options)->rows == NULL || (options)->planes != 1)
#else
#define NOWHERE(options) ((options)->frame == NULL)
#endif

enum {
	CONNECT_WAIT = 15000, /* milliseconds */
	DEFAULT_WAKE = 900,   /* seconds [DL-TIME-2] */
	EVENT_WAKES = 3,      /* that a press waits [DL-FLOW-9] */
	PRESS = 18,           /* bytes in the state */
	STATE = 59
};

static void put(uint8_t **at, uint64_t value, unsigned n)
{
	while (n-- > 0) {
		*(*at)++ = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t get(const uint8_t **at, unsigned n)
{
	uint64_t value = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		value |= (uint64_t)*(*at)++ << (8 * i);
	return value;
}

uint64_t dl_now(const struct dl_sign *s) { return s->port->clock(s->port->user); }

uint32_t dl_server_now(const struct dl_sign *s) { return (uint32_t)((dl_now(s) + (uint64_t)s->offset) / 1000); }

uint64_t dl_own_time(const struct dl_sign *s, uint64_t server)
{
	uint64_t own = server - (uint64_t)s->offset;

	return own > server && s->offset > 0 ? 0 : own;
}

uint64_t dl_wake_at(const struct dl_sign *s) { return s->time_known && s->next_wake != 0 ? dl_own_time(s, s->next_wake) : 0; }

uint32_t dl_random(const struct dl_sign *s, uint32_t below)
{
	uint8_t r[4];
	const uint8_t *at = r;

	if (below == 0 || s->port->crypto->random(s->port->crypto->user, r, sizeof r) != 0)
		return 0;
	return (uint32_t)get(&at, 4) % below;
}

void dl_note(const struct dl_sign *s, enum dl_note note, uint32_t number, const char *text)
{
	if (s->port->note != NULL)
		s->port->note(s->port->user, note, number, text);
}

void dl_remember(struct dl_sign *s, unsigned error)
{
	s->error = (uint16_t)error;
	dl_note(s, DL_NOTE_ERROR, error, NULL);
}

int dl_save(struct dl_sign *s)
{
	uint8_t data[STATE + DL_MAX_EVENTS * PRESS], *at = data;
	unsigned i;

	memcpy(at, "DLS\2", 4);
	at += 4;
	put(&at, s->glass_known, 1);
	memcpy(at, s->glass, DL_HASH);
	at += DL_HASH;
	put(&at, s->time_known, 1);
	put(&at, (uint64_t)s->offset, 8);
	put(&at, s->next_wake, 8);
	put(&at, s->error, 2);
	put(&at, s->secret[0].refused, 1);
	put(&at, s->secret[1].refused, 1);
	put(&at, s->presses, 1);
	for (i = 0; i < s->presses; i++) {
		put(&at, s->press[i].boot, 4);
		put(&at, s->press[i].counter, 4);
		put(&at, s->press[i].at, 8);
		put(&at, s->press[i].button, 1);
		put(&at, s->press[i].wakes, 1);
	}
	if (s->port->save(s->port->user, DL_RECORD_STATE, data, (uint32_t)(at - data)) != 0)
		return -1;
	dl_note(s, DL_NOTE_STATE, 0, NULL);
	return 0;
}

static void load_state(struct dl_sign *s)
{
	uint8_t data[STATE + DL_MAX_EVENTS * PRESS];
	const uint8_t *at = data + 4;
	int32_t n = s->port->load(s->port->user, DL_RECORD_STATE, 0, data, sizeof data);
	unsigned i;

	if (n < STATE || memcmp(data, "DLS\2", 4) != 0 || data[STATE - 1] > DL_MAX_EVENTS || n != STATE + data[STATE - 1] * PRESS)
		return;
	s->glass_known = get(&at, 1) == 1;
	memcpy(s->glass, at, DL_HASH);
	at += DL_HASH;
	s->time_known = get(&at, 1) == 1 && s->options->clock_kept; /* [DL-TIME-1] */
	s->offset = (int64_t)get(&at, 8);
	s->next_wake = get(&at, 8);
	s->error = (uint16_t)get(&at, 2);
	s->secret[0].refused = (uint8_t)get(&at, 1);
	s->secret[1].refused = (uint8_t)get(&at, 1);
	s->presses = (uint8_t)get(&at, 1);
	for (i = 0; i < s->presses; i++) {
		s->press[i].boot = (uint32_t)get(&at, 4);
		s->press[i].counter = (uint32_t)get(&at, 4);
		s->press[i].at = get(&at, 8);
		s->press[i].button = (uint8_t)get(&at, 1);
		s->press[i].wakes = (uint8_t)get(&at, 1);
		if (!s->options->clock_kept)
			s->press[i].at = 0;
	}
}

static int nothing(void *to, const uint8_t hash[32])
{
	(void)to;
	(void)hash;
	return 0;
}

/* Becomes what the sign was in its box, but for its glass. */
void dl_forget(struct dl_sign *s)
{
	s->paired = s->pin_count = 0;
	s->pins_number = 0;
	if (dl_save_identity(s) != 0)
		dl_remember(s, DL_ERROR_STORAGE);
	memset(s->id, 0, sizeof s->id);
	memset(s->secret, 0, sizeof s->secret);
	s->other = DL_OTHER_NONE;
	s->in_use = s->next_use = 0;
	memset(s->manifest_key, 0, sizeof s->manifest_key);
	memset(s->password, 0, sizeof s->password);
	dl_pull_stop(s);
	s->force.body.size = s->next.body.size = 0;
	s->presses = 0;
	s->error = 0;
	if (s->port->save(s->port->user, DL_RECORD_BODY, NULL, 0) != 0 || s->port->object_sweep(s->port->user, nothing, NULL) != 0 || dl_save(s) != 0)
		dl_remember(s, DL_ERROR_STORAGE);
}

/* Begins anew: the gateway does not know the sign any more [DL-PAIR-9]. */
void dl_unpaired(struct dl_sign *s)
{
	s->fails = 0;
	s->retry = 0;
	dl_note(s, DL_NOTE_UNPAIRED, 0, NULL);
	dl_forget(s);
}

int dl_sign_start(struct dl_sign *s, const struct dl_port *port, const struct dl_sign_options *options)
{
	uint8_t random[4];
	const uint8_t *at = random;

	memset(s, 0, sizeof *s);
	if (options->hardware.width < 1 || options->hardware.width > DL_MAX_WIDTH || options->hardware.height < 1 || dl_planes(options->planes) == 0 || NOWHERE(options)
		|| options->chunk < 1 || options->chunk > DL_MAX_BLOCK_DATA)
		return -1;
	s->port = port;
	s->options = options;
	s->force.record = DL_RECORD_BODY;
	s->next.record = DL_RECORD_NEXT;
	if (port->crypto->random(port->crypto->user, random, sizeof random) != 0)
		return -1;
	s->boot = (uint32_t)get(&at, 4);
	dl_load_identity(s);
	load_state(s);
	if (s->paired)
		(void)dl_load_body(s, DL_RECORD_BODY, &s->force.body);
	dl_load_frame(s);
	dl_firmware_start(s);
	dl_rouse(s, options->wake);
	return 0;
}

int dl_sign_radio(const struct dl_sign *s) { return s->link != 0; }

void dl_rouse(struct dl_sign *s, unsigned why)
{
	s->wake = (uint8_t)why;
	s->awake = 1;
	s->retry = s->draw_late = 0;
	s->image_bad = 0;
	if (s->pending == DL_SAY_NONE)
		s->hailed = s->greeted = 0;
}

void dl_sign_wake(struct dl_sign *s) { dl_rouse(s, DL_WAKE_TIMER); }

void dl_sign_press(struct dl_sign *s, unsigned button)
{
	struct dl_press *p;

	s->refused_at[0] = s->refused_at[1] = 0; /* somebody is here */
	if (button < 1 || button > 4 || !s->paired || s->presses == DL_MAX_EVENTS)
		return;
	p = &s->press[s->presses++];
	p->boot = s->boot;
	p->counter = ++s->counter;
	p->at = dl_now(s);
	p->button = (uint8_t)button;
	p->wakes = 0;
	if (dl_save(s) != 0)
		dl_remember(s, DL_ERROR_STORAGE);
	else if (!s->greeted)
		dl_rouse(s, DL_WAKE_BUTTON);
}

/* Sets the clock [DL-TIME-1] and the next contact [DL-TIME-2]. */
void dl_sync(struct dl_sign *s, uint64_t server_time, uint32_t next_wake, uint16_t jitter)
{
	s->offset = (int64_t)(server_time - dl_now(s));
	s->time_known = 1;
	s->next_wake = server_time + (uint64_t)(next_wake > 0 ? next_wake : DEFAULT_WAKE) * 1000 + dl_random(s, (uint32_t)jitter * 1000);
}

static void topic_of(const struct dl_sign *s, char topic[48], const char *rest)
{
	const char *who = s->paired ? s->id : s->nonce;
	const char *start = s->paired ? "dl/1/" : "dl/1/pair/";

	while (*start != 0)
		*topic++ = *start++;
	while (*who != 0)
		*topic++ = *who++;
	while (*rest != 0)
		*topic++ = *rest++;
	*topic = 0;
}

int dl_say(struct dl_sign *s, unsigned what, const uint8_t *data, size_t n)
{
	static const char *const names[] = { "", "/u/hello", "/u/shown", "/u/ev", "/u/get", "/u/commit", "/u/reveal", "/u/key", "/u/key" };
	char topic[48];
	int rc;

	if (n == 0)
		return -1;
	topic_of(s, topic, names[what]);
	rc = s->port->publish(s->port->user, topic, what == DL_SAY_GET ? 0 : 1, data, n);
	dl_note(s, DL_NOTE_SENT, (uint32_t)n, names[what] + 3);
	return rc;
}

/* Forgets the conversation of a connection, but not what was pulled. */
static void end_talk(struct dl_sign *s)
{
	unsigned i;

	s->hailed = s->greeted = s->gave_up = s->missed = s->silent = s->reported = 0;
	s->pending = DL_SAY_NONE;
	s->promised = s->linger = 0;
	for (i = 0; i < DL_WINDOW; i++)
		s->get[i].late = 0;
	s->key_quiet = s->tried = 0;
}

void dl_hang_up(struct dl_sign *s)
{
	if (s->link != 0)
		s->port->disconnect(s->port->user);
	s->link = 0;
	end_talk(s);
}

/* Puts off the next connection [DL-TIME-3]. */
static void retry_later(struct dl_sign *s)
{
	int patient = s->paired && !s->options->hardware.always_on;
	uint32_t wait, limit = patient ? 3600000 : 30000;
	unsigned n = s->fails;

	if (s->fails < 30)
		s->fails++;
	if (patient && n >= 2)
		wait = n < 8 ? 60000u << (n - 2) : limit;
	else
		wait = n < 5 ? 1000u << n : limit;
	if (s->options->longest_retry > 0)
		limit = s->options->longest_retry;
	if (wait > limit)
		wait = limit;
	s->retry = dl_now(s) + wait - dl_random(s, wait / 2 + 1);
}

void dl_broken(struct dl_sign *s, unsigned error)
{
	dl_hang_up(s);
	if (error != 0 && s->error == 0)
		dl_remember(s, error);
	dl_note(s, DL_NOTE_OFFLINE, error, NULL);
	s->awake = 1;
	retry_later(s);
}

void dl_sign_lost(struct dl_sign *s)
{
	if (s->link == 2)
		dl_broken(s, 0);
	else if (s->link == 1)
		dl_sign_connected(s, DL_LINK_FAILED, NULL);
}

void dl_sign_connected(struct dl_sign *s, enum dl_link link, const uint8_t *spki)
{
	if (s->link != 1)
		return;
	if (link == DL_LINK_OPEN) {
		s->link = 2;
		s->fails = 0;
		dl_secret_accepted(s);
		s->image_bad = s->offered = 0;
		end_talk(s);
		s->began = dl_now(s);
		memset(s->spki_seen, 0, sizeof s->spki_seen);
		s->secure = spki != NULL;
		if (spki != NULL)
			memcpy(s->spki_seen, spki, sizeof s->spki_seen);
		s->join_repeat = 0;
		dl_note(s, DL_NOTE_CONNECTED, s->wake, NULL);
		return;
	}
	s->port->disconnect(s->port->user);
	s->link = 0;
	dl_note(s, DL_NOTE_OFFLINE, (uint32_t)link, NULL);
	retry_later(s);
	if (link != DL_LINK_REFUSED || !s->paired)
		return;
	if (dl_secret_refused(s)) {
		dl_unpaired(s);
		return;
	}
	if (dl_after_refusal(s) < s->retry || s->next_use == 1)
		s->retry = dl_after_refusal(s);
	if (s->options->longest_retry > 0 && s->retry > dl_now(s) + s->options->longest_retry)
		s->retry = dl_now(s) + s->options->longest_retry;
}

void dl_sign_received(struct dl_sign *s, const char *topic, const uint8_t *data, size_t n)
{
	char start[48];
	unsigned i;

	if (s->link != 2)
		return;
	topic_of(s, start, "/d/");
	for (i = 0; start[i] != 0; i++)
		if (topic[i] != start[i])
			return;
	if (s->paired)
		dl_handle(s, topic + i, data, n);
	else
		dl_join_handle(s, topic + i, data, n);
}

static void dial(struct dl_sign *s, uint64_t now)
{
	struct dl_login login;
	char filter[48], client[DL_ID + 6];
	unsigned i, kept = 0;

	for (i = 0; i < s->presses; i++) {
		s->press[kept] = s->press[i];
		if (++s->press[kept].wakes <= EVENT_WAKES)
			kept++;
	}
	s->presses = (uint8_t)kept;
	memset(&login, 0, sizeof login);
	if (s->paired) {
		(void)dl_use_secret(s, s->next_use);
		login.client = login.user = s->id;
		login.password = s->password;
		login.pins = (const uint8_t (*)[DL_HASH])s->pins;
		login.pin_count = s->pin_count;
	} else {
		dl_join_begin(s);
		memcpy(client, "pair-", 5);
		memcpy(client + 5, s->nonce, DL_ID + 1);
		login.client = client;
		login.user = login.password = "pair";
	}
	topic_of(s, filter, "/d/+");
	login.filter = filter;
	s->link = 1;
	s->connect_late = now + CONNECT_WAIT;
	s->port->connect(s->port->user, &login);
}

/* Does what the state asks for. */
static void act(struct dl_sign *s)
{
	uint64_t now = dl_now(s);

	if (s->link == 1 && s->connect_late <= now)
		dl_sign_connected(s, DL_LINK_FAILED, NULL);
	dl_firmware_act(s, now);
	if (s->draw_late <= now)
		s->draw_late = 0;
	if (s->paired) {
		if (s->time_known)
			dl_adopt(s);
		dl_flip(s);
		s->fresh = 0;
		now = dl_now(s);
		if (s->link == 0 && !s->awake && dl_wake_at(s) <= now)
			dl_rouse(s, DL_WAKE_TIMER);
		if (s->link == 2)
			dl_converse(s, now);
	} else if (s->link == 2) {
		dl_join(s, now);
	}
	if (s->link == 0 && (!s->paired || s->options->hardware.always_on || s->awake) && s->retry <= now)
		dial(s, now);
}

static void earlier(uint64_t *first, uint64_t at)
{
	if (at != 0 && at < *first)
		*first = at;
}

/* When something is due without anything happening before. */
static uint64_t next(const struct dl_sign *s)
{
	uint64_t first = ~(uint64_t)0;
	unsigned i;

	earlier(&first, s->trial_until);
	if (s->restart)
		return 0;
	if (s->link == 1)
		earlier(&first, s->connect_late);
	else if (s->link == 0 && (!s->paired || s->options->hardware.always_on || s->awake))
		earlier(&first, s->retry > 0 ? s->retry : 1);
	if (!s->paired) {
		if (s->link == 2) {
			earlier(&first, s->join_repeat);
			earlier(&first, s->join_until);
		}
		return first;
	}
	earlier(&first, dl_next_flip(s));
	earlier(&first, s->draw_late);
	if (s->link == 2) {
		if (s->pending != DL_SAY_NONE)
			earlier(&first, s->late);
		earlier(&first, s->promised);
		if (s->linger > dl_now(s))
			earlier(&first, s->linger);
		if (s->greeted)
			for (i = 0; i < DL_WINDOW; i++)
				if (s->get[i].length > 0)
					earlier(&first, s->get[i].late);
	}
	if ((s->link == 0 && !s->awake) || (s->options->hardware.always_on && s->greeted && s->pending == DL_SAY_NONE))
		earlier(&first, dl_wake_at(s));
	return first;
}

uint32_t dl_sign_step(struct dl_sign *s)
{
	uint64_t now, at;

	act(s);
	now = dl_now(s);
	at = next(s);
	if (at <= now)
		return 0;
	return at - now > 3600000 ? 3600000 : (uint32_t)(at - now);
}
