package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/gateway"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/graphtest"
)

const cFolder = "../../firmware-protocol/c"

// buildCSign compiles the sign in C with the sanitizers, or skips the test.
func buildCSign(t *testing.T) string {
	t.Helper()
	compiler, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is missing: install gcc")
	}
	for header, pkg := range map[string]string{"mosquitto.h": "libmosquitto-dev", "mbedtls/gcm.h": "libmbedtls-dev", "openssl/ssl.h": "libssl-dev", "qrcodegen/qrcodegen.h": "libqrcodegen-dev"} {
		probe := exec.Command(compiler, "-E", "-x", "c", "-")
		probe.Stdin = strings.NewReader("#include <" + header + ">\n")
		if probe.Run() != nil {
			t.Skipf("%s is missing: install %s", header, pkg)
		}
	}
	binary := filepath.Join(t.TempDir(), "doorleaf-sign")
	compileCSign(t, binary, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	return binary
}

// cNote is a line that the sign in C prints.
type cNote struct {
	Event  string
	Number int
	Text   string
}

// cSign is a running sign in C.
type cSign struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	end chan error

	mu     sync.Mutex
	notes  []cNote      // guarded by mu
	report bytes.Buffer // guarded by mu
}

func (s *cSign) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report.Write(p)
}

func startCSign(t *testing.T, binary string, args ...string) *cSign {
	t.Helper()
	s := &cSign{t: t, cmd: exec.Command(binary, args...), end: make(chan error, 1)}
	// Leaks cannot be looked for under a tracer, as some CI systems are.
	s.cmd.Env = append(s.cmd.Environ(), "ASAN_OPTIONS=detect_leaks=0")
	s.cmd.Stderr = s
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		s.in, err = s.cmd.StdinPipe()
	}
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for lines := json.NewDecoder(out); ; {
			var n cNote
			if lines.Decode(&n) != nil {
				break
			}
			s.mu.Lock()
			s.notes = append(s.notes, n)
			s.mu.Unlock()
		}
		s.end <- s.cmd.Wait()
	}()
	t.Cleanup(func() {
		s.kill()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.report.Len() > 0 {
			t.Errorf("the sign in C complains: %s", s.report.Bytes())
		}
		if t.Failed() {
			t.Logf("sign in C: %+v", s.notes[max(0, len(s.notes)-60):])
		}
	})
	return s
}

// kill cuts the power.
func (s *cSign) kill() {
	_ = s.cmd.Process.Kill()
	s.end <- <-s.end
}

// ended reports whether the power was cut from within.
func (s *cSign) ended() bool {
	select {
	case err := <-s.end:
		s.end <- err
		return true
	default:
		return false
	}
}

// said returns what the sign said of that kind.
func (s *cSign) said(event string) (notes []cNote) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notes {
		if n.Event == event {
			notes = append(notes, n)
		}
	}
	return notes
}

// cHouse is a gateway with its own broker, and a sign in C.
type cHouse struct {
	t      *testing.T
	office *killOffice
	binary string
	dir    string
	house  *house
	listen string // URL of the broker
	id     devices.SignID
	sign   *cSign
	extra  []string

	claimed string // code typed last
	meeting string
}

