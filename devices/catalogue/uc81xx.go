package catalogue

import (
	"time"

	"doorleaf/render/mono"
)

// uc81xx are black and white modules with controllers of UltraChip (UC8176,
// UC8179, UC8253; the 12.48 inch module has four of them).
//
// Times: measured by the author of GxEPD2, in the headers of the driver classes
// GxEPD2_370_GDEY037T03, 420, 583_GDEQ0583T31, 583_T8, 750_T7, 750_GDEY075T7
// and 1248 (state of 2026-04). Where the header gives a short full waveform for
// room temperature, that is Fast, and Full is the long one of the module before
// it; the 3.7 inch header gives both. Windows are moved by 8 pixels (Zephyr's driver says so of
// x and of the width). Temperatures: pages of Good Display and Waveshare.
func uc81xx() []Panel {
	panel := func(model string, w, h, dpi, tenth, alignY int, full, fast, partial, buttons int) Panel {
		return Panel{Model: model, Family: UC81xx, Width: w, Height: h, DPI: dpi, DiagonalTenth: tenth, Greys: mono.Grey4, AlignX: 8, AlignY: alignY,
			Full: ms(full), Fast: ms(fast), Partial: ms(partial), Limits: blackWhiteLimits(8), Buttons: buttons}
	}
	four := panel("GDEW1248T3", 1304, 984, 131, 125, 1, 4579, 0, 1525, 4)
	four.Greys, four.Limits.Rest = mono.BlackWhite, 10*time.Second // four controllers, one supply: let it settle
	return []Panel{
		panel("GDEY037T03", 416, 240, 130, 37, 8, 1486, 1005, 343, 2),
		panel("GDEW042T2", 400, 300, 120, 42, 1, 1546, 0, 564, 2),
		panel("GDEQ0583T31", 648, 480, 139, 58, 1, 4108, 1157, 491, 2),
		panel("GDEW0583T8", 648, 480, 139, 58, 1, 4108, 0, 1584, 2),
		panel("GDEY075T7", 800, 480, 125, 75, 1, 4108, 1171, 435, 2),
		panel("GDEW075T7", 800, 480, 125, 75, 1, 4108, 0, 1584, 2),
		four,
	}
}
