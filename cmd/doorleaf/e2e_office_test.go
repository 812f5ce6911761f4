package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorleaf/devices/simsign"
	"doorleaf/graphsync/graphtest"
)

// office is a company as a test needs it: the stand-in for Microsoft 365 and a
// gateway process that knows nothing yet.
type office struct {
	t       *testing.T
	graph   *graphtest.Server
	app     graphtest.App
	data    string // the gateway's folder
	base    string // http://localhost:PORT
	mqtt    string // HOST:PORT of the TLS listener
	gateway *child
}

// aurora is the room the tests move meetings in; the office's own meetings
// keep out of it.
const aurora = "aurora@practice.example"

func newOffice(t *testing.T) *office {
	t.Helper()
	graph, err := graphtest.New(graphtest.Options{Office: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { graph.Close() })
	graph.AddRoom(graphtest.Room{Email: aurora, Name: "Aurora", TimeZone: "Europe/Berlin", Building: "Spreehof", Capacity: 5})
	o := &office{t: t, graph: graph, data: filepath.Join(t.TempDir(), "gateway"), mqtt: freeAddress(t)}
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	o.base = "http://localhost:" + port
	o.app = graph.RegisterApp(graphtest.AppRegistration{Name: "Doorleaf", RedirectURIs: []string{o.base + "/m"},
		Delegated:   []string{"offline_access", "Calendars.Read", "Calendars.Read.Shared", "Place.Read.All"},
		Application: []string{"Place.Read.All", "Calendars.Read"}})
	ca := filepath.Join(t.TempDir(), "practice-ca.pem")
	if err := os.WriteFile(ca, graph.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	o.gateway = startChild(t, "1", []string{
		"DOORLEAF_DATA=" + o.data, "DOORLEAF_LISTEN=127.0.0.1:" + port, "DOORLEAF_MQTT_LISTEN=mqtts://" + o.mqtt,
		"DOORLEAF_LOGIN_URL=" + graph.LoginURL(), "DOORLEAF_GRAPH_URL=" + graph.GraphURL(), "DOORLEAF_CA_FILE=" + ca,
		"DOORLEAF_POLL_INTERVAL=1s"}, "serve")
	o.gateway.waitFor("listening", 0, func(l string) bool { return strings.Contains(l, "msg=listening") })
	return o
}

// admin is the address of the person who may consent for the organization.
func (o *office) admin() string { return graphtest.AdminName + "@" + o.graph.Domain() }

// setupURL is the one-time link in the gateway's log.
func (o *office) setupURL() string {
	o.t.Helper()
	line, _ := o.gateway.waitFor("link for the first administrator", 0, func(l string) bool { return strings.Contains(l, "/m/setup?token=") })
	for word := range strings.FieldsSeq(line) {
		if link, ok := strings.CutPrefix(word, "open="); ok {
			return strings.Trim(link, `"`)
		}
	}
	o.t.Fatalf("no link in %q", line)
	return ""
}

// sign is a `doorleaf sign` process.
type sign struct {
	*child
	glass string // PNG file
	seen  int    // lines looked at
}

// startSign switches on a new sign whose connection runs through the given
// address.
func (o *office) startSign(address string) *sign {
	o.t.Helper()
	dir := o.t.TempDir()
	s := &sign{glass: filepath.Join(dir, "glass.png")}
	s.child = startChild(o.t, "1", nil, "sign", "-gateway", "mqtts://"+address, "-ca", filepath.Join(o.data, "ca.pem"),
		"-panel", "800x480", "-state", filepath.Join(dir, "state"), "-glass", s.glass, "-always-on")
	return s
}

// next waits for the next event with this name that satisfies ok.
func (s *sign) next(name string, ok func(simsign.Event) bool) simsign.Event {
	s.t.Helper()
	var e simsign.Event
	_, at := s.waitFor("sign: "+name, s.seen, func(line string) bool {
		e = simsign.Event{}
		return json.Unmarshal([]byte(line), &e) == nil && e.Event == name && (ok == nil || ok(e))
	})
	s.seen = at + 1
	return e
}

// valve is a way for bytes that a test can close towards the sign, to look at
// what happens while its answers are still on their way.
type valve struct {
	listener net.Listener
	gate     chan struct{} // full while the valve is shut
}

// openValve listens on loopback and passes everything on to address.
func openValve(t *testing.T, address string) *valve {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &valve{listener: l, gate: make(chan struct{}, 1)}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go v.pass(conn, address)
		}
	}()
	return v
}

func (v *valve) address() string { return v.listener.Addr().String() }

func (v *valve) pass(sign net.Conn, address string) {
	defer sign.Close()
	gateway, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer gateway.Close()
	go func() {
		defer gateway.Close()
		copyBytes(gateway, sign, func() {})
	}()
	copyBytes(sign, gateway, func() { v.shut()() })
}

// copyBytes copies until one side ends; before is called for each piece.
func copyBytes(to, from net.Conn, before func()) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			before()
			if _, werr := to.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// shut holds back what is on its way to the sign, until open is called. It waits
// while the valve is shut.
func (v *valve) shut() (open func()) {
	v.gate <- struct{}{}
	return func() { <-v.gate }
}
