package mqttlink

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"testing"

	"doorleaf/firmware-protocol/wire"
)

func TestReadRelease(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	image := bytes.Repeat([]byte("image"), 1000)
	r := wire.Release{Model: "800x480", Version: "2.1", Number: 7, Size: uint32(len(image)), Image: sha256.Sum256(image), MinMillivolts: 2500}
	if err := r.Sign(private); err != nil {
		t.Fatal(err)
	}
	head, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	file := append(head, image...)
	changed := func(at int) []byte {
		b := bytes.Clone(file)
		b[at] ^= 1
		return b
	}
	for _, tt := range []struct {
		name   string
		file   []byte
		makers []ed25519.PublicKey
		ok     bool
	}{
		{"right", file, []ed25519.PublicKey{stranger, public}, true},
		{"no maker", file, nil, false},
		{"a stranger's", file, []ed25519.PublicKey{stranger}, false},
		{"other number", changed(52), []ed25519.PublicKey{public}, false},
		{"other model", changed(5), []ed25519.PublicKey{public}, false},
		{"other signature", changed(100), []ed25519.PublicKey{public}, false},
		{"other image", changed(len(file) - 1), []ed25519.PublicKey{public}, false},
		{"cut", file[:len(file)-1], []ed25519.PublicKey{public}, false},
		{"longer", append(bytes.Clone(file), 0), []ed25519.PublicKey{public}, false},
		{"release alone", file[:wire.ReleaseSize], []ed25519.PublicKey{public}, false},
		{"empty", nil, []ed25519.PublicKey{public}, false},
	} {
		got, b, err := ReadRelease(tt.file, tt.makers)
		if (err == nil) != tt.ok {
			t.Errorf("%s: got error %v", tt.name, err)
		}
		if tt.ok && (got.Model != "800x480" || got.Version != "2.1" || got.Number != 7 || got.MinMillivolts != 2500 || !bytes.Equal(b, image) || !bytes.Equal(got.Signed, head[:wire.ReleaseSize])) {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
}
