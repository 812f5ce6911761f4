/*
 * The core of a sign, SPEC.md sections 2 and 5 to 8, as a state machine: it
 * pairs, says hello, accepts newer manifests, pulls objects, flips pictures by
 * its own clock, reports, and survives a loss of power anywhere. It allocates
 * nothing and never waits. Firmware calls dl_sign_step again and again, and the
 * other functions when something happens, all from one thread.
 * Licence: Apache-2.0.
 */
#ifndef DL_SIGN_H
#define DL_SIGN_H

#include "dl_boot.h"
#include "dl_pair.h"

/* Errors [DL-ERR-1]. */
enum {
	DL_ERROR_NONE, DL_ERROR_MAC, DL_ERROR_MANIFEST, DL_ERROR_OLD, DL_ERROR_CONFLICT, DL_ERROR_HASH, DL_ERROR_OBJECT, DL_ERROR_BASE,
	DL_ERROR_SIZE, DL_ERROR_DIGEST, DL_ERROR_PANEL, DL_ERROR_STORAGE, DL_ERROR_TIMEOUT, DL_ERROR_FIRMWARE, DL_ERROR_REFUSED, DL_ERROR_TRIAL, DL_ERROR_PINS
};

/* Capabilities that the core brings, for those of the decoder [DL-CAP-1]. */
#define DL_CAP_KEYS 256u
#define DL_CAP_FIRMWARE 512u
#define DL_CAP_PINS 1024u /* for firmware without an authority [DL-PIN-1] */

/* What a connection came to. */
enum dl_link { DL_LINK_OPEN, DL_LINK_FAILED, DL_LINK_REFUSED /* the password */ };

/* What a sign is; it lives as long as the sign. */
struct dl_sign_options {
	struct dl_hardware hardware;
	uint8_t planes;       /* kind of pictures [DL-PIC-3]; gateways send 1 [DL-CAP-1] */
#ifdef DL_ROWS
	uint8_t *rows;        /* room for DL_OBJECT_ROWS rows */
#else
	uint8_t *frame;       /* room for a picture, all planes */
#endif
	uint16_t chunk;       /* bytes asked for at once, 1 to 4096 */
	uint8_t wake;         /* why the sign was switched on: boot, timer, button */
	uint8_t clock_kept;   /* the clock went on since the state was stored */
	uint32_t longest_retry; /* milliseconds between tries to connect; 0: as in [DL-TIME-3] */
	uint32_t refusal_pause; /* milliseconds between refusals of a password that count; 0: as in [DL-PAIR-9] */
	uint32_t firmware_number; /* of the firmware that runs, 0 unknown */
	uint8_t slot;             /* 0 or 1, from which it runs */
	const uint8_t *maker;     /* public key of the maker, 32 bytes; NULL: no updates [DL-FW-3] */
	uint32_t longest_trial;   /* milliseconds; 0: 15 minutes [DL-FW-5] */
};

/* All below is private. */

/* The base of a step [DL-MAN-4]; greater ones are steps. */
enum { DL_BASE_NONE, DL_BASE_GLASS, DL_BASE_STEP };

/* A step as it is read from storage. */
struct dl_stored {
	uint8_t object[32]; /* ObjectHash */
	uint32_t size;      /* bytes of the object */
	uint8_t glass[32];  /* GlassDigest */
	uint8_t base;
	uint8_t base_glass[32]; /* with DL_BASE_GLASS */
};

/* What of a body stays in memory; steps are read with its offsets. */
struct dl_body {
	uint32_t epoch, seq;
	uint16_t width, height;
	uint8_t steps, stale; /* number of steps, and whether a stale one follows */
	uint16_t size;        /* bytes of the body; 0: there is none */
	uint16_t at[DL_MAX_STEPS + 2]; /* offset of each step, of the stale one and of the end */
	uint32_t from[DL_MAX_STEPS];
	uint32_t until;       /* of the last step */
};

struct dl_press {
	uint32_t boot, counter;
	uint64_t at; /* own clock; 0 when it did not survive */
	uint8_t button, wakes;
};

/* A secret and its number [DL-KEY-1]. */
struct dl_secret {
	uint8_t secret[32];
	uint32_t number;
	uint8_t refused; /* how often that counted, since a connection; stored in the state */
};

/* What the second secret is: none, one that the gateway was not told is stored, the one before. */
enum { DL_OTHER_NONE, DL_OTHER_NEW, DL_OTHER_OLD };

struct dl_snapshot {
	uint32_t epoch, seq;
	uint8_t glass[32];
	uint8_t glass_known;
	uint16_t error;
};

/* A timeline and which of its objects are here, or do not decode. */
struct dl_timeline {
	struct dl_body body;
	uint8_t record;
	uint8_t have[(DL_MAX_STEPS + 8) / 8], bad[(DL_MAX_STEPS + 8) / 8];
};

enum { DL_WINDOW = 4, DL_OUT = 768, DL_RELEASE = 160 };

