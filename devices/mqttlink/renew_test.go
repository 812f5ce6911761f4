package mqttlink

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// workshop offers one release to one sign and renews its secret.
type workshop struct {
	release devices.Release
	image   []byte
	err     error // of Offer
	asked   []uint32
	stored  []uint32
}

func (w *workshop) Offer(_ context.Context, id devices.SignID, _ devices.Report) (devices.Release, bool, error) {
	return w.release, id == signID, w.err
}

func (w *workshop) Image(_ context.Context, id devices.SignID, h devices.ObjectHash, offset, length int) ([]byte, int, error) {
	if id != signID || h != w.release.Image || offset >= len(w.image) {
		return nil, 0, devices.ErrUnknownObject
	}
	return w.image[offset:min(offset+length, len(w.image))], len(w.image), nil
}

func (w *workshop) WantedKey(context.Context, devices.Report) (uint32, error) { return 5, nil }

func (w *workshop) NewSecret(_ context.Context, _ devices.SignID, number uint32, _ [32]byte) ([]byte, error) {
	w.asked = append(w.asked, number)
	if number != 5 {
		return nil, devices.ErrKeyNumber
	}
	return bytes.Repeat([]byte{3}, 32), nil
}

func (w *workshop) SecretStored(_ context.Context, _ devices.SignID, number uint32) error {
	w.stored = append(w.stored, number)
	if number != 5 {
		return devices.ErrKeyNumber
	}
	return nil
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{image: bytes.Repeat([]byte("image"), 2000)}
	r := wire.Release{Model: "m", Version: "2", Number: 2, Size: uint32(len(w.image)), Image: sha256.Sum256(w.image)}
	if err := r.Sign(ed25519.NewKeyFromSeed(make([]byte, 32))); err != nil {
		t.Fatal(err)
	}
	head, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	w.release = devices.Release{Model: "m", Number: 2, Size: len(w.image), Image: r.Image, Signed: head}
	return w
}

// tell publishes as the sign and returns what comes back.
func (in *installation) tell(t *testing.T, name wire.Name, m interface{ Marshal() ([]byte, error) }) map[wire.Name][]byte {
	t.Helper()
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	in.sign.Publish(wire.SignTopic(signID, name), 1, false, b)
	time.Sleep(time.Second)
	synctest.Wait()
	got := map[wire.Name][]byte{}
	for len(in.got) > 0 {
		topic, msg := in.next(t)
		got[topic.Name] = msg
	}
	return got
}

// An offer comes with a hello of a sign that can be updated and runs something
// older, signed for it; a store that fails does not keep the sign from its ack.
func TestOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkshop(t)
		in := install(t, Options{Firmware: w})
		in.connect(t, signID, signID, "p", wire.SignFilter(signID))
		maker := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
		h := wire.Hello{Boot: 1, Width: 8, Height: 8, Model: "m", Capabilities: wire.CapFirmware, FirmwareNumber: 1}
		for _, c := range []struct {
			name string
			edit func(*wire.Hello)
			err  error
			want bool
		}{
			{"older", func(*wire.Hello) {}, nil, true},
			{"the same", func(h *wire.Hello) { h.FirmwareNumber = 2 }, nil, false},
			{"newer", func(h *wire.Hello) { h.FirmwareNumber = 3 }, nil, false},
			{"cannot", func(h *wire.Hello) { h.Capabilities = wire.CapAll }, nil, false},
			{"store fails", func(*wire.Hello) {}, errors.New("no"), false},
		} {
			hello := h
			hello.Counter = uint32(len(in.gw.reports) + 1)
			c.edit(&hello)
			hello.Sign(new([32]byte), signID)
			w.err = c.err
			got := in.tell(t, wire.NameHello, &hello)
			msg, ok := got[wire.NameOffer]
			if ok != c.want || got[wire.NameAck] == nil {
				t.Errorf("%s: offered %t, want %t; acknowledged %t", c.name, ok, c.want, got[wire.NameAck] != nil)
			}
			if !ok {
				continue
			}
			if r, err := wire.ParseOffer(msg, new([32]byte), signID, maker); err != nil || r.Number != 2 {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		in.sign.Disconnect(goodbye)
		time.Sleep(time.Second)
	})
}

