package dither

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"doorleaf/render/mono"
)

// python is the interpreter that sees Debian's packages.
const python = "/usr/bin/python3"

// rawOf writes grey pixels into a file for the peers.
func rawOf(t testing.TB, src *image.Gray) string {
	t.Helper()
	var b bytes.Buffer
	for y := range src.Rect.Dy() {
		b.Write(src.Pix[y*src.Stride:][:src.Rect.Dx()])
	}
	name := filepath.Join(t.TempDir(), "picture.raw")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// runPython returns what a script prints, or skips where its packages are
// missing.
func runPython(t testing.TB, script string, args ...string) string {
	t.Helper()
	if err := exec.Command(python, "-c", "import PIL, numpy").Run(); err != nil {
		t.Skip("Pillow and numpy are missing: install the Debian packages python3-pil and python3-numpy")
	}
	var errs bytes.Buffer
	cmd := exec.Command(python, append([]string{"-c", script}, args...)...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, errs.String())
	}
	return string(out)
}

// checkPillow holds the peer of TestQuality against Pillow itself.
func checkPillow(b *testing.B) {
	for _, p := range photos(b) {
		w, h := p.gray.Rect.Dx(), p.gray.Rect.Dy()
		out := runPython(b, `
import sys
from PIL import Image
w, h = int(sys.argv[2]), int(sys.argv[3])
m = Image.frombytes("L", (w, h), open(sys.argv[1], "rb").read()).convert("1")
print(m.tobytes().hex())`, rawOf(b, p.gray), strconv.Itoa(w), strconv.Itoa(h))
		m := pillow(p.gray)
		for i := range m.Pix { // Pillow's 1 is white
			m.Pix[i] ^= 0xff
		}
		for y := range h {
			m.Pix[(y+1)*m.Stride-1] &= 0xff << (-w & 7)
		}
		if got, want := fmt.Sprintf("%x", m.Pix), strings.TrimSpace(out); got != want {
			b.Errorf("%s: the peer of TestQuality differs from Pillow", p.name)
		}
	}
}

// rounds is how often ours and the peers run by turns; medians are compared.
const rounds = 7

// BenchmarkPeers measures ours and the peers by turns in one run on 1872x1404
// grey pixels, one thread, 8 bits a pixel into packed bits, and prints medians
// and ratios.
func BenchmarkPeers(b *testing.B) {
	checkPillow(b)
	src := scene()
	raw := rawOf(b, src)
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := mono.New(w, h)
	ours := []struct {
		name string
		run  func()
	}{
		{"sierra-lite portable", func() { sierra(dst, src) }},
		{"floyd-steinberg portable", func() { floyd(dst, src) }},
		{"wave portable", func() { waveSlow(dst, src) }},
		{"wave vector", func() { wave(dst, src) }},
		{"best portable", func() { ostromoukhov(dst, src) }},
		{"blue noise portable", func() { orderedSlow(dst, src, &tile) }},
		{"blue noise vector", func() { ordered(dst, src, &tile) }},
		{"threshold portable", func() { orderedSlow(dst, src, &half) }},
		{"threshold vector", func() { ordered(dst, src, &half) }},
	}
	speed := map[string][]float64{} // megapixels a second
	pixels := float64(w*h) / 1e6
	for b.Loop() {
		for range rounds {
			for _, o := range ours {
				speed[o.name] = append(speed[o.name], pixels/middle(o.run))
			}
			paletted := image.NewPaletted(src.Rect, color.Palette{color.Black, color.White})
			imageDraw := func() { draw.FloydSteinberg.Draw(paletted, src.Rect, src, image.Point{}) }
			speed["Go image/draw FloydSteinberg"] = append(speed["Go image/draw FloydSteinberg"], pixels/middle(imageDraw))
			pythonPeers(b, speed, raw, w, h)
			ffmpegPeer(b, speed, raw, w, h)
		}
	}
	report(speed)
}

// middle is the median of five runs after a first, in seconds; the peers in
// Python measure the same way.
func middle(run func()) float64 {
	run()
	var took []float64
	for range 5 {
		start := time.Now()
		run()
		took = append(took, time.Since(start).Seconds())
	}
	slices.Sort(took)
	return took[2]
}

