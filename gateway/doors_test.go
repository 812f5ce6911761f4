package gateway_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"doorleaf/gateway"
)

// Who reads the log finds out when a sign came and when it went.
func TestPairingAndUnpairingAreLogged(t *testing.T) {
	b := newBench(t)
	var said bytes.Buffer
	b.core = gateway.New(gateway.Options{Store: b.store, Renderer: stubRenderer{}, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	b.core.SetWire(b.wire)
	id := b.pair("22223333", "")
	for range 2 {
		if err := b.core.Unpair(t.Context(), id); err != nil && !errors.Is(err, gateway.ErrNotFound) {
			t.Fatal(err)
		}
	}
	for _, want := range []string{`msg="sign paired" sign=` + string(id), `msg="sign unpaired" sign=` + string(id)} {
		if n := strings.Count(said.String(), want); n != 1 {
			t.Errorf("%d times %s, want once:\n%s", n, want, said.String())
		}
	}
}