// The image is served like an object, whatever a sign asks for.
func TestImageBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkshop(t)
		in := install(t, Options{Firmware: w})
		in.gw.object = []byte("a picture")
		in.connect(t, signID, signID, "p", wire.SignFilter(signID))
		for _, c := range []struct {
			name   string
			get    wire.Get
			length int
			total  uint32
		}{
			{"begin", wire.Get{Object: wire.ObjectHash(w.release.Image), Length: 4096}, 4096, 10000},
			{"end", wire.Get{Object: wire.ObjectHash(w.release.Image), Offset: 8192, Length: 4096}, 1808, 10000},
			{"last byte", wire.Get{Object: wire.ObjectHash(w.release.Image), Offset: 9999, Length: 1}, 1, 10000},
			{"behind the end", wire.Get{Object: wire.ObjectHash(w.release.Image), Offset: 10000, Length: 1}, 0, 0},
			{"far behind", wire.Get{Object: wire.ObjectHash(w.release.Image), Offset: 1<<32 - 1, Length: 4096}, 0, 0},
			{"unknown", wire.Get{Object: wire.ObjectHash{1}, Length: 100}, 0, 0},
			{"picture", wire.Get{Object: wire.HashObject(in.gw.object), Length: 100}, 9, 9},
			{"picture behind its end", wire.Get{Object: wire.HashObject(in.gw.object), Offset: 9, Length: 100}, 0, 0},
		} {
			msg := in.tell(t, wire.NameGet, &c.get)[wire.NameBlock]
			b, err := wire.UnmarshalBlock(msg)
			if err != nil || len(b.Data) != c.length || b.Total != c.total {
				t.Errorf("%s: %d bytes of %d, %v; want %d of %d", c.name, len(b.Data), b.Total, err, c.length, c.total)
			}
			if c.total == 10000 && !bytes.Equal(b.Data, w.image[c.get.Offset:int(c.get.Offset)+c.length]) {
				t.Errorf("%s: other bytes", c.name)
			}
		}
		in.sign.Disconnect(goodbye)
		time.Sleep(time.Second)
	})
}

// Questions for a secret are answered only when they are signed and wanted; a
// link without keys answers none.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkshop(t)
		in := install(t, Options{Keys: w})
		in.gw.cred.NextNumber, in.gw.cred.NextManifestKey = 5, bytes.Repeat([]byte{5}, 32)
		in.connect(t, signID, signID, "p", wire.SignFilter(signID))
		hello := wire.Hello{Boot: 1, Counter: 1, Width: 8, Height: 8, Capabilities: wire.CapKeys}
		hello.Sign(new([32]byte), signID)
		if a, err := wire.UnmarshalAck(in.tell(t, wire.NameHello, &hello)[wire.NameAck]); err != nil || a.KeyNumber != 5 {
			t.Errorf("ack %+v, %v", a, err)
		}
		var key [32]byte
		ask := wire.Key{Boot: 1, Counter: 2, Number: 5, Public: [32]byte{9}}
		if got := in.tell(t, wire.NameKey, &ask); len(got) != 0 || len(w.asked) != 0 || in.Stats().Forged != 1 {
			t.Errorf("unsigned question: answered %t, asked for %v", len(got) > 0, w.asked)
		}
		ask.Sign(&key, signID)
		if got := in.tell(t, wire.NameKey, &ask); got[wire.NameNewKey] == nil || got[wire.NameAck] != nil {
			t.Errorf("question: %v", got)
		}
		other := ask
		other.Number = 6
		other.Sign(&key, signID)
		if got := in.tell(t, wire.NameKey, &other); len(got) != 0 {
			t.Errorf("question for another number: %v", got)
		}
		low := ask
		low.Public = [32]byte{}
		low.Sign(&key, signID)
		if got := in.tell(t, wire.NameKey, &low); len(got) != 0 {
			t.Errorf("public key of low order: %v", got)
		}
		stored := wire.Key{Boot: 1, Counter: 3, Number: 5, Stored: true}
		stored.Sign(&key, signID)
		if got := in.tell(t, wire.NameKey, &stored); len(got) != 0 || len(w.stored) != 0 || in.Stats().Forged != 2 {
			t.Errorf("stored, signed with the key in use: %v", got)
		}
		next := [32]byte(in.gw.cred.NextManifestKey)
		stored.Sign(&next, signID)
		if a, err := wire.UnmarshalAck(in.tell(t, wire.NameKey, &stored)[wire.NameAck]); err != nil || a.Counter != 3 || a.KeyNumber != 0 {
			t.Errorf("stored: ack %+v, %v", a, err)
		}
		in.opts.Keys = nil
		if got := in.tell(t, wire.NameKey, &ask); len(got) != 0 {
			t.Errorf("link without keys: %v", got)
		}
		in.sign.Disconnect(goodbye)
		time.Sleep(time.Second)
	})
}
