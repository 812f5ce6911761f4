package main

import (
	"bytes"
	"compress/flate"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"doorleaf/devices"
	"doorleaf/devices/mqttlink"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/render/mono"
)

// What signs of the two profiles can decode.
const (
	smallCaps = wire.CapSmall | wire.CapSmallRef
	fullCaps  = smallCaps | wire.CapFull | wire.CapFullRef
)

// encode makes an object and checks that it decodes.
func encode(t testing.TB, s *sample, caps wire.Capabilities) int {
	t.Helper()
	object, err := wire.NewEncoder().Encode(nil, *bitmap(s.next), bitmap(s.base), caps)
	if err != nil {
		t.Fatal(err)
	}
	var got wire.Bitmap
	if err := wire.NewDecoder().Decode(&got, object, bitmap(s.base)); err != nil || !bytes.Equal(got.Pix, s.next.Pix) {
		t.Fatalf("%s: decodes to another picture, %v", s.name, err)
	}
	return len(object)
}

// changed is the picture with what a coder that knows no other picture would
// have to code: XOR.
func (s *sample) changed() *mono.Image {
	if s.base == nil {
		return s.next
	}
	x := s.next.Clone()
	for i, b := range s.base.Pix {
		x.Pix[i] ^= b
	}
	return x
}

// The sizes that a battery pays for stay far under those of deflate with all
// its window, on every face.
func TestSizes(t *testing.T) {
	limits := map[string]float64{firstFrame: 0.62, stateChange: 0.5, quarterHour: 0.8}
	for _, p := range panels[:3] {
		for _, s := range agendas(t, p) {
			var b bytes.Buffer
			w, err := flate.NewWriter(&b, flate.BestCompression)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(s.changed().Pix); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			small, full := encode(t, &s, smallCaps), encode(t, &s, fullCaps)
			if limit := int(limits[s.kind]*float64(b.Len())) + 60; full > limit || small > limit*21/20 {
				t.Errorf("%s: %d bytes, small %d; deflate has %d", s.name, full, small, b.Len())
			}
		}
	}
}

// A day of twenty flips, manifest and pictures, was 20,148 bytes in the full
// profile; faces may change, but not by much.
func TestOfficeDay(t *testing.T) {
	tl := officeDay(t)
	if len(tl.Steps) != 20 {
		t.Fatalf("%d flips, want 20", len(tl.Steps))
	}
	for _, c := range []struct {
		name  string
		caps  wire.Capabilities
		limit int
	}{{"full", fullCaps, 24 << 10}, {"small", smallCaps, 25 << 10}} {
		tl.Capabilities = devices.Capabilities(c.caps)
		p, err := new(mqttlink.Link).Pack(tl)
		if err != nil {
			t.Fatal(err)
		}
		size := len(p.Body)
		for _, o := range p.Objects {
			size += len(o.Bytes)
		}
		t.Logf("%s: %d bytes, %d of them the manifest's body, %d objects", c.name, size, len(p.Body), len(p.Objects))
		if size > c.limit {
			t.Errorf("%s: %d bytes, at most %d", c.name, size, c.limit)
		}
	}
}

// peers are the programs of Debian that are compared with; the result is the
// smallest file of a kind.
type peers struct {
	dir string
}

func newPeers(b *testing.B) *peers {
	b.Helper()
	for _, program := range []string{"pbmtojbg", "pbmtojbg85", "zopflipng"} {
		if _, err := exec.LookPath(program); err != nil {
			b.Skipf("%s is missing: install jbigkit-bin and zopfli to compare with them", program)
		}
	}
	return &peers{b.TempDir()}
}

// size runs a program on a file and returns the size of what it makes.
func (p *peers) size(b *testing.B, in string, args ...string) int {
	b.Helper()
	out := filepath.Join(p.dir, "out")
	cmd := exec.Command(args[0], append(args[1:], in, out)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v %s", args, err, text)
	}
	info, err := os.Stat(out)
	if err != nil {
		b.Fatal(err)
	}
	return int(info.Size())
}

