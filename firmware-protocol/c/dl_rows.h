/* A picture that comes row by row. Licence: Apache-2.0. */
#ifndef DL_ROWS_H
#define DL_ROWS_H

#include <stdint.h>

/* Takes row y, from the top. Returns 0 to go on. */
typedef int dl_row_taker(void *to, uint16_t y, const uint8_t *row);

/*
 * Gives all rows of a picture, in order; other than 0 when it cannot, or when it
 * was stopped. It can be called again for the same rows.
 */
typedef int dl_row_giver(void *from, dl_row_taker *take, void *to);

#endif
