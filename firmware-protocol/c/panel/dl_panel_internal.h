/* What the drivers share. Licence: Apache-2.0. */
#ifndef DL_PANEL_INTERNAL_H
#define DL_PANEL_INTERNAL_H

#include "dl_panel.h"

/* A window as the controller scans: bytes of a row, rows. */
struct dl_window {
	unsigned x, y, width, height;
};

int dl_panel_command(const struct dl_panel *p, uint8_t command, const uint8_t *data, size_t n);
int dl_panel_wait(const struct dl_panel *p, int busy); /* until BUSY has another level */
int dl_panel_wake(const struct dl_panel *p);           /* by the RST pin */
struct dl_window dl_panel_whole(const struct dl_panel *p);

/*
 * Sends a window of a plane after a command; each byte is XORed with flip. The
 * plane is NULL for one that is 0 everywhere.
 */
int dl_panel_send(const struct dl_panel *p, uint8_t command, const uint8_t *plane, const struct dl_window *w, uint8_t flip);

/* Stands for the plane of a picture that comes row by row. */
extern const uint8_t dl_panel_rows[1];

/* The second plane of a picture, NULL when it has none. */
const uint8_t *dl_panel_second(const struct dl_panel *p, const uint8_t *frame);

/* The controllers. old is NULL when they hold it themselves. */
int dl_ssd16xx_start(struct dl_panel *p);
int dl_ssd16xx_full(struct dl_panel *p, const uint8_t *frame);
int dl_ssd16xx_fast(struct dl_panel *p, const uint8_t *frame, const uint8_t *old, const struct dl_window *w);
int dl_ssd16xx_sleep(struct dl_panel *p);
int dl_uc81xx_start(struct dl_panel *p);
int dl_uc81xx_full(struct dl_panel *p, const uint8_t *frame);
int dl_uc81xx_fast(struct dl_panel *p, const uint8_t *frame, const uint8_t *old, const struct dl_window *w);
int dl_uc81xx_sleep(struct dl_panel *p);

#endif
