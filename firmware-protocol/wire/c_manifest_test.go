package wire

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// C takes and refuses what lies at the limits of a manifest, as Go does.
func TestCManifestLimits(t *testing.T) {
	const steps, sign = 3, cSignID
	key := [32]byte{7}
	named := func(n byte) (d Digest) { return Digest{n, 1} }
	body := func(count int, base func(k int) Digest) []byte {
		b := Body{Epoch: 2, Seq: 5, Width: 40, Height: 8}
		for k := range count {
			b.Steps = append(b.Steps, Step{Object: ObjectHash(named(byte(k + 100))), Size: 20, Glass: named(byte(k + 1)), From: int64(10 * k), Until: int64(10*k + 10), Base: base(k)})
		}
		b.Stale = &Step{Object: ObjectHash(named(200)), Size: 20, Glass: named(201), Base: base(count)}
		data, err := b.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	none := func(int) Digest { return Digest{} }
	glassBase := func(k int) Digest { return named(byte(230 + k%2)) }
	lastBase := func(k int) Digest {
		if k == steps {
			return named(230)
		}
		return Digest{}
	}
	const step = bodyHeadSize + (steps-1)*77 // the last one
	put16 := func(b []byte, at int, v uint16) { binary.LittleEndian.PutUint16(b[at:], v) }
	put32 := func(b []byte, at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
	largest := uint32(30 + 4*5*8)
	c := &cTalk{t: t}
	for _, tt := range []struct {
		name  string
		body  []byte
		patch func(b []byte)
		good  bool
	}{
		{"as it is", body(steps, none), func([]byte) {}, true},
		{"largest object", body(steps, none), func(b []byte) { put32(b, step+32, largest) }, true},
		{"larger object", body(steps, none), func(b []byte) { put32(b, step+32, largest+1) }, false},
		{"empty object", body(steps, none), func(b []byte) { put32(b, step+32, 0) }, false},
		{"no glass", body(steps, none), func(b []byte) { clear(b[step+36 : step+68]) }, false},
		{"epoch 0", body(steps, none), func(b []byte) { put32(b, 4, 0) }, false},
		{"seq 0", body(steps, none), func(b []byte) { put32(b, 8, 0) }, false},
		{"empty step", body(steps, none), func(b []byte) { put32(b, step+72, 20) }, false},
		{"first step is empty", body(steps, none), func(b []byte) { put32(b, bodyHeadSize+68, 10) }, false},
		{"stale step with a time", body(steps, none), func(b []byte) { put32(b, step+77+68, 1) }, false},
		{"base is nothing", body(steps, lastBase), func(b []byte) { clear(b[len(b)-32:]) }, false},
		{"base is shown before", body(steps, lastBase), func(b []byte) { first := named(1); copy(b[len(b)-32:], first[:]) }, false},
		{"base is itself", body(steps, none), func(b []byte) { b[step+76] = 2 + steps - 1 }, false},
		{"most steps", body(MaxSteps, glassBase), func([]byte) {}, true},
		{"a step too many", body(MaxSteps, none), func(b []byte) { b[16], b[17] = MaxSteps+1, 0 }, false},
		{"widest", body(steps, none), func(b []byte) { put16(b, 12, MaxSide) }, true},
		{"wider", body(steps, none), func(b []byte) { put16(b, 12, MaxSide+1) }, false},
		{"higher", body(steps, none), func(b []byte) { put16(b, 14, MaxSide+1) }, false},
		{"largest picture", body(steps, none), func(b []byte) { put16(b, 12, MaxSide); put16(b, 14, 4096) }, true},
		{"larger picture", body(steps, none), func(b []byte) { put16(b, 12, MaxSide); put16(b, 14, 4097) }, false},
	} {
		tt.patch(tt.body)
		if tt.name == "a step too many" { // the stale step becomes one, right after the last
			at := bodyHeadSize + MaxSteps*77
			put32(tt.body, at+68, MaxSteps*10)
			put32(tt.body, at+72, MaxSteps*10+10)
		}
		data := append(bytes.Clone(tt.body), make([]byte, tailSize)...)
		mac := manifestMAC(data, &key, sign)
		data = append(data, mac[:macSize]...)
		if _, err := ParseManifest(data, &key, sign); (err == nil) != tt.good {
			t.Errorf("%s: Go says %v, want good %v", tt.name, err, tt.good)
		}
		c.manifest(tt.name, sign, &key, data, 15)
		for n := range macSize {
			forged := bytes.Clone(data)
			forged[len(forged)-1-n] ^= 1
			c.manifest(tt.name+", forged", sign, &key, forged, 15)
		}
	}
	c.run()
}
