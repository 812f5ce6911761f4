/*
 * Decoder of Doorleaf's picture objects, ../SPEC.md section 4.
 *
 * It reads an object with a function of the caller's, from flash or from a
 * connection, and decodes row by row: over the picture in the caller's memory,
 * or straight to the panel. It allocates nothing, calls nothing but memcpy,
 * memset, memcmp and the caller's own functions, keeps no state outside struct
 * dl_object, and does not fetch, hash or draw. Comments cite the clauses of
 * SPEC.md.
 *
 * Licence: Apache-2.0.
 */
#ifndef DL_OBJECT_H
#define DL_OBJECT_H

#include "dl_rows.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What firmware may choose when it compiles, alike in all files:
 * DL_SMALL leaves out the full profile, DL_NO_DEFLATE the inflater, DL_ONE_PART
 * all pictures but black and white ones of one part without window. DL_ROWS does
 * that too, and decodes row by row, without a frame.
 * DL_MAX_WIDTH is the width in pixels of the widest panel.
 *
 * A firmware that has an inflater already can leave dl_inflate.c out and bring
 * its own dl_inflate_decode, see dl_internal.h.
 */
#if defined(DL_ROWS) && !defined(DL_ONE_PART)
#define DL_ONE_PART
#endif
#if !defined(DL_MAX_WIDTH) && defined(DL_SMALL)
#define DL_MAX_WIDTH 4096u
#elif !defined(DL_MAX_WIDTH)
#define DL_MAX_WIDTH 16384u
#endif

/* Limits of a picture [DL-LIM-1]. */
#define DL_OBJECT_MAX_SIDE 16384u         /* pixels */
#define DL_OBJECT_MAX_DECODED (8ul << 20) /* bytes */

/* What can be decoded, for key 21 of Hello [DL-CAP-1]. */
#ifdef DL_NO_DEFLATE
#define DL_CAP_DEFLATE 0u
#else
#define DL_CAP_DEFLATE 6u
#endif
#ifdef DL_SMALL
#define DL_CAP_FULL 0u
#else
#define DL_CAP_FULL 96u
#endif
#ifdef DL_ONE_PART
#define DL_OBJECT_CAP_PARTS 0u
#else
#define DL_OBJECT_CAP_PARTS 128u
#endif
#define DL_OBJECT_CAPABILITIES (1u | DL_CAP_DEFLATE | 24u | DL_CAP_FULL | DL_OBJECT_CAP_PARTS)
#define DL_OBJECT_WHOLE (DL_OBJECT_CAPABILITIES & 43u) /* without a base */

/* What decoding returns. */
enum dl_object_status {
	DL_OBJECT_DONE = 0,         /* the picture is there and has its checksum */
	DL_OBJECT_FORMAT = 1,      /* breaks a rule of SPEC.md: report error 6 */
	DL_OBJECT_UNSUPPORTED = 2, /* other version, encoding, planes: error 6 */
	DL_OBJECT_BASE = 3,        /* a delta on another picture: error 7 */
	DL_OBJECT_CHECKSUM = 4,    /* the decoded picture is damaged: error 6 */
	DL_OBJECT_SIZE = 5,        /* not the size of the target: error 8 */
	DL_OBJECT_STOPPED = 6      /* a function of the caller returned other than 0 */
};

/* Rows that decoding without a frame needs: the current one and 4 above. */
#define DL_OBJECT_ROWS 5u

/*
 * Where the object is, where the picture goes and where the base of a delta is.
 * A row has (width + 7) / 8 bytes, leftmost pixel in the highest bit, 1 is
 * black [DL-PIC-1].
 */
struct dl_object_target {
	uint16_t width, height; /* pixels the object must have: at most DL_MAX_WIDTH and as [DL-LIM-1] says */
	uint8_t planes;         /* and its kind of planes [DL-PIC-3], 1 is black and white */

	/*
	 * Reads the next n bytes of the object, n at most DL_OBJECT_PIECE, and 1
	 * most often: where that is slow, it should read more and keep them.
	 */
	int (*read)(void *user, uint8_t *to, uint32_t n);

	/* The whole picture, all planes one after another. A delta is decoded in place, over the base. */
	uint8_t *frame;

	/*
	 * With DL_ROWS in place of frame: room for DL_OBJECT_ROWS rows, which are
	 * used in turn; where the base is, NULL when there is none; and what takes
	 * each row, in order. The picture is not checked as a whole before
	 * DL_OBJECT_DONE.
	 */
	uint8_t *rows;
	const uint8_t *base;
	dl_row_taker *row;

	const uint8_t *base_digest; /* first 8 bytes of the GlassDigest of the base, NULL for none */
	void *user;                 /* for the functions */
};

#define DL_OBJECT_PIECE 14u

