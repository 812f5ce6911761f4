package devices

import "fmt"

// Panel is one kind of e-paper module. Pixels are as mounted in landscape;
// AlignX is the horizontal grid of partial updates in pixels.
type Panel struct {
	Model         string // "800x480" and the like, or a family name
	Width, Height int    // pixels
	DPI           int    // dots per inch
	DiagonalTenth int    // diagonal in tenths of an inch
	AlignX        int
	Buttons       int
}

// Panels lists the catalogue, smallest first. The slice is the caller's.
func Panels() []Panel {
	return []Panel{
		{"250x122", 250, 122, 131, 21, 8, 1},
		{"296x128", 296, 128, 112, 29, 8, 1},
		{"416x240", 416, 240, 130, 37, 8, 2},
		{"400x300", 400, 300, 120, 42, 8, 2},
		{"648x480", 648, 480, 139, 58, 8, 2},
		{"640x384", 640, 384, 100, 75, 8, 2},
		{"800x480", 800, 480, 125, 75, 8, 2},
		{"880x528", 880, 528, 137, 75, 8, 2},
		{"960x640", 960, 640, 113, 102, 8, 4},
		{"960x680", 960, 680, 88, 133, 8, 4},
		{"1304x984", 1304, 984, 131, 125, 8, 4},
		{"1600x1200", 1600, 1200, 150, 133, 8, 4},
		{"1872x1404", 1872, 1404, 227, 103, 32, 4},
	}
}

// PanelBySize returns the catalogue's panel of that size, or a plausible one at
// 125 dpi when the size is not listed.
func PanelBySize(width, height int) Panel {
	for _, p := range Panels() {
		if p.Width == width && p.Height == height {
			return p
		}
	}
	return Panel{Model: fmt.Sprintf("%dx%d", width, height), Width: width, Height: height, DPI: 125, AlignX: 8, Buttons: 1}
}
