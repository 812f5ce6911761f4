package broker

import (
	"maps"
	"testing"

	"doorleaf/devices"
)

// A password that was let in before is asked for again, while its session stays.
func TestForget(t *testing.T) {
	inside, insideAuth := start(t, nil)
	apart, apartAuth, _ := startProcess(t, nil)
	for name, c := range map[string]struct {
		b interface {
			server
			Forget(devices.SignID)
		}
		auth *signs
	}{"inside": {inside, insideAuth}, "process": {apart, apartAuth}} {
		t.Run(name, func(t *testing.T) {
			g, s := gateway(t, c.b), sign(t, c.b, signA, "password-a")
			c.auth.mu.Lock()
			c.auth.pass[signA] = "newer"
			c.auth.mu.Unlock()
			c.b.Forget(signA)
			c.b.Forget("nobody")
			if got := dial(t, c.b).login(signA, signA, "password-a"); got != connackNotAuthorized {
				t.Errorf("the password before: CONNACK %d", got)
			}
			s.send(publishPacket(2, "dl/1/"+signA+"/u/hello", "still here"))
			if _, payload := g.message(); payload != "still here" {
				t.Errorf("the session said %q", payload)
			}
			if got := dial(t, c.b).login(signA, signA, "newer"); got != 0 {
				t.Errorf("the newer one: CONNACK %d", got)
			}
		})
	}
}

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
