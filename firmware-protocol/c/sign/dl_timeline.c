/* The timeline: what is due, and how it gets onto the glass. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

enum { STUCK = 60000 /* milliseconds between complaints */ };

/* Layout of a body [DL-MAN-2]. */
enum { HEAD = 18, STEP = 77, STEP_BASE = STEP + DL_HASH };

static uint32_t u16(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }
static uint32_t u32(const uint8_t *p) { return u16(p) | u16(p + 2) << 16; }

/*
 * It was checked when it came, and storage gives back what it took; only what
 * would lead astray is checked again.
 */
int dl_load_body(const struct dl_sign *s, enum dl_record record, struct dl_body *b)
{
	const struct dl_port *port = s->port;
	const struct dl_hardware *h = &s->options->hardware;
	uint8_t data[STEP];
	uint32_t at = HEAD;
	unsigned k;

	b->size = 0;
	if (port->load(port->user, record, 0, data, HEAD) != HEAD || memcmp(data, "DLM\1", 4) != 0)
		return -1;
	b->epoch = u32(data + 4);
	b->seq = u32(data + 8);
	b->width = (uint16_t)u16(data + 12);
	b->height = (uint16_t)u16(data + 14);
	b->steps = data[16];
	b->stale = data[17] & 1;
	if (b->steps < 1 || b->steps > DL_MAX_STEPS || b->width != h->width || b->height != h->height)
		return -1;
	for (k = 0; k < b->steps + (unsigned)b->stale; k++) {
		b->at[k] = (uint16_t)at;
		if (port->load(port->user, record, at, data, STEP) != STEP)
			return -1;
		if (k < b->steps) {
			b->from[k] = u32(data + 68);
			b->until = u32(data + 72);
		}
		if (data[STEP - 1] >= DL_BASE_STEP + k)
			return -1;
		at += data[STEP - 1] == DL_BASE_GLASS ? STEP_BASE : STEP;
	}
	b->at[k] = (uint16_t)at;
	b->size = (uint16_t)at;
	return 0;
}

int dl_due(const struct dl_body *b, uint32_t now)
{
	int k;

	if (b->size == 0 || now < b->from[0])
		return -1;
	if (now >= b->until)
		return b->stale ? b->steps : -1;
	for (k = b->steps - 1; now < b->from[k]; k--)
		;
	return k;
}

uint64_t dl_next_flip(const struct dl_sign *s)
{
	const struct dl_body *b = &s->force.body;
	uint32_t now = dl_server_now(s);
	unsigned k;

	if (b->size == 0 || !s->time_known || now >= b->until)
		return 0;
	for (k = 0; k < b->steps && now >= b->from[k]; k++)
		;
	return dl_own_time(s, (uint64_t)(k < b->steps ? b->from[k] : b->until) * 1000);
}

int dl_step_at(const struct dl_sign *s, const struct dl_timeline *t, unsigned k, struct dl_stored *step)
{
	uint8_t data[STEP_BASE];
	uint32_t n = t->body.at[k + 1] - (uint32_t)t->body.at[k];

	if (n > sizeof data || s->port->load(s->port->user, (enum dl_record)t->record, t->body.at[k], data, n) != (int32_t)n)
		return -1;
	memcpy(step->object, data, DL_HASH);
	step->size = u32(data + 32);
	memcpy(step->glass, data + 36, DL_HASH);
	step->base = data[STEP - 1];
	if (step->base == DL_BASE_GLASS)
		memcpy(step->base_glass, data + STEP, DL_HASH);
	return 0;
}

static int stored(struct dl_sign *s, struct dl_timeline *t, unsigned k, const struct dl_stored *step)
{
	if ((t->have[k / 8] >> (k % 8) & 1) == 0) {
		if (s->port->object_size(s->port->user, step->object) != (int32_t)step->size)
			return 0;
		t->have[k / 8] = (uint8_t)(t->have[k / 8] | 1u << (k % 8));
	}
	return 1;
}

