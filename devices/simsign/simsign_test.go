package simsign_test

import (
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
)

func alwaysOn(o *simsign.Options) { o.AlwaysOn = true }

func TestPairAndShow(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*simsign.Options)
	}{
		{"sleeping", nil},
		{"always on", alwaysOn},
		{"raw only", func(o *simsign.Options) { o.Minimal = true }},
		{"small chunks", func(o *simsign.Options) { o.Minimal, o.Chunk = true, 256 }},
		{"wrong clock", func(o *simsign.Options) { o.ClockSkew = -400 * 24 * time.Hour }},
		{"large panel", func(o *simsign.Options) { o.Panel = devices.PanelBySize(800, 480) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			d := s.door(tt.change)
			id := d.claim()
			r := d.Glass().Rect
			s.show(id, r.Dx(), r.Dy(), time.Hour, 1, 2, 3)
			d.Wake()
			s.confirmed(d, id, 1)
			s.show(id, r.Dx(), r.Dy(), time.Hour, 4, 2)
			d.Wake()
			s.confirmed(d, id, 4)
			s.core.mu.Lock()
			defer s.core.mu.Unlock()
			if s.core.mismatch != 0 {
				t.Errorf("mismatches: got %d, want 0", s.core.mismatch)
			}
			if hw := s.core.hardware[id]; hw.Serial != "SN-0042" || hw.Width != r.Dx() {
				t.Errorf("hardware: got %+v", hw)
			}
		})
	}
}
