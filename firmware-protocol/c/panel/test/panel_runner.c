/*
 * A panel driver whose wires end in the Go test ../../../wire/c_panel_test.go.
 * Arguments: model, kind of planes, quarter turns. From standard input come
 * jobs: 'd' refresh, whether there is an old picture, u32 number of the call on
 * the bus that fails (0: none), the picture, the old picture; 's' sleep; 'n'
 * forget all, as without power. To standard output go 'C' command, 'D' u16 size
 * and data, 'B' (an answer of one byte follows on standard input), 'R' level,
 * 'W' u16 milliseconds, and at the end of a job 'E' and -status. Numbers are
 * little-endian. Licence: Apache-2.0.
 */
#include "dl_panel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long calls, failing;

static int bad(void) { return ++calls == failing; }

static void number(size_t v)
{
	putchar((int)(v & 0xff));
	putchar((int)(v >> 8));
}

static int command(void *user, uint8_t c)
{
	(void)user;
	if (bad())
		return 1;
	putchar('C');
	putchar(c);
	return 0;
}

static int data(void *user, const uint8_t *d, size_t n)
{
	(void)user;
	if (n < 1 || n > DL_PANEL_PIECE)
		abort();
	if (bad())
		return 1;
	putchar('D');
	number(n);
	fwrite(d, 1, n, stdout);
	return 0;
}

static int busy(void *user)
{
	(void)user;
	if (bad())
		return -1;
	putchar('B');
	fflush(stdout);
	return getchar();
}

static int reset(void *user, int level)
{
	(void)user;
	if (bad())
		return 1;
	putchar('R');
	putchar(level);
	return 0;
}

static void delay(void *user, unsigned milliseconds)
{
	(void)user;
	putchar('W');
	number(milliseconds);
}

static uint8_t *picture(size_t n)
{
	uint8_t *p = malloc(n);

	if (p == NULL || fread(p, 1, n, stdin) != n)
		abort();
	return p;
}

int main(int argc, char **argv)
{
	static const struct dl_panel_bus bus = { NULL, command, data, busy, reset, delay };
	const struct dl_panel_model *m = dl_panel_models;
	struct dl_panel p;
	size_t size;
	int job, status;

	if (argc != 4)
		return 2;
	while (m->name != NULL && strcmp(m->name, argv[1]) != 0)
		m++;
	if (m->name == NULL || dl_panel_init(&p, &bus, m, (uint8_t)atoi(argv[2]), (unsigned)atoi(argv[3])) != 0)
		return 2;
	size = (dl_panel_width(&p) + 7u) / 8 * dl_panel_height(&p) * (p.planes == 1 ? 1u : 2u);
	while ((job = getchar()) != EOF) {
		status = 0;
		if (job == 'd') {
			int refresh = getchar(), had = getchar(), i;
			uint8_t *frame, *old = NULL;

			calls = failing = 0;
			for (i = 0; i < 32; i += 8)
				failing |= (unsigned long)getchar() << i;
			frame = picture(size);
			if (had)
				old = picture(size);
			status = dl_panel_draw(&p, frame, old, (unsigned)refresh);
			free(frame);
			free(old);
		} else if (job == 's') {
			status = dl_panel_sleep(&p);
		} else if (dl_panel_init(&p, &bus, m, p.planes, p.turn) != 0) {
			return 2;
		}
		putchar('E');
		putchar(-status);
		fflush(stdout);
	}
	return 0;
}
