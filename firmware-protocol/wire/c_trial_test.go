package wire

import (
	"fmt"
	"slices"
	"testing"
)

// On trial Hello names the firmware before, after the check-in the new one; that
// it is offered again meanwhile is no error [DL-FW-5].
func testCFirmwareOnTrial(t *testing.T, runner string) {
	t.Parallel()
	for _, tls := range []bool{true, false} {
		for _, early := range []bool{false, true} {
			t.Run(fmt.Sprintf("TLS %v, early %v", tls, early), func(t *testing.T) {
				w := openWorld(t, runner, false, tls)
				w.early = early
				w.update()
				w.hellos, w.errors = nil, nil
				w.boot(0)
				if !w.run(func() bool { return w.asleep() }) {
					t.Fatal("cut")
				}
				var numbers []uint32
				for _, h := range w.hellos {
					numbers = append(numbers, h.FirmwareNumber)
				}
				if want := []uint32{1, 2}; !slices.Equal(numbers, want) || !w.good() {
					t.Errorf("Hello names %d, want %d; good %v", numbers, want, w.good())
				}
				if slices.Max(w.errors) != 0 {
					t.Errorf("errors %v", w.errors)
				}
			})
		}
	}
}

// A sign does not wait for a manifest that came before the Ack [DL-FLOW-1].
func testCEarlyManifest(t *testing.T, runner string) {
	t.Parallel()
	w := openWorld(t, runner, false, true)
	w.early = true
	w.boot(0)
	if !w.run(func() bool { return w.asleep() }) {
		t.Fatal("cut")
	}
	if !w.shown || len(w.hellos) != 1 {
		t.Errorf("shown %v after %d hellos, want 1", w.shown, len(w.hellos))
	}
}

// asleep reports whether the sign has gone to sleep.
func (w *world) asleep() bool { return slices.Contains(w.log[max(0, len(w.log)-6):], "note 15 0") }
