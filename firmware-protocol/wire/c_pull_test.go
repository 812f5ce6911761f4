package wire

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
)

// A sign pulls a picture of five blocks, whatever the gateway makes of it
// [DL-FLOW-3] [DL-FLOW-4].
func testCPull(t *testing.T, runner string) {
	t.Parallel()
	const chunk = 32
	for _, tt := range []struct {
		name  string
		serve func(w *world) func(n int, g Get, b Block) []Block // n counts, from 0
		burst bool
		check func(w *world, asked []Get)
	}{
		{name: "as it should", check: func(w *world, asked []Get) {
			for i, g := range asked {
				if want := min(chunk, len(w.object)-i*chunk); i > 4 || g.Offset != uint32(i*chunk) || g.Length != uint32(want) {
					w.t.Errorf("it asks for %d bytes from %d", g.Length, g.Offset)
				}
			}
			w.wantErrors(0)
		}},
		{name: "blocks of another object before", serve: func(*world) func(int, Get, Block) []Block {
			return func(_ int, _ Get, b Block) []Block {
				near, far := b, b
				near.Object[7]++
				far.Object = [8]byte{1}
				near.Data, far.Data = make([]byte, len(b.Data)), make([]byte, len(b.Data))
				return []Block{near, far, b}
			}
		}, check: func(w *world, _ []Get) { w.wantErrors(0) }},
		{name: "blocks of other lengths before", serve: func(*world) func(int, Get, Block) []Block {
			return func(_ int, _ Get, b Block) []Block {
				short, long := b, b
				short.Data, long.Data = b.Data[1:], append([]byte{1}, b.Data...)
				if int(b.Offset)+len(long.Data) > int(b.Total) {
					return []Block{short, b}
				}
				return []Block{short, long, b}
			}
		}, check: func(w *world, _ []Get) { w.wantErrors(0) }},
		{name: "another size", serve: func(w *world) func(int, Get, Block) []Block {
			return func(_ int, _ Get, b Block) []Block {
				if len(w.hellos) == 1 {
					b.Total++
				}
				return []Block{b}
			}
		}, check: func(w *world, asked []Get) {
			if w.wantErrors(0, 8); len(asked) != 4+5 {
				w.t.Errorf("it asks %d times", len(asked))
			}
		}},
		{name: "silence", serve: func(w *world) func(int, Get, Block) []Block {
			return func(_ int, _ Get, b Block) []Block {
				if len(w.hellos) > 1 {
					return []Block{b}
				}
				return nil
			}
		}, check: func(w *world, asked []Get) {
			if len(asked) != 4*3+5 && len(asked) != 4*3+4+5 {
				w.t.Errorf("it asks %d times", len(asked))
			}
			w.wantErrors(0, 12)
		}},
		{name: "one block after the other", serve: func(*world) func(int, Get, Block) []Block {
			next, seen := uint32(0), map[uint32]int{}
			return func(_ int, g Get, b Block) []Block {
				if seen[g.Offset]++; g.Offset != next || seen[next] < int(next/chunk)+2 {
					return nil
				}
				next += chunk
				return []Block{b}
			}
		}, check: func(w *world, _ []Get) {
			if w.wantErrors(0); len(w.hellos) != 1 {
				w.t.Errorf("%d hellos", len(w.hellos))
			}
		}},
		{name: "unknown at first", serve: func(w *world) func(int, Get, Block) []Block {
			return func(_ int, _ Get, b Block) []Block {
				if len(w.hellos) < 2 {
					b.Total, b.Offset, b.Data = 0, 0, nil
				}
				return []Block{b}
			}
		}, check: func(w *world, asked []Get) {
			if w.wantErrors(0); len(w.hellos) != 2 || w.connects() != 1 {
				w.t.Errorf("%d hellos on %d connections", len(w.hellos), w.connects())
			}
		}},
		{name: "unknown behind the first block", serve: func(w *world) func(int, Get, Block) []Block {
			return func(n int, _ Get, b Block) []Block {
				if n > 0 && len(w.hellos) < 2 {
					b.Total, b.Offset, b.Data = 0, 0, nil
				}
				return []Block{b}
			}
		}, check: func(w *world, asked []Get) {
			if w.wantErrors(0); len(w.hellos) != 2 || w.connects() != 1 {
				w.t.Errorf("%d hellos on %d connections", len(w.hellos), w.connects())
			}
		}},
		{name: "unknown again", serve: func(w *world) func(int, Get, Block) []Block {
			return func(_ int, _ Get, b Block) []Block {
				if len(w.hellos) < 3 {
					b.Total, b.Offset, b.Data = 0, 0, nil
				}
				return []Block{b}
			}
		}, check: func(w *world, _ []Get) { w.wantErrors(0, 5) }},
		{name: "damaged", serve: func(w *world) func(int, Get, Block) []Block {
			return func(_ int, _ Get, b Block) []Block {
				if len(w.hellos) < 2 {
					b.Data = make([]byte, len(b.Data))
				}
				return []Block{b}
			}
		}, check: func(w *world, asked []Get) {
			if w.wantErrors(0, 5); len(asked) != 10 {
				w.t.Errorf("it asks %d times", len(asked))
			}
		}},
		{name: "four blocks at once", burst: true, serve: func(*world) func(int, Get, Block) []Block {
			var waiting []Block
			return func(n int, _ Get, b Block) (blocks []Block) {
				if waiting = append(waiting, b); n == 3 || n > 3 {
					blocks, waiting = waiting, nil
				}
				return blocks
			}
		}, check: func(w *world, _ []Get) { w.wantErrors(0) }},
		{name: "the connection is lost, and then silence", serve: func(w *world) func(int, Get, Block) []Block {
			return func(n int, _ Get, b Block) []Block {
				switch {
				case w.connects() == 1 && n == 1:
					return []Block{b}
				case w.connects() == 1 && n == 3:
					w.queue = append(w.queue, "lost")
				case w.connects() > 2:
					return []Block{b}
				}
				return nil
			}
		}, check: func(w *world, asked []Get) {
			again := slices.IndexFunc(asked[1:], func(g Get) bool { return g.Offset == 0 }) + 1
			second := asked[again:]
			if slices.ContainsFunc(second, func(g Get) bool { return g.Offset == chunk }) || len(second) != 4+4*3+4 {
				w.t.Errorf("it asks %v, then %v", asked[:again], second)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := openWorldAsking(t, runner, true, true, chunk)
			var asked []Get
			var serve func(int, Get, Block) []Block
			if tt.serve != nil {
				serve = tt.serve(w)
			}
			w.serve = func(g Get, b Block) []Block {
				asked = append(asked, g)
				if serve == nil {
					return []Block{b}
				}
				return serve(len(asked)-1, g, b)
			}
			w.burst = tt.burst
			w.insist(0, func() bool { return w.shown && len(w.queue) == 0 && len(w.errors) > 0 })
			tt.check(w, asked)
		})
	}
}

// wantErrors fails unless the sign reported exactly these, 0 left out or not.
func (w *world) wantErrors(want ...uint16) {
	w.t.Helper()
	got := slices.Clone(w.errors)
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		w.t.Errorf("it reports %v, want %v", got, want)
	}
}

