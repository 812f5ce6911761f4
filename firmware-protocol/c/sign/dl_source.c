/* Objects from storage into the decoder. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

/* The decoder takes single bytes; storage is asked for more at once. */
enum { PIECE = 64 };

struct reading {
	const struct dl_sign *sign;
	const struct dl_stored *step;
	uint32_t offset, at, have; /* of the object; of the piece: taken, read */
	uint8_t piece[PIECE];
#ifdef DL_ROWS
	dl_row_taker *take;
	void *to;
#endif
};

#ifdef DL_ROWS
static int pass_row(void *user, uint16_t y, const uint8_t *row)
{
	const struct reading *r = user;

	return r->take(r->to, y, row);
}
#endif

static int read_object(void *user, uint8_t *to, uint32_t n)
{
	struct reading *r = user;
	const struct dl_port *port = r->sign->port;

	for (; n > 0; n--) {
		if (r->at == r->have) {
			r->at = 0;
			r->have = r->step->size - r->offset < PIECE ? r->step->size - r->offset : (uint32_t)PIECE;
			if (port->object_read(port->user, r->step->object, r->offset, r->piece, r->have) != 0)
				return 1;
			r->offset += r->have;
		}
		*to++ = r->piece[r->at++];
	}
	return 0;
}

unsigned dl_decode_stored(struct dl_sign *s, const struct dl_stored *step, struct dl_object_target *target, dl_row_taker *take, void *to)
{
	const struct dl_sign_options *o = s->options;
	struct reading from;

	from.sign = s;
	from.step = step;
	from.offset = from.at = from.have = 0;
	target->width = o->hardware.width;
	target->height = o->hardware.height;
	target->planes = o->planes;
	target->read = read_object;
	target->user = &from;
#ifdef DL_ROWS
	target->row = pass_row;
	from.take = take;
	from.to = to;
#else
	(void)take;
	(void)to;
#endif
	switch (dl_object_decode(&s->decoder, target, step->size)) {
	case DL_OBJECT_DONE:
		return 0;
	case DL_OBJECT_BASE:
		return DL_ERROR_BASE;
	case DL_OBJECT_SIZE:
		return DL_ERROR_SIZE;
	case DL_OBJECT_STOPPED:
		return DL_ERROR_STORAGE;
	default:
		return DL_ERROR_OBJECT;
	}
}
