/*
 * UC81xx. It has two memories. On panels with red they are the planes, 1 is
 * black and 1 is red. Else they are the picture on the glass (old) and the one
 * to show (new), and each pixel is driven as the two say; the controller copies
 * new to old after an update. Deep sleep loses both. Licence: Apache-2.0.
 */
#include "dl_panel_internal.h"

enum {
	SETTING = 0x00, POWER = 0x01, POWER_OFF = 0x02, POWER_ON = 0x04, BOOSTER = 0x06, DEEP_SLEEP = 0x07, DATA_1 = 0x10, REFRESH = 0x12, DATA_2 = 0x13,
	DUAL_SPI = 0x15, INTERVAL = 0x50, TCON = 0x60, RESOLUTION = 0x61, WINDOW = 0x90, WINDOW_IN = 0x91, WINDOW_OUT = 0x92, CASCADE = 0xe0,
	FORCE_TEMPERATURE = 0xe5
};

enum {
	BUSY = 0,            /* level of the pin */
	TWO_COLOURS = 0x1f, WITH_RED = 0x0f, /* waveform of the controller's own memory, scan up and right, booster on */
	BORDER_WHITE = 0x10, BORDER_STAYS = 0x80, COPY_NEW = 0x08, /* and 1 is black */
	FORCED = 0x02, FAST = 0x6e, /* temperature for which the memory has the fast waveform */
	SLEEP = 0xa5
};

static int one(const struct dl_panel *p, uint8_t command, unsigned value)
{
	uint8_t data = (uint8_t)value;

	return dl_panel_command(p, command, &data, 1);
}

static int interval(const struct dl_panel *p, unsigned value)
{
	uint8_t data[2];

	data[0] = (uint8_t)value;
	data[1] = 0x07; /* 10 hsync, as after a reset */
	return dl_panel_command(p, INTERVAL, data, sizeof data);
}

int dl_uc81xx_start(struct dl_panel *p)
{
	static const uint8_t power[] = { 0x07, 0x07, 0x3f, 0x3f }; /* gates 20 V, sources 15 V */
	static const uint8_t booster[] = { 0x17, 0x17, 0x28, 0x17 };
	unsigned width = (p->model->width + 7u) / 8 * 8;
	uint8_t size[4];
	int status;

	size[0] = (uint8_t)(width >> 8);
	size[1] = (uint8_t)width;
	size[2] = (uint8_t)(p->model->height >> 8);
	size[3] = (uint8_t)p->model->height;
	p->synced = 0;
	if ((status = dl_panel_wake(p)) != 0 || (status = dl_panel_wait(p, BUSY)) != 0 || (status = dl_panel_command(p, POWER, power, sizeof power)) != 0
		|| (status = dl_panel_command(p, BOOSTER, booster, sizeof booster)) != 0
		|| (status = one(p, SETTING, p->model->planes == 2 ? WITH_RED : TWO_COLOURS)) != 0
		|| (status = dl_panel_command(p, RESOLUTION, size, sizeof size)) != 0 || (status = one(p, DUAL_SPI, 0)) != 0)
		return status;
	return one(p, TCON, 0x22); /* as after a reset */
}

/* Shows what is in the memories, with power for as long as that takes. */
static int update(const struct dl_panel *p)
{
	static const uint8_t steps[] = { POWER_ON, REFRESH, POWER_OFF };
	unsigned i;
	int status;

	for (i = 0; i < sizeof steps; i++)
		if ((status = dl_panel_command(p, steps[i], NULL, 0)) != 0 || (status = dl_panel_wait(p, BUSY)) != 0)
			return status;
	return 0;
}

int dl_uc81xx_full(struct dl_panel *p, const uint8_t *frame)
{
	struct dl_window w = dl_panel_whole(p);
	int red = p->model->planes == 2, status;

	/* Without red the old picture is the opposite, so that no pixel is left out. */
	if ((status = one(p, CASCADE, 0)) != 0 || (status = interval(p, red ? BORDER_WHITE : BORDER_WHITE | COPY_NEW)) != 0
		|| (status = dl_panel_send(p, DATA_1, frame, &w, red ? 0 : 0xff)) != 0
		|| (status = dl_panel_send(p, DATA_2, red ? dl_panel_second(p, frame) : frame, &w, 0)) != 0)
		return status;
	return update(p);
}

int dl_uc81xx_fast(struct dl_panel *p, const uint8_t *frame, const uint8_t *old, const struct dl_window *w)
{
	unsigned left = w->x * 8, right = left + w->width * 8 - 1, bottom = w->y + w->height - 1;
	struct dl_window whole = dl_panel_whole(p);
	uint8_t at[9];
	int status;

	at[0] = (uint8_t)(left >> 8);
	at[1] = (uint8_t)left;
	at[2] = (uint8_t)(right >> 8);
	at[3] = (uint8_t)right;
	at[4] = (uint8_t)(w->y >> 8);
	at[5] = (uint8_t)w->y;
	at[6] = (uint8_t)(bottom >> 8);
	at[7] = (uint8_t)bottom;
	at[8] = 1; /* gates scan outside of the window too, as after a reset */
	if ((status = one(p, CASCADE, FORCED)) != 0 || (status = one(p, FORCE_TEMPERATURE, FAST)) != 0
		|| (status = interval(p, BORDER_STAYS | COPY_NEW)) != 0)
		return status;
	if (old != NULL && ((status = dl_panel_send(p, DATA_1, old, &whole, 0)) != 0 || (status = dl_panel_send(p, DATA_2, old, &whole, 0)) != 0))
		return status;
	if ((status = dl_panel_command(p, WINDOW_IN, NULL, 0)) != 0 || (status = dl_panel_command(p, WINDOW, at, sizeof at)) != 0
		|| (status = dl_panel_send(p, DATA_2, frame, w, 0)) != 0 || (status = update(p)) != 0)
		return status;
	return dl_panel_command(p, WINDOW_OUT, NULL, 0);
}

int dl_uc81xx_sleep(struct dl_panel *p)
{
	p->synced = 0;
	return one(p, DEEP_SLEEP, SLEEP);
}
