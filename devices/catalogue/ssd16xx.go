package catalogue

import "doorleaf/render/mono"

// ssd16xx are black and white modules with controllers of Solomon Systech
// (SSD1680, SSD1683, SSD1677). Their second memory holds the picture before: a
// partial update without it ghosts.
//
// Times: measured by the author of GxEPD2, in the headers of the driver classes
// GxEPD2_213_GDEY0213B74, 266_GDEY0266T90, 290_GDEY029T94, 290_GDEY029T71H,
// 397_GDEM0397T81, 420_GDEY042T81, 426_GDEQ0426T82, 576_GDEH0576T81,
// 579_GDEY0579T93, 1020_GDEM102T91, 1085_GDEM1085T51, 1160_T91 and
// 1330_GDEM133T91 (state of 2026-04). Sizes and 0 to 50 °C: pages of Good
// Display. Of the 7.5 inch module with 880x528 pixels only the 5 s of Waveshare's
// page ("7.5inch HD e-Paper") are known. Modules up to 3.7 inch are upright by themselves. The 4-grey
// waveforms are those of Waveshare's examples for the same modules.
func ssd16xx() []Panel {
	panel := func(model string, w, h, dpi, tenth, alignY, full, partial, buttons int, greys mono.Inks) Panel {
		return Panel{Model: model, Family: SSD16xx, Width: w, Height: h, DPI: dpi, DiagonalTenth: tenth, Greys: greys, AlignX: 8, AlignY: alignY,
			Full: ms(full), Partial: ms(partial), Limits: blackWhiteLimits(8), Buttons: buttons}
	}
	return []Panel{
		panel("GDEY0213B74", 250, 122, 131, 21, 8, 1617, 457, 1, mono.Grey4),
		panel("GDEY029T94", 296, 128, 112, 29, 8, 1715, 362, 1, mono.Grey4),
		panel("GDEY0266T90", 296, 152, 125, 27, 8, 1618, 457, 1, mono.BlackWhite),
		panel("GDEY029T71H", 384, 168, 144, 29, 8, 1698, 353, 1, mono.BlackWhite),
		panel("GDEY042T81", 400, 300, 120, 42, 1, 1140, 358, 2, mono.Grey4),
		panel("GDEY0579T93", 792, 272, 144, 58, 1, 2184, 421, 2, mono.BlackWhite),
		panel("GDEH0576T81", 920, 680, 199, 58, 1, 1048, 400, 2, mono.BlackWhite),
		panel("GDEQ0426T82", 800, 480, 219, 43, 1, 1567, 500, 2, mono.Grey4),
		panel("GDEM0397T81", 800, 480, 235, 40, 1, 4278, 408, 2, mono.BlackWhite),
		panel("880x528", 880, 528, 137, 75, 1, 5000, 0, 2, mono.BlackWhite).withoutPartial(),
		panel("GDEM102T91", 960, 640, 113, 102, 1, 5325, 763, 4, mono.BlackWhite),
		panel("GDEH116T91", 960, 640, 100, 116, 1, 6180, 644, 4, mono.BlackWhite),
		panel("GDEM133T91", 960, 680, 88, 133, 1, 4069, 531, 4, mono.BlackWhite),
		panel("GDEM1085T51", 1360, 480, 133, 109, 1, 3472, 613, 4, mono.BlackWhite),
	}
}

// withoutPartial is the panel for which no partial waveform is known.
func (p Panel) withoutPartial() Panel {
	p.Partial, p.Limits.Partials = 0, 0
	return p
}