func openCHouse(t *testing.T, scheme string, extra ...string) *cHouse {
	t.Helper()
	c := &cHouse{t: t, binary: buildCSign(t), office: newKillOffice(t), dir: t.TempDir(), listen: scheme + "://" + freeAddress(t), extra: extra}
	o := c.office
	conf, err := readConfig("serve", []string{"-data", filepath.Join(c.dir, "gateway"), "-listen", freeAddress(t), "-mqtt-listen", c.listen,
		"-login-url", o.graph.LoginURL(), "-graph-url", o.graph.GraphURL(), "-ca-file", o.caFile, "-poll-interval", "1s"}, nil, stdio{err: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h, err := openHouse(ctx, conf, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	c.house = h
	ended := make(chan error, 1)
	go func() { ended <- h.run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; h.close() })
	id, err := h.store.SaveSettings(ctx, 0, connection.Settings{Cloud: connection.Custom, LoginURL: o.graph.LoginURL(), GraphURL: o.graph.GraphURL(),
		Tenant: o.graph.TenantID(), ClientID: o.app.ClientID, ClientSecret: o.app.Secret})
	if err == nil {
		err = h.store.SaveState(ctx, id, connection.State{Mode: connection.AppOnly, TenantID: o.graph.TenantID()})
	}
	if err == nil {
		err = h.calendars.RefreshRooms(ctx, id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// on switches the sign on with the state it has.
func (c *cHouse) on(extra ...string) *cSign {
	c.t.Helper()
	args := []string{"-gateway", c.listen, "-state", filepath.Join(c.dir, "sign"), "-glass", filepath.Join(c.dir, "glass.pbm"), "-panel", "296x128",
		"-serial", "C-1", "-retry", "300", "-pause", "300"}
	c.sign = startCSign(c.t, c.binary, slices.Concat(args, c.extra, extra)...)
	return c.sign
}

func (c *cHouse) within(what string, ok func() bool) {
	c.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// pair types the code that the sign shows.
func (c *cHouse) pair() {
	c.t.Helper()
	code := ""
	c.within("the code on the glass is known", func() bool {
		codes := c.sign.said("code")
		if len(codes) > 0 {
			code = codes[len(codes)-1].Text
		}
		return len(codes) > 0 && joins(c.house, code)
	})
	id, err := c.house.core.Pair(c.t.Context(), code, "", killRoom)
	if err != nil {
		c.t.Fatal(err)
	}
	c.id = id
}

// right waits until the gateway knows that the glass is right, in a state, and
// returns what is on it.
func (c *cHouse) right(state string) wire.Digest {
	c.t.Helper()
	var v gateway.DoorView
	var digest wire.Digest
	var err error
	ok := func() bool {
		v, err = c.house.core.Door(c.t.Context(), c.id)
		digest, _ = c.glass()
		return err == nil && trusted(v) && v.ExpectedStep != nil && v.ExpectedStep.State == state &&
			wire.Digest(v.Status.Shown) == digest && wire.Digest(v.ExpectedStep.Digest) == digest
	}
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("glass %x is not the gateway's %+v, %v, step %+v, %v", digest[:4], v.Status, v.Trust, v.ExpectedStep, err)
		}
	}
	return digest
}

// trusted reports whether the gateway takes the glass for right; that of a
// sleeping sign it cannot ask.
func trusted(v gateway.DoorView) bool { return v.Trust == gateway.Right || v.Trust == gateway.Sleeping }

// glass names the picture in the file that shows the panel.
func (c *cHouse) glass() (wire.Digest, error) {
	b, err := os.ReadFile(filepath.Join(c.dir, "glass.pbm"))
	if err != nil {
		return wire.Digest{}, err
	}
	var w, h int
	if _, err := fmt.Sscanf(string(b), "P4\n%d %d\n", &w, &h); err != nil {
		return wire.Digest{}, err
	}
	rows := b[len(b)-(w+7)/8*h:]
	head := []byte{'D', 'L', 'G', '1', byte(w), byte(w >> 8), byte(h), byte(h >> 8), 1}
	return wire.Digest(sha256.Sum256(append(head, rows...))), nil
}

// link is a connection with the rights of the gateway.
func (c *cHouse) link() mqtt.Client {
	c.t.Helper()
	user, password := c.house.broker.GatewayCredential()
	o := mqtt.NewClientOptions().AddBroker("mqtt://x").SetClientID("observer").SetUsername(user).SetPassword(password).
		SetProtocolVersion(4).SetAutoReconnect(false).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return c.house.broker.GatewayConn() })
	client := mqtt.NewClient(o)
	if tok := client.Connect(); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		c.t.Fatalf("connect: %v", tok.Error())
	}
	c.t.Cleanup(func() { client.Disconnect(1) })
	return client
}

func (c *cHouse) book() {
	k := killCase{office: c.office, room: killRoom}
	k.book()
}

// The sign in C pairs over TLS, shows what the gateway wants, follows the
// calendar and survives kill -9.
func TestCSign(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, scheme string
		args         []string
	}{
		{"authority, always on", "mqtts", []string{"-always-on", "-ca", "gateway/ca.pem"}},
		{"key seen while pairing, always on", "mqtts", []string{"-always-on", "-chunk", "512"}},
		{"plain", "mqtt", []string{"-always-on"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := openCHouse(t, tt.scheme)
			for i, a := range tt.args {
				if strings.HasSuffix(a, ".pem") {
					tt.args[i] = filepath.Join(c.dir, a)
				}
			}
			c.extra = tt.args
			c.on()
			c.pair()
			free := c.right("free")
			c.book()
			booked := c.right("booked")
			if free == booked {
				t.Error("the glass did not change")
			}
			c.sign.kill()
			s := c.on()
			c.within("it comes back", func() bool { return len(s.said("connected")) > 0 })
			c.right("booked")
			if n := len(s.said("drawn")) + len(s.said("code")); n != 0 {
				t.Errorf("after the cut it drew %d times what was on the glass", n)
			}
		})
	}
}

