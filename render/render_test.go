package render

import (
	"fmt"
	"image"
	"reflect"
	"strings"
	"sync"
	"testing"

	"doorleaf/render/lang"
	"doorleaf/render/mono"
)

func newRenderer(t testing.TB) *Renderer {
	t.Helper()
	texts, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRenderer(texts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func testPanels() []Panel {
	return []Panel{{250, 122, 131}, {296, 128, 112}, {416, 240, 130}, {400, 300, 120}, {800, 480, 219}, {648, 480, 139}, {640, 384, 100},
		{800, 480, 125}, {880, 528, 137}, {960, 640, 113}, {960, 680, 88}, {1304, 984, 131}, {1600, 1200, 150}, {1872, 1404, 227},
		{128, 296, 112}, {300, 400, 120}, {480, 800, 125}, {640, 960, 113}}
}

// Nothing is drawn beyond the glass and no two texts meet, on any panel, in any
// state and language.
func TestEveryTextHasItsPlace(t *testing.T) {
	r := newRenderer(t)
	for _, l := range r.texts.SignLanguages() {
		for _, p := range testPanels() {
			for _, e := range Examples() {
				for _, hour12 := range []bool{false, true} {
					d := e.Door
					d.Language, d.Hour12 = l, hour12
					name := fmt.Sprintf("%s %dx%d@%d %s 12h=%v", l, p.Width, p.Height, p.DPI, e.Name, hour12)
					checkPlaces(t, r, name, d, p)
				}
			}
		}
	}
}

func checkPlaces(t *testing.T, r *Renderer, name string, d Door, p Panel) {
	t.Helper()
	img := mono.New(p.Width, p.Height)
	pg := r.page(img, d, p)
	type placed struct {
		s   string
		ink image.Rectangle
	}
	var texts []placed
	pg.trace = func(s string, ink image.Rectangle) {
		if !ink.In(img.Rect) {
			t.Errorf("%s: %q at %v leaves the glass", name, s, ink)
		}
		for _, o := range texts {
			if o.ink.Overlaps(ink) {
				t.Errorf("%s: %q at %v meets %q at %v", name, s, ink, o.s, o.ink)
			}
		}
		texts = append(texts, placed{s, ink})
	}
	pg.draw()
	if len(texts) == 0 {
		t.Errorf("%s: no text at all", name)
	}
}

// fieldNames lists the JSON names of a struct's fields.
func fieldNames(v any) []string {
	var out []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			out = append(out, name)
		}
	}
	return out
}

// On the 12-hour clock the end of a day is a word: 12:00 AM is either end.
func TestEndOfDayOnTheTwelveHourClock(t *testing.T) {
	r := newRenderer(t)
	until := Clock(24 * 60)
	for hour12, want := range map[bool]string{true: "until midnight", false: "until 24:00"} {
		if got := r.Describe(Door{State: Booked, Room: "A", Hour12: hour12, Until: &until}); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
}

func TestPanelsOutsideTheBoundsAreRefused(t *testing.T) {
	r := newRenderer(t)
	for _, p := range []Panel{{}, {95, 200, 100}, {200, 4097, 100}, {-1, 200, 100}} {
		if m, err := r.Draw(nil, Examples()[0].Door, p); err == nil {
			t.Errorf("%v: got a picture of %v", p, m.Rect)
		}
	}
}

// Drawing into a used picture gives the same as into a new one.
func TestDrawClearsWhatWasThere(t *testing.T) {
	r := newRenderer(t)
	p := Panel{400, 300, 120}
	var used *mono.Image
	for _, e := range Examples() {
		want, err := r.Draw(nil, e.Door, p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Draw(used, e.Door, p)
		if err != nil {
			t.Fatal(err)
		}
		if used != nil && got != used {
			t.Error("a picture of the right size was not used again")
		}
		if used = got; !got.Equal(want) {
			t.Errorf("%s differs in a used picture", e.Name)
		}
	}
}

// States are told apart by the band alone: no two shapes look the same when no
// word can be read.
func TestBandsDiffer(t *testing.T) {
	r := newRenderer(t)
	shapes := map[shape][]string{}
	for _, e := range Examples() {
		s := r.page(nil, e.Door, Panel{800, 480, 125}).bandText().shape
		shapes[s] = append(shapes[s], string(e.Door.State))
	}
	for s, want := range map[shape]string{solid: "booked", split: "soon", framed: "check-in"} {
		for _, state := range shapes[s] {
			if state != want {
				t.Errorf("%s has the band of %s", state, want)
			}
		}
		if len(shapes[s]) == 0 {
			t.Errorf("no example has the band of %s", want)
		}
	}
}

// Renderers are shared by goroutines.
func TestConcurrentUse(t *testing.T) {
	r := newRenderer(t)
	p := Panel{296, 128, 112}
	want, err := newRenderer(t).Draw(nil, Examples()[4].Door, p)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, e := range Examples() {
				if _, err := r.Draw(nil, e.Door, p); err != nil {
					t.Error(err)
				}
			}
			got, err := r.Draw(nil, Examples()[4].Door, p)
			if err != nil || !got.Equal(want) {
				t.Errorf("another picture, error %v", err)
			}
		})
	}
	wg.Wait()
}

func TestDescribeSaysWhatIsDrawn(t *testing.T) {
	r := newRenderer(t)
	for _, e := range Examples() {
		d := e.Door
		got := r.Describe(d)
		if !strings.HasPrefix(got, d.Room) {
			t.Errorf("%s: %q does not begin with the room", e.Name, got)
		}
		if d.Private && d.Title != "" && strings.Contains(got, d.Title) {
			t.Errorf("%s: %q tells the title of a private meeting", e.Name, got)
		}
	}
}

// A face is drawn in well under a millisecond once its glyphs are there.
func BenchmarkDraw(b *testing.B) {
	r := newRenderer(b)
	for _, p := range []Panel{{296, 128, 112}, {800, 480, 125}, {1872, 1404, 227}} {
		b.Run(fmt.Sprintf("%dx%d", p.Width, p.Height), func(b *testing.B) {
			img := mono.New(p.Width, p.Height)
			d := Examples()[4].Door
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Draw(img, d, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
