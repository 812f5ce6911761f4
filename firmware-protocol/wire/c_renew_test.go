package wire

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const cSignID = "k7qf2m4pabcdefgh"

// buildRenew compiles the core of the sign with the runner of these tests.
func buildRenew(t *testing.T, flags ...string) string {
	t.Helper()
	compiler := need(t, "gcc", "gcc")
	for header, pkg := range map[string]string{"mbedtls/gcm.h": "libmbedtls-dev", "openssl/evp.h": "libssl-dev"} {
		probe := exec.Command(compiler, "-E", "-x", "c", "-")
		probe.Stdin = strings.NewReader("#include <" + header + ">\n")
		if probe.Run() != nil {
			t.Skipf("%s is missing: install %s", header, pkg)
		}
	}
	runner := filepath.Join(t.TempDir(), "sign_runner")
	if len(flags) == 0 {
		flags = []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=all"}
	}
	args := append([]string{compiler, "-O1", "-g", "-I../c/sign", "-o", runner, "../c/sign/test/sign_runner.c", "../c/sign/test/disk.c", "../c/sign/mbedtls/dl_mbedtls.c",
		"../c/sign/openssl/dl_openssl.c"}, strictC...)
	compile(t, slices.Concat(args, flags, signSources(t), cSources(t), []string{"-lmbedcrypto", "-lcrypto"})...)
	return runner
}

// The sign in C renews its secret and its firmware.
func TestCRenew(t *testing.T) {
	t.Parallel()
	runner := buildRenew(t)
	for name, test := range map[string]func(*testing.T, string){
		"key": testCRenewsKey, "key, old gateway": testCOldGateway, "key, swapped": testCSwappedKey, "key, refused": testCRefusesKeys, "key, vectors": testCKeyVectors, "refusals": testCRefusals, "removed": testCRemoved,
		"firmware on trial": testCFirmwareOnTrial, "manifest before its Ack": testCEarlyManifest,
		"firmware": testCFirmware, "firmware, vectors": testCFirmwareVectors, "firmware goes back": testCFirmwareGoesBack,
		"firmware, refused": testCFirmwareRefuses, "firmware, other offer": testCFirmwareOtherOffer,
		"pull": testCPull, "pull of firmware": testCPullsFirmware, "timeline": testCTimeline, "objects of a timeline": testCTimelineObjects,
		"timeline takes over": testCTimelineTakesOver, "timeline fails": testCTimelineFails, "timeline, power": testCTimelinePower, "timeline, damaged": testCTimelineDamaged,
	} {
		t.Run(name, func(t *testing.T) { test(t, runner) })
	}
}

// valgrind finds nothing while it does.
func TestCRenewValgrind(t *testing.T) {
	t.Parallel()
	valgrind := need(t, "valgrind", "valgrind")
	runner := buildRenew(t, "-O0")
	watched := filepath.Join(t.TempDir(), "watched")
	script := "#!/bin/sh\nexec " + valgrind + " -q --error-exitcode=9 " + runner + " \"$@\"\n"
	if err := os.WriteFile(watched, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	w := openWorld(t, watched, true, true)
	w.wants = 1
	w.offers(2, "epd-64", 1500)
	w.insist(0, func() bool { return w.booted == [2]uint32{1, 2} && w.runs(2)() && w.last().KeyNumber == 1 })
}

// world is a sign in C, a gateway and the time between them.
type world struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	report bytes.Buffer

	// The gateway.
	tls      bool
	secrets  map[uint32][]byte
	accepted []uint32 // numbers of the secrets that open a connection
	wants    uint32   // number of the secret to ask for, 0: none
	asked    Key      // last question
	answer   []byte   // to it
	stored   []uint32 // numbers that the sign said it has stored
	release  []byte
	image    []byte
	images   map[uint32][]byte // by number of the firmware
	object   []byte
	body     []byte
	glass    Digest
	deaf     bool                     // the gateway answers nothing about keys
	forge    func([]byte) []byte      // changes what goes to the sign as d/key and d/fw
	newest   uint32                   // number of the firmware that needs no offer, 2 when 0
	swaps    bool                     // the broker keeps one password
	mute     bool                     // it does not acknowledge that a secret is stored
	down     bool                     // nobody answers
	early    bool                     // a manifest comes before the Ack that says that it follows
	spoil    bool                     // blocks of the image are of another one
	serve    func(Get, Block) []Block // what is sent for a Get, nil: that block
	burst    bool                     // the sign does nothing between messages that wait for it
	stock    map[ObjectHash][]byte    // more objects
	seq      uint32                   // of the manifest, 0: 1

	set       func(*[32]byte) Pins // server keys to tell, nil: none
	forgePins func([]byte) []byte  // changes them on the way

	// What happened.
	pinned struct {
		number uint32
		error  uint16
		keys   []byte
	}
	connected  uint32 // number of the secret of the connection
	online     bool
	hellos     []Hello
	presses    []Event // in messages of their own
	errors     []uint16
	asks, gets int
	draws      []drawn
	shows      []Shown
	booted     [2]uint32 // slot and number
	shown      bool
	log        []string
	dump       map[int]string
	written    string
	restarted  bool
	queue      []string // for the sign, after this step
}

