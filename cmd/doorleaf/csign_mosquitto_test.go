package main

import (
	"testing"
	"time"
)

// The sign in C pairs and shows through Debian's mosquitto over TLS.
func TestCSignOnMosquitto(t *testing.T) {
	t.Parallel()
	binary := buildCSign(t)
	m := dynamicSecurity(t)
	o := newOutsideCase(t, m, m.file("cert.pem"), "-mqtt-provision", "mosquitto", "-mqtt-password-file", m.secret("gateway", "the gateway's own"),
		"-mqtt-admin-user", "root", "-mqtt-admin-password-file", m.secret("root", brokerPassword))
	m.start()
	o.up()
	o.agreed(time.Time{})
	c := &cHouse{t: t, binary: binary, office: o.office, dir: o.dir, house: o.house, listen: m.url(), extra: []string{"-always-on", "-ca", m.file("cert.pem")}}
	c.on()
	c.pair()
	c.right("free")
	o.book("Meeting")
	c.right("booked")
	m.kill()
	o.within("the gateway sees that the broker is gone", func() bool { return !o.house.link.State().Connected })
	m.start()
	o.within("the gateway is back", func() bool { return o.house.link.State().Connected })
	c.right("booked")
	if err := o.house.core.Unpair(t.Context(), c.id); err != nil {
		t.Fatal(err)
	}
	before := c.id
	c.pair()
	if c.id == before {
		t.Error("an id was given again")
	}
	c.right("booked")
}
