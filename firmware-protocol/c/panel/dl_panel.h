/*
 * Drivers for panels with SSD16xx (SSD1680, SSD1683) and UC81xx (UC8179)
 * controllers: the whole panel or the window that changed, full or fast, black
 * and white or with red. They allocate nothing, keep no picture and wait only
 * with the delay of the firmware. Bytes of commands are those of the data
 * sheets: SSD1680 Rev 0.14 section 7, UC8179 Rev 0.5 section 8.
 * Licence: Apache-2.0.
 */
#ifndef DL_PANEL_H
#define DL_PANEL_H

#include "dl_rows.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The wires. Functions that return int return 0, or other than 0 when they fail.
 * A command goes out with D/C low, data with D/C high, each framed by CS.
 */
struct dl_panel_bus {
	void *user;
	int (*command)(void *user, uint8_t command);
	int (*data)(void *user, const uint8_t *data, size_t n); /* n at most DL_PANEL_PIECE */
	int (*busy)(void *user);             /* level of the BUSY pin: 0 or 1, negative when it cannot be read */
	int (*reset)(void *user, int level); /* of the RST pin */
	void (*delay)(void *user, unsigned milliseconds);
};

enum { DL_PANEL_PIECE = 256 };

enum dl_panel_family { DL_PANEL_SSD16XX, DL_PANEL_UC81XX };

/* A kind of panel; width and height in pixels as its controller scans them. */
struct dl_panel_model {
	const char *name;
	uint8_t family;
	uint16_t width, height;
	uint8_t planes;    /* kind of picture [DL-PIC-3]: 1 black and white, 2 with red */
	uint8_t fasts;     /* fast updates from one full one to the next, 0: it has none */
	uint16_t patience; /* milliseconds until an update must be over */
};

/* The models there are; name NULL ends them. */
extern const struct dl_panel_model dl_panel_models[];

/* What drawing returns. */
enum { DL_PANEL_BUS = -1, DL_PANEL_TIMEOUT = -2, DL_PANEL_ROWS = -3 /* the picture did not come */ };

/* How the panel should change [DL-OBJ-7]. */
enum { DL_PANEL_ANY, DL_PANEL_FULL, DL_PANEL_FAST, DL_PANEL_CHANGED };

/*
 * A panel. A firmware that sleeps without memory may keep it as a whole, or
 * begin anew with dl_panel_init, and with a full update if it has no picture of
 * the glass.
 */
struct dl_panel {
	const struct dl_panel_bus *bus;
	const struct dl_panel_model *model;
	uint8_t planes; /* of the pictures to draw */
	uint8_t turn;   /* quarter turns */
	/* All below is private. */
	uint8_t awake;
	uint8_t synced; /* the controller holds the picture on the glass */
	uint8_t fasts;  /* since the last full update */
	dl_row_giver *give; /* while a picture comes row by row */
	void *from;
};

/*
 * Prepares for pictures of that kind, which are turned clockwise by so many
 * quarters, 0 to 3, to lie as the controller scans. Touches no wire. 0 when the
 * model can show them.
 */
int dl_panel_init(struct dl_panel *p, const struct dl_panel_bus *bus, const struct dl_panel_model *model, uint8_t planes, unsigned turn);

/* Size of the pictures to draw, in pixels: that of the panel as mounted. */
uint16_t dl_panel_width(const struct dl_panel *p);
uint16_t dl_panel_height(const struct dl_panel *p);

/*
 * Draws a picture, all planes one after another [DL-PIC-1], and returns when the
 * panel is still. old is the picture on the glass, or NULL when it is not at
 * hand. What the panel cannot do as asked it does fully [DL-OBJ-7]; so it does
 * when neither old nor the controller's memory tells what is on the glass, and
 * when the model needs a full update again [DL-FLOW-10]. After an error the
 * glass is unknown: draw with DL_PANEL_FULL.
 */
int dl_panel_draw(struct dl_panel *p, const uint8_t *frame, const uint8_t *old, unsigned refresh);

/*
 * The same with a picture that comes row by row: black and white, mounted as the
 * controller scans. It is asked for its rows once or twice. An update is fast
 * when the controller's memory has what is on the glass.
 */
int dl_panel_draw_rows(struct dl_panel *p, dl_row_giver *give, void *from, unsigned refresh);

/* Puts the controller into deep sleep; the next drawing wakes it. */
int dl_panel_sleep(struct dl_panel *p);

#ifdef __cplusplus
}
#endif

#endif
