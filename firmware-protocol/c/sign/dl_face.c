/*
 * The face of a sign that waits for its owner: the code, 4 and 4 [DL-PAIR-4],
 * as large as fits; with an address and the hooks for it the QR code beside or
 * below it, and the host it leads to [DL-PAIR-12]. Licence: Apache-2.0.
 */
#include "dl_internal_sign.h"

enum {
	WIDE = 5, HIGH = 7, CELL = 6, ROW = HIGH + 2,
	QUIET = 4 /* modules around a QR code */, SMALLEST = 2 /* pixels to a module, and to a dot of the code beside it */
};

/* The characters, the 32 of codes first; those of a host and of texts follow. */
static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ01IO-.:[]";

/* Their glyphs, 5 by 7 dots, bit 4 of a row leftmost. */
static const uint8_t glyphs[sizeof alphabet - 1][HIGH] = {
	{ 0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f }, /* 2 */
	{ 0x1f, 0x02, 0x04, 0x06, 0x01, 0x11, 0x0e }, /* 3 */
	{ 0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02 }, /* 4 */
	{ 0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e }, /* 5 */
	{ 0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e }, /* 6 */
	{ 0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08 }, /* 7 */
	{ 0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e }, /* 8 */
	{ 0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c }, /* 9 */
	{ 0x0e, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11 }, /* A */
	{ 0x1e, 0x11, 0x11, 0x1e, 0x11, 0x11, 0x1e }, /* B */
	{ 0x0e, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0e }, /* C */
	{ 0x1e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1e }, /* D */
	{ 0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f }, /* E */
	{ 0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x10 }, /* F */
	{ 0x0e, 0x11, 0x10, 0x17, 0x11, 0x11, 0x0f }, /* G */
	{ 0x11, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11 }, /* H */
	{ 0x07, 0x02, 0x02, 0x02, 0x02, 0x12, 0x0c }, /* J */
	{ 0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11 }, /* K */
	{ 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1f }, /* L */
	{ 0x11, 0x1b, 0x15, 0x15, 0x11, 0x11, 0x11 }, /* M */
	{ 0x11, 0x11, 0x19, 0x15, 0x13, 0x11, 0x11 }, /* N */
	{ 0x1e, 0x11, 0x11, 0x1e, 0x10, 0x10, 0x10 }, /* P */
	{ 0x0e, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0d }, /* Q */
	{ 0x1e, 0x11, 0x11, 0x1e, 0x14, 0x12, 0x11 }, /* R */
	{ 0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e }, /* S */
	{ 0x1f, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04 }, /* T */
	{ 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e }, /* U */
	{ 0x11, 0x11, 0x11, 0x11, 0x11, 0x0a, 0x04 }, /* V */
	{ 0x11, 0x11, 0x11, 0x15, 0x15, 0x1b, 0x11 }, /* W */
	{ 0x11, 0x11, 0x0a, 0x04, 0x0a, 0x11, 0x11 }, /* X */
	{ 0x11, 0x11, 0x0a, 0x04, 0x04, 0x04, 0x04 }, /* Y */
	{ 0x1f, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1f }, /* Z */
	{ 0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e }, /* 0 */
	{ 0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e }, /* 1 */
	{ 0x0e, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e }, /* I */
	{ 0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e }, /* O */
	{ 0x00, 0x00, 0x00, 0x1f, 0x00, 0x00, 0x00 }, /* - */
	{ 0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x0c }, /* . */
	{ 0x00, 0x0c, 0x0c, 0x00, 0x0c, 0x0c, 0x00 }, /* : */
	{ 0x0e, 0x08, 0x08, 0x08, 0x08, 0x08, 0x0e }, /* [ */
	{ 0x0e, 0x02, 0x02, 0x02, 0x02, 0x02, 0x0e }, /* ] */
};

/* A picture of the panel, and a part of it for text. */
struct paper {
	uint8_t *frame; /* first plane, so many rows of it */
	unsigned stride, top, rows;
	unsigned x, y, width, height;
};

