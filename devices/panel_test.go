package devices

import "testing"

func TestPanels(t *testing.T) {
	seen := map[string]bool{}
	area := 0
	for _, p := range Panels() {
		if seen[p.Model] || p.Width <= 0 || p.Height <= 0 || p.DPI <= 0 || p.AlignX%8 != 0 || p.Buttons < 1 {
			t.Errorf("implausible panel %+v", p)
		}
		seen[p.Model] = true
		if got := PanelBySize(p.Width, p.Height); got != p {
			t.Errorf("PanelBySize(%d, %d): got %+v, want %+v", p.Width, p.Height, got, p)
		}
		if a := p.Width * p.Height; a < area/2 {
			t.Errorf("%s is out of order", p.Model)
		} else {
			area = a
		}
	}
	if got := PanelBySize(123, 45); got.Model != "123x45" || got.DPI != 125 || got.AlignX != 8 {
		t.Errorf("unknown size: got %+v", got)
	}
}
