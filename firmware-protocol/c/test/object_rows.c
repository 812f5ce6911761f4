/*
 * The decoder without a frame under another name, so that a program can hold it
 * against the one with a frame. Licence: Apache-2.0.
 */
#define DL_ROWS
#define dl_object_decode dl_rows_decode
#define dl_context_decode dl_rows_context_decode
#define dl_inflate_decode dl_rows_inflate_decode
#define dl_crc32 dl_rows_crc32
#define dl_emit dl_rows_emit
#define dl_next dl_rows_next

#include "../dl_object.c"
#include "../dl_context.c"
#include "../dl_inflate.c"
