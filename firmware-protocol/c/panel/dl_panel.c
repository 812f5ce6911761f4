/* What all panels have in common. Licence: Apache-2.0. */
#include "dl_panel_internal.h"

/* Milliseconds. */
enum { RESET = 10, POLL = 5 };

const struct dl_panel_model dl_panel_models[] = {
	{ "ssd1680-2.9", DL_PANEL_SSD16XX, 128, 296, 1, 8, 10000 },
	{ "ssd1683-4.2", DL_PANEL_SSD16XX, 400, 300, 1, 8, 10000 },
	{ "ssd1680-2.13", DL_PANEL_SSD16XX, 122, 250, 1, 8, 10000 },
	{ "ssd1680-2.9-red", DL_PANEL_SSD16XX, 128, 296, 2, 0, 40000 },
	{ "ssd1683-4.2-red", DL_PANEL_SSD16XX, 400, 300, 2, 0, 40000 },
	{ "uc8179-7.5", DL_PANEL_UC81XX, 800, 480, 1, 8, 10000 },
	{ "uc8179-7.5-red", DL_PANEL_UC81XX, 800, 480, 2, 0, 40000 },
	{ NULL, 0, 0, 0, 0, 0, 0 },
};

int dl_panel_init(struct dl_panel *p, const struct dl_panel_bus *bus, const struct dl_panel_model *model, uint8_t planes, unsigned turn)
{
	p->bus = bus;
	p->model = model;
	p->planes = planes;
	p->turn = (uint8_t)turn;
	p->awake = p->synced = p->fasts = 0;
	return (planes == 1 || planes == model->planes) && turn < 4 ? 0 : -1;
}

uint16_t dl_panel_width(const struct dl_panel *p) { return (p->turn & 1) != 0 ? p->model->height : p->model->width; }

uint16_t dl_panel_height(const struct dl_panel *p) { return (p->turn & 1) != 0 ? p->model->width : p->model->height; }

/* Bytes of a plane of a picture. */
static size_t plane_size(const struct dl_panel *p) { return (size_t)((dl_panel_width(p) + 7u) / 8) * dl_panel_height(p); }

const uint8_t *dl_panel_second(const struct dl_panel *p, const uint8_t *frame) { return p->planes == 1 ? NULL : frame + plane_size(p); }

struct dl_window dl_panel_whole(const struct dl_panel *p)
{
	struct dl_window w;

	w.x = w.y = 0;
	w.width = (p->model->width + 7u) / 8;
	w.height = p->model->height;
	return w;
}

int dl_panel_command(const struct dl_panel *p, uint8_t command, const uint8_t *data, size_t n)
{
	if (p->bus->command(p->bus->user, command) != 0)
		return DL_PANEL_BUS;
	return n > 0 && p->bus->data(p->bus->user, data, n) != 0 ? DL_PANEL_BUS : 0;
}

int dl_panel_wait(const struct dl_panel *p, int busy)
{
	unsigned waited;
	int level;

	p->bus->delay(p->bus->user, 1); /* the pin follows a little later */
	for (waited = 0;; waited += POLL) {
		level = p->bus->busy(p->bus->user);
		if (level < 0)
			return DL_PANEL_BUS;
		if ((level != 0) != busy)
			return 0;
		if (waited >= p->model->patience)
			return DL_PANEL_TIMEOUT;
		p->bus->delay(p->bus->user, POLL);
	}
}

int dl_panel_wake(const struct dl_panel *p)
{
	int bad = p->bus->reset(p->bus->user, 0);

	p->bus->delay(p->bus->user, RESET);
	bad |= p->bus->reset(p->bus->user, 1);
	p->bus->delay(p->bus->user, RESET);
	return bad != 0 ? DL_PANEL_BUS : 0;
}

/* The byte at x, y as the controller scans it; 0 where there are no pixels. */
static uint8_t scanned(const struct dl_panel *p, const uint8_t *plane, unsigned x, unsigned y)
{
	unsigned width = dl_panel_width(p), height = dl_panel_height(p), stride = (width + 7) / 8, value = 0, i;

	if (p->turn == 0)
		return plane[(size_t)y * stride + x];
	for (i = 8 * x; i < 8 * x + 8; i++) {
		unsigned at = p->turn == 1 ? y : p->turn == 2 ? width - 1 - i : width - 1 - y;
		unsigned row = p->turn == 1 ? height - 1 - i : p->turn == 2 ? height - 1 - y : i;

		value <<= 1;
		if (i < p->model->width)
			value |= plane[(size_t)row * stride + at / 8] >> (7 - at % 8) & 1u;
	}
	return (uint8_t)value;
}

const uint8_t dl_panel_rows[1];

struct sending {
	const struct dl_panel *panel;
	uint8_t flip, bad;
};

