package gateway_test

import (
	"testing"
	"time"

	"doorleaf/devices"
)

// A sign may know what its glass shows and have lost the pixels: what it could
// not decode on them is drawn on nothing, however often it names them.
func TestLostPixelsAreDrawnOnNothing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		error devices.ErrorCode
		bare  bool
	}{
		{"base not at hand", devices.ErrObjectBase, true},
		{"another picture", devices.ErrDigest, true},
		{"object not to be had", devices.ErrObjectHash, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			id := b.pair("ABCDEFGH", b.room("Aalto", meeting("Plan", -time.Hour, time.Hour)))
			first := b.tell(id, devices.HelloReport, 0, 0, devices.Digest{})
			b.follow(first)
			shown := digestAt(first.Body, 0)
			b.ctr++
			d, err := b.core.Report(t.Context(), devices.Report{Kind: devices.ShownReport, Sign: id, Received: time.Now(), Boot: 1, Counter: b.ctr,
				Epoch: first.Epoch, Seq: first.Seq, Shown: shown, LastError: tt.error})
			if err != nil || d == nil || d.Seq != first.Seq+1 {
				t.Fatalf("got %+v, %v; want another timeline", d, err)
			}
			w, err := b.store.Want(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if bare := w.Base.IsZero(); bare != tt.bare {
				t.Errorf("drawn on nothing: %t, want %t", bare, tt.bare)
			}
		})
	}
}