// drawn is a picture that the sign drew: refresh as the port was told, and where in
// the log.
type drawn struct {
	glass   Digest
	refresh string
	at      int
}

var cMaker = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0x4d}, 32))

func openWorld(t *testing.T, runner string, alwaysOn, tls bool) *world {
	t.Helper()
	return openWorldAsking(t, runner, alwaysOn, tls, 512)
}

// openWorldAsking is openWorld with a sign that asks for so many bytes at once.
func openWorldAsking(t *testing.T, runner string, alwaysOn, tls bool, chunk int) *world {
	t.Helper()
	w := &world{t: t, tls: tls, secrets: map[uint32][]byte{0: bytes.Repeat([]byte{0x5a}, 32)}, accepted: []uint32{0}, images: map[uint32][]byte{}}
	kind := "sleeping"
	if alwaysOn {
		kind = "always-on"
	}
	w.cmd = exec.Command(runner, hex.EncodeToString(cMaker.Public().(ed25519.PublicKey)), "epd-64", kind, strconv.Itoa(chunk))
	w.cmd.Env = append(w.cmd.Environ(), "ASAN_OPTIONS=detect_leaks=0")
	w.cmd.Stderr = &w.report
	out, err := w.cmd.StdoutPipe()
	if err == nil {
		w.in, err = w.cmd.StdinPipe()
	}
	if err == nil {
		err = w.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	w.out = bufio.NewReader(out)
	t.Cleanup(w.close)
	// As it left the factory [DL-FAC-1], before secrets had numbers.
	w.do("record 0 " + hex.EncodeToString(slices.Concat([]byte("DLI\x01"+cSignID), w.secrets[0], make([]byte, 33))))
	picture := noise(64, 16, 5)
	w.glass = picture.Digest()
	w.object = rawObject(picture, []part{{encoding: EncodingRaw, w: 64, h: 16, payload: picture.Pix}}, nil)
	body := Body{Epoch: 1, Seq: 1, Width: 64, Height: 16, Steps: []Step{{Object: sha256.Sum256(w.object), Size: uint32(len(w.object)), Glass: w.glass,
		From: 1, Until: 1 << 31}}}
	if w.body, err = body.Append(nil); err != nil {
		t.Fatal(err)
	}
	return w
}

// close ends the sign, which must not have complained.
func (w *world) close() {
	if w.in == nil {
		return
	}
	_ = w.in.Close()
	w.in = nil
	_, _ = io.Copy(io.Discard, w.out)
	if err := w.cmd.Wait(); err != nil || w.report.Len() > 0 {
		w.t.Errorf("sign in C: %v\n%s", err, w.report.Bytes())
	}
	if w.t.Failed() {
		w.t.Logf("%s", strings.Join(w.log[max(0, len(w.log)-40):], "\n"))
	}
}

// insist starts the sign again whenever the power was cut, and reports whether
// it never was.
func (w *world) insist(cut int, until func() bool) bool {
	w.t.Helper()
	cuts := 0
	for command := fmt.Sprintf("boot %d", cut); !w.do(command) || !w.run(until); {
		if command = "again"; !w.restarted {
			cuts++
			command = "boot 0"
		}
		if w.restarted = false; cuts > 9 {
			w.t.Fatalf("cut %d: %d starts do not do", cut, cuts)
		}
	}
	return cuts == 0
}

// offers lets the gateway have a release.
func (w *world) offers(number uint32, model string, size int) {
	w.t.Helper()
	w.image = noise(800, size/100, uint64(number)).Pix
	w.images[number] = w.image
	r := Release{Model: model, Version: "2", Number: number, Size: uint32(size), Image: sha256.Sum256(w.image)}
	err := r.Sign(cMaker)
	if err == nil {
		w.release, err = r.Marshal()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// do sends one command and handles what the sign does; false when the power was cut.
func (w *world) do(command string) bool {
	w.t.Helper()
	w.log = append(w.log, "> "+command[:min(len(command), 100)])
	if _, err := io.WriteString(w.in, command+"\n"); err != nil {
		w.t.Fatalf("%v\n%s", err, w.report.Bytes())
	}
	for {
		line, err := w.out.ReadString('\n')
		if err != nil {
			_ = w.cmd.Wait()
			w.t.Fatalf("%s: %v\n%s", command[:min(len(command), 60)], err, w.report.Bytes())
		}
		f := strings.Fields(line)
		w.log = append(w.log, strings.TrimSpace(line[:min(len(line), 100)]))
		switch f[0] {
		case "done":
			return true
		case "cut":
			w.online, w.queue = false, nil
			return false
		default:
			w.happened(f)
		}
	}
}

func (w *world) keys(number uint32) Keys {
	k, err := DeriveKeys(w.secrets[number], cSignID)
	if err != nil {
		w.t.Fatal(err)
	}
	return k
}

// happened is one thing that the sign did.
func (w *world) happened(f []string) {
	switch f[0] {
	case "boot":
		slot, _ := strconv.Atoi(f[1])
		number, _ := strconv.Atoi(f[2])
		w.booted = [2]uint32{uint32(slot), uint32(number)}
		w.complete(f[3], uint32(number))
	case "connect":
		w.online = false
		for _, n := range w.accepted {
			if w.keys(n).Password == f[2] {
				w.online, w.connected = true, n
			}
		}
		link := "link refused"
		if w.down {
			link = "link failed"
		}
		if w.online {
			link = "link open"
			if w.tls {
				link = "link tls"
			}
		}
		w.queue = []string{link}
	case "record":
		n, _ := strconv.Atoi(f[1])
		if len(f) > 2 {
			w.dump[n] = f[2]
		}
	case "restart":
		w.restarted = true
	case "written":
		w.written = f[1]
	case "pinned":
		if _, err := fmt.Sscanf(f[1]+" "+f[2], "%d %d", &w.pinned.number, &w.pinned.error); err != nil {
			w.t.Fatal(err)
		}
		w.pinned.keys, _ = hex.DecodeString(f[4])
	case "disconnect":
		w.online, w.queue = false, nil
	case "draw":
		rows, err := hex.DecodeString(f[2])
		b := Bitmap{Width: 64, Height: 16, Stride: 8, Pix: rows}
		w.shown = err == nil && b.Digest() == w.glass
		w.draws = append(w.draws, drawn{b.Digest(), f[1], len(w.log)})
	case "publish":
		data, err := hex.DecodeString(f[3])
		topic, terr := ParseTopic(f[1])
		if !w.online && w.swaps {
			return // into a connection that is gone
		}
		if err != nil || terr != nil || !w.online {
			w.t.Fatalf("%v: %v, %v, online %v", f, err, terr, w.online)
		}
		w.published(topic.Name, data)
	}
}

// complete checks that what was started is a whole image.
func (w *world) complete(image string, number uint32) {
	got, err := hex.DecodeString(image)
	if err != nil {
		w.t.Fatal(err)
	}
	if string(got) == "old!" && number == 1 {
		return
	}
	if !bytes.Equal(got, w.images[number]) {
		w.t.Errorf("firmware %d was started from a slot with another image", number)
	}
}

func (w *world) answers(name string, data []byte, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	w.queue = append(w.queue, "message "+name+" "+hex.EncodeToString(data))
}

func (w *world) acks(boot, counter uint32, manifest bool) {
	a := Ack{Boot: boot, Counter: counter, ServerTime: 1700000000000, NextWakeSeconds: 600, Manifest: manifest}
	if w.wants > w.connected {
		a.KeyNumber = w.wants
	}
	data, err := a.Marshal()
	w.answers("ack", data, err)
}

// published is a message of the sign, as a gateway takes it.
func (w *world) published(name Name, data []byte) {
	switch name {
	case NameHello:
		h, err := UnmarshalHello(data)
		if err != nil {
			w.t.Fatal(err)
		}
		w.hello(h, data)
	case NameShown:
		s, err := UnmarshalShown(data)
		if err != nil {
			w.t.Fatal(err)
		}
		key := w.keys(w.connected).Manifest
		if err := s.Verify(&key, cSignID, data); err != nil {
			w.t.Error(err)
		}
		w.errors, w.shows = append(w.errors, s.LastError), append(w.shows, s)
		w.acks(s.Boot, s.Counter, false)
	case NameEvent:
		e, err := UnmarshalEvent(data)
		if err != nil {
			w.t.Fatal(err)
		}
		key := w.keys(w.connected).Manifest
		if err := e.Verify(&key, cSignID, data); err != nil {
			w.t.Error(err)
		}
		w.presses = append(w.presses, e)
		w.acks(e.Boot, e.Counter, false)
	case NameGet:
		w.get(data)
	case NameKey:
		w.key(data)
	}
}

func (w *world) hello(h Hello, data []byte) {
	w.hellos, w.errors = append(w.hellos, h), append(w.errors, h.LastError)
	if h.KeyNumber != w.connected {
		w.t.Errorf("Hello names secret %d on a connection with %d", h.KeyNumber, w.connected)
	}
	if h.KeyNumber > 0 { // the old password ends [DL-KEY-5]
		w.accepted = slices.DeleteFunc(w.accepted, func(n uint32) bool { return n < h.KeyNumber })
	}
	newer := h.Seq < max(w.seq, 1)
	w.tellPins(h)
	if !w.early {
		w.acks(h.Boot, h.Counter, newer)
	}
	key := w.keys(h.KeyNumber).Manifest
	if err := h.Verify(&key, cSignID, data); err != nil {
		w.t.Error(err)
	}
	if newer {
		m, err := AppendManifest(nil, w.body, 1700000000000, 600, 0, &key, cSignID)
		w.answers("want", m, err)
	}
	if w.early {
		w.acks(h.Boot, h.Counter, newer)
	}
	if w.release == nil || h.FirmwareNumber >= max(w.newest, 2) {
		return
	}
	offer, err := AppendOffer(nil, w.release, &key, cSignID)
	if w.forge != nil {
		offer = w.forge(offer)
	}
	w.answers("fw", offer, err)
}

func (w *world) get(data []byte) {
	g, err := UnmarshalGet(data)
	if err != nil {
		w.t.Fatal(err)
	}
	object := w.object
	if w.image != nil && g.Object == sha256.Sum256(w.image) {
		object = w.image
		w.gets++
		if !w.shown {
			w.t.Error("it pulls firmware before the picture")
		}
	} else if more, ok := w.stock[g.Object]; ok {
		object = more
	} else if g.Object != sha256.Sum256(w.object) {
		w.t.Fatalf("it asks for %x", g.Object[:4])
	}
	b := Block{Object: [8]byte(g.Object[:8]), Offset: g.Offset, Total: uint32(len(object)), Data: object[g.Offset:min(g.Offset+g.Length, uint32(len(object)))]}
	if w.spoil && len(object) == len(w.image) {
		b.Data = bytes.Repeat([]byte{7}, len(b.Data))
	}
	blocks := []Block{b}
	if w.serve != nil {
		blocks = w.serve(g, b)
	}
	for _, b := range blocks {
		b.CRC32 = crc32.ChecksumIEEE(b.Data)
		out, err := b.Marshal()
		w.answers("blk", out, err)
	}
}

func (w *world) key(data []byte) {
	k, err := UnmarshalKey(data)
	key := w.keys(w.connected).Manifest
	if err == nil && k.Stored {
		fresh := w.keys(k.Number).Manifest
		err = k.Verify(&fresh, cSignID)
	} else if err == nil {
		err = k.Verify(&key, cSignID)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if !k.Stored {
		w.asks++
	}
	if w.deaf {
		return
	}
	if k.Stored && w.swaps { // the broker takes the new password alone, at once, and ends the connection
		w.accepted, w.online, w.queue = []uint32{k.Number}, false, []string{"lost"}
		return
	}
	if k.Stored {
		if w.stored = append(w.stored, k.Number); w.mute {
			return
		}
		w.acks(k.Boot, k.Counter, false)
		return
	}
	if k.Public != w.asked.Public {
		secret := make([]byte, 32)
		if _, err := rand.Read(secret); err != nil {
			w.t.Fatal(err)
		}
		answer, err := SealKey(rand.Reader, &key, cSignID, k, secret)
		if err == nil {
			w.answer, err = answer.Marshal()
		}
		if err != nil {
			w.t.Fatal(err)
		}
		w.asked, w.secrets[k.Number] = k, secret
		if !slices.Contains(w.accepted, k.Number) {
			w.accepted = append(w.accepted, k.Number)
		}
	}
	answer := w.answer
	if w.forge != nil {
		answer = w.forge(bytes.Clone(answer))
	}
	w.answers("key", answer, nil)
}

// boot starts the sign, with the power to be cut at a call.
func (w *world) boot(cut int) bool { return w.do(fmt.Sprintf("boot %d", cut)) }

// run lets time pass until something is so; false when the power was cut, and a
// failure when it takes too long.
func (w *world) run(until func() bool) bool {
	w.t.Helper()
	for range 3000 {
		if until() {
			return true
		}
		if !w.do("step") {
			return false
		}
		if len(w.queue) > 0 {
			next := w.queue[0]
			w.queue = w.queue[1:]
			if !w.do(next) {
				return false
			}
			for w.burst && len(w.queue) > 0 {
				next, w.queue = w.queue[0], w.queue[1:]
				if !w.do(next) {
					return false
				}
			}
			continue
		}
		wait, _ := strconv.Atoi(strings.TrimPrefix(w.log[len(w.log)-2], "wait "))
		if !w.do(fmt.Sprintf("time %d", min(wait, 3600000))) {
			return false
		}
	}
	w.t.Fatalf("it takes too long: secret %d, stored %v, accepted %v, booted %v, errors %v", w.connected, w.stored, w.accepted, w.booted,
		slices.Compact(w.errors))
	return false
}

// last is the last Hello.
func (w *world) last() Hello {
	if len(w.hellos) == 0 {
		return Hello{}
	}
	return w.hellos[len(w.hellos)-1]
}

// renewed reports whether the secret of that number is in use, and no older one.
func (w *world) renewed(number uint32) func() bool {
	return func() bool { return w.last().KeyNumber == number && len(w.queue) == 0 && w.online }
}

// A sign renews its secret, once and again, with the power cut at each call in
// turn; the gateway and it agree in the end, and nothing opened with another
// secret than Hello named.
func testCRenewsKey(t *testing.T, runner string) {
	t.Parallel()
	for _, alwaysOn := range []bool{true, false} {
		t.Run(fmt.Sprintf("always-on %v", alwaysOn), func(t *testing.T) {
			t.Parallel()
			for cut, ended := 1, false; !ended; cut++ {
				w := openWorld(t, runner, alwaysOn, true)
				w.wants = 1
				ended = w.insist(cut, func() bool {
					if w.renewed(1)() {
						w.wants = 2
					}
					return w.renewed(2)()
				})
				if len(w.accepted) != 1 || len(w.hellos) > 12 {
					t.Errorf("cut %d: accepted %v, %d hellos", cut, w.accepted, len(w.hellos))
				}
				if ended && cut < 50 {
					t.Errorf("only %d calls", cut)
				}
				w.close()
				if t.Failed() {
					return
				}
			}
		})
	}
}

// A broker that keeps one password changes it, and ends the connection, before
// the Ack comes: the old secret is refused, and the new one opens.
func testCSwappedKey(t *testing.T, runner string) {
	t.Parallel()
	for cut, ended := 1, false; !ended; cut++ {
		w := openWorld(t, runner, true, true)
		w.wants, w.swaps = 1, true
		ended = w.insist(cut, w.renewed(1))
		if _, _, numbers, other := w.identity(); numbers != [2]uint32{1, 0} || other != 2 {
			t.Errorf("cut %d: secrets %v, %d", cut, numbers, other)
		}
		w.close()
	}
}

// A gateway restored from a backup knows the old secret alone; both come to one
// again. One that forgot both makes the sign pair anew.
func testCOldGateway(t *testing.T, runner string) {
	t.Parallel()
	w := openWorld(t, runner, true, true)
	w.wants = 1
	if !w.boot(0) || !w.run(w.renewed(1)) {
		t.Fatal("cut")
	}
	// Restored: it knows secret 0, and asks for a new 1.
	w.accepted, w.hellos, w.asked, w.online = []uint32{0}, nil, Key{}, false
	delete(w.secrets, 1)
	if !w.boot(0) || !w.run(w.renewed(1)) || len(w.accepted) != 1 {
		t.Fatalf("accepted %v", w.accepted)
	}
	w.accepted = nil
	w.boot(0)
	w.run(func() bool { return strings.Contains(strings.Join(w.log, "\n"), "connect pair-") })
	refused := 0
	for _, line := range w.log {
		if strings.HasPrefix(line, "> link refused") {
			refused++
		}
	}
	if refused < 6 {
		t.Errorf("it forgot its identity after %d refusals", refused)
	}
}

// Forged answers change nothing; a gateway that does not answer is not asked
// for ever, and the pictures come all the same.
func testCRefusesKeys(t *testing.T, runner string) {
	t.Parallel()
	for name, forge := range map[string]func([]byte) []byte{
		"a bit of the MAC":    func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"a bit of the secret": func(b []byte) []byte { b[50] ^= 1; return b },
		"cut short":           func(b []byte) []byte { return b[:len(b)-1] },
		"nothing":             func([]byte) []byte { return nil },
	} {
		w := openWorld(t, runner, false, true)
		w.wants, w.forge = 1, forge
		if !w.boot(0) || !w.run(func() bool { return len(w.hellos) > 3 }) {
			t.Fatal("cut")
		}
		if len(w.stored) != 0 || w.last().KeyNumber != 0 || !w.shown || w.asks > 3*len(w.hellos) {
			t.Errorf("%s: stored %v, Hello with %d, shown %v, asked %d times", name, w.stored, w.last().KeyNumber, w.shown, w.asks)
		}
		w.forge = nil
		if !w.run(w.renewed(1)) {
			t.Fatal("cut")
		}
	}
	// One that answers, but never that the secret is stored, is told so on three
	// connections and then asked anew; the secret is kept.
	w := openWorld(t, runner, true, true)
	w.wants, w.mute = 1, true
	if !w.boot(0) || !w.run(func() bool { return w.asks > 1 }) {
		t.Fatal("cut")
	}
	if len(w.stored) != 9 {
		t.Errorf("said %d times that it is stored", len(w.stored))
	}
	w.mute = false
	if !w.run(w.renewed(1)) {
		t.Fatal("cut")
	}
	w = openWorld(t, runner, true, true)
	w.wants, w.deaf = 1, true
	if !w.boot(0) || !w.run(func() bool { return len(w.hellos) > 2 }) {
		t.Fatal("cut")
	}
	w.deaf = false
	if !w.run(w.renewed(1)) {
		t.Fatal("cut")
	}
}
