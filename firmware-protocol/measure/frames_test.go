package main

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // the photos
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // the photos

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/render"
	"doorleaf/render/dither"
	"doorleaf/render/lang"
	"doorleaf/render/mono"
)

// panels are the five sizes that are compared.
var panels = []render.Panel{{Width: 296, Height: 128, DPI: 112}, {Width: 400, Height: 300, DPI: 120}, {Width: 800, Height: 480, DPI: 125},
	{Width: 1304, Height: 984, DPI: 131}, {Width: 1872, Height: 1404, DPI: 227}}

// The kinds of pictures that are compared.
const (
	firstFrame  = "first frame"
	stateChange = "state change"
	quarterHour = "quarter of an hour"
	photograph  = "photo"
)

// sample is a picture as it travels: alone or after another.
type sample struct {
	name, kind string
	next, base *mono.Image
}

func bitmap(m *mono.Image) *wire.Bitmap {
	if m == nil {
		return nil
	}
	return &wire.Bitmap{Width: m.Rect.Dx(), Height: m.Rect.Dy(), Stride: m.Stride, Pix: m.Pix}
}

// artist draws doors.
func artist(t testing.TB) func(d render.Door, p render.Panel) *mono.Image {
	t.Helper()
	texts, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := render.NewRenderer(texts)
	if err != nil {
		t.Fatal(err)
	}
	return func(d render.Door, p render.Panel) *mono.Image {
		m, err := r.Draw(nil, d, p)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
}

// later is the face of a meeting that lasts a quarter of an hour longer, or
// begins so much later when the room is free.
func later(d render.Door) render.Door {
	until := *d.Until + 15
	span := *d.Span
	if d.State == render.Booked {
		span.End = until
	} else {
		span.Start = until
	}
	d.Until, d.Span = &until, &span
	return d
}

// agendas are the faces and changes of a panel.
func agendas(t testing.TB, p render.Panel) (out []sample) {
	paint := artist(t)
	doors := map[string]render.Door{}
	for _, e := range render.Examples() {
		doors[e.Name] = e.Door
	}
	add := func(name, kind string, next render.Door, base *render.Door) {
		s := sample{name: fmt.Sprintf("%dx%d %s", p.Width, p.Height, name), kind: kind, next: paint(next, p)}
		if base != nil {
			s.base = paint(*base, p)
		}
		out = append(out, s)
	}
	for _, name := range []string{"booked", "free", "soon", "free-book", "check-in"} {
		add(name, firstFrame, doors[name], nil)
	}
	for _, c := range [][2]string{{"free", "booked"}, {"booked", "free"}, {"soon", "booked"}, {"free", "soon"}} {
		before := doors[c[0]]
		add(c[0]+" to "+c[1], stateChange, doors[c[1]], &before)
	}
	for _, name := range []string{"booked", "free"} {
		before := doors[name]
		add(name+", later", quarterHour, later(before), &before)
	}
	return out
}

// photos are photographs from the test data of golang.org/x/image, dithered at
// 800x480.
func photos(t testing.TB) (out []sample) {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/image").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"yellow_rose.lossless.webp", "go-turns-two-280x360.jpeg"} {
		data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		src, _, err := image.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(name, err)
		}
		b := src.Bounds()
		b.Max.Y = b.Min.Y + min(b.Dy(), b.Dx()*480/800) // the part that fills the panel
		grey := image.NewGray(image.Rect(0, 0, 800, 480))
		draw.BiLinear.Scale(grey, grey.Rect, src, b, draw.Src, nil)
		m := mono.New(800, 480)
		if err := dither.Gray(m, grey, dither.FloydSteinberg); err != nil {
			t.Fatal(err)
		}
		out = append(out, sample{name: name, kind: photograph, next: m})
	}
	return out
}

// officeDay is a day of ten meetings: twenty flips between free and booked, and
// the picture for when the calendar was not read again.
func officeDay(t testing.TB) devices.Timeline {
	paint := artist(t)
	type meeting struct {
		from, to         int // minutes after 8:00
		title, organizer string
	}
	meetings := []meeting{
		{0, 30, "Standup web", "Ingrid Solheim"}, {45, 90, "Sprint review", "Pavel Novák"}, {105, 150, "Interview, second round", "Maja Kowalczyk"},
		{165, 195, "Budget 2027", "Hugo Fernández"}, {210, 255, "Customer visit: North Harbour", "Sara Lindgren"}, {300, 330, "1:1", "Ingrid Solheim"},
		{345, 405, "Security training", "Tomáš Dvořák"}, {420, 450, "Design critique", "Léa Martin"}, {465, 510, "Release planning 4.2", "Pavel Novák"},
		{525, 570, "Retrospective", "Ingrid Solheim"},
	}
	day := render.DayBar{Span: render.Span{Start: 8 * 60, End: 18 * 60}}
	var rows []render.Row
	for _, m := range meetings {
		span := render.Span{Start: render.Clock(480 + m.from), End: render.Clock(480 + m.to)}
		day.Blocks = append(day.Blocks, render.Block{Span: span})
		rows = append(rows, render.Row{Span: span, Title: m.title, Organizer: m.organizer})
	}
	begin := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	tl := devices.Timeline{Sign: "aaaaaaaaaaaaaaaa", Epoch: 1, Seq: 1, Capabilities: devices.Capabilities(wire.CapAll)}
	at := begin
	step := func(d render.Door, until time.Time) {
		d.Room, d.Date, d.Day = "Kestrel 3.07", render.Date{Year: 2026, Month: 11, Day: 23}, &day
		tl.Steps = append(tl.Steps, devices.Step{Picture: paint(d, render.Panel{Width: 800, Height: 480, DPI: 125}), From: at, Until: until})
		at = until
	}
	for i, m := range meetings {
		row := rows[i]
		end := row.End
		step(render.Door{State: render.Booked, Until: &end, Title: row.Title, Organizer: row.Organizer, Span: &row.Span, Next: rows[i+1:]}, begin.Add(time.Duration(m.to)*time.Minute))
		free := render.Door{State: render.Free, AllDay: true}
		until := begin.Add(10 * time.Hour)
		if i+1 < len(meetings) {
			next := rows[i+1]
			free = render.Door{State: render.Free, Until: &next.Start, Title: next.Title, Organizer: next.Organizer, Span: &next.Span, Next: rows[i+2:]}
			until = begin.Add(time.Duration(meetings[i+1].from) * time.Minute)
		}
		step(free, until)
	}
	since := render.Clock(18 * 60)
	tl.Stale = paint(render.Door{State: render.Stale, Room: "Kestrel 3.07", Since: &since, Day: &day}, render.Panel{Width: 800, Height: 480, DPI: 125})
	return tl
}