/* What is pulled. */
enum { DL_PULL_NOTHING, DL_PULL_OBJECT, DL_PULL_IMAGE };

struct dl_asked {
	uint32_t offset, length; /* length 0: free */
	uint64_t late;
};

struct dl_sign {
	const struct dl_port *port;
	const struct dl_sign_options *options;

	/* Stored: identity. */
	uint8_t paired, pin_count; /* server keys; 0: none was seen */
	char id[DL_ID + 1];
	uint8_t pins[DL_MAX_PINS][DL_HASH];
	uint32_t pins_number; /* of the set, 0: the key of pairing */
	struct dl_secret secret[2]; /* the first one is to be used */
	uint8_t other;
	/* Stored: state. */
	uint8_t glass[32], glass_known, time_known;
	int64_t offset;     /* server time minus own clock, milliseconds */
	uint64_t next_wake; /* server time, milliseconds; 0 unknown */
	uint16_t error;
	struct dl_press press[DL_MAX_EVENTS];
	uint8_t presses;

	char password[DL_PASSWORD + 1];
	uint8_t manifest_key[32];
	uint32_t boot, counter;
	struct dl_timeline force, next;
	uint8_t frame_digest[32], frame_known; /* of what can be drawn */
#ifdef DL_ROWS
	struct dl_stored source; /* and what gives its rows */
	dl_row_giver *give;
	const char *address; /* while the code is drawn */
#endif
	struct dl_object decoder;
	uint8_t fresh;      /* a timeline was put in force in this step */
	uint8_t why;        /* the last picture was drawn */
	uint32_t draw_time;
	uint64_t stuck;     /* when a due picture could not be drawn last */
	uint64_t draw_late; /* no drawing before, when it failed; 0: it did not */
	uint8_t unknown;    /* objects the gateway did not have */

	/* Radio. */
	uint8_t link;       /* 0 off, 1 connecting, 2 open */
	uint8_t awake, wake;
	uint8_t fails, in_use, next_use; /* secrets */
	uint64_t retry, connect_late;
	uint64_t refused_at[2]; /* when a refusal of each secret counted, own clock; 0: the next one counts */
	uint8_t spki_seen[32], secure; /* over TLS */

	/* The conversation on a connection. */
	uint8_t hailed, greeted, gave_up, missed, silent, tries, sent_events, reported;
	uint8_t pending;    /* which message waits for its Ack */
	uint8_t overtook;   /* a newer manifest than it names came before the Ack */
	uint8_t tried;      /* a Hello did not name the firmware that runs */
	uint64_t began, late, promised;
	uint32_t sent_boot, sent_counter;
	struct dl_snapshot sent, told;
	uint16_t out_size;
	uint8_t out[DL_OUT];

	/* The object that is pulled. */
	uint8_t pulling, object[32];
	uint32_t object_size, object_next;
	struct dl_asked get[DL_WINDOW];

	/* Renewing the secret. */
	uint32_t wanted_key, asked_key;
	uint8_t new_pins; /* that the gateway does not know of */
	uint8_t renewed, key_quiet, untold; /* connections on which nobody heard that it is stored */

	/* Firmware. */
	struct dl_slots slots;
	uint8_t release[DL_RELEASE + 4]; /* being pulled, and how far that is stored */
	uint32_t image_saved;
	uint64_t trial_until; /* 0: not on trial */
	uint64_t linger;      /* until when an offer may follow the Ack of Hello */
	uint8_t offered, image_bad, restart;

	/* Pairing, and key for a new secret. */
	uint8_t joining, coded;
	char nonce[DL_ID + 1], code[DL_CODE + 1];
	uint8_t key[32], public_key[32], n1[32], transcript[32];
	uint8_t hardware[512];
	uint16_t hardware_size;
	uint64_t join_until, join_repeat;
};

/* Begins in the state that the storage holds. 0 when it worked. */
int dl_sign_start(struct dl_sign *s, const struct dl_port *port, const struct dl_sign_options *options);

/*
 * Does all that can be done now. Returns after how many milliseconds to call
 * again at the latest. When the radio is off (dl_sign_radio) it may sleep.
 */
uint32_t dl_sign_step(struct dl_sign *s);
int dl_sign_radio(const struct dl_sign *s);

/*
 * What happened. spki is the SHA-256 of the SubjectPublicKeyInfo of the server's
 * certificate, NULL on plain TCP. A lost connection is told by dl_sign_lost,
 * unless the sign closed it.
 */
void dl_sign_connected(struct dl_sign *s, enum dl_link link, const uint8_t *spki);
void dl_sign_lost(struct dl_sign *s);
void dl_sign_received(struct dl_sign *s, const char *topic, const uint8_t *data, size_t n);
void dl_sign_press(struct dl_sign *s, unsigned button); /* 1 to 4 */
void dl_sign_wake(struct dl_sign *s); /* contact the gateway now */

#endif
