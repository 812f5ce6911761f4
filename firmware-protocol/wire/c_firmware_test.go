package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The notes of the sign by the numbers of enum dl_note.
const (
	cNoteError = "note 14 "
	cNoteKey   = "note 16 "
	cNoteOffer = "note 18 "
)

// since returns what the sign said after a command.
func (w *world) since(command string) []string {
	w.t.Helper()
	n := len(w.log) + 1
	w.do(command)
	return w.log[n:]
}

// identity is the stored record: the secrets, their numbers, what the second is.
func (w *world) identity() (first, second []byte, numbers [2]uint32, other byte) {
	w.t.Helper()
	b := w.record(0)
	if len(b) != 226 {
		w.t.Fatalf("identity of %d bytes", len(b))
	}
	le := func(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24 }
	return b[20:52], b[90:122], [2]uint32{le(b[85:]), le(b[122:])}, b[89]
}

// record is what is stored under that number.
func (w *world) record(number int) (data []byte) {
	w.t.Helper()
	w.dump = map[int]string{}
	w.do("dump")
	data, err := hex.DecodeString(w.dump[number])
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// The sign in C writes, opens and refuses what keys.json says.
func testCKeyVectors(t *testing.T, runner string) {
	t.Parallel()
	v := vectors(t, "keys.json", func() keyVector { return newKeyVector(t) })
	w := openWorld(t, runner, true, true)
	if v.Sign != cSignID || !bytes.Equal(v.OldSecret, w.secrets[0]) {
		t.Fatal("keys.json is about another sign")
	}
	start := func() {
		w.boot(0)
		w.do("step")
		w.do("link tls")
	}
	start()
	ask, err := UnmarshalKey(v.Ask)
	if err != nil {
		t.Fatal(err)
	}
	said, err := UnmarshalKey(v.Stored)
	if err != nil {
		t.Fatal(err)
	}
	told := func(kind Name, counter uint32) (k Key, message []byte) {
		for _, r := range vectors(t, "reports.json", func() reportVectors { return newReportVectors(t) }).Reports {
			if message == nil && r.Kind == kind && r.Error == "" {
				message = r.Message
			}
		}
		return Key{Boot: 0xdeadbeef, Counter: counter}, message
	}
	hello, helloMessage := told(NameHello, 11)
	shown, shownMessage := told(NameShown, 12)
	press, pressMessage := told(NameEvent, 13)
	for _, tt := range []struct {
		what   string
		key    Key
		secret []byte
		want   []byte
	}{{"ask", ask, v.Private, v.Ask}, {"stored", said, v.Secret, v.Stored},
		{"hello", hello, v.Secret, helloMessage}, {"shown", shown, v.Secret, shownMessage}, {"ev", press, v.Secret, pressMessage}} {
		got := w.since(fmt.Sprintf("report %s %d %d %d %x", tt.what, v.Number, tt.key.Boot, tt.key.Counter, tt.secret))
		if want := "written " + hex.EncodeToString(tt.want); len(got) < 1 || got[0] != want[:min(len(want), 100)] || w.written != hex.EncodeToString(tt.want) {
			t.Errorf("%s: got %s, want %x", tt.what, w.written, []byte(tt.want))
		}
	}
	refused := 0
	for _, b := range v.BadAnswers {
		start()
		got := w.since(fmt.Sprintf("answer %d %x %x %x", v.Number, []byte(v.Private), []byte(v.Public), []byte(b.Message)))
		if len(got) != 1 || w.record(0)[3] != 1 { // nothing was stored
			t.Errorf("%s: %v", b.Name, got)
		}
		refused++
	}
	if refused < 10 {
		t.Errorf("%d answers to refuse", refused)
	}
	start()
	got := w.since(fmt.Sprintf("answer %d %x %x %x", v.Number, []byte(v.Private), []byte(v.Public), []byte(v.Answer)))
	first, second, numbers, other := w.identity()
	if len(got) != 2 || !strings.HasPrefix(got[0], cNoteKey) || !bytes.Equal(first, v.OldSecret) || !bytes.Equal(second, v.Secret) ||
		numbers != [2]uint32{0, v.Number} || other != 1 {
		t.Errorf("answer: %v, stored %x %x %v %d", got, first, second, numbers, other)
	}
}

// The sign in C takes and refuses the offers of firmware.json, with the error it says.
func testCFirmwareVectors(t *testing.T, runner string) {
	t.Parallel()
	v := vectors(t, "firmware.json", func() firmwareVectors { return newFirmwareVectors(t) })
	w := openWorld(t, runner, true, true)
	if v.Sign != cSignID || !bytes.Equal(v.MakerSeed, cMaker.Seed()) {
		t.Fatal("firmware.json is about another sign")
	}
	w.boot(0)
	accepted := 0
	for _, o := range v.Offers {
		got := w.since(fmt.Sprintf("offer %s %d %d %d %x %x", o.Model, o.Running, o.Failed, o.Millivolts, []byte(v.Key), []byte(o.Message)))
		want := cNoteError + strconv.Itoa(o.Code)
		if o.Code == 0 {
			accepted++
			r, err := ParseRelease(o.Message[:ReleaseSize])
			if err != nil {
				t.Fatal(err)
			}
			want = cNoteOffer + strconv.FormatUint(uint64(r.Number), 10)
		}
		if len(got) != 2 || got[0] != want {
			t.Errorf("%s: got %v, want %q", o.Name, got, want)
		}
	}
	if accepted < 4 || len(v.Offers) < 20 {
		t.Errorf("%d of %d offers are right", accepted, len(v.Offers))
	}
}

// runs reports whether firmware of that number checked in and was marked good.
func (w *world) runs(number uint32) func() bool {
	return func() bool { return w.last().FirmwareNumber == number && len(w.queue) == 0 && w.online && w.good() }
}

// good reports whether the slot that runs is marked good.
func (w *world) good() bool {
	b := w.record(6)
	return len(b) == 28 && b[4+6*w.booted[0]] == 2
}

// A sign takes a firmware update and then a second one, with the power cut at
// each call in turn; whatever is started is a whole image.
func testCFirmware(t *testing.T, runner string) {
	t.Parallel()
	for _, c := range []struct{ alwaysOn, tls bool }{{true, true}, {false, false}} {
		t.Run(fmt.Sprintf("always-on %v, TLS %v", c.alwaysOn, c.tls), func(t *testing.T) {
			t.Parallel()
			step := 1
			if !c.alwaysOn {
				step = 3
			}
			for cut, ended := 1, false; !ended; cut += step {
				w := openWorld(t, runner, c.alwaysOn, c.tls)
				w.offers(2, "epd-64", 20000)
				ended = w.insist(cut, func() bool { return w.booted == [2]uint32{1, 2} && w.runs(2)() })
				if ended && cut < 50 {
					t.Errorf("only %d calls", cut)
				}
				if w.gets > 40+32+4 { // 40 pieces; up to 16 KiB and those on their way come again
					t.Errorf("cut %d: asked for %d pieces", cut, w.gets)
				}
				if cut%10 == 1 { // back to the first slot
					w.newest = 3
					w.offers(3, "epd-64", 3000)
					w.insist(cut/2, func() bool { return w.booted == [2]uint32{0, 3} && w.runs(3)() })
				}
				if slices.ContainsFunc(w.errors, func(e uint16) bool { return e > 12 }) {
					t.Errorf("cut %d: errors %v", cut, w.errors)
				}
				w.close()
				if t.Failed() {
					return
				}
			}
		})
	}
}

// update brings a firmware onto trial and starts it.
func (w *world) update() {
	w.t.Helper()
	w.offers(2, "epd-64", 4000)
	w.boot(0)
	if w.run(func() bool { return false }) { // it restarts from within
		w.t.Fatal("no restart")
	}
	if !slices.Contains(w.log[len(w.log)-4:], "restart") {
		w.t.Fatalf("it ended otherwise: %v", w.log[len(w.log)-4:])
	}
}

// A firmware that does not check in goes back after 15 minutes, one that does
// not start after 3 starts; the sign reports it and refuses it from then on.
func testCFirmwareGoesBack(t *testing.T, runner string) {
	t.Parallel()
	for _, how := range []string{"silent", "crashes"} {
		w := openWorld(t, runner, true, true)
		w.update()
		w.accepted = nil // the new one finds no way to the gateway, nor is it refused
		if how == "silent" {
			w.down = true
			w.boot(0)
			if w.booted != [2]uint32{1, 2} || w.good() {
				t.Fatalf("%s: booted %v", how, w.booted)
			}
			minutes := 0
			for ; w.do("step"); minutes++ {
				if w.queue = nil; minutes > 20 {
					t.Fatal("it does not go back")
				}
				w.do("time 60000")
			}
			if minutes != 15 {
				t.Errorf("it goes back after %d minutes", minutes)
			}
		} else {
			for n := range 3 {
				w.boot(0)
				if w.booted != [2]uint32{1, 2} {
					t.Fatalf("start %d: booted %v", n, w.booted)
				}
			}
		}
		w.down, w.accepted, w.hellos, w.errors = false, []uint32{0}, nil, nil
		w.boot(0)
		if !w.run(func() bool { return slices.Contains(w.errors, 14) }) {
			t.Fatal("cut")
		}
		if w.booted != [2]uint32{0, 1} || w.last().FirmwareNumber != 1 || !slices.Contains(w.errors, 15) {
			t.Errorf("%s: booted %v, errors %v", how, w.booted, w.errors)
		}
		w.offers(4, "epd-64", 4000)
		w.insist(0, func() bool { return w.booted == [2]uint32{1, 4} && w.last().FirmwareNumber == 4 && w.good() })
		w.close()
	}
}

// An image that is another one is thrown away, and not pulled again and again;
// no offer that is forged, old or for another model does anything.
func testCFirmwareRefuses(t *testing.T, runner string) {
	t.Parallel()
	w := openWorld(t, runner, true, true)
	w.offers(2, "epd-64", 4000)
	w.spoil = true
	w.boot(0)
	if !w.run(func() bool { return len(w.hellos) > 2 }) {
		t.Fatal("it was started")
	}
	if !slices.Contains(w.errors, 13) || w.gets > 8*len(w.hellos) {
		t.Errorf("errors %v, asked for %d pieces in %d check-ins", w.errors, w.gets, len(w.hellos))
	}
	w.spoil = false
	w.insist(0, w.runs(2))
	if w.booted != [2]uint32{1, 2} {
		t.Errorf("booted %v", w.booted)
	}
	for _, tt := range []struct {
		name, model string
		number      uint32
		forge       func([]byte) []byte
		code        uint16
	}{
		{"forged", "epd-64", 2, func(b []byte) []byte { b[60] ^= 1; return b }, 13},
		{"cut short", "epd-64", 2, func(b []byte) []byte { return b[:100] }, 13},
		{"other model", "epd-65", 2, nil, 14},
		{"same number", "epd-64", 1, nil, 14},
	} {
		w := openWorld(t, runner, true, true)
		w.offers(tt.number, tt.model, 4000)
		w.forge = tt.forge
		w.boot(0)
		if !w.run(func() bool { return len(w.hellos) > 1 }) || w.gets != 0 || !slices.Contains(w.errors, tt.code) {
			t.Errorf("%s: errors %v, asked for %d pieces", tt.name, w.errors, w.gets)
		}
		w.close()
	}
}

// The release that a sign pulls goes on after the gateway offered another one
// and came back to it: from the start, because the slot was begun anew.
func testCFirmwareOtherOffer(t *testing.T, runner string) {
	t.Parallel()
	w := openWorld(t, runner, true, true)
	w.offers(2, "epd-64", 30000)
	w.boot(0)
	if !w.run(func() bool { return w.gets > 40 }) {
		t.Fatal("cut")
	}
	w.offers(3, "epd-64", 5000)
	w.newest, w.gets = 3, 0
	w.insist(0, func() bool { return w.booted == [2]uint32{1, 3} && w.last().FirmwareNumber == 3 })
	if got := sha256.Sum256(w.image); w.gets > 14 || got == [32]byte{} {
		t.Errorf("asked for %d pieces", w.gets)
	}
}
