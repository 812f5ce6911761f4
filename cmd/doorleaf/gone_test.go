package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// atOnce is how soon a sign that was removed shows another code.
const atOnce = 3 * time.Second

// manager is the first administrator, without a browser.
func (o *office) manager() *http.Client {
	o.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: patience}
	link, err := url.Parse(o.setupURL())
	if err != nil {
		o.t.Fatal(err)
	}
	o.post(c, "/m/setup", url.Values{"token": {link.Query().Get("token")}, "name": {"office"}, "password": {"correct horse battery"}, "language": {"en"}, "zone": {"Europe/Berlin"}})
	return c
}

// post sends a form and returns the path of the page that comes of it.
func (o *office) post(c *http.Client, path string, form url.Values) string {
	o.t.Helper()
	res, err := c.PostForm(o.base+path, form)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusUnprocessableEntity && form.Get("code") != "" {
		return "" // the sign shows the code a moment before the gateway knows
	}
	if page, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		o.t.Fatalf("POST %s: %s, %v\n%s", path, res.Status, err, page)
	}
	return res.Request.URL.Path
}

// A manager who removes a connected sign sees it show another code at once, and
// can pair it there and then; the sign that a new one replaces as well.
func TestRemovedSignShowsACodeAtOnce(t *testing.T) {
	o := newOffice(t)
	manager := o.manager()
	enter := func(path string, s *sign) (door string) {
		t.Helper()
		form := url.Values{"code": {s.next("pairing", nil).Code}, "name": {"By the lift"}}
		for range 5 {
			if door = o.post(manager, path, form); door != "" {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if !strings.HasPrefix(door, "/m/doors/") {
			t.Fatalf("after pairing: %q", door)
		}
		return door
	}
	pair := func(s *sign) (path string) {
		t.Helper()
		path = enter("/m/pair", s)
		s.next("paired", nil)
		s.next("shown", nil)
		return path
	}
	s := o.startSign(o.mqtt)
	for range 3 {
		path := pair(s)
		begin := time.Now()
		o.post(manager, path+"/unpair", nil)
		s.next("unpaired", nil)
		if d := time.Since(begin); d > atOnce {
			t.Errorf("told after %v", d)
		}
	}
	old := pair(s)
	other := o.startSign(o.mqtt)
	begin := time.Now()
	if path := enter(old+"/replace", other); path == old {
		t.Errorf("replaced by itself: %s", path)
	}
	other.next("paired", nil)
	s.next("unpaired", nil)
	s.next("pairing", nil)
	if d := time.Since(begin); d > 2*atOnce {
		t.Errorf("replaced after %v", d)
	}
}

// So does one at a broker that is not ours, which cannot be asked who is
// connected, also after the gateway was started anew meanwhile.
func TestRemovedSignAtAForeignBroker(t *testing.T) {
	t.Parallel()
	m := dynamicSecurity(t)
	c := newOutsideCase(t, m, m.file("cert.pem"), "-mqtt-provision", "mosquitto", "-mqtt-password-file", m.secret("gateway", "the gateway's own"),
		"-mqtt-admin-user", "root", "-mqtt-admin-password-file", m.secret("root", brokerPassword))
	c.broker.start()
	c.up()
	c.agreed(time.Time{})
	c.switchOn()
	for _, restart := range []bool{false, true} {
		id := c.pair()
		c.right(id, "free")
		if restart {
			c.down()
			begin := time.Now()
			c.up()
			c.agreed(begin)
			c.within("the gateway is at the broker", func() bool { return c.house.link.State().Connected })
		}
		c.mu.Lock()
		seen := len(c.events)
		c.mu.Unlock()
		begin := time.Now()
		if err := c.house.core.Unpair(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		since := func(name string) (n int) {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, e := range c.events[seen:] {
				if e.Event == name {
					n++
				}
			}
			return n
		}
		c.within("another code", func() bool { return since("pairing") > 0 })
		if d := time.Since(begin); d > atOnce || since("unpaired") != 1 || since("offline") != 0 {
			t.Errorf("started anew %t: after %v, unpaired %d times, offline %d times", restart, d, since("unpaired"), since("offline"))
		}
	}
}
