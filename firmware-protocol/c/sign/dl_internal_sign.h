/* What the files of the core share. Licence: Apache-2.0. */
#ifndef DL_INTERNAL_SIGN_H
#define DL_INTERNAL_SIGN_H

#include "dl_sign.h"

/* Names of messages, of which reports wait for an Ack. */
enum { DL_SAY_NONE, DL_SAY_HELLO, DL_SAY_SHOWN, DL_SAY_EVENT, DL_SAY_GET, DL_SAY_COMMIT, DL_SAY_REVEAL, DL_SAY_ASK, DL_SAY_STORED };

#define DL_NEVER 0xffffffffu

/* dl_sign.c */
uint64_t dl_now(const struct dl_sign *s);      /* own clock */
uint32_t dl_server_now(const struct dl_sign *s); /* Unix seconds */
uint64_t dl_own_time(const struct dl_sign *s, uint64_t server); /* own clock at a server time in milliseconds */
uint32_t dl_random(const struct dl_sign *s, uint32_t below);
void dl_note(const struct dl_sign *s, enum dl_note note, uint32_t number, const char *text);
void dl_remember(struct dl_sign *s, unsigned error);
int dl_save(struct dl_sign *s); /* the state */
void dl_forget(struct dl_sign *s);
void dl_unpaired(struct dl_sign *s);
void dl_rouse(struct dl_sign *s, unsigned why);
void dl_hang_up(struct dl_sign *s);
void dl_broken(struct dl_sign *s, unsigned error);
void dl_sync(struct dl_sign *s, uint64_t server_time, uint32_t next_wake, uint16_t jitter);
int dl_say(struct dl_sign *s, unsigned what, const uint8_t *data, size_t n);
uint64_t dl_wake_at(const struct dl_sign *s); /* own clock */

/* dl_keys.c */
void dl_load_identity(struct dl_sign *s);
int dl_save_identity(struct dl_sign *s);
int dl_use_secret(struct dl_sign *s, unsigned which); /* 0 when it worked */
int dl_secret_refused(struct dl_sign *s);
uint64_t dl_after_refusal(const struct dl_sign *s); /* own clock */
void dl_secret_accepted(struct dl_sign *s);
void dl_prove(const struct dl_sign *s, const char *text, size_t n, uint8_t mac[DL_MAC]); /* of a report of n bytes in s->out that has zeros for it [DL-KEY-8] */
/* The first 16 bytes of the HMAC of a text, the id, a number and up to two more pieces, a of 32 bytes [DL-KEY-2]. */
void dl_authenticate(const struct dl_sign *s, const uint8_t key[32], const char *text, uint32_t number, const uint8_t *a, const uint8_t *b, size_t n, uint8_t mac[DL_MAC]);
int dl_differ(const uint8_t *a, const uint8_t *b, size_t n); /* in constant time */
unsigned dl_key_due(const struct dl_sign *s); /* what is to be said, or nothing */
size_t dl_key_report(struct dl_sign *s, unsigned what); /* writes it into s->out */
void dl_key_take(struct dl_sign *s, const uint8_t *data, size_t n);
void dl_key_confirmed(struct dl_sign *s);
void dl_key_named(struct dl_sign *s, uint32_t number);
void dl_key_unanswered(struct dl_sign *s, unsigned what);

/* dl_pins.c */
int dl_pinning(const struct dl_sign *s); /* server keys count on this connection */
void dl_pins_take(struct dl_sign *s, const uint8_t *data, size_t n);

/* dl_firmware.c */
int dl_firmware_enabled(const struct dl_sign *s);
void dl_firmware_start(struct dl_sign *s);
void dl_firmware_act(struct dl_sign *s, uint64_t now);
void dl_firmware_good(struct dl_sign *s);
void dl_firmware_offer(struct dl_sign *s, const uint8_t *data, size_t n);
int dl_firmware_wanted(const struct dl_sign *s, const uint8_t **image, uint32_t *size, uint32_t *from);
void dl_firmware_progress(struct dl_sign *s, uint32_t bytes, int stopped);
void dl_firmware_complete(struct dl_sign *s, unsigned error);

/* dl_talk.c */
void dl_converse(struct dl_sign *s, uint64_t now);
void dl_handle(struct dl_sign *s, const char *name, const uint8_t *data, size_t n);

/* dl_timeline.c */
int dl_due(const struct dl_body *b, uint32_t now); /* -1: none; number of steps: the stale one */
int dl_step_at(const struct dl_sign *s, const struct dl_timeline *t, unsigned k, struct dl_stored *step);
int dl_load_body(const struct dl_sign *s, enum dl_record record, struct dl_body *b); /* 0 when it is there and for this panel */
void dl_adopt(struct dl_sign *s);
void dl_flip(struct dl_sign *s);
void dl_fail(struct dl_sign *s, unsigned error);
int dl_missing(struct dl_sign *s, struct dl_stored *step); /* the next to pull, -1: none */
uint64_t dl_next_flip(const struct dl_sign *s); /* own clock, 0: never */
int dl_draw_begin(struct dl_sign *s, unsigned *refresh);
void dl_drawn(struct dl_sign *s, uint64_t begin);
int dl_draw_end(struct dl_sign *s, const uint8_t digest[32]);

/* dl_frame.c, or with DL_ROWS dl_stream.c: brings an object to where it can be drawn, draws that, draws the code. */
unsigned dl_decode(struct dl_sign *s, const struct dl_stored *step); /* an error of [DL-ERR-1] */
int dl_load_frame(struct dl_sign *s); /* the picture on the glass, if it was kept */
int dl_draw(struct dl_sign *s, const uint8_t digest[32], unsigned refresh);
int dl_draw_code(struct dl_sign *s, const char *address);

/* dl_source.c */
unsigned dl_decode_stored(struct dl_sign *s, const struct dl_stored *step, struct dl_object_target *target, dl_row_taker *take, void *to);

/* dl_pull.c */
void dl_pull(struct dl_sign *s, uint64_t now);
void dl_take(struct dl_sign *s, const uint8_t *data, size_t n);
void dl_pull_stop(struct dl_sign *s);

/* dl_join.c */
void dl_join(struct dl_sign *s, uint64_t now);
void dl_join_begin(struct dl_sign *s);
void dl_join_handle(struct dl_sign *s, const char *name, const uint8_t *data, size_t n);

/*
 * dl_face.c: draws the code of a sign that waits for its owner; address may be
 * empty. frame has room for those rows of it, from the top one, of all planes.
 */
void dl_face(const struct dl_sign *s, uint8_t *frame, unsigned top, unsigned rows, const char code[DL_CODE + 1], const char *address);

static inline int dl_same(const uint8_t *a, const uint8_t *b) { return memcmp(a, b, DL_HASH) == 0; }

#endif
