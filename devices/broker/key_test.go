package broker

import (
	"maps"
	"testing"

	"doorleaf/devices"
)

// While a secret is renewed both passwords are let in; once the newer one is in
// use the older one is refused, whichever came last.
func TestPasswordsOverlap(t *testing.T) {
	b, auth := start(t, nil)
	keys := func(pass string, next map[devices.SignID]string) {
		auth.mu.Lock()
		defer auth.mu.Unlock()
		auth.pass[signA], auth.next = pass, maps.Clone(next)
	}
	login := func(when, password string, want byte) {
		t.Helper()
		if got := dial(t, b).login(signA, signA, password); got != want {
			t.Errorf("%s: %q: CONNACK %d, want %d", when, password, got, want)
		}
	}
	const in, out = 0, connackNotAuthorized
	login("before", "password-a", in)
	login("before", "newer", out)
	keys("password-a", map[devices.SignID]string{signA: "newer"})
	login("on its way", "password-a", in)
	login("on its way", "newer", in)
	login("on its way", "password-a", in)
	login("on its way", "neither", out)
	login("on its way", "", out)
	login("on its way", "newer", in)
	login("on its way", "password-a", in)
	keys("newer", nil)
	login("in use", "password-a", out)
	login("in use", "newer", in)
	login("in use", "password-a", out)
	login("in use", "newer", in)
}