// errors returns the codes of the errors that the sign in C met.
func (s *cSign) errors() (codes []int) {
	for _, n := range s.said("error") {
		codes = append(codes, n.Number)
	}
	return codes
}

// answered reports whether the last Shown of the sign was acknowledged: an error
// met while one is on its way with the same error is not told twice.
func (s *cSign) answered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range slices.Backward(s.notes) {
		if n.Event == "shown" {
			return true
		}
		if n.Event == "sent" && n.Text == "shown" {
			return false
		}
	}
	return false
}

// Manifests that are forged, cut short, replayed, older, of the same number with
// other content, for another sign or another panel change nothing on the glass,
// and the sign tells the gateway what was wrong [DL-MAN-5] [DL-MAN-6].
func TestCSignRefuses(t *testing.T) {
	t.Parallel()
	c := openCHouse(t, "mqtt", "-always-on")
	var mu sync.Mutex
	reported := map[uint16]bool{} // guarded by mu
	observer := c.link()
	tok := observer.Subscribe("dl/1/+/u/+", 1, func(_ mqtt.Client, m mqtt.Message) {
		topic, err := wire.ParseTopic(m.Topic())
		if err != nil || topic.Name != wire.NameShown {
			return
		}
		if shown, err := wire.UnmarshalShown(m.Payload()); err == nil {
			mu.Lock()
			reported[shown.LastError] = true
			mu.Unlock()
		}
	})
	if !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	c.on()
	c.pair()
	c.right("free")
	first := c.manifest()
	c.book()
	glass := c.right("booked")
	last, key := c.manifest(), c.key()
	body := func(change func(*wire.Body)) []byte {
		m, err := wire.ParseManifest(last, &key, string(c.id))
		if err != nil {
			t.Fatal(err)
		}
		change(&m.Body)
		b, err := m.Body.Append(nil)
		if err == nil {
			b, err = wire.AppendManifest(nil, b, time.Now().UnixMilli(), 600, 0, &key, string(c.id))
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	forged := bytes.Clone(last)
	forged[8]++ // a greater seq without a signature
	foreign, err := wire.AppendManifest(nil, last[:len(last)-30], time.Now().UnixMilli(), 600, 0, &key, "aaaaaaaaaaaaaaaa")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		manifest []byte
		code     devices.ErrorCode
	}{
		{"forged", forged, devices.ErrManifestAuth},
		{"of another sign", foreign, devices.ErrManifestAuth},
		{"cut short", last[:len(last)-1], devices.ErrManifestAuth},
		{"cut to nothing", last[:40], devices.ErrManifestFormat},
		{"replayed", first, devices.ErrManifestOld},
		{"older", body(func(b *wire.Body) { b.Seq-- }), devices.ErrManifestOld},
		{"same number, other content", body(func(b *wire.Body) { b.Steps[0].Object[0] ^= 1 }), devices.ErrManifestConflict},
		{"other panel", body(func(b *wire.Body) { b.Seq += 5; b.Width = 400 }), devices.ErrPanel},
	} {
		c.within(tt.name+": the sign awaits no answer", c.sign.answered)
		before, acknowledged := len(c.sign.errors()), len(c.sign.said("shown"))
		mu.Lock()
		reported = map[uint16]bool{}
		mu.Unlock()
		if tok := observer.Publish(wire.SignTopic(string(c.id), wire.NameWant), 1, false, tt.manifest); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
			t.Fatal(tok.Error())
		}
		c.within(tt.name+": the sign refuses it", func() bool { return len(c.sign.errors()) > before })
		if codes := c.sign.errors(); codes[before] != int(tt.code) {
			t.Errorf("%s: got error %d, want %d", tt.name, codes[before], tt.code)
		}
		c.within(tt.name+": the sign reports it", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return reported[uint16(tt.code)] && len(c.sign.said("shown")) > acknowledged
		})
		if got, err := c.glass(); err != nil || got != glass {
			t.Errorf("%s: the glass changed to %x, %v", tt.name, got[:4], err)
		}
	}
	if n := len(c.sign.said("force")); n < 2 {
		t.Errorf("%d timelines in force: the test does not look at the sign", n)
	}
	c.right("booked")
}

