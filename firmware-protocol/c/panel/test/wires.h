/* A bus whose wires end in the Go test. Licence: Apache-2.0. */
#ifndef WIRES_H
#define WIRES_H

#include "dl_panel.h"

extern const struct dl_panel_bus wires;

/* A model by its name, NULL when there is none. */
const struct dl_panel_model *wires_model(const char *name);

#endif
