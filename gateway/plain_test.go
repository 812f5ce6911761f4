package gateway

import (
	"maps"
	"testing"

	"doorleaf/devices"
)

// Which signs call without TLS outlives the gateway, and is written only when it
// changes.
func TestPlainSignsAreKept(t *testing.T) {
	store := &pinRecord{plain: map[devices.SignID]bool{}}
	var connected, plain bool // the sign, now
	start := func() *Core {
		c := pinCore(store, 0)
		c.plain.now = func(devices.SignID) bool { return connected && plain }
		c.connected = func(devices.SignID) bool { return connected }
		return c
	}
	core := start()
	load := func() {
		if err := core.loadPlain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	load()
	steps := []struct {
		name             string
		do               func()
		connected, plain bool
		kind             devices.ReportKind
		kept             bool
		writes           int
	}{
		{"over TLS, as all are", nil, true, false, devices.HelloReport, false, 0},
		{"without", nil, true, true, devices.HelloReport, true, 1},
		{"again", nil, true, true, devices.HelloReport, true, 0},
		{"gone before it was read", nil, false, false, devices.HelloReport, true, 0},
		{"a shown says nothing", nil, true, false, devices.ShownReport, true, 0},
		{"after a restart, gone", func() { core = start(); load() }, false, false, devices.HelloReport, true, 0},
		{"after a restart, still so", func() { core = start(); load() }, true, true, devices.HelloReport, true, 0},
		{"after a restart, over TLS", func() { core = start(); load() }, true, false, devices.HelloReport, false, 1},
		{"again over TLS", nil, true, false, devices.HelloReport, false, 0},
		{"after a restart, again over TLS", func() { core = start(); load() }, true, false, devices.HelloReport, false, 0},
		{"before the start is over", func() { core = start() }, true, true, devices.HelloReport, true, 1},
		{"and over TLS", func() { core = start() }, true, false, devices.HelloReport, false, 1},
		{"the start ends", load, true, false, devices.HelloReport, false, 0},
	}
	for _, s := range steps {
		if s.do != nil {
			s.do()
		}
		connected, plain = s.connected, s.plain
		before := store.writes
		core.seePlain(t.Context(), devices.Report{Kind: s.kind, Sign: "one"})
		want := map[devices.SignID]bool{}
		if s.kept {
			want["one"] = true
		}
		if got := store.writes - before; got != s.writes || !maps.Equal(store.plain, want) {
			t.Errorf("%s: %d writes, kept %v, want %d and %v", s.name, got, store.plain, s.writes, want)
		}
	}
}