/*
 * Finds the steps to decode one after another to get from the frame to step k
 * [DL-FLOW-7]: path holds them, k first. Returns how many, 0 when there is no
 * way. With objects not at hand, *lacking is the first of them to be decoded.
 */
static unsigned find(struct dl_sign *s, struct dl_timeline *t, unsigned k, uint8_t *path, int *lacking)
{
	struct dl_stored step, base;
	unsigned n = 0;

	*lacking = -1;
	for (;;) {
		if (dl_step_at(s, t, k, &step) != 0)
			return 0;
		path[n++] = (uint8_t)k;
		if (!stored(s, t, k, &step))
			*lacking = (int)k;
		if (step.base == DL_BASE_NONE)
			return n;
#ifdef DL_ROWS
		return 0; /* it keeps no picture */
#endif
		if (step.base == DL_BASE_GLASS)
			return s->frame_known && dl_same(step.base_glass, s->frame_digest) ? n : 0;
		k = step.base - (unsigned)DL_BASE_STEP; /* always an earlier one */
		if (dl_step_at(s, t, k, &base) != 0)
			return 0;
		if (s->frame_known && dl_same(base.glass, s->frame_digest))
			return n;
	}
}

static int wanted(void *to, const uint8_t hash[32])
{
	struct dl_sign *s = to;
	struct dl_stored step;
	unsigned k;

	for (k = 0; s->force.body.size > 0 && k < s->force.body.steps + (unsigned)s->force.body.stale; k++)
		if (dl_step_at(s, &s->force, k, &step) == 0 && dl_same(step.object, hash))
			return 1;
	return 0;
}

/* Puts a timeline in force once its due picture can be drawn [DL-FLOW-5]. */
void dl_adopt(struct dl_sign *s)
{
	uint8_t path[DL_MAX_STEPS + 1];
	struct dl_stored step;
	int due, lacking = -1;

	if (s->next.body.size == 0)
		return;
	due = dl_due(&s->next.body, dl_server_now(s));
	if (due >= 0) {
		if (dl_step_at(s, &s->next, (unsigned)due, &step) != 0) {
			dl_fail(s, DL_ERROR_STORAGE);
			return;
		}
		if (!(s->glass_known && dl_same(step.glass, s->glass)) && !(s->frame_known && dl_same(step.glass, s->frame_digest))) {
			if (find(s, &s->next, (unsigned)due, path, &lacking) == 0) {
				dl_fail(s, DL_ERROR_BASE);
				return;
			}
			if (lacking >= 0)
				return;
		}
	}
	if (s->port->promote(s->port->user) != 0) {
		dl_fail(s, DL_ERROR_STORAGE);
		return;
	}
	s->force = s->next;
	s->force.record = DL_RECORD_BODY;
	s->next.body.size = 0;
	s->fresh = 1;
	s->unknown = 0;
	dl_note(s, DL_NOTE_FORCE, s->force.body.seq, NULL);
	if (!s->pulling && s->port->object_sweep(s->port->user, wanted, s) != 0)
		dl_remember(s, DL_ERROR_STORAGE);
}

/* Gives a timeline or its objects up; the gateway sends others. */
void dl_fail(struct dl_sign *s, unsigned error)
{
	s->next.body.size = 0;
	s->gave_up = 1;
	dl_pull_stop(s);
	dl_remember(s, error);
}

/* A due picture cannot be drawn: the glass stays, and the gateway is asked. */
static void stuck(struct dl_sign *s, unsigned error)
{
	uint64_t now = dl_now(s);

	if (s->stuck != 0 && now - s->stuck < STUCK)
		return;
	s->stuck = now;
	if (error != 0)
		dl_remember(s, error);
	if (!s->awake)
		dl_rouse(s, DL_WAKE_FLIP);
}

/* Before the panel is drawn: meanwhile the glass counts as unknown [DL-PWR-3]. */
int dl_draw_begin(struct dl_sign *s, unsigned *refresh)
{
	uint8_t known = s->glass_known;

	if (!known)
		*refresh = 1; /* [DL-PWR-2] */
	s->glass_known = 0;
	if (dl_save(s) != 0) {
		s->glass_known = known; /* nothing was drawn */
		return -1;
	}
	dl_note(s, DL_NOTE_DRAWING, *refresh, NULL);
	return 0;
}

