/*
 * Writes what FreeType draws in black and white: strikes FONT SIZE...
 *
 * For every size: 'S', size (u16), number of glyphs (u16); for every glyph:
 * advance, left, top, width, height (i16 each, pixels; top above the base
 * line), then height rows of (width+7)/8 bytes, the highest bit leftmost.
 * Numbers are big endian. The hinting programs of the font run, as FreeType
 * runs them for black and white targets.
 */
#include <ft2build.h>
#include FT_FREETYPE_H
#include <stdio.h>
#include <stdlib.h>

static void put16(long v)
{
	putchar((int)(v >> 8 & 255));
	putchar((int)(v & 255));
}

static void fail(const char *what, FT_Error err)
{
	fprintf(stderr, "strikes: %s: FreeType error %d\n", what, (int)err);
	exit(1);
}

int main(int argc, char **argv)
{
	FT_Library lib;
	FT_Face face;
	FT_Error err;
	int flags = FT_LOAD_TARGET_MONO | FT_LOAD_RENDER | FT_LOAD_MONOCHROME | FT_LOAD_NO_AUTOHINT | FT_LOAD_NO_BITMAP;

	if (argc < 3) {
		fprintf(stderr, "usage: strikes FONT SIZE...\n");
		return 2;
	}
	if ((err = FT_Init_FreeType(&lib)) || (err = FT_New_Face(lib, argv[1], 0, &face)))
		fail(argv[1], err);
	for (int i = 2; i < argc; i++) {
		int size = atoi(argv[i]);
		if ((err = FT_Set_Pixel_Sizes(face, 0, (FT_UInt)size)))
			fail(argv[i], err);
		putchar('S');
		put16(size);
		put16(face->num_glyphs);
		for (FT_UInt g = 0; g < (FT_UInt)face->num_glyphs; g++) {
			if ((err = FT_Load_Glyph(face, g, flags)))
				fail("glyph", err);
			FT_GlyphSlot s = face->glyph;
			FT_Bitmap *b = &s->bitmap;
			put16((s->advance.x + 32) >> 6);
			put16(s->bitmap_left);
			put16(s->bitmap_top);
			put16(b->width);
			put16(b->rows);
			for (unsigned y = 0; y < b->rows; y++)
				fwrite(b->buffer + (long)y * b->pitch, 1, (b->width + 7) / 8, stdout);
		}
	}
	return 0;
}
