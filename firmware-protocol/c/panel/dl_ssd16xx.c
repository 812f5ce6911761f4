/*
 * SSD16xx. It has two memories: of the picture to show, in which 1 is white, and
 * another one. That is the red plane on panels with red, where 1 is red, and
 * else the picture on the glass, so that a fast update (display mode 2) drives
 * the pixels that differ. Licence: Apache-2.0.
 */
#include "dl_panel_internal.h"

enum {
	GATES = 0x01, DEEP_SLEEP = 0x10, ENTRY_MODE = 0x11, SOFT_RESET = 0x12, TEMPERATURE = 0x18, ACTIVATE = 0x20,
	UPDATE_1 = 0x21, UPDATE_2 = 0x22, RAM = 0x24, OTHER_RAM = 0x26, BORDER = 0x3c, RAM_X = 0x44, RAM_Y = 0x45, AT_X = 0x4e, AT_Y = 0x4f
};

enum {
	BUSY = 1,               /* level of the pin */
	RIGHT_DOWN = 0x03,      /* data entry: x, then y rises */
	INTERNAL = 0x80,        /* sensor of temperature */
	IGNORE_OTHER = 0x40,    /* the other memory counts as 0 */
	MODE_1 = 0xf7, MODE_2 = 0xff, /* power on, temperature, waveform, display, power off */
	BORDER_WHITE = 0x05, BORDER_STAYS = 0x80,
	KEEP_MEMORY = 0x01      /* deep sleep mode 1 */
};

static int one(const struct dl_panel *p, uint8_t command, unsigned value)
{
	uint8_t data = (uint8_t)value;

	return dl_panel_command(p, command, &data, 1);
}

static int two(const struct dl_panel *p, uint8_t command, unsigned a, unsigned b)
{
	uint8_t data[2];

	data[0] = (uint8_t)a;
	data[1] = (uint8_t)b;
	return dl_panel_command(p, command, data, sizeof data);
}

int dl_ssd16xx_start(struct dl_panel *p)
{
	uint8_t gates[3];
	int status;

	gates[0] = (uint8_t)(p->model->height - 1);
	gates[1] = (uint8_t)((p->model->height - 1) >> 8);
	gates[2] = 0;
	if ((status = dl_panel_wake(p)) != 0 || (status = dl_panel_wait(p, BUSY)) != 0 || (status = dl_panel_command(p, SOFT_RESET, NULL, 0)) != 0
		|| (status = dl_panel_wait(p, BUSY)) != 0 || (status = dl_panel_command(p, GATES, gates, sizeof gates)) != 0
		|| (status = one(p, ENTRY_MODE, RIGHT_DOWN)) != 0)
		return status;
	return one(p, TEMPERATURE, INTERNAL);
}

/* Writes a window of a plane to a memory. */
static int fill(const struct dl_panel *p, uint8_t ram, const uint8_t *plane, const struct dl_window *w, uint8_t flip)
{
	unsigned last = w->y + w->height - 1;
	uint8_t y[4];
	int status;

	y[0] = (uint8_t)w->y;
	y[1] = (uint8_t)(w->y >> 8);
	y[2] = (uint8_t)last;
	y[3] = (uint8_t)(last >> 8);
	if ((status = two(p, RAM_X, w->x, w->x + w->width - 1)) != 0 || (status = dl_panel_command(p, RAM_Y, y, 4)) != 0
		|| (status = one(p, AT_X, w->x)) != 0 || (status = dl_panel_command(p, AT_Y, y, 2)) != 0)
		return status;
	return dl_panel_send(p, ram, plane, w, flip);
}

/* Shows what is in the memories. */
static int update(const struct dl_panel *p, unsigned other, unsigned border, unsigned sequence)
{
	int status;

	if ((status = one(p, BORDER, border)) != 0 || (status = two(p, UPDATE_1, other, 0)) != 0 || (status = one(p, UPDATE_2, sequence)) != 0
		|| (status = dl_panel_command(p, ACTIVATE, NULL, 0)) != 0)
		return status;
	return dl_panel_wait(p, BUSY);
}

int dl_ssd16xx_full(struct dl_panel *p, const uint8_t *frame)
{
	struct dl_window w = dl_panel_whole(p);
	int red = p->model->planes == 2, status;

	if ((status = fill(p, RAM, frame, &w, 0xff)) != 0)
		return status;
	if (red && (status = fill(p, OTHER_RAM, dl_panel_second(p, frame), &w, 0)) != 0)
		return status;
	if ((status = update(p, red ? 0 : IGNORE_OTHER, BORDER_WHITE, MODE_1)) != 0 || red)
		return status;
	return fill(p, OTHER_RAM, frame, &w, 0xff);
}

int dl_ssd16xx_fast(struct dl_panel *p, const uint8_t *frame, const uint8_t *old, const struct dl_window *w)
{
	struct dl_window whole = dl_panel_whole(p);
	int status;

	if (old != NULL && ((status = fill(p, RAM, old, &whole, 0xff)) != 0 || (status = fill(p, OTHER_RAM, old, &whole, 0xff)) != 0))
		return status;
	if ((status = fill(p, RAM, frame, w, 0xff)) != 0 || (status = update(p, 0, BORDER_STAYS, MODE_2)) != 0)
		return status;
	return fill(p, OTHER_RAM, frame, w, 0xff); /* what is on the glass now */
}

int dl_ssd16xx_sleep(struct dl_panel *p) { return one(p, DEEP_SLEEP, KEEP_MEMORY); }
