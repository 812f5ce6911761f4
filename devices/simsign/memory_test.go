package simsign_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
)

// One connected sign of 48,000 bytes of glass must be cheap enough for a
// thousand of them in a test, broker and link included.
func TestMemoryPerSign(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory")
	}
	const n = 100
	s := newSite(t)
	s.patience = 5 * time.Minute // for a hundred of them together
	s.core.wakes(time.Hour)
	memory := func() int {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapInuse + m.StackInuse)
	}
	before := memory()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	ids := make([]devices.SignID, n)
	for i := range n {
		id := newID()
		ids[i] = id
		secret := []byte("a secret of 32 bytes, for " + id[:6])
		s.core.mu.Lock()
		s.core.creds[id] = s.link.Credential(id, secret)
		s.core.mu.Unlock()
		sign, err := simsign.New(simsign.Options{Dial: s.dial, Panel: devices.PanelBySize(800, 480), Serial: "SN", AlwaysOn: true,
			Identity: &simsign.Identity{ID: id, Secret: secret}})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { _ = sign.Run(ctx) })
	}
	want := picture(800, 480, 1).Digest()
	for _, id := range ids {
		s.eventually("subscribed", func() bool { return s.broker.Connected(id) })
		s.show(id, 800, 480, time.Hour, 1, 2, 3)
	}
	s.eventually("all show it", func() bool {
		s.core.mu.Lock()
		defer s.core.mu.Unlock()
		for _, id := range ids {
			if s.core.shown[id].Shown != want {
				return false
			}
		}
		return true
	})
	s.core.mu.Lock()
	s.core.wants, s.core.reports = nil, nil
	s.core.mu.Unlock()
	each := (memory() - before) / n >> 10
	t.Logf("%d KB per sign; %+v; %+v", each, s.broker.Stats(), s.link.Stats())
	if limit := 400; each > limit {
		t.Errorf("memory per sign: got %d KB, want at most %d", each, limit)
	}
}
