/* Updating the firmware, section 9. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

/* Places in a release [DL-FW-1] and bytes of an offer. */
enum { MODEL = 4, MODEL_SIZE = 32, VERSION = 36, VERSION_SIZE = 16, NUMBER = 52, SIZE = 56, IMAGE = 60, VOLTAGE = 92, ZERO = 94, SIGNATURE = 96, OFFER = DL_RELEASE + DL_MAC };

enum {
	MAX_IMAGE = 16 << 20,
	TRIAL = 900000,    /* milliseconds until a good check-in */
	SAVE_EVERY = 16384 /* bytes of an image */
};

static uint32_t le32(const uint8_t *b) { return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24; }

int dl_firmware_enabled(const struct dl_sign *s)
{
	const struct dl_port *p = s->port;

	return (s->options->hardware.capabilities & DL_CAP_FIRMWARE) != 0 && s->options->maker != NULL && p->crypto->ed25519 != NULL && p->slot_begin != NULL
		&& p->slot_write != NULL && p->slot_read != NULL && p->restart != NULL;
}

static int save_slots(struct dl_sign *s)
{
	uint8_t data[DL_SLOTS];

	dl_slots_write(&s->slots, data);
	if (s->port->save(s->port->user, DL_RECORD_SLOTS, data, sizeof data) == 0)
		return 0;
	dl_remember(s, DL_ERROR_STORAGE);
	return -1;
}

/* The release that is pulled and how far: one record. */
static int save_pull(struct dl_sign *s, uint32_t progress)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		s->release[DL_RELEASE + i] = (uint8_t)(progress >> 8 * i);
	s->image_saved = progress;
	if (s->port->save(s->port->user, DL_RECORD_FIRMWARE, s->release, sizeof s->release) == 0)
		return 0;
	dl_remember(s, DL_ERROR_STORAGE);
	return -1;
}

static void forget_pull(struct dl_sign *s)
{
	s->offered = 0;
	memset(s->release, 0, sizeof s->release);
	if (s->port->save(s->port->user, DL_RECORD_FIRMWARE, NULL, 0) != 0)
		dl_remember(s, DL_ERROR_STORAGE);
}

void dl_firmware_start(struct dl_sign *s)
{
	const struct dl_sign_options *o = s->options;
	uint8_t data[DL_SLOTS];

	if (!dl_firmware_enabled(s))
		return;
	if (dl_slots_read(&s->slots, data, s->port->load(s->port->user, DL_RECORD_SLOTS, 0, data, sizeof data)) != 0) {
		memset(&s->slots, 0, sizeof s->slots); /* as it came from the factory */
		s->slots.slot[o->slot & 1].state = DL_SLOT_GOOD;
		s->slots.slot[o->slot & 1].number = o->firmware_number;
	}
	if (s->slots.slot[o->slot & 1].state == DL_SLOT_TRIAL)
		s->trial_until = dl_now(s) + (o->longest_trial > 0 ? o->longest_trial : TRIAL);
	if (s->port->load(s->port->user, DL_RECORD_FIRMWARE, 0, s->release, sizeof s->release) != (int32_t)sizeof s->release)
		memset(s->release, 0, sizeof s->release);
	s->image_saved = le32(s->release + DL_RELEASE);
	if (s->slots.back) { /* told once the state holds it [DL-FW-6] */
		dl_remember(s, DL_ERROR_TRIAL);
		if (dl_save(s) == 0) {
			s->slots.back = 0;
			(void)save_slots(s);
		}
	}
}

/* A good check-in ends the trial [DL-FW-5]. */
void dl_firmware_good(struct dl_sign *s)
{
	struct dl_slot *slot = &s->slots.slot[s->options->slot & 1];

	if (s->trial_until == 0)
		return;
	slot->state = DL_SLOT_GOOD;
	if (save_slots(s) != 0) {
		slot->state = DL_SLOT_TRIAL;
		return;
	}
	s->trial_until = 0;
	s->hailed = s->greeted = 0; /* Hello names it now */
	dl_note(s, DL_NOTE_GOOD, slot->number, NULL);
}

/* Ends a trial that lasted too long, and starts what is ready. */
void dl_firmware_act(struct dl_sign *s, uint64_t now)
{
	if (s->trial_until != 0 && s->trial_until <= now) {
		if (s->slots.slot[(s->options->slot & 1) ^ 1].state != DL_SLOT_GOOD) { /* nowhere to go; the marks were lost */
			s->trial_until = 0;
			return;
		}
		dl_slots_back(&s->slots, s->options->slot & 1);
		if (save_slots(s) != 0) {
			s->trial_until = now + 1000;
			return;
		}
		s->trial_until = 0;
		s->restart = 1;
	}
	if (!s->restart)
		return;
	s->restart = 0;
	dl_hang_up(s);
	dl_note(s, DL_NOTE_RESTART, 0, NULL);
	s->port->restart(s->port->user);
}

/* Reports whether a text of a release, filled up with zeros, is that one. */
static int same_text(const uint8_t *b, unsigned n, const char *text)
{
	unsigned i;

	for (i = 0; i < n && text[i] != 0; i++)
		if (b[i] != (uint8_t)text[i])
			return 0;
	return i == n ? text[i] == 0 : b[i] == 0; /* the rest is known to be zeros */
}

/* Reports whether b is printable and then zeros. */
static int is_text(const uint8_t *b, unsigned n)
{
	unsigned i, length = 0;

	while (length < n && b[length] >= 0x20 && b[length] <= 0x7e)
		length++;
	for (i = length; i < n; i++)
		if (b[i] != 0)
			return 0;
	return 1;
}

