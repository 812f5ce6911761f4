/*
 * Streaming decoder of Doorleaf's picture objects, ../SPEC.md section 4.
 *
 * It takes the bytes of an object in pieces of any size and writes rows into
 * the caller's memory. It allocates nothing, calls nothing but memcpy, memset
 * and the caller's own functions, keeps no state outside struct dl_object, and
 * does not fetch, hash or draw. Comments cite the clauses of SPEC.md.
 *
 * Licence: Apache-2.0.
 */
#ifndef DL_OBJECT_H
#define DL_OBJECT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits of a picture [DL-LIM-1]. */
#define DL_OBJECT_MAX_SIDE 16384u             /* pixels */
#define DL_OBJECT_MAX_DECODED (8ul << 20)     /* bytes */
#define DL_OBJECT_MAX_STRIDE (DL_OBJECT_MAX_SIDE / 8) /* bytes */

/* What can be decoded, for key 21 of Hello [DL-CAP-1]. */
#define DL_OBJECT_CAPABILITIES 31u

/* What a call returns. Negative is final: the picture is undefined. */
enum dl_object_status {
	DL_OBJECT_MORE = 0,         /* more bytes are needed */
	DL_OBJECT_DONE = 1,         /* all rows are there and have their checksum */
	DL_OBJECT_FORMAT = -1,      /* breaks a rule of SPEC.md: report error 6 */
	DL_OBJECT_UNSUPPORTED = -2, /* other version, encoding, planes: error 6 */
	DL_OBJECT_BASE = -3,        /* a delta on another picture: error 7 */
	DL_OBJECT_CHECKSUM = -4,    /* decoded rows are damaged: error 6 */
	DL_OBJECT_SIZE = -5,        /* not width x height of the target: error 8 */
	DL_OBJECT_STOPPED = -6      /* the row function returned other than 0 */
};

/*
 * Where the rows go and where the base of a delta is. A row has
 * (width + 7) / 8 bytes, leftmost pixel in the highest bit, 1 is black
 * [DL-PIC-1].
 */
struct dl_object_target {
	uint16_t width, height; /* pixels the object must have */

	/* The whole picture, or NULL. */
	uint8_t *frame;
	/* Without frame: room for 3 rows, which are used in turn. */
	uint8_t *rows;

	/*
	 * First 8 bytes of the GlassDigest of the base, NULL when there is none.
	 * The base is in frame, over which a delta is decoded in place, unless
	 * base says that it is elsewhere; it must not overlap frame in part.
	 */
	const uint8_t *base_digest;
	const uint8_t *base;

	/*
	 * Called with each row in order, may be NULL with frame. The rows are not
	 * checked as a whole before DL_OBJECT_DONE. Other than 0 stops decoding.
	 */
	int (*row)(void *user, uint16_t y, const uint8_t *row);
	void *user;
};

/* Estimates of the context coder [DL-CTX-1]. */
#define DL_OBJECT_ESTIMATES (4 + 2 + 96 + 16 + 1024)

/* State of the context coder, 4.3. */
struct dl_context {
	uint16_t p[DL_OBJECT_ESTIMATES]; /* probability of a 1 in 1/65536 */
	uint8_t n[DL_OBJECT_ESTIMATES];  /* decisions seen, up to 32 */
	uint8_t equal[DL_OBJECT_MAX_STRIDE / 8]; /* E, a bit per byte of a row */
	uint32_t code, width;
	uint16_t above2, above; /* pixels around the byte, 10 and 12 of them */
	uint8_t fill;           /* bytes of the code still to be read at the start */
	uint8_t phase;          /* the decision that is next */
	uint8_t same, rowabove; /* history of the two row decisions */
	uint8_t corner;         /* E(i-1, y-1) */
	uint8_t left;           /* the 2 pixels before */
	uint8_t uniform, colour;
	uint8_t bit, byte;      /* pixel that is next, pixels so far */
};

/* State of the inflater, 4.2. */
struct dl_inflate {
	uint8_t window[512]; /* [DL-DEF-2] */
	uint8_t lengths[288 + 32];
	/* Prefix codes: number of codes of each length, symbols in order. */
	uint16_t literal_count[16], literal_symbol[288];
	uint16_t distance_count[16], distance_symbol[32];
	uint32_t at;   /* bytes put out */
	uint32_t bits; /* bits not used yet, first one lowest */
	uint16_t literals, total, index; /* code lengths: literal ones, all, read */
	uint16_t length; /* of the match or of what is left of a stored block */
	uint16_t code, first, before; /* of the symbol being read: its bits so far, */
	uint8_t code_bits;            /* first code and symbols before, their number */
	uint8_t symbol;               /* that waits for its extra bits */
	uint8_t orders, order;        /* lengths of the code of lengths: all, read */
	uint8_t phase, final, have;   /* have: valid bits */
};

/* A decoder. Its content is private, but for reading width and height. */
struct dl_object {
	struct dl_object_target target;
	uint32_t total;    /* bytes of the object */
	uint32_t payload;  /* bytes of the payload still to come */
	uint32_t checksum; /* of the decoded rows, as promised */
	uint32_t crc;      /* of the rows so far */
	const uint8_t *in; /* the piece at hand, valid during a call only */
	size_t in_size;
	uint16_t width, height; /* pixels, once the header is read */
	uint16_t stride;        /* bytes per row */
	uint16_t y, i;          /* row and byte that come next */
	uint8_t head[26];
	uint8_t head_size;
	uint8_t encoding;
	uint8_t started; /* the header is read and right */
	uint8_t last;    /* last byte taken */
	int8_t status;
	union {
		struct dl_context context;
		struct dl_inflate inflate;
	} u;
};

/* The small profile: 4 KB beside the frame. */
typedef char dl_object_fits_4096[sizeof(struct dl_object) <= 4096 ? 1 : -1];

/*
 * Begins an object of that many bytes, which the manifest tells [DL-MAN-2].
 * The target is copied; what it points to must stay until the end.
 */
void dl_object_begin(struct dl_object *d, const struct dl_object_target *target, uint32_t object_bytes);

/*
 * Takes the next bytes, any number of them. Bytes past the end of the object
 * are DL_OBJECT_FORMAT. A negative status stays.
 */
enum dl_object_status dl_object_feed(struct dl_object *d, const uint8_t *data, size_t size);

/* Says that no more bytes come: DL_OBJECT_MORE becomes DL_OBJECT_FORMAT. */
enum dl_object_status dl_object_end(struct dl_object *d);

/* The caller's SHA-256 (FIPS 180-4), from the library that its TLS uses. */
struct dl_sha256 {
	void *state;
	void (*start)(void *state);
	void (*update)(void *state, const uint8_t *data, size_t size);
	void (*finish)(void *state, uint8_t sum[32]);
};

/* The GlassDigest of a picture in memory [DL-PIC-2]. */
void dl_glass_digest(const struct dl_sha256 *hash, uint16_t width, uint16_t height, const uint8_t *rows, uint8_t digest[32]);

#ifdef __cplusplus
}
#endif

#endif