// scene is a picture with gradients and noise.
func scene() *image.Gray {
	const w, h = 1872, 1404
	src := image.NewGray(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range src.Pix {
		src.Pix[i] = byte(i%w*200/w + int(r.Uint32N(56)))
	}
	return src
}

// pythonPeers measures inside Python, without its start.
func pythonPeers(b *testing.B, speed map[string][]float64, raw string, w, h int) {
	out := runPython(b, `
import sys, time, PIL, numpy
from PIL import Image
w, h = int(sys.argv[2]), int(sys.argv[3])
data = open(sys.argv[1], "rb").read()
m = Image.frombytes("L", (w, h), data)
a = numpy.frombuffer(data, dtype=numpy.uint8).reshape(h, w)
t = numpy.tile(a[:64, :64], (h // 64 + 1, w // 64 + 1))[:h, :w].copy()
def rate(f):
    f()
    best = []
    for _ in range(5):
        s = time.perf_counter(); f(); best.append(time.perf_counter() - s)
    return w * h / 1e6 / sorted(best)[2]
print("Pillow %s convert('1').tobytes()=%f" % (PIL.__version__, rate(lambda: m.convert("1").tobytes())))
print("numpy %s packbits(a>=128)=%f" % (numpy.__version__, rate(lambda: numpy.packbits(a >= 128))))
print("numpy %s packbits(a>=tile)=%f" % (numpy.__version__, rate(lambda: numpy.packbits(a >= t))))
`, raw, strconv.Itoa(w), strconv.Itoa(h))
	for line := range strings.Lines(out) {
		at := strings.LastIndex(line, "=")
		v, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64)
		if err != nil {
			b.Fatal(err)
		}
		speed[line[:at]] = append(speed[line[:at]], v)
	}
}

// ffmpegPeer measures swscale's Bayer dithering from gray to monow: the time of
// 200 frames less that of 200 frames handed through.
func ffmpegPeer(b *testing.B, speed map[string][]float64, raw string, w, h int) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		b.Log("ffmpeg is missing: install the Debian package ffmpeg")
		return
	}
	const frames = 200
	run := func(format string) float64 {
		cmd := exec.Command("ffmpeg", "-nostdin", "-loglevel", "error", "-threads", "1", "-filter_threads", "1", "-stream_loop", "-1", "-f", "rawvideo",
			"-pixel_format", "gray", "-video_size", fmt.Sprintf("%dx%d", w, h), "-i", raw, "-frames:v", strconv.Itoa(frames),
			"-sws_flags", "neighbor", "-sws_dither", "bayer", "-pix_fmt", format, "-f", "null", "-")
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("ffmpeg: %v\n%s", err, out)
		}
		return time.Since(start).Seconds()
	}
	base := run("gray")
	if took := run("monow") - base; took > 0 {
		name := "ffmpeg " + ffmpegVersion() + " swscale gray to monow, Bayer"
		speed[name] = append(speed[name], float64(w*h)/1e6*frames/took)
	}
}

func ffmpegVersion() string {
	out, err := exec.Command("ffmpeg", "-version").Output()
	if f := strings.Fields(string(out)); err == nil && len(f) > 2 {
		return f[2]
	}
	return "of unknown version"
}

// report prints the medians, and ours over each peer.
func report(speed map[string][]float64) {
	median := func(name string) float64 {
		all := slices.Sorted(slices.Values(speed[name]))
		if len(all) == 0 {
			return 0
		}
		return all[len(all)/2]
	}
	find := func(prefix string) string {
		for name := range speed {
			if strings.HasPrefix(name, prefix) {
				return name
			}
		}
		return prefix
	}
	names := make([]string, 0, len(speed))
	for name := range speed {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Printf("Dithering 1872x1404, one thread, %s, medians of %d alternating runs:\n", runtime.Version(), rounds)
	for _, name := range names {
		fmt.Printf("  %-52s %9.0f Mpx/s\n", name, median(name))
	}
	for _, r := range []struct {
		ours, peer string
		want       float64
	}{
		{"sierra-lite portable", "Pillow", 3}, {"sierra-lite portable", "Go image/draw", 10},
		{"floyd-steinberg portable", "Pillow", 3}, {"best portable", "Pillow", 1},
		{"wave vector", "Pillow", 6}, {"wave vector", "Go image/draw", 18},
		{"blue noise portable", "ffmpeg", 3}, {"threshold portable", "ffmpeg", 3},
		{"blue noise vector", "numpy packbits(a>=tile)", 1.5}, {"threshold vector", "numpy packbits(a>=128)", 1.5},
	} {
		peer := r.peer
		if strings.HasPrefix(peer, "numpy") {
			_, what, _ := strings.Cut(peer, "packbits")
			for _, name := range names {
				if strings.HasPrefix(name, "numpy") && strings.HasSuffix(name, what) {
					peer = name
				}
			}
		} else {
			peer = find(peer)
		}
		// Ours over the peer in each run, because the machine's speed drifts.
		var ratios []float64
		for i := range min(len(speed[r.ours]), len(speed[peer])) {
			ratios = append(ratios, speed[r.ours][i]/speed[peer][i])
		}
		slices.Sort(ratios)
		if len(ratios) > 0 {
			fmt.Printf("  %-26s %6.2f x %s (goal %.1f)\n", r.ours, ratios[len(ratios)/2], peer, r.want)
		}
	}
}