/* How text is set: dots of so many pixels. */
struct setting {
	unsigned code, lines; /* the code, in one line or two */
	unsigned text, across, down; /* the rest; characters in a line of the host, and its lines */
	unsigned spare; /* pixels left of the height */
};

/* Blackens a square of dots. */
static void square(const struct paper *p, unsigned x, unsigned y, unsigned size)
{
	unsigned i, j;

	for (j = y < p->top ? p->top : y; j < y + size && j < p->top + p->rows; j++)
		for (i = x; i < x + size; i++) {
			uint8_t *at = p->frame + (j - p->top) * p->stride + i / 8;

			*at = (uint8_t)(*at | 0x80u >> (i % 8));
		}
}

/* Writes n characters in the middle of a line; what is no glyph is a blank. */
static void line(const struct paper *p, const char *text, unsigned n, unsigned y, unsigned size)
{
	unsigned x = p->x + (p->width - (n * CELL - 1) * size) / 2, row, column, k;

	for (; n-- > 0; text++, x += CELL * size) {
		char c = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;

		for (k = 0; k < sizeof alphabet - 1 && alphabet[k] != c; k++)
			;
		for (row = 0; k < sizeof alphabet - 1 && row < HIGH; row++)
			for (column = 0; column < WIDE; column++)
				if (glyphs[k][row] & 0x10 >> column)
					square(p, x + column * size, y + row * size, size);
	}
}

/* The code alone, as large as fits. */
static void plain(const struct paper *p, const char code[DL_CODE + 1])
{
	unsigned lines = 1, dots = 9 * CELL - 1, size, y;
	char spaced[DL_CODE + 2];

	if (p->width / dots < 2 && p->width < p->height) { /* upright and narrow: one above the other */
		lines = 2;
		dots = 4 * CELL - 1;
	}
	size = p->width * 9 / 10 / dots;
	if (size > p->height / (lines * ROW))
		size = p->height / (lines * ROW);
	if (size == 0)
		return; /* such a panel has no room */
	y = p->height / 2 - lines * (HIGH + 1) * size / 2;
	if (lines == 2) {
		line(p, code, 4, y, size);
		line(p, code + 4, 4, y + ROW * size, size);
		return;
	}
	memcpy(spaced, code, 4);
	spaced[4] = ' ';
	memcpy(spaced + 5, code + 4, 4);
	line(p, spaced, 9, y, size);
}

static const char title[] = "PAIR THIS SIGN";
enum { TITLE = sizeof title - 1 };

/* Whether n characters fit into a line. */
static int fits(const struct paper *p, unsigned n, unsigned size) { return (n * CELL - 1) * size <= p->width; }

/* The largest code that fits together with title, host and serial; 0 when there is none. */
static int set(const struct paper *p, unsigned host, struct setting *s)
{
	unsigned used;

	for (s->code = p->height / ROW; s->code >= SMALLEST; s->code--) {
		for (s->lines = 1; s->lines <= 2; s->lines++) {
			if (!fits(p, s->lines == 1 ? 9 : 4, s->code))
				continue;
			for (s->text = s->code * 2 / 5 + 1; s->text > (s->code + 2) / 5 && s->text > 1 && !fits(p, host > TITLE ? host : TITLE, s->text); s->text--)
				;
			s->across = (p->width + s->text) / (CELL * s->text);
			s->down = (host + s->across - 1) / s->across;
			s->across = (host + s->down - 1) / s->down; /* lines of the same length */
			used = s->lines * ROW * s->code + (2 + s->down) * ROW * s->text;
			s->spare = p->height - used;
			if (used <= p->height)
				return 1;
		}
	}
	return 0;
}