// key is the sign's manifest key, from the secret in its storage.
func (c *cHouse) key() [32]byte {
	c.t.Helper()
	b, err := os.ReadFile(filepath.Join(c.dir, "sign", "identity"))
	if err != nil || len(b) < 4+16+32 {
		c.t.Fatalf("identity of %d bytes, %v", len(b), err)
	}
	keys, err := wire.DeriveKeys(b[20:52], string(c.id))
	if err != nil {
		c.t.Fatal(err)
	}
	return keys.Manifest
}

// manifest is the one in force, as the gateway would send it again.
func (c *cHouse) manifest() []byte {
	c.t.Helper()
	body, err := os.ReadFile(filepath.Join(c.dir, "sign", "body"))
	if err != nil || len(body) < 4 {
		c.t.Fatalf("body of %d bytes, %v", len(body), err)
	}
	key := c.key()
	m, err := wire.AppendManifest(nil, body[:len(body)-4], time.Now().UnixMilli(), 600, 0, &key, string(c.id))
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// The power is cut at each step that matters, from unpacking to the second
// picture; the sign ends up right without help [DL-PWR-2].
func TestCSignPowerCuts(t *testing.T) {
	t.Parallel()
	c := openCHouse(t, "mqtt", "-always-on")
	for _, cut := range []string{"connected:1", "code:1", "sent:2", "paired:1"} {
		s := c.on("-cut", cut)
		c.within("the power is cut at "+cut, func() bool { c.claimAny(); return s.ended() })
	}
	c.on()
	c.within("it is paired after the cuts", func() bool { c.claimAny(); return c.paired() })
	c.right("free")
	for i, cut := range []string{"sent:1", "manifest:1", "object:1", "force:1", "state:2", "drawing:1", "panel:1", "drawn:1", "shown:1"} {
		c.sign.kill()
		c.within("the gateway knows", func() bool { return !c.house.broker.Connected(c.id) })
		now := time.Now().Truncate(time.Minute)
		room := c.office.graph.Calendar(killRoom)
		state := "booked"
		if i%2 == 0 {
			c.meeting = room.Create(graphtest.Event{Subject: "Changed", Start: now, End: now.Add(2 * time.Hour)})
		} else {
			state = "free"
			if err := room.Move(c.meeting, now.Add(26*time.Hour), now.Add(27*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		s := c.on("-cut", cut)
		c.within("the power is cut at "+cut, s.ended)
		c.on()
		c.right(state)
	}
}

// claimAny types the code that the sign shows, if the gateway knows it and
// nobody typed it yet.
func (c *cHouse) claimAny() {
	codes := c.sign.said("code")
	if len(codes) == 0 {
		return
	}
	code := codes[len(codes)-1].Text
	if code == c.claimed || !joins(c.house, code) {
		return
	}
	if id, err := c.house.core.Pair(c.t.Context(), code, "", killRoom); err == nil {
		c.id, c.claimed = id, code
	}
}

func (c *cHouse) paired() bool {
	b, err := os.ReadFile(filepath.Join(c.dir, "sign", "identity"))
	return err == nil && c.id != "" && bytes.Contains(b, []byte(c.id))
}

// A sleeping sign goes to sleep after each conversation, shows what changed
// when it wakes, and tells which button was pressed.
func TestCSignSleeps(t *testing.T) {
	t.Parallel()
	c := openCHouse(t, "mqtts")
	s := c.on()
	c.pair()
	c.right("free")
	c.within("it sleeps", func() bool { return len(s.said("sleep")) > 0 && !c.house.broker.Connected(c.id) })
	c.book()
	for range 100 { // until the gateway has read the calendar
		n := len(s.said("sleep"))
		if _, err := io.WriteString(s.in, "wake\n"); err != nil {
			t.Fatal(err)
		}
		c.within("it sleeps again", func() bool { return len(s.said("sleep")) > n })
		v, err := c.house.core.Door(t.Context(), c.id)
		if err == nil && v.ExpectedStep != nil && v.ExpectedStep.State == "booked" && trusted(v) {
			break
		}
	}
	c.right("booked")
	var mu sync.Mutex
	var presses []wire.Event // guarded by mu
	observer := c.link()
	tok := observer.Subscribe("dl/1/+/u/+", 1, func(_ mqtt.Client, m mqtt.Message) {
		if hello, err := wire.UnmarshalHello(m.Payload()); err == nil && strings.HasSuffix(m.Topic(), "/hello") {
			mu.Lock()
			presses = append(presses, hello.Events...)
			mu.Unlock()
		}
	})
	if !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	if _, err := io.WriteString(s.in, "button 3\n"); err != nil {
		t.Fatal(err)
	}
	c.within("the press is told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(presses) > 0 && presses[0].Button == 3 && presses[0].AgeMillis < 60000
	})
}