// connects counts connections.
func (w *world) connects() (n int) {
	for _, line := range w.log {
		if strings.HasPrefix(line, "> link ") {
			n++
		}
	}
	return n
}

// An image whose first block does not come is not taken for whole up to where
// blocks came; one that is offered no more is let go at once, and one of another
// size is refused [DL-FW-4].
func testCPullsFirmware(t *testing.T, runner string) {
	t.Parallel()
	update := func(name string, size int, serve func(w *world, asked []Get, b Block) (blocks []Block, cut bool), check func(w *world, asked []Get)) {
		t.Run(name, func(t *testing.T) {
			w := openWorldAsking(t, runner, false, true, 512)
			w.offers(2, "epd-64", size)
			var asked []Get
			cut := false
			w.serve = func(g Get, b Block) (blocks []Block) {
				if g.Object != sha256.Sum256(w.image) {
					return []Block{b}
				}
				asked = append(asked, g)
				if !cut {
					blocks, cut = serve(w, asked, b)
					return blocks
				}
				return []Block{b}
			}
			w.insist(0, func() bool { return cut || w.runs(2)() })
			if cut { // and the power comes back
				w.queue, w.online = nil, false
				w.insist(0, w.runs(2))
			}
			check(w, asked)
		})
	}
	update("a block is missing when the power is cut", 40_000, func(_ *world, _ []Get, b Block) ([]Block, bool) {
		if b.Offset == 0 {
			return nil, false
		}
		return []Block{b}, b.Offset > 30_000
	}, func(w *world, _ []Get) { w.wantErrors(0) })
	times := map[uint32]int{}
	update("a gateway that answers the third question, so that it takes minutes", 60_000, func(_ *world, _ []Get, b Block) ([]Block, bool) {
		if times[b.Offset]++; times[b.Offset] < 3 {
			return nil, false
		}
		return []Block{b}, false
	}, func(w *world, _ []Get) {
		if w.wantErrors(0); w.connects() != 2 {
			w.t.Errorf("%d connections", w.connects())
		}
	})
	update("another size, and then a picture", 4000, func(w *world, asked []Get, b Block) ([]Block, bool) {
		if len(asked) == 2 {
			b.Total--
			p := pictureOf(1, RefreshAny)
			body := Body{Epoch: 1, Seq: 2, Width: 64, Height: 16, Steps: []Step{p.step(cNow, cNow+1000)}}
			w.body, _ = body.Append(nil)
			w.seq, w.glass, w.stock = 2, p.Digest(), map[ObjectHash][]byte{sha256.Sum256(p.object): p.object}
		}
		return []Block{b}, false
	}, func(w *world, _ []Get) {
		if w.wantErrors(0, 13); len(w.draws) != 2 {
			w.t.Errorf("%d pictures", len(w.draws))
		}
	})
	update("offered no more", 4000, func(w *world, _ []Get, b Block) ([]Block, bool) {
		if len(w.hellos) < 2 {
			b.Total, b.Offset, b.Data = 0, 0, nil
		}
		return []Block{b}, false
	}, func(w *world, asked []Get) {
		if w.wantErrors(0); len(asked) != 4+8 {
			w.t.Errorf("it asks %d times", len(asked))
		}
	})
}
