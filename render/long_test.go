package render

import (
	"strings"
	"testing"
	"time"
)

// Texts of any length and kind are drawn in bounded time.
func TestLongTextsAreDrawnInTime(t *testing.T) {
	limit := time.Second
	if raceDetector {
		limit *= 4
	}
	r := newRenderer(t)
	warmScripts(t, r)
	for name, s := range map[string]string{
		"letters": strings.Repeat("W", 60<<10),
		"words":   strings.Repeat("a b ", 15<<10),
		"missing": strings.Repeat("漢字", 10<<10),
		"marks":   "e" + strings.Repeat("\u0301", 30<<10),
		"bytes":   strings.Repeat("\xff", 60<<10),
	} {
		d := Examples()[4].Door
		d.Room, d.Title, d.Organizer, d.Note, d.QR, d.QRCaption = s, s, s, s, s, s
		d.Next = make([]Row, 64)
		for i := range d.Next {
			d.Next[i].Title = s
		}
		for _, p := range []Panel{{128, 296, 112}, {800, 480, 125}, {1872, 1404, 227}} {
			checkTime(t, r, limit, []any{name, p}, func(r *Renderer) error { _, err := r.Draw(nil, d, p); return err })
		}
	}
}
