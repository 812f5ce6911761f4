package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"doorleaf/render"
	"doorleaf/render/lang"
	"doorleaf/render/mono"
)

// pillowFrame draws the same agenda with Pillow, the same face and sizes, new
// texts each time, and prints microseconds per frame.
const pillowFrame = `
import sys, time
from PIL import Image, ImageDraw, ImageFont, __version__
bold, regular = sys.argv[1], sys.argv[2]
F = lambda path, n: ImageFont.truetype(path, n)
name, date, word, label, clock = F(bold, 36), F(regular, 24), F(bold, 128), F(regular, 28), F(bold, 80)
title, who, start, row, hour = F(bold, 34), F(regular, 28), F(bold, 26), F(regular, 26), F(regular, 18)
def frame(n):
    im = Image.new('1', (800, 480), 1)
    d = ImageDraw.Draw(im); d.fontmode = '1'
    d.text((24, 12), 'Aalto %d' % n, font=name, fill=0)
    d.text((776, 20), 'Monday 23 November', font=date, fill=0, anchor='ra')
    d.rectangle((0, 64, 799, 223), fill=0)
    d.text((24, 76), 'Booked', font=word, fill=1)
    d.text((776, 90), 'until', font=label, fill=1, anchor='ra')
    d.text((776, 124), '12:30', font=clock, fill=1, anchor='ra')
    d.text((24, 240), 'Quarterly planning %d' % n, font=title, fill=0)
    d.text((24, 281), 'with the finance team', font=title, fill=0)
    d.text((24, 330), 'Anna Schmidt %d' % n, font=who, fill=0)
    for i, t in enumerate(('13:00', '14:30', '15:30', '17:00')):
        d.text((480, 240 + 40 * i), t, font=start, fill=0)
        d.text((566, 240 + 40 * i), 'Architecture %d.%d' % (n, i), font=row, fill=0)
    d.rectangle((24, 424, 776, 444), outline=0)
    for x in (100, 250, 400, 550): d.rectangle((x, 424, x + 90, 444), fill=0)
    for i in range(6): d.text((24 + 150 * i, 450), str(8 + 2 * i), font=hour, fill=0)
    return im.tobytes()
for n in range(20): frame(n)
best = []
for r in range(7):
    t = time.perf_counter()
    for n in range(40): frame(1000 * r + n)
    best.append((time.perf_counter() - t) / 40 * 1e6)
best.sort()
print(__version__, best[len(best) // 2])
`

const chromiumFrame = `data:text/html,<body style="margin:0;background:white;font-family:sans-serif"><div id=room></div><div style="background:black;color:white;height:160px;font-size:128px">Booked <span style="font-size:80px">12:30</span></div>
<div id=title style="font-size:34px"></div><div id=who style="font-size:28px"></div><div id=rows style="font-size:26px"></div></body>`

// BenchmarkFramePeers draws an 800x480 agenda whose every text is new, in one
// run with Pillow and a warm headless Chromium, and reports how many times
// faster it is.
func BenchmarkFramePeers(b *testing.B) {
	texts, err := lang.Load()
	if err != nil {
		b.Fatal(err)
	}
	r, err := render.NewRenderer(texts)
	if err != nil {
		b.Fatal(err)
	}
	p := render.Panel{Width: 800, Height: 480, DPI: 125}
	img := mono.New(p.Width, p.Height)
	var face render.Door
	for _, e := range render.Examples() {
		if e.Name == "booked" {
			face = e.Door
		}
	}
	n := 0
	fresh := func() {
		n++
		d := face
		d.Room, d.Title, d.Organizer = fmt.Sprintf("Aalto %d", n), fmt.Sprintf("Quarterly planning %d with the finance team", n), fmt.Sprintf("Anna Schmidt %d", n)
		d.Next = slices.Clone(face.Next)
		for i := range d.Next {
			d.Next[i].Title = fmt.Sprintf("Architecture %d.%d", n, i)
		}
		if _, err := r.Draw(img, d, p); err != nil {
			b.Fatal(err)
		}
	}
	ours := func(draw func()) float64 { // median of seven runs, microseconds a frame
		var all []float64
		for range 20 {
			draw()
		}
		for range 7 {
			begin := time.Now()
			for range 200 {
				draw()
			}
			all = append(all, float64(time.Since(begin).Microseconds())/200)
		}
		slices.Sort(all)
		return all[3]
	}
	for b.Loop() {
		fresh()
	}
	cold := ours(fresh)
	warm := ours(func() {
		if _, err := r.Draw(img, face, p); err != nil {
			b.Fatal(err)
		}
	})
	b.ReportMetric(cold, "µs/new-texts")
	b.ReportMetric(warm, "µs/same-texts")
	if pillow, version := pillowMicros(b); pillow > 0 {
		b.ReportMetric(pillow/cold, "x-Pillow")
		b.Logf("Pillow %s: %.0f µs a frame", version, pillow)
	}
	if chromium := chromiumMicros(b); chromium > 0 {
		b.ReportMetric(chromium/cold, "x-Chromium")
		b.Logf("Chromium: %.0f µs a frame", chromium)
	}
}

func pillowMicros(b *testing.B) (micros float64, version string) {
	fonts := filepath.Join("..", "..", "render", "typeset", "fonts")
	out, err := exec.Command("/usr/bin/python3", "-c", pillowFrame, filepath.Join(fonts, "NotoSans-Bold.ttf"), filepath.Join(fonts, "NotoSans-Regular.ttf")).Output()
	version, value, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || !ok {
		b.Logf("no comparison with Pillow (package python3-pil): %v", err)
		return 0, ""
	}
	micros, err = strconv.ParseFloat(value, 64)
	if err != nil {
		b.Fatal(err)
	}
	return micros, version
}

func chromiumMicros(b *testing.B) float64 {
	path, err := exec.LookPath("chromium")
	if err != nil {
		b.Log("no comparison with Chromium (package chromium)")
		return 0
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(800, 480))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	ctx, closeTab := chromedp.NewContext(allocator)
	defer closeTab()
	if err := chromedp.Do(ctx, chromedp.Navigate(chromiumFrame)); err != nil {
		b.Logf("no comparison with Chromium: %v", err)
		return 0
	}
	var all []float64
	for n := range 30 {
		begin := time.Now()
		script := fmt.Sprintf(`room.textContent="Aalto %[1]d";title.textContent="Quarterly planning %[1]d";who.textContent="Anna Schmidt %[1]d";rows.textContent="13:00 Architecture %[1]d";1`, n)
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](script)); err != nil {
			b.Fatal(err)
		}
		if _, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err != nil {
			b.Fatal(err)
		}
		if n >= 5 {
			all = append(all, float64(time.Since(begin).Microseconds()))
		}
	}
	slices.Sort(all)
	return all[len(all)/2]
}
