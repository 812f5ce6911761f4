package wire

import (
	"bytes"
	"testing"
)

func TestSizes(t *testing.T) {
	e, d := NewEncoder(), NewDecoder()
	e.TryAll = true
	pairs := agendaPairs(t, 800, 480)
	p := photo(800, 480, 1)
	pairs = append(pairs, pair{"photo", p, nil})
	for _, p := range pairs {
		obj, err := e.Encode(nil, p.next, p.ref, CapAll)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(p.name, len(obj), e.Trials())
		var got Bitmap
		if err := d.Decode(&got, obj, p.ref); err != nil {
			t.Fatal(p.name, err)
		}
		if !bytes.Equal(got.Pix, p.next.Pix) {
			t.Fatal(p.name)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	pairs := append(agendaPairs(b, 800, 480), pair{"photo", photo(800, 480, 1), nil})
	for _, p := range pairs {
		b.Run(p.name, func(b *testing.B) {
			e := NewEncoder()
			var obj []byte
			for b.Loop() {
				obj, _ = e.Encode(obj[:0], p.next, p.ref, CapAll)
			}
			b.ReportMetric(float64(len(obj)), "bytes")
		})
	}
}
