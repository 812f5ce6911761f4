package wire

import (
	"fmt"
	"testing"
	"time"
)

// A sign in C that is told that it was removed shows a new code at once; what
// is no genuine word of it changes nothing [DL-PAIR-13].
func testCRemoved(t *testing.T, runner string) {
	t.Parallel()
	v := vectors(t, "removed.json", func() removedVector { return newRemovedVector(t) })
	for _, alwaysOn := range []bool{true, false} {
		for _, c := range v.Cases {
			w := openWorld(t, runner, alwaysOn, true)
			keys := must[Keys](t)(DeriveKeys(w.secrets[0], cSignID))
			if keys.Manifest != [32]byte(v.Manifest) {
				t.Fatal("removed.json is about another key")
			}
			if !w.boot(0) || !w.run(func() bool { return len(w.hellos) > 0 }) {
				t.Fatal("cut")
			}
			begin := len(w.log)
			w.do(fmt.Sprintf("message gone %x", []byte(c.Message)))
			if c.Error != "" {
				if w.pairing(begin) {
					t.Errorf("%s: the sign pairs anew", c.Name)
				}
				continue
			}
			w.accepted, w.online, w.queue = nil, false, nil
			if took := w.pairsAnew(0); took > 2*time.Second {
				t.Errorf("%s: it pairs anew after %s", c.Name, took)
			}
		}
	}
}
