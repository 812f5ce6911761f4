package broker

import (
	"fmt"
	"runtime"
	"testing"

	"doorleaf/devices"
)

// What a connected, subscribed sign costs the broker, without its client.
func TestMemoryPerSession(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory")
	}
	const n = 500
	b, auth := start(t, nil)
	memory := func() int {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapInuse + m.StackInuse)
	}
	before := memory()
	for i := range n {
		id := fmt.Sprintf("aaaaaaaaaaaaa%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/26/26)
		auth.mu.Lock()
		auth.pass[devices.SignID(id)] = "p"
		auth.mu.Unlock()
		sign(t, b, id, "p").r = nil
	}
	each := (memory() - before) / n
	t.Logf("%d bytes per session", each)
	if limit := 96 << 10; each > limit {
		t.Errorf("memory per session: got %d bytes, want at most %d", each, limit)
	}
}
