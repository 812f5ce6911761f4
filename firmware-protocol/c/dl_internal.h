/* What the files of the decoder share. Licence: Apache-2.0. */
#ifndef DL_INTERNAL_H
#define DL_INTERNAL_H

#include "dl_object.h"

/* The next byte of the payload, or -1 when the piece at hand has no more. */
int dl_next(struct dl_object *d);

/* The row y of the new picture, one of the two above the current included. */
uint8_t *dl_row(const struct dl_object *d, uint16_t y);

/* The current row of the base. */
const uint8_t *dl_base(const struct dl_object *d);

/* Ends the current row. Returns a negative status or DL_OBJECT_MORE. */
int dl_row_done(struct dl_object *d);

/* Whether the encoding has a base [DL-OBJ-4]. */
int dl_delta(const struct dl_object *d);

void dl_context_begin(struct dl_object *d);
int dl_context_run(struct dl_object *d);
void dl_inflate_begin(struct dl_object *d);
int dl_inflate_run(struct dl_object *d);

#endif