/* Checks an offer in the order of [DL-FW-3]. Returns an error of [DL-ERR-1]. */
static unsigned check(struct dl_sign *s, const uint8_t *b, size_t n)
{
	static const char domain[] = "doorleaf/1 firmware";
	const struct dl_crypto *c = s->port->crypto;
	uint8_t sum[DL_HASH], message[sizeof domain - 1 + SIGNATURE];
	struct dl_measures m;

	if (n != OFFER)
		return DL_ERROR_FIRMWARE;
	c->hmac_key(c->user, s->manifest_key);
	c->hmac.start(c->hmac.state);
	c->hmac.update(c->hmac.state, (const uint8_t *)"doorleaf/1 firmware offer", 25);
	c->hmac.update(c->hmac.state, (const uint8_t *)s->id, DL_ID);
	c->hmac.update(c->hmac.state, b, DL_RELEASE);
	c->hmac.finish(c->hmac.state, sum);
	if (dl_differ(sum, b + DL_RELEASE, DL_MAC))
		return DL_ERROR_FIRMWARE;
	if (!s->secure)
		dl_firmware_good(s);
	memcpy(message, domain, sizeof domain - 1);
	memcpy(message + sizeof domain - 1, b, SIGNATURE);
	if (memcmp(b, "DLF\1", 4) != 0 || c->ed25519(c->user, s->options->maker, message, sizeof message, b + SIGNATURE) != 0)
		return DL_ERROR_FIRMWARE;
	if (b[MODEL] == 0 || !is_text(b + MODEL, MODEL_SIZE) || !is_text(b + VERSION, VERSION_SIZE) || le32(b + NUMBER) == 0 || le32(b + SIZE) == 0
		|| le32(b + SIZE) > MAX_IMAGE || b[ZERO] != 0 || b[ZERO + 1] != 0)
		return DL_ERROR_FIRMWARE;
	memset(&m, 0, sizeof m);
	if (s->port->measure != NULL)
		s->port->measure(s->port->user, &m);
	if (!same_text(b + MODEL, MODEL_SIZE, s->options->hardware.model) || le32(b + NUMBER) <= s->options->firmware_number
		|| le32(b + NUMBER) == s->slots.failed || (m.battery != 0 && m.battery < (b[VOLTAGE] | (unsigned)b[VOLTAGE + 1] << 8)))
		return DL_ERROR_REFUSED;
	return 0;
}

void dl_firmware_offer(struct dl_sign *s, const uint8_t *data, size_t n)
{
	unsigned other = (s->options->slot & 1) ^ 1u, error, trial = s->trial_until != 0;

	if (!dl_firmware_enabled(s))
		return;
	s->linger = 0;
	error = check(s, data, n);
	if (error != DL_ERROR_FIRMWARE && (trial || (s->tried && le32(data + NUMBER) == s->options->firmware_number)))
		return; /* Hello did not name what runs [DL-FW-5] */
	if (error != 0) {
		dl_remember(s, error);
		return;
	}
	if (s->slots.slot[other].state == DL_SLOT_TRIAL || s->image_bad)
		return; /* one after the other; it is offered again */
	if (memcmp(s->release, data, DL_RELEASE) != 0) {
		if (s->pulling == DL_PULL_IMAGE)
			dl_pull_stop(s);
		s->slots.slot[other].state = DL_SLOT_EMPTY; /* before it is overwritten [DL-FW-7] */
		if (save_slots(s) != 0 || s->port->slot_begin(s->port->user, le32(data + SIZE)) != 0) {
			dl_remember(s, DL_ERROR_STORAGE);
			return;
		}
		memcpy(s->release, data, DL_RELEASE);
		if (save_pull(s, 0) != 0)
			return;
	}
	s->offered = 1;
	dl_note(s, DL_NOTE_OFFER, le32(data + NUMBER), NULL);
}

int dl_firmware_wanted(const struct dl_sign *s, const uint8_t **image, uint32_t *size, uint32_t *from)
{
	*image = s->release + IMAGE;
	*size = le32(s->release + SIZE);
	*from = s->image_saved;
	return s->offered && s->next.body.size == 0;
}

/* So much of the image is in the slot, from its start. */
void dl_firmware_progress(struct dl_sign *s, uint32_t bytes, int stopped)
{
	if (s->offered && (bytes - s->image_saved >= SAVE_EVERY || (stopped && bytes > s->image_saved)))
		(void)save_pull(s, bytes);
}

/* The image ended, as it should or with an error; it is checked here. */
void dl_firmware_complete(struct dl_sign *s, unsigned error)
{
	unsigned other = (s->options->slot & 1) ^ 1u;
	uint32_t number = le32(s->release + NUMBER);

	if (error != 0) {
		s->image_bad = error == DL_ERROR_FIRMWARE; /* not again on this wake */
		forget_pull(s);
		dl_remember(s, error);
		return;
	}
	s->slots.slot[other].state = DL_SLOT_TRIAL;
	s->slots.slot[other].starts = 0;
	s->slots.slot[other].number = number;
	if (save_slots(s) != 0) {
		s->slots.slot[other].state = DL_SLOT_EMPTY;
		s->offered = 0;
		return;
	}
	forget_pull(s);
	dl_note(s, DL_NOTE_TRIAL, number, NULL);
	s->restart = 1;
}