/* Weights of the context coder [DL-CTX-1]: of pixels, references, bytes. */
enum {
	DL_REF_WEIGHTS = 256,
	DL_SAME_WEIGHTS = 128,
	DL_PLAIN_WEIGHTS = 16,
	DL_OTHER_WEIGHTS = DL_REF_WEIGHTS + DL_SAME_WEIGHTS + DL_PLAIN_WEIGHTS,
	DL_SMALL_WEIGHTS = 5 * 256 + DL_OTHER_WEIGHTS,
	DL_FULL_WEIGHTS = 5 * 1024 + DL_OTHER_WEIGHTS,
#ifdef DL_SMALL
	DL_WEIGHTS = DL_SMALL_WEIGHTS
#else
	DL_WEIGHTS = DL_FULL_WEIGHTS
#endif
};

/*
 * The rows of pixels that the context coder looks at, in the order in which it
 * reads them: those above the current one, that of the reference and the one
 * below it; the current one itself, and where it differs from the reference.
 */
enum { DL_ABOVE4, DL_ABOVE3, DL_ABOVE2, DL_ABOVE1, DL_BASE, DL_BELOW, DL_CURRENT, DL_DIFFERENCE, DL_CONTEXT_ROWS };

/* State of the context coder, 4.4. */
struct dl_context {
	uint32_t code, width;
	const struct dl_profile *profile;
	int16_t *others; /* weights behind the tables of pixels and references */
	uint32_t w[DL_CONTEXT_ROWS];
	int16_t *use[6]; /* weights of the decision at hand */
	uint8_t equal[(DL_MAX_WIDTH + 7) / 8 + 1]; /* E of each byte of a row, and right of it */
	int16_t weight[DL_WEIGHTS];
};

/* State of the inflater, 4.3. */
struct dl_inflate {
	uint8_t window[512]; /* [DL-DEF-2] */
	uint8_t lengths[288 + 32];
	/* Prefix codes: number of codes of each length, symbols in order. */
	uint16_t literal_count[16], literal_symbol[288];
	uint16_t distance_count[16], distance_symbol[32];
	uint32_t at;   /* bytes put out */
	uint32_t bits; /* bits not used yet, first one lowest */
	uint32_t have; /* how many */
};

/* A decoder. Its content is private. */
struct dl_object {
	uint8_t bytes[DL_OBJECT_PIECE]; /* taken last */
	uint8_t flags;    /* of the object */
	uint8_t head;     /* of the part */
	uint8_t valid;    /* mask of the pixels in the last byte of a row of the part */
	uint8_t stopped;  /* a function of the caller failed */
	const struct dl_object_target *target;
	uint32_t left;    /* bytes of the payload not taken yet */
#ifndef DL_ONE_PART
	uint32_t after;   /* and of the object behind it */
	uint32_t plane;   /* bytes of one plane of the picture */
	uint32_t room;    /* bytes that parts may still decode to */
#endif
#ifdef DL_ROWS
	uint32_t crc;     /* of the picture so far */
#else
	uint32_t picture; /* bytes of it */
#endif
	uint32_t checksum; /* of the picture, as promised */
	uint8_t *out;     /* the first row of the part, with DL_ROWS all rows */
	const uint8_t *base; /* the first row of the reference, NULL when there is none */
	uint32_t width, height; /* pixels of the part */
	uint32_t stride;  /* bytes of a row */
	uint32_t pitch;   /* bytes from row to row */
	uint32_t y, i;    /* row and byte that come next */
	union {
		struct dl_context context;
		struct dl_inflate inflate;
	} u;
};

/* The profiles: so much memory beside the frame. */
#ifdef DL_SMALL
typedef char dl_object_fits[sizeof(struct dl_object) <= 4096 ? 1 : -1];
#else
typedef char dl_object_fits[sizeof(struct dl_object) <= 16384 ? 1 : -1];
#endif

/* Decodes an object of that many bytes, which the manifest tells [DL-MAN-2]. */
enum dl_object_status dl_object_decode(struct dl_object *d, const struct dl_object_target *target, uint32_t object_bytes);

/* Number of planes of a kind of picture [DL-PIC-3], 0 when there is no such. */
unsigned dl_planes(uint8_t planes);

/* The caller's SHA-256 (FIPS 180-4), from the library that its TLS uses. */
struct dl_sha256 {
	void *state;
	void (*start)(void *state);
	void (*update)(void *state, const uint8_t *data, size_t size);
	void (*finish)(void *state, uint8_t sum[32]);
};

/* The GlassDigest of a picture in memory [DL-PIC-2], and what it begins with: the rows follow. */
void dl_glass_digest_start(const struct dl_sha256 *hash, uint16_t width, uint16_t height, uint8_t planes);
void dl_glass_digest(const struct dl_sha256 *hash, uint16_t width, uint16_t height, uint8_t planes, const uint8_t *rows, uint8_t digest[32]);

#ifdef __cplusplus
}
#endif

#endif