/* Writes title, code, host and the end of the serial number, in the middle of the paper. */
static void compose(const struct paper *p, const struct setting *s, const char *code, const char *host, unsigned hostn, const char *serial)
{
	unsigned gap = s->spare / 3 < 3 * s->text ? s->spare / 3 : 3 * s->text, y = p->y + s->spare / 2 - gap, n, serialn;
	char text[TITLE] = "SERIAL ...";

	if (fits(p, TITLE, s->text))
		line(p, title, TITLE, y + s->text, s->text);
	y += ROW * s->text + gap;
	if (s->lines == 2) {
		line(p, code, 4, y + s->code, s->code);
		line(p, code + 4, 4, y + (ROW + 1) * s->code, s->code);
	} else {
		memcpy(text, code, 4);
		text[4] = ' ';
		memcpy(text + 5, code + 4, 4);
		line(p, text, 9, y + s->code, s->code);
		memcpy(text, "SERIAL ...", 10);
	}
	for (y += s->lines * ROW * s->code + gap; hostn > 0; host += n, hostn -= n, y += ROW * s->text) {
		n = hostn < s->across ? hostn : s->across;
		line(p, host, n, y + s->text, s->text);
	}
	for (serialn = 0; serial != NULL && serial[serialn] != 0; serialn++)
		;
	n = serialn < 4 ? serialn : 4;
	if (n == 0 || !fits(p, 10 + n, s->text))
		return;
	memcpy(text + 10, serial + serialn - n, n);
	line(p, text, 10 + n, y + s->text, s->text);
}

/* Pixels to a module where side modules have length pixels one way and at most half, when that is too little two thirds, of other. */
static unsigned modules(unsigned side, unsigned length, unsigned other)
{
	unsigned size = other / 2 / side;

	if (size < SMALLEST && other * 2 / 3 / side >= SMALLEST)
		size = SMALLEST;
	return size < length / side ? size : length / side;
}

/* The code with a QR code; 0 when there is no room for one that can be read. */
static int with_qr(const struct dl_sign *s, struct paper p, const char *code, const char *address)
{
	const struct dl_port *port = s->port;
	const char *host;
	unsigned hostn = dl_address_host(address, &host), n, i, j, side, beside, below, size, x, y;
	char text[DL_MAX_TEXT + DL_CODE + 1];
	struct setting setting;

	for (n = 0; address[n] != 0; n++)
		text[n] = address[n];
	memcpy(text + n, code, DL_CODE + 1);
	if (hostn == 0 || (n = port->qr_make(port->user, text)) == 0)
		return 0;
	side = n + 2 * QUIET;
	beside = modules(side, p.height, p.width);
	below = modules(side, p.width, p.height);
	size = beside > below || (beside == below && p.width >= p.height) ? beside : below;
	if (size < SMALLEST)
		return 0;
	if (size == beside && (beside != below || p.width >= p.height)) {
		x = p.width - side * size;
		y = (p.height - side * size) / 2;
		p.width = x;
	} else {
		x = (p.width - side * size) / 2;
		y = p.height - side * size;
		p.height = y;
	}
	p.x = p.width / 32 + 1;
	p.width -= 2 * p.x;
	p.y = p.height / 32 + 1;
	p.height -= 2 * p.y;
	if (!set(&p, hostn, &setting))
		return 0;
	compose(&p, &setting, code, host, hostn, s->options->hardware.serial);
	for (j = 0; j < n; j++)
		for (i = 0; i < n; i++)
			if (port->qr_module(port->user, i, j))
				square(&p, x + (QUIET + i) * size, y + (QUIET + j) * size, size);
	return 1;
}

void dl_face(const struct dl_sign *s, uint8_t *frame, unsigned top, unsigned rows, const char code[DL_CODE + 1], const char *address)
{
	const struct dl_sign_options *o = s->options;
	struct paper p = { frame, (o->hardware.width + 7u) / 8, top, rows, 0, 0, o->hardware.width, o->hardware.height };
	/* In greys all planes are bits of the colour, else only the first is black. */
	unsigned planes = o->planes >= 5 ? dl_planes(o->planes) : 1, i;
	size_t picture = (size_t)p.stride * rows;

	memset(frame, 0, picture * dl_planes(o->planes));
	if (address[0] == 0 || s->port->qr_make == NULL || !with_qr(s, p, code, address))
		plain(&p, code);
	for (i = 1; i < planes; i++)
		memcpy(frame + i * picture, frame, picture);
}