static int send_row(void *to, uint16_t y, const uint8_t *row)
{
	struct sending *s = to;
	const struct dl_panel_bus *bus = s->panel->bus;
	unsigned width = (s->panel->model->width + 7u) / 8, x, n = 0;
	uint8_t piece[DL_PANEL_PIECE];

	(void)y;
	for (x = 0; x < width; x++) {
		piece[n++] = (uint8_t)(row[x] ^ s->flip);
		if (n == sizeof piece || x + 1 == width) {
			s->bad |= bus->data(bus->user, piece, n) != 0;
			n = 0;
		}
	}
	return s->bad;
}

/* Sends the rows that come, after a command. */
static int send_rows(const struct dl_panel *p, uint8_t command, uint8_t flip)
{
	struct sending s;
	int status = dl_panel_command(p, command, NULL, 0);

	s.panel = p;
	s.flip = flip;
	s.bad = 0;
	if (status == 0 && p->give(p->from, send_row, &s) != 0)
		status = s.bad ? DL_PANEL_BUS : DL_PANEL_ROWS;
	return status;
}

int dl_panel_send(const struct dl_panel *p, uint8_t command, const uint8_t *plane, const struct dl_window *w, uint8_t flip)
{
	uint8_t piece[DL_PANEL_PIECE];
	unsigned x, y;
	size_t n = 0;
	int bad;

	if (plane == dl_panel_rows)
		return send_rows(p, command, flip);
	bad = dl_panel_command(p, command, NULL, 0);
	for (y = w->y; y < w->y + w->height && bad == 0; y++)
		for (x = w->x; x < w->x + w->width; x++) {
			piece[n++] = (uint8_t)((plane == NULL ? 0 : scanned(p, plane, x, y)) ^ flip);
			if (n == sizeof piece) {
				bad |= p->bus->data(p->bus->user, piece, n);
				n = 0;
			}
		}
	if (n > 0 && bad == 0)
		bad = p->bus->data(p->bus->user, piece, n);
	return bad != 0 ? DL_PANEL_BUS : 0;
}

/* The window in which two planes differ; its width is 0 when they do not. */
static struct dl_window changed(const struct dl_panel *p, const uint8_t *a, const uint8_t *b)
{
	struct dl_window all = dl_panel_whole(p), w = { 0, 0, 0, 0 };
	unsigned x, y, first = all.width, last = 0;

	for (y = 0; y < all.height; y++)
		for (x = 0; x < all.width; x++) {
			if (scanned(p, a, x, y) == scanned(p, b, x, y))
				continue;
			if (w.height == 0)
				w.y = y;
			w.height = y - w.y + 1;
			if (x < first)
				first = x;
			if (x > last)
				last = x;
		}
	if (w.height > 0) {
		w.x = first;
		w.width = last - first + 1;
	}
	return w;
}

/* Wakes the controller if it sleeps. */
static int start(struct dl_panel *p)
{
	int ssd = p->model->family == DL_PANEL_SSD16XX, status;

	if (p->awake)
		return dl_panel_wait(p, ssd); /* BUSY is high on the one, low on the other */
	status = ssd ? dl_ssd16xx_start(p) : dl_uc81xx_start(p);
	p->awake = status == 0;
	return status;
}

int dl_panel_draw(struct dl_panel *p, const uint8_t *frame, const uint8_t *old, unsigned refresh)
{
	struct dl_window w = dl_panel_whole(p);
	int fast = refresh != DL_PANEL_FULL && p->model->planes == 1 && p->fasts < p->model->fasts && (p->synced || old != NULL);
	int ssd = p->model->family == DL_PANEL_SSD16XX, status;

	if (fast && old != NULL && refresh != DL_PANEL_FAST) {
		w = changed(p, old, frame);
		if (w.width == 0)
			return 0;
	}
	status = start(p);
	if (status == 0 && fast)
		status = (ssd ? dl_ssd16xx_fast : dl_uc81xx_fast)(p, frame, p->synced ? NULL : old, &w);
	else if (status == 0)
		status = (ssd ? dl_ssd16xx_full : dl_uc81xx_full)(p, frame);
	if (status != 0) { /* who knows where it stopped */
		p->awake = p->synced = 0;
		p->fasts = p->model->fasts;
		return status;
	}
	p->synced = p->model->planes == 1;
	p->fasts = (uint8_t)(fast ? p->fasts + 1 : 0);
	return 0;
}

int dl_panel_draw_rows(struct dl_panel *p, dl_row_giver *give, void *from, unsigned refresh)
{
	if (p->turn != 0 || p->planes != 1)
		return DL_PANEL_ROWS;
	p->give = give;
	p->from = from;
	return dl_panel_draw(p, dl_panel_rows, NULL, refresh);
}

int dl_panel_sleep(struct dl_panel *p)
{
	if (!p->awake)
		return 0;
	p->awake = 0;
	return p->model->family == DL_PANEL_SSD16XX ? dl_ssd16xx_sleep(p) : dl_uc81xx_sleep(p);
}
