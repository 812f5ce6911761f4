package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorleaf/devices/simsign"
)

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
	if page, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		o.t.Fatalf("POST %s: %s, %v\n%s", path, res.Status, err, page)
	}
	return res.Request.URL.Path
}

// knows waits until the gateway knows the sign that shows a code: the sign shows it
// a moment before, and few codes may be typed wrong. The page of a code counts a
// wrong one only once.
func (o *office) knows(c *http.Client, code string) {
	o.t.Helper()
	soon(o.t, "the code is known", func() bool {
		res, err := c.Get(o.base + "/m/pair?c=" + code)
		if err != nil {
			o.t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusUnprocessableEntity {
			o.t.Fatalf("GET /m/pair: %s", res.Status)
		}
		return res.StatusCode == http.StatusOK
	})
}

// toldGone waits until a removed sign shows another code. It must have been told,
// and not have found out by being cut off, which makes it try again first.
func (s *sign) toldGone() (code string) {
	s.t.Helper()
	for _, want := range []string{"unpaired", "pairing"} {
		var e simsign.Event
		_, at := s.waitFor("sign: "+want, s.seen, func(line string) bool {
			e = simsign.Event{}
			return json.Unmarshal([]byte(line), &e) == nil && (e.Event == want || e.Event == "offline")
		})
		s.seen = at + 1
		if e.Event == "offline" {
			s.t.Fatalf("cut off before it was %s: %s", want, e.Error)
		}
		code = e.Code
	}
	return code
}

// A manager who removes a connected sign sees it show another code at once, and
// can pair it there and then; the sign that a new one replaces as well.
func TestRemovedSignShowsACodeAtOnce(t *testing.T) {
	o := newOffice(t)
	manager := o.manager()
	enter := func(path, code string) (door string) {
		t.Helper()
		o.knows(manager, code)
		door = o.post(manager, path, url.Values{"code": {code}, "name": {"By the lift"}})
		if !strings.HasPrefix(door, "/m/doors/") {
			t.Fatalf("after pairing: %q", door)
		}
		return door
	}
	s := o.startSign(o.mqtt)
	pair := func(code string) (path string) {
		t.Helper()
		path = enter("/m/pair", code)
		s.next("paired", nil)
		s.next("shown", nil)
		return path
	}
	code := s.next("pairing", nil).Code
	for range 3 {
		o.post(manager, pair(code)+"/unpair", nil)
		code = s.toldGone()
	}
	old := pair(code)
	other := o.startSign(o.mqtt)
	if path := enter(old+"/replace", other.next("pairing", nil).Code); path == old {
		t.Errorf("replaced by itself: %s", path)
	}
	other.next("paired", nil)
	s.toldGone()
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
		if since("unpaired") != 1 || since("offline") != 0 { // one that is cut off finds out by trying again
			t.Errorf("started anew %t: unpaired %d times, offline %d times", restart, since("unpaired"), since("offline"))
		}
	}
}
