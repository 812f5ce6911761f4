/* The picture in memory, and from there onto the panel. Licence: Apache-2.0. */
#include "dl_internal_sign.h"

#ifndef DL_ROWS

/* Bytes of a picture. */
static uint32_t picture(const struct dl_sign *s)
{
	const struct dl_hardware *h = &s->options->hardware;

	return (h->width + 7u) / 8 * h->height * dl_planes(s->options->planes);
}

/* The GlassDigest of the frame. */
static void name(struct dl_sign *s)
{
	const struct dl_hardware *h = &s->options->hardware;

	dl_glass_digest(&s->port->crypto->sha256, h->width, h->height, s->options->planes, s->options->frame, s->frame_digest);
}

unsigned dl_decode(struct dl_sign *s, const struct dl_stored *step)
{
	struct dl_object_target target;
	unsigned error;

	memset(&target, 0, sizeof target);
	target.frame = s->options->frame;
	target.base_digest = s->frame_known ? s->frame_digest : NULL;
	error = dl_decode_stored(s, step, &target, NULL, NULL);
	if (error == DL_ERROR_BASE || error == DL_ERROR_SIZE)
		return error; /* the frame is as it was */
	s->frame_known = 0;
	if (error != 0)
		return error;
	name(s);
	if (!dl_same(s->frame_digest, step->glass)) /* [DL-FLOW-6] */
		return DL_ERROR_DIGEST;
	s->frame_known = 1;
	return 0;
}

int dl_load_frame(struct dl_sign *s)
{
	uint32_t n = picture(s);

	s->frame_known = s->port->load(s->port->user, DL_RECORD_GLASS, 0, s->options->frame, n) == (int32_t)n;
	if (s->frame_known)
		name(s);
	return s->frame_known;
}

int dl_draw(struct dl_sign *s, const uint8_t digest[32], unsigned refresh)
{
	uint64_t begin = dl_now(s);

	if (dl_draw_begin(s, &refresh) != 0 || s->port->draw(s->port->user, s->options->frame, refresh) != 0)
		return -1;
	dl_drawn(s, begin);
	if (s->port->save(s->port->user, DL_RECORD_GLASS, s->options->frame, picture(s)) != 0)
		dl_remember(s, DL_ERROR_STORAGE);
	return dl_draw_end(s, digest);
}

int dl_draw_code(struct dl_sign *s, const char *address)
{
	s->frame_known = 0;
	dl_face(s, s->options->frame, 0, s->options->hardware.height, s->code, address);
	name(s);
	s->frame_known = 1;
	return dl_draw(s, s->frame_digest, 0);
}
#else
typedef int dl_no_frame; /* a file may not be empty */
#endif
