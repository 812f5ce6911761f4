package catalogue

import "doorleaf/render/mono"

// threeInks are modules with black, white and one more ink. They flash for many
// seconds at every change and have no partial waveform: a window may be loaded,
// but the whole panel is driven.
//
// Times of red ones: measured by the author of GxEPD2, in the headers of the
// driver classes GxEPD2_213_Z98c, 290_C90c, 420c_GDEY042Z98, 583c_Z83,
// 750c_GDEY075Z08, 750c_Z90, 1160c_GDEY116Z91, 1248c and 1330c_GDEM133Z91
// (state of 2026-04). The yellow ones are taken to need the 15 s that Waveshare's
// page gives for the red module of the size; nobody measured them. All: 0 to
// 40 °C, 180 s between changes (Waveshare's data sheet of the 4.2 inch module).
func threeInks() []Panel {
	panel := func(model string, inks mono.Inks, w, h, dpi, tenth, alignY, full, buttons int) Panel {
		return Panel{Model: model, Family: ThreeInks, Width: w, Height: h, DPI: dpi, DiagonalTenth: tenth, Inks: inks, AlignX: 8, AlignY: alignY,
			Full: ms(full), Limits: colourLimits(), Buttons: buttons}
	}
	red, yellow := mono.BlackWhiteRed, mono.BlackWhiteYellow
	return []Panel{
		panel("GDEY0213Z98", red, 250, 122, 131, 21, 8, 14589, 1),
		panel("GDEM029C90", red, 296, 128, 112, 29, 8, 26130, 1),
		panel("2.9inch e-Paper (C)", yellow, 296, 128, 112, 29, 8, 15000, 1),
		panel("GDEY042Z98", red, 400, 300, 120, 42, 1, 22780, 2),
		panel("4.2inch e-Paper (C)", yellow, 400, 300, 120, 42, 1, 15000, 2),
		panel("GDEW0583Z83", red, 648, 480, 139, 58, 1, 22103, 2),
		panel("GDEY075Z08", red, 800, 480, 125, 75, 1, 26332, 2),
		panel("GDEH075Z90", red, 880, 528, 137, 75, 1, 22780, 2),
		panel("GDEY116Z91", red, 960, 640, 100, 116, 1, 22780, 4),
		panel("GDEM133Z91", red, 960, 680, 88, 133, 1, 20476, 4),
		panel("GDEY1248Z51", red, 1304, 984, 131, 125, 1, 17469, 4),
	}
}
