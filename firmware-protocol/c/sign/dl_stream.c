/*
 * Pictures that go row by row from storage onto the panel, without a frame:
 * DL_ROWS. A picture is decoded once for its GlassDigest, and again for each time
 * that the panel takes it [DL-FLOW-6]. Licence: Apache-2.0.
 */
#include "dl_internal_sign.h"

#ifdef DL_ROWS

struct hashing {
	const struct dl_sha256 *hash;
	unsigned stride;
};

static int hash_row(void *to, uint16_t y, const uint8_t *row)
{
	const struct hashing *h = to;

	(void)y;
	h->hash->update(h->hash->state, row, h->stride);
	return 0;
}

/* The GlassDigest of what a giver gives; its result. */
static int name(struct dl_sign *s, dl_row_giver *give, uint8_t digest[32])
{
	const struct dl_hardware *h = &s->options->hardware;
	struct hashing to;
	int status;

	to.hash = &s->port->crypto->sha256;
	to.stride = (h->width + 7u) / 8;
	dl_glass_digest_start(to.hash, h->width, h->height, s->options->planes);
	status = give(s, hash_row, &to);
	to.hash->finish(to.hash->state, digest);
	return status;
}

/* Gives the rows of the object that was looked at last. Returns an error of [DL-ERR-1]. */
static int give_object(void *from, dl_row_taker *take, void *to)
{
	struct dl_sign *s = from;
	struct dl_object_target target;

	memset(&target, 0, sizeof target);
	target.rows = s->options->rows;
	return (int)dl_decode_stored(s, &s->source, &target, take, to);
}

/* Gives the face of a sign that waits for its owner, a few rows at once. */
static int give_face(void *from, dl_row_taker *take, void *to)
{
	const struct dl_sign *s = from;
	unsigned height = s->options->hardware.height, stride = (s->options->hardware.width + 7u) / 8, y;

	for (y = 0; y < height; y++) {
		if (y % DL_OBJECT_ROWS == 0)
			dl_face(s, s->options->rows, y, height - y < DL_OBJECT_ROWS ? height - y : DL_OBJECT_ROWS, s->code, s->address);
		if (take(to, (uint16_t)y, s->options->rows + y % DL_OBJECT_ROWS * stride) != 0)
			return DL_ERROR_STORAGE;
	}
	return 0;
}

unsigned dl_decode(struct dl_sign *s, const struct dl_stored *step)
{
	unsigned error;

	s->source = *step;
	s->give = give_object;
	s->frame_known = 0;
	error = (unsigned)name(s, s->give, s->frame_digest);
	if (error != 0)
		return error;
	if (!dl_same(s->frame_digest, step->glass))
		return DL_ERROR_DIGEST;
	s->frame_known = 1;
	return 0;
}

int dl_load_frame(struct dl_sign *s)
{
	s->frame_known = 0;
	return 0;
}

int dl_draw(struct dl_sign *s, const uint8_t digest[32], unsigned refresh)
{
	uint64_t begin = dl_now(s);

	if (dl_draw_begin(s, &refresh) != 0)
		return -1;
	if (s->port->draw(s->port->user, s->give, s, refresh) != 0) {
		s->frame_known = 0; /* perhaps the object cannot be read any more */
		return -1;
	}
	dl_drawn(s, begin);
	return dl_draw_end(s, digest);
}

int dl_draw_code(struct dl_sign *s, const char *address)
{
	s->give = give_face;
	s->address = address;
	s->frame_known = 0;
	(void)name(s, s->give, s->frame_digest);
	return dl_draw(s, s->frame_digest, 0);
}
#else
typedef int dl_no_stream; /* a file may not be empty */
#endif
