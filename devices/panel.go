package devices

import (
	"fmt"

	"doorleaf/devices/catalogue"
)

// Panel is one size of e-paper module, as pages and simulated signs need it;
// devices/catalogue knows more of each module. Pixels are as mounted in
// landscape; AlignX is the horizontal grid of partial updates in pixels.
type Panel struct {
	Model         string // "800x480" and the like, or a part number
	Width, Height int    // pixels
	DPI           int    // dots per inch
	DiagonalTenth int    // diagonal in tenths of an inch
	AlignX        int
	Buttons       int
}

// Panels lists the sizes of the catalogue, smallest first, each by its usual
// module. The slice is the caller's.
func Panels() []Panel {
	var sizes []Panel
	for _, p := range catalogue.Panels() {
		if n := len(sizes); n == 0 || sizes[n-1].Width != p.Width || sizes[n-1].Height != p.Height {
			sizes = append(sizes, sized(p))
		}
	}
	return sizes
}

// PanelBySize returns the catalogue's panel of that size, or a plausible one at
// 125 dpi when the size is not listed.
func PanelBySize(width, height int) Panel { return PanelOf(Hardware{Width: width, Height: height}) }

// PanelOf returns the panel of a sign: by its model when that is listed and the
// size fits, else by its size. Model is the size, Width and Height are those of
// the sign.
func PanelOf(h Hardware) Panel {
	p := sized(catalogue.Of(h.Model, h.Width, h.Height))
	if p.Width != h.Width {
		p.Width, p.Height = h.Width, h.Height
		p.Model = fmt.Sprintf("%dx%d", h.Width, h.Height)
	}
	return p
}

func sized(p catalogue.Panel) Panel {
	return Panel{Model: fmt.Sprintf("%dx%d", p.Width, p.Height), Width: p.Width, Height: p.Height, DPI: p.DPI,
		DiagonalTenth: p.DiagonalTenth, AlignX: p.AlignX, Buttons: p.Buttons}
}
