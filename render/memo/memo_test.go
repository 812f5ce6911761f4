package memo

import (
	"strconv"
	"sync"
	"testing"
)

func TestGet(t *testing.T) {
	var m Memo[int, string]
	made := 0
	compose := func(n int) string { made++; return strconv.Itoa(n) }
	for range 3 {
		if got := m.Get(7, compose); got != "7" {
			t.Fatalf("got %q", got)
		}
	}
	if made != 1 {
		t.Errorf("composed %d times", made)
	}
	for n := range 3 * Size {
		m.Get(n, compose)
	}
	if len(m.kept) > Size {
		t.Errorf("%d values are kept", len(m.kept))
	}
	if n := testing.AllocsPerRun(100, func() { m.Get(3*Size-1, compose) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	var m Memo[int, int]
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 2 * Size {
				if got := m.Get(n, func(n int) int { return n * n }); got != n*n {
					t.Errorf("got %d for %d", got, n)
				}
			}
		})
	}
	wg.Wait()
}
