/*
 * What the sign wants from its firmware: cryptography from a well-kept library
 * (../sign/mbedtls has it for mbedTLS), storage, network, panel and clock.
 * Licence: Apache-2.0.
 */
#ifndef DL_PORT_H
#define DL_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "dl_message.h"
#include "dl_object.h"

/* What a compiler wants from every environment, also without a C library. */
void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);

enum {
	DL_ID = 16,           /* characters of an id or nonce [DL-TOP-2] */
	DL_HASH = 32          /* bytes of SHA-256 */
};

/* What a sign measures. */
struct dl_measures {
	uint16_t battery;   /* millivolts, 0 unknown */
	int8_t signal;      /* dBm, 0 unknown */
	int8_t temperature; /* degrees Celsius */
	uint8_t temperature_known;
};

/* Cryptography. Functions return 0, or other than 0 when they fail. */
struct dl_crypto {
	struct dl_sha256 sha256;
	void *user;
	/* HMAC-SHA-256 (RFC 2104) with the key of the last hmac_key. */
	struct dl_hmac hmac;
	void (*hmac_key)(void *user, const uint8_t key[32]);
	/* HKDF-SHA-256 (RFC 5869) of a secret of 32 bytes. */
	int (*hkdf)(void *user, const uint8_t secret[32], const void *salt, size_t saltn, const char *info, size_t infon, uint8_t *out, size_t outn);
	/* X25519 (RFC 7748); point NULL stands for the base point. */
	int (*x25519)(void *user, const uint8_t key[32], const uint8_t *point, uint8_t out[32]);
	/* Opens AES-256-GCM: out only when the tag is right. */
	int (*gcm_open)(void *user, const uint8_t key[32], const uint8_t nonce[12], const void *ad, size_t adn,
		const uint8_t *sealed, size_t n, const uint8_t tag[16], uint8_t *out);
	/* Random bytes that nobody can guess. */
	int (*random)(void *user, uint8_t *out, size_t n);
	/* Verifies Ed25519 (RFC 8032); 0 when the signature is right. NULL without updates of firmware. */
	int (*ed25519)(void *user, const uint8_t key[32], const uint8_t *message, size_t n, const uint8_t signature[64]);
};

/* Records: small values of which each is replaced as a whole [DL-PWR-1]. */
enum dl_record {
	DL_RECORD_IDENTITY,
	DL_RECORD_STATE,
	DL_RECORD_BODY, /* the body in force */
	DL_RECORD_NEXT, /* one on its way; may be lost with the power */
	DL_RECORD_GLASS, /* the picture drawn last; a sign may leave it out and then needs full pictures after a boot */
	DL_RECORD_FIRMWARE, /* the release being pulled */
	DL_RECORD_SLOTS, /* marks of the slots of firmware, for the boot loader too: dl_boot.h */
	DL_RECORDS
};

/* How to connect [DL-MQTT-2] [DL-PAIR-1]. */
struct dl_login {
	const char *client, *user, *password, *filter;
	/*
	 * SHA-256 of each SubjectPublicKeyInfo of which the server must show one when
	 * the firmware has no authority [DL-MQTT-3]; with none: any, and tell it. On a
	 * resumed session that is the one of its full handshake.
	 */
	const uint8_t (*pins)[DL_HASH];
	unsigned pin_count;
};

/* What a sign does, for logs, and for tests that cut the power there. */
enum dl_note {
	DL_NOTE_CONNECTED, DL_NOTE_OFFLINE, DL_NOTE_SENT, DL_NOTE_CODE, DL_NOTE_PAIRED, DL_NOTE_UNPAIRED, DL_NOTE_MANIFEST, DL_NOTE_OBJECT,
	DL_NOTE_FORCE, DL_NOTE_DRAWING, DL_NOTE_PANEL, DL_NOTE_DRAWN, DL_NOTE_SHOWN, DL_NOTE_STATE, DL_NOTE_ERROR, DL_NOTE_SLEEP,
	DL_NOTE_KEY /* a new secret is stored */, DL_NOTE_RENEWED /* and the gateway knows */, DL_NOTE_OFFER, DL_NOTE_TRIAL, DL_NOTE_RESTART, DL_NOTE_GOOD,
	DL_NOTE_PINS /* a set of server keys is stored */
};

/*
 * The firmware. Functions that return int return 0, or other than 0 when they
 * fail. They are called from within those of dl_sign.h, and must not call them.
 */
struct dl_port {
	const struct dl_crypto *crypto;
	void *user;

	/* The sign's own clock in milliseconds; it never stands still or jumps back. */
	uint64_t (*clock)(void *user);

	/* Reads up to n bytes of a record. Returns how many, or -1 when there is none. */
	int32_t (*load)(void *user, enum dl_record record, uint32_t offset, uint8_t *to, uint32_t n);
	/* Replaces a record; with n 0 there is none any more. */
	int (*save)(void *user, enum dl_record record, const uint8_t *data, uint32_t n);
	/* Makes DL_RECORD_NEXT the DL_RECORD_BODY, all at once. */
	int (*promote)(void *user);

	/* Objects. One is written at a time; it is there once it was kept. */
	int32_t (*object_size)(void *user, const uint8_t hash[32]); /* -1: not there */
	int (*object_read)(void *user, const uint8_t *hash, uint32_t offset, uint8_t *to, uint32_t n); /* hash NULL: the one being written */
	int (*object_begin)(void *user, const uint8_t hash[32], uint32_t size);
	int (*object_write)(void *user, uint32_t offset, const uint8_t *data, uint32_t n);
	int (*object_end)(void *user, int keep);
	/* Deletes the objects that nobody wants. */
	int (*object_sweep)(void *user, int (*wanted)(void *to, const uint8_t hash[32]), void *to);

	/* Begins to connect and to subscribe; dl_sign_connected tells the outcome. */
	void (*connect)(void *user, const struct dl_login *login);
	int (*publish)(void *user, const char *topic, int qos, const uint8_t *data, size_t n);
	void (*disconnect)(void *user);

	/*
	 * Shows a picture and returns when the panel is still. Refresh: [DL-OBJ-7].
	 * It is 1 when what is on the glass is not known; else it is the picture of
	 * DL_RECORD_GLASS, where that is kept.
	 */
#ifdef DL_ROWS
	/* give, called with picture, gives its rows, as often as the panel needs them. */
	int (*draw)(void *user, dl_row_giver *give, void *picture, unsigned refresh);
#else
	int (*draw)(void *user, const uint8_t *frame, unsigned refresh);
#endif
	/* Fills in what is known; may be NULL. */
	void (*measure)(void *user, struct dl_measures *to);
	/* May be NULL. text is the name of a message, the code, or NULL. */
	void (*note)(void *user, enum dl_note note, uint32_t number, const char *text);

	/*
	 * The slot of firmware that the sign does not run from; all NULL without
	 * updates. begin empties it. restart ends everything and lets the boot
	 * loader decide; it may return, and then does so later.
	 */
	int (*slot_begin)(void *user, uint32_t size);
	int (*slot_write)(void *user, uint32_t offset, const uint8_t *data, uint32_t n);
	int (*slot_read)(void *user, uint32_t offset, uint8_t *to, uint32_t n);
	void (*restart)(void *user);

	/*
	 * QR codes [DL-PAIR-12]: make one of a text of at most 72 characters, level
	 * M, and return its modules on a side, 0 when it failed; then tell of each
	 * module whether it is black. NULL without them: the sign shows its code in
	 * glyphs alone.
	 */
	unsigned (*qr_make)(void *user, const char *text);
	int (*qr_module)(void *user, unsigned x, unsigned y);
};

#endif
