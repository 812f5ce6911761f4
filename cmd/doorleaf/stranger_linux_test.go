package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"doorleaf/devices"
	"doorleaf/devices/broker"
	"doorleaf/devices/simsign"
	"doorleaf/gateway"
	"doorleaf/render/lang"
)

// strangerConnect is a CONNECT of MQTT 3.1.1 with these flags and fields.
func strangerConnect(version, flags byte, fields ...string) []byte {
	body := append([]byte{0, 4}, "MQTT"...)
	body = append(body, version, flags, 0, 30)
	for _, f := range fields {
		body = append(binary.BigEndian.AppendUint16(body, uint16(len(f))), f...)
	}
	return append([]byte{0x10, byte(len(body))}, body...)
}

// Somebody on the network without a credential, against a whole gateway whose
// signs come over TLS. After each attack the witness, a sign, shows another
// picture in time, the broker lives and holds little memory, and the gateway's
// health names what was tried, in every language.
func TestStrangerAtTheGateway(t *testing.T) {
	f := newFleetOf(t, 1, "mqtts", true)
	pem, err := os.ReadFile(filepath.Join(f.data, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	id, secret := benchIdentity(0)
	sign, err := simsign.New(simsign.Options{Gateway: "mqtts://" + f.mqtt, CA: pool, Panel: devices.PanelBySize(800, 480), Serial: "W", AlwaysOn: true,
		Identity: &simsign.Identity{ID: id, Secret: secret}})
	if err != nil {
		t.Fatal(err)
	}
	hang(t, sign)
	shows := func() bool {
		v, err := f.h.core.Door(t.Context(), id)
		return err == nil && v.Trust == gateway.Right && v.ExpectedStep != nil && v.Status.Shown == v.ExpectedStep.Digest && sign.Glass().Digest() == v.ExpectedStep.Digest
	}
	soon(t, "the witness's first picture", shows)

	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 7)}, Timeout: patience}
	dial := func() net.Conn {
		c, err := from.Dial("tcp", f.mqtt)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
		return c
	}
	say := func(newest uint16, packets ...[]byte) {
		for _, p := range packets {
			c := tls.Client(dial(), &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MaxVersion: newest})
			if _, err := c.Write(p); err == nil {
				_, _ = io.Copy(io.Discard, c)
			}
			_ = c.NetConn().Close()
		}
	}
	p, ok := f.h.broker.(*broker.Process)
	if !ok {
		t.Fatalf("serve runs its broker as %T", f.h.broker)
	}
	victim := string(id)
	for _, tt := range []struct {
		kind   devices.IncidentKind
		attack func()
	}{
		{devices.MalformedPacket, func() {
			say(0, make([]byte, 64), []byte("GET / HTTP/1.1\r\n\r\n"), bytes.Repeat([]byte{0xf0, 0}, 50))
			for _, junk := range []string{"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff", strings.Repeat("\x00", 4096)} { // without TLS
				c := dial()
				_, _ = io.WriteString(c, junk)
				_, _ = io.Copy(io.Discard, c)
			}
		}},
		{devices.OversizePacket, func() { say(0, slices.Repeat([][]byte{{0x10, 0xff, 0xff, 0xff, 0x7f}}, 20)...) }},
		{devices.OtherProtocol, func() { say(0, strangerConnect(5, 2, victim)) }},
		{devices.OldTLS, func() { say(tls.VersionTLS12, []byte("x")) }},
		{devices.RefusedPassword, func() {
			say(0, strangerConnect(4, 0xc2, victim, victim, "guess"), strangerConnect(4, 0xc2, "gateway", "gateway", "guess"))
		}},
		{devices.PlantedWill, func() { say(0, strangerConnect(4, 0xe6, "x", "dl/1/"+victim+"/d/want", "planted", "x", "x")) }},
		{devices.KeptSession, func() { say(0, strangerConnect(4, 0xc0, victim, victim, "guess")) }},
		{devices.PairingFlood, func() {
			for i := range 20 {
				c := tls.Client(dial(), &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
				_, _ = c.Write(strangerConnect(4, 0x82, "pair-aaaaaaaaaaaaaa"+string(rune('a'+i%26))+string(rune('a'+i/26)), "pair"))
				_, _ = io.ReadFull(c, make([]byte, 4))
			}
		}},
		{devices.SlowConnect, func() {
			for range 300 {
				dial()
			}
		}},
		{devices.TooManyConnects, func() { // the broker may open few files only
			few := syscall.Rlimit{Cur: 64, Max: 64}
			if _, _, e := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(p.PID()), syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&few)), 0, 0, 0); e != 0 {
				t.Fatal(e)
			}
			var all []net.Conn
			for range 200 {
				all = append(all, dial())
			}
			soon(t, "an accept without a descriptor", func() bool { return p.Stats().AcceptErrors > 0 })
			for _, c := range all {
				_ = c.Close()
			}
		}},
	} {
		t.Run(string(tt.kind), func(t *testing.T) {
			tt.attack()
			before := sign.Glass().Digest()
			f.round++
			if err := f.commit(0, f.day(0, f.round)); err != nil {
				t.Fatal(err)
			}
			f.h.core.AgendaChanged(f.rooms[0].ID)
			begin := time.Now()
			soon(t, "the witness's picture changes", func() bool { return sign.Glass().Digest() != before && shows() })
			took := time.Since(begin)
			soon(t, "it is named", func() bool {
				return slices.ContainsFunc(f.h.around().Incidents, func(i devices.Incident) bool { return i.Kind == tt.kind && i.Count > 0 })
			})
			mb := processMB(p.PID())
			t.Logf("the witness's picture took %v; the broker holds %d MB", took.Round(time.Millisecond), mb)
			if mb > 300 {
				t.Errorf("the broker holds %d MB", mb)
			}
		})
	}
	texts, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.h.core.Health(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	attacks := 0
	for _, c := range r.All() {
		if c.Key.Kind == "attack" {
			attacks++
			if key := "health.attack." + c.Variant; !texts.Has(key) {
				t.Errorf("no sentence %s", key)
			}
		}
	}
	if attacks < 10 {
		t.Errorf("health names %d attacks", attacks)
	}
	if st := p.Stats(); st.Restarts != 0 || st.Panics != 0 {
		t.Errorf("broker %+v", st)
	}
	if signs, err := f.h.store.Signs(t.Context()); err != nil || len(signs) != 1 || len(f.h.core.Joinings(t.Context())) != 0 {
		t.Errorf("%d signs, %d codes, %v", len(signs), len(f.h.core.Joinings(t.Context())), err)
	}
}

// processMB is the memory of a process.
func processMB(pid int) int {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(b, []byte("VmRSS:"))
	kb := 0
	for _, c := range bytes.Fields(after)[0] {
		kb = 10*kb + int(c-'0')
	}
	return kb >> 10
}
