/*
 * A panel driver whose wires end in the Go test. Arguments: model, kind of planes,
 * quarter turns. Jobs besides those of jobs.h: 's' sleep; 'n' forget all, as
 * without power. Licence: Apache-2.0.
 */
#include "jobs.h"
#include "wires.h"

#include <stdlib.h>

static struct dl_panel panel;

static int draw(const uint8_t *frame, const uint8_t *old, unsigned refresh) { return dl_panel_draw(&panel, frame, old, refresh); }

static int other(int job) { return job == 's' ? dl_panel_sleep(&panel) : dl_panel_init(&panel, &wires, panel.model, panel.planes, panel.turn); }

int main(int argc, char **argv)
{
	const struct dl_panel_model *m = argc == 4 ? wires_model(argv[1]) : NULL;
	struct jobs jobs = { 0, draw, other };

	if (m == NULL || dl_panel_init(&panel, &wires, m, (uint8_t)atoi(argv[2]), (unsigned)atoi(argv[3])) != 0)
		return 2;
	jobs.picture = (size_t)((dl_panel_width(&panel) + 7u) / 8) * dl_panel_height(&panel) * (panel.planes == 1 ? 1u : 2u);
	jobs_run(&jobs);
	return 0;
}
