package wire

import "testing"

// What the sign in C reports it signs, also with a secret that was renewed; world
// checks each MAC [DL-KEY-8].
func TestCReports(t *testing.T) {
	t.Parallel()
	runner := buildRenew(t)
	for _, alwaysOn := range []bool{true, false} {
		w := openWorld(t, runner, alwaysOn, true)
		if !w.boot(0) || !w.run(func() bool { return w.shown }) {
			t.Fatal("cut")
		}
		press := func(button uint8) {
			t.Helper()
			before := len(w.presses)
			hellos := len(w.hellos)
			w.do("press " + string('0'+button))
			told := func() bool { // by itself, or in the Hello of a sign that woke for it
				return len(w.presses) > before || len(w.hellos) > hellos && len(w.last().Events) > 0
			}
			if !w.run(told) {
				t.Fatal("cut")
			}
			if alwaysOn && (len(w.presses) != before+1 || w.presses[before].Button != button || w.presses[before].MAC == (MAC{})) {
				t.Errorf("presses %+v, want button %d", w.presses[before:], button)
			}
		}
		press(2)
		w.wants = 1
		if !w.run(func() bool { return w.last().KeyNumber == 1 }) {
			t.Fatal("cut")
		}
		press(3)
		if got := w.last(); got.MAC == (MAC{}) || got.KeyNumber != 1 {
			t.Errorf("last hello %+v", got)
		}
	}
}
