package catalogue

import "doorleaf/render/mono"

// fourInks are modules with black, white, red and yellow (JD79661 and its
// like): 12 to 28 seconds a change, always in full.
//
// Times: measured by the author of GxEPD2, in the headers of the driver classes
// GxEPD2_213c_GDEY0213F51, 290c_GDEY029F51H, 397c_GDEM0397F81, 420c_GDEY0420F51,
// 437c, 579c_GDEY0579F51, 750c_GDEM075F52 and 1160c_GDEY116F51 (state of
// 2026-04). 0 to 40 °C and 180 s between changes: Waveshare's pages of the same
// kind.
func fourInks() []Panel {
	panel := func(model string, w, h, dpi, tenth, alignY, full, buttons int) Panel {
		return Panel{Model: model, Family: FourInks, Width: w, Height: h, DPI: dpi, DiagonalTenth: tenth, Inks: mono.BlackWhiteRedYellow, AlignX: 8, AlignY: alignY,
			Full: ms(full), Limits: colourLimits(), Buttons: buttons}
	}
	return []Panel{
		panel("GDEY0213F51", 250, 122, 131, 21, 8, 21428, 1),
		panel("GDEY029F51H", 384, 168, 144, 29, 8, 21428, 1),
		panel("GDEY0420F51", 400, 300, 120, 42, 1, 27677, 2),
		panel("4.37inch e-Paper (G)", 512, 368, 144, 44, 1, 12709, 2),
		panel("GDEY0579F51", 792, 272, 144, 58, 1, 20071, 2),
		panel("GDEM075F52", 800, 480, 125, 75, 1, 20918, 2),
		panel("GDEM0397F81", 800, 480, 235, 40, 1, 21860, 2),
		panel("GDEY116F51", 960, 640, 100, 116, 1, 19255, 4),
	}
}
