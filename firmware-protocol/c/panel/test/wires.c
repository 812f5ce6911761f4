/* A bus whose wires end in the Go test, see jobs.h. Licence: Apache-2.0. */
#include "jobs.h"
#include "wires.h"

#include <stdlib.h>
#include <string.h>

static int command(void *user, uint8_t c)
{
	(void)user;
	if (jobs_fails())
		return 1;
	jobs_tell_command(c);
	return 0;
}

static int data(void *user, const uint8_t *d, size_t n)
{
	(void)user;
	if (n < 1 || n > DL_PANEL_PIECE)
		abort();
	if (jobs_fails())
		return 1;
	jobs_tell_data(d, n);
	return 0;
}

static int busy(void *user)
{
	(void)user;
	return jobs_fails() ? -1 : jobs_ask_busy();
}

static int reset(void *user, int level)
{
	(void)user;
	if (jobs_fails())
		return 1;
	jobs_tell_reset(level);
	return 0;
}

static void delay(void *user, unsigned milliseconds)
{
	(void)user;
	jobs_tell_delay(milliseconds);
}

const struct dl_panel_bus wires = { NULL, command, data, busy, reset, delay };

const struct dl_panel_model *wires_model(const char *name)
{
	const struct dl_panel_model *m = dl_panel_models;

	while (m->name != NULL && strcmp(m->name, name) != 0)
		m++;
	return m->name == NULL ? NULL : m;
}
