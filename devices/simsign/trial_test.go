package simsign

import (
	"crypto/ed25519"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

const (
	trialSign  = "aaaaaaaaaaaaaaaa"
	trialOwn   = 3 // number of the firmware before
	trialNewer = 4
)

// talking is a sign that said hello over TLS and waits for the ack.
func talking(t *testing.T, change func(*Options)) *Sign {
	t.Helper()
	o := Options{Gateway: "mqtt://127.0.0.1:1", Panel: devices.Panel{Model: "epd", Width: 16, Height: 8}, FirmwareNumber: trialOwn,
		Identity: &Identity{ID: trialSign, Secret: make([]byte, 32)}, AlwaysOn: true}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.conn = &session{spki: [32]byte{1}}
	s.talk = talk{hailed: true}
	s.talk.pending = s.hello()
	return s
}

// named is the number of the firmware in the hello that waits for its ack.
func named(t *testing.T, s *Sign) uint32 {
	t.Helper()
	m, err := wire.UnmarshalHello(s.talk.pending.payload)
	if err != nil {
		t.Fatal(err)
	}
	return m.FirmwareNumber
}

func acknowledge(t *testing.T, s *Sign, manifest bool) {
	t.Helper()
	p := s.talk.pending
	b, err := (&wire.Ack{Boot: p.boot, Counter: p.counter, ServerTime: time.Now().UnixMilli(), NextWakeSeconds: 600, Manifest: manifest}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s.acknowledged(b)
}

// sent is a manifest of the gateway.
func sent(t *testing.T, s *Sign, epoch, seq uint32) []byte {
	t.Helper()
	b := wire.Body{Epoch: epoch, Seq: seq, Width: 16, Height: 8, Steps: []wire.Step{{Object: wire.ObjectHash{1}, Size: 40, Glass: wire.Digest{1}, From: 1, Until: 1 << 31}}}
	body, err := b.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := wire.AppendManifest(nil, body, time.Now().UnixMilli(), 600, 0, &s.keys.Manifest, trialSign)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// A manifest that came before the ack is the one that follows; an older one than
// hello names is not [DL-FLOW-1].
func TestManifestBeforeItsAck(t *testing.T) {
	for _, tt := range []struct {
		name       string
		epoch, seq uint32 // came before the ack; 0: none
		want       bool   // the sign waits for it
	}{{"none", 0, 0, true}, {"newer", 2, 5, false}, {"of a newer epoch", 3, 1, false}, {"older", 2, 3, true}} {
		s := talking(t, nil)
		s.body = &wire.Body{Epoch: 2, Seq: 4}
		s.talk.pending = s.hello()
		if tt.seq > 0 {
			s.manifest(sent(t, s, tt.epoch, tt.seq))
		}
		acknowledge(t, s, true)
		if got := !s.talk.promised.IsZero(); got != tt.want {
			t.Errorf("%s: waits %t, want %t", tt.name, got, tt.want)
		}
	}
}

// What was overtaken does not take the place of a newer one that is being pulled,
// and what is older than the one in force is refused meanwhile too [DL-MAN-6].
func TestOvertakenManifest(t *testing.T) {
	s := talking(t, nil)
	s.body = &wire.Body{Epoch: 1, Seq: 3}
	for _, tt := range []struct {
		seq, want uint32 // being pulled afterwards
		code      devices.ErrorCode
	}{{5, 5, 0}, {4, 5, 0}, {5, 5, 0}, {2, 5, devices.ErrManifestOld}, {6, 6, 0}} {
		s.st.LastError = 0
		s.manifest(sent(t, s, 1, tt.seq))
		if s.incoming == nil || s.incoming.body.Seq != tt.want || s.st.LastError != uint16(tt.code) {
			t.Errorf("after %d: got %+v and error %d, want %d and %d", tt.seq, s.incoming, s.st.LastError, tt.want, tt.code)
		}
	}
}

// On trial hello names the firmware before, so that no rollout counts it too
// early; that it is offered again is no error on that connection [DL-FW-5].
func TestHelloOnTrial(t *testing.T) {
	maker := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	for _, plain := range []bool{false, true} {
		s := talking(t, func(o *Options) { o.Maker = maker.Public().(ed25519.PublicKey) })
		s.st.Firmware.Slots[1] = slot{Number: trialNewer, Version: "1.4", Mark: markTrial, Starts: 1}
		s.st.Firmware.Running = 1
		if plain {
			s.conn.spki = [32]byte{}
		}
		s.talk = talk{hailed: true}
		s.talk.pending = s.hello()
		if got := named(t, s); got != trialOwn {
			t.Errorf("plain %t: on trial hello names %d, want %d", plain, got, trialOwn)
		}
		r := wire.Release{Model: "epd", Version: "1.4", Number: trialNewer, Size: 5}
		if err := r.Sign(maker); err != nil {
			t.Fatal(err)
		}
		release, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		offer, err := wire.AppendOffer(nil, release, &s.keys.Manifest, trialSign)
		if err != nil {
			t.Fatal(err)
		}
		s.offer(offer)
		if s.st.LastError != 0 || s.onTrial() != !plain {
			t.Errorf("plain %t, offered again: error %d, on trial %t", plain, s.st.LastError, s.onTrial())
		}
		acknowledge(t, s, false)
		if s.onTrial() || s.talk.hailed {
			t.Errorf("plain %t, after the ack: on trial %t, says hello again %t", plain, s.onTrial(), !s.talk.hailed)
		}
		s.talk.hailed, s.talk.pending = true, s.hello()
		if got := named(t, s); got != trialNewer {
			t.Errorf("plain %t: after the check-in hello names %d, want %d", plain, got, trialNewer)
		}
		s.offer(offer) // a late one
		if s.st.LastError != 0 {
			t.Errorf("plain %t, offered late: error %d", plain, s.st.LastError)
		}
		s.talk = talk{}
		if s.offer(offer); s.st.LastError != uint16(devices.ErrFirmwareRefused) {
			t.Errorf("plain %t, offered on another connection: error %d, want %d", plain, s.st.LastError, devices.ErrFirmwareRefused)
		}
	}
}

// A sign that gave a picture up takes firmware all the same [DL-FW-4].
func TestFirmwareAfterPictureGivenUp(t *testing.T) {
	for _, gaveUp := range []bool{false, true} {
		asked := 0
		s := talking(t, func(o *Options) {
			o.Traffic = func(up bool, name string) int {
				if up && name == string(wire.NameGet) {
					asked++
				}
				return 0
			}
		})
		s.talk.gaveUp = gaveUp
		s.download = &download{release: wire.Release{Number: trialNewer, Size: 100, Image: [32]byte{1}}, slot: 1}
		s.download.begin()
		if !s.pull(time.Now()) || asked != 1 || !s.fetching() {
			t.Errorf("gave up %v: it asks %d times, fetching %v", gaveUp, asked, s.fetching())
		}
	}
}