// jbig is the smaller of T.82 and T.85.
func (p *peers) jbig(b *testing.B, m *mono.Image) int {
	var file bytes.Buffer
	if err := m.EncodePBM(&file); err != nil {
		b.Fatal(err)
	}
	in := filepath.Join(p.dir, "in.pbm")
	if err := os.WriteFile(in, file.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return min(p.size(b, in, "pbmtojbg", "-q"), p.size(b, in, "pbmtojbg85"))
}

func (p *peers) zopfli(b *testing.B, m *mono.Image) int {
	var file bytes.Buffer
	if err := m.EncodePNG(&file); err != nil {
		b.Fatal(err)
	}
	in := filepath.Join(p.dir, "in.png")
	if err := os.WriteFile(in, file.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return p.size(b, in, "zopflipng", "-y")
}

// sum is the bytes of one kind of picture.
type sum struct{ small, full, jbig, zopfli, zopfliSmall, zopfliFull int }

// target is how many times the bytes of a peer a profile may have.
type target struct{ jbig, zopfli float64 }

// targets are what the format was made to reach.
var targets = map[string]struct{ small, full target }{
	firstFrame:  {target{1.03, 0.70}, target{0.98, 0.60}},
	stateChange: {target{0.70, 0}, target{0.62, 0}},
	quarterHour: {target{1.00, 0}, target{0.90, 0}},
	photograph:  {target{1.05, 0}, target{1.00, 0}},
}

// BenchmarkSizes compares the bytes of objects with those of jbigkit and
// zopflipng, over five panels. JBIG codes the XOR of a change. PNG is compared
// on the panels up to 800x480: zopfli takes minutes for larger ones.
func BenchmarkSizes(b *testing.B) {
	p := newPeers(b)
	list := photos(b)
	for _, panel := range panels {
		list = append(list, agendas(b, panel)...)
	}
	sums := map[string]*sum{}
	var text strings.Builder
	for b.Loop() {
		text.Reset()
		clear(sums)
		for i := range list {
			s := &list[i]
			t := sums[s.kind]
			if t == nil {
				t = &sum{}
				sums[s.kind] = t
			}
			small, full, jbig := encode(b, s, smallCaps), encode(b, s, fullCaps), p.jbig(b, s.changed())
			t.small, t.full, t.jbig = t.small+small, t.full+full, t.jbig+jbig
			fmt.Fprintf(&text, "%-34s %-20s JBIG1 %6d  small %6d  full %6d", s.name, s.kind, jbig, small, full)
			if s.base == nil && s.kind != photograph && s.next.Rect.Dx() <= 800 {
				png := p.zopfli(b, s.next)
				t.zopfli, t.zopfliSmall, t.zopfliFull = t.zopfli+png, t.zopfliSmall+small, t.zopfliFull+full
				fmt.Fprintf(&text, "  PNG %6d", png)
			}
			text.WriteByte('\n')
		}
	}
	fmt.Print(text.String()) // a benchmark's log is cut off
	for kind, want := range targets {
		s := sums[kind]
		for _, c := range []struct {
			name      string
			got, peer int
			most      float64
		}{
			{"small/JBIG1", s.small, s.jbig, want.small.jbig}, {"full/JBIG1", s.full, s.jbig, want.full.jbig},
			{"small/PNG", s.zopfliSmall, s.zopfli, want.small.zopfli}, {"full/PNG", s.zopfliFull, s.zopfli, want.full.zopfli},
		} {
			if c.most == 0 {
				continue
			}
			ratio := float64(c.got) / float64(c.peer)
			fmt.Printf("%s: %s %.3f, at most %.2f\n", kind, c.name, ratio, c.most)
			if ratio > c.most {
				b.Errorf("%s: %s %.3f, at most %.2f", kind, c.name, ratio, c.most)
			}
		}
	}
}