void dl_drawn(struct dl_sign *s, uint64_t begin)
{
	s->draw_time = (uint32_t)(dl_now(s) - begin);
	dl_note(s, DL_NOTE_PANEL, 0, NULL);
}

int dl_draw_end(struct dl_sign *s, const uint8_t digest[32])
{
	memcpy(s->glass, digest, DL_HASH);
	s->glass_known = 1;
	return dl_save(s);
}

/* Draws what is due, when it is not on the glass [DL-FLOW-6]. */
void dl_flip(struct dl_sign *s)
{
	uint8_t path[DL_MAX_STEPS + 1], refresh = 0;
	struct dl_timeline *t = &s->force;
	struct dl_stored step;
	unsigned n, error = 0;
	int due, lacking;

	if (!s->time_known || (due = dl_due(&t->body, dl_server_now(s))) < 0)
		return;
	if ((t->bad[due / 8] >> (due % 8) & 1) != 0 || dl_step_at(s, t, (unsigned)due, &step) != 0)
		return;
	if ((s->glass_known && dl_same(step.glass, s->glass)) || s->draw_late > dl_now(s))
		return;
	if (!(s->frame_known && dl_same(step.glass, s->frame_digest))) {
		n = find(s, t, (unsigned)due, path, &lacking);
		if (n == 0 || lacking >= 0) {
			stuck(s, n == 0 ? DL_ERROR_BASE : 0);
			return;
		}
		while (n > 0 && error == 0) {
			if (dl_step_at(s, t, path[--n], &step) != 0)
				error = DL_ERROR_STORAGE;
			else
				error = dl_decode(s, &step);
		}
		if (error != 0) {
			t->bad[due / 8] = (uint8_t)(t->bad[due / 8] | 1u << (due % 8));
			dl_load_frame(s);
			if (s->next.body.size == 0) { /* else something newer is on its way */
				dl_fail(s, error);
				stuck(s, 0);
			}
			return;
		}
	}
	if (s->port->object_size(s->port->user, step.object) > 5)
		(void)s->port->object_read(s->port->user, step.object, 5, &refresh, 1);
	s->why = !s->fresh ? DL_WAKE_FLIP : s->options->hardware.always_on && s->wake != DL_WAKE_BOOT ? DL_WAKE_PUSH : s->wake;
	if (dl_draw(s, step.glass, refresh >> 1 & 3) != 0) {
		dl_remember(s, DL_ERROR_STORAGE);
		s->draw_late = dl_now(s) + STUCK; /* a panel that fails is not driven to death */
		return;
	}
	dl_note(s, DL_NOTE_DRAWN, t->body.seq, NULL);
}

/* The next object to pull, in the order of [DL-FLOW-3]. */
int dl_missing(struct dl_sign *s, struct dl_stored *step)
{
	struct dl_timeline *t = s->next.body.size > 0 ? &s->next : &s->force;
	uint8_t path[DL_MAX_STEPS + 1];
	uint32_t now = dl_server_now(s);
	int due, lacking = -1;
	unsigned k;

	if (t->body.size == 0)
		return -1;
	due = dl_due(&t->body, now);
	if (due >= 0 && dl_step_at(s, t, (unsigned)due, step) == 0 && !(s->glass_known && dl_same(step->glass, s->glass))) {
		if (find(s, t, (unsigned)due, path, &lacking) == 0)
			return -1;
		if (lacking >= 0)
			return dl_step_at(s, t, (unsigned)lacking, step) == 0 ? lacking : -1;
	}
	if (t == &s->next)
		return -1; /* the rest when it is in force */
	for (k = 0; k < t->body.steps + (unsigned)t->body.stale; k++) {
		if (k < t->body.steps && (k + 1u < t->body.steps ? t->body.from[k + 1] : t->body.until) <= now)
			continue;
		if (dl_step_at(s, t, k, step) == 0 && !stored(s, t, k, step))
			return (int)k;
	}
	return -1;
}
