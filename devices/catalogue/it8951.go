package catalogue

import (
	"time"

	"doorleaf/render/mono"
)

// it8951 are modules with 16 greys behind an IT8951 controller: 6 to 13.3 inch.
//
// Times: measured by the author of GxEPD2 with the 1-bit waveforms, in the
// headers of the driver classes GxEPD2_it60_1448x1072, it78_1872x1404 and
// it103_1872x1404 (state of 2026-04); the 13.3 inch module is taken to be as
// fast as the 10.3 inch one. 32 pixels are the grid that every 1-bit mode of
// the controller takes (PaperTTY needed more than 8). The fast waveforms ghost
// after a few changes; a full one (GC16) clears that.
func it8951() []Panel {
	panel := func(model string, w, h, dpi, tenth, full, partial int) Panel {
		limits := blackWhiteLimits(6)
		limits.Rest = time.Second
		return Panel{Model: model, Family: IT8951, Width: w, Height: h, DPI: dpi, DiagonalTenth: tenth, Inks: mono.Grey16, Greys: mono.Grey16,
			AlignX: 32, AlignY: 1, Full: ms(full), Partial: ms(partial), Limits: limits, Buttons: 4}
	}
	return []Panel{
		panel("ED060KC1", 1448, 1072, 300, 60, 608, 331),
		panel("ED133UT2", 1600, 1200, 150, 133, 827, 284),
		panel("ED103TC2", 1872, 1404, 227, 103, 827, 284),
		panel("ED078KC2", 1872, 1404, 300, 78, 629, 287),
	}
}
