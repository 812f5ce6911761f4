package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// maxFrame is how long any face may take to be drawn, the first use of fonts and
// the reading of pictures apart.
const maxFrame = 50 * time.Millisecond

// threadTime is the processor time of this thread: other work on the machine
// does not count.
func threadTime(t testing.TB) time.Duration {
	t.Helper()
	const rusageThread = 1
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// warmScripts draws a word of every bundled font and opens every size, so that
// they are loaded.
func warmScripts(t testing.TB, r *Renderer) {
	t.Helper()
	for size := typeset.MinSize; size <= 160; size++ {
		r.fonts.Face(typeset.Regular, size)
		r.fonts.Face(typeset.Bold, size)
	}
	for _, language := range []string{"en", "ja", "zh", "zh-Hant", "ko"} {
		d := Door{State: Booked, Language: language, Room: "漢字 한국 あ", Title: "Aя اع אב कख กข 漢字 한국"}
		if _, err := r.Draw(nil, d, Panel{250, 122, 131}); err != nil {
			t.Fatal(err)
		}
	}
}

// checkFrame fails when a face takes longer than maxFrame.
func checkFrame(t *testing.T, r *Renderer, what any, draw func(r *Renderer) error) {
	t.Helper()
	limit := maxFrame
	if raceDetector {
		limit *= 40
	}
	if fuzzing := flag.Lookup("test.fuzz"); fuzzing != nil && fuzzing.Value.String() != "" {
		limit *= 4 // every branch is counted
	}
	checkTime(t, r, limit, what, draw)
}

// checkTime fails when a drawing takes longer than limit of the processor, five
// times in a row with a renderer that has drawn nothing like it. Of a renderer
// whose scripts are warm the first use of fonts does not count.
func checkTime(t *testing.T, r *Renderer, limit time.Duration, what any, draw func(r *Renderer) error) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	best := time.Hour
	for range 5 {
		start := threadTime(t)
		if err := draw(r); err != nil {
			t.Fatal(err)
		}
		spent := threadTime(t) - start
		if best = min(best, spent); best <= limit {
			return
		}
		t.Logf("%v: %v", what, spent)
		r = newRenderer(t)
		warmScripts(t, r)
	}
	t.Errorf("%v: it took %v of the processor, at most %v are allowed", what, best, limit)
}

// framePanels are the glasses to draw on; few where the race detector makes it
// slow.
func framePanels() []Panel {
	if raceDetector {
		return []Panel{{250, 122, 131}, {800, 480, 125}}
	}
	return []Panel{{250, 122, 131}, {128, 296, 112}, {400, 300, 120}, {800, 480, 125}, {1872, 1404, 227}}
}

// FuzzFrameText draws texts from outside in every place they can have.
func FuzzFrameText(f *testing.F) {
	for _, s := range scripts {
		f.Add(s.room, s.titles[0], s.organizer, s.language)
	}
	f.Add(strings.Repeat("W", 600), strings.Repeat("a b ", 200), strings.Repeat("漢字", 300), "ja")
	f.Add("e"+strings.Repeat("\u0301", 500), strings.Repeat("\u2067\u2068x", 100), strings.Repeat("א1", 300), "ar")
	f.Add(strings.Repeat("\u0e33\u0e49", 300), strings.Repeat("क्ष", 200), strings.Repeat("ﷺ", 100), "he")
	f.Add("\xff\xfe\x00", "\U0010ffff\ue000", strings.Repeat("𝔘", 300), "xx-\x00")
	r := newRenderer(f)
	warmScripts(f, r)
	f.Fuzz(func(t *testing.T, room, title, organizer, language string) {
		at := Clock(13 * 60)
		span := Span{at, at + 60}
		row := Row{Span: span, Title: room, Organizer: title}
		for i, d := range []Door{
			{State: Booked, Room: room, Title: title, Organizer: organizer, Language: language, Until: &at, Span: &span, More: 2,
				Next: []Row{row, {Span: span, Title: title}, {Span: span, Title: organizer}, row, row}, Buttons: []string{room, title}},
			{State: OutOfOrder, Room: organizer, Note: room, Language: language, Until: &at},
			{State: Free, Room: title, Features: []string{room, title, organizer}, Capacity: 3, Language: language},
		} {
			for _, p := range framePanels() {
				checkFrame(t, r, []any{i, p}, func(r *Renderer) error {
					m, err := r.Draw(nil, d, p)
					if err == nil {
						checkPadding(t, m)
					}
					return err
				})
			}
			r.Describe(d)
		}
	})
}

// FuzzFrameTemplate draws templates with the texts and pictures in them.
func FuzzFrameTemplate(f *testing.F) {
	f.Add(calendarTemplate, "Quarterly planning")
	f.Add(`{"items":[{"type":"CIRCLE","data":{"radius":4000,"center":{"x":9,"y":9},"fillColor":"RED","strokeThickness":200}},{"type":"LINE","data":{"block":{"x0":-9000,"y0":9000,"x1":9000,"y1":-9000},"strokeThickness":200}}]}`, "漢字")
	for _, item := range []string{
		`{"type":"TEXT","data":{"text":"{UPCOMING}{ONGOING_EVENT_SUMMARY}{STATE} %d","block":{"x":0,"y":0,"w":4000,"h":4000},"textSize":%d}}`,
		`{"type":"TEXT","data":{"text":"` + strings.Repeat("ا ب", 200) + `%d","block":{"x":0,"y":0,"w":90,"h":4000},"textSize":%d}}`,
		`{"type":"TEXT","data":{"text":"` + strings.Repeat("漢字", 150) + `%d","block":{"x":0,"y":0,"w":900,"h":4000},"textSize":%d}}`,
		`{"type":"CIRCLE","data":{"radius":%d,"center":{"x":900,"y":700},"fillColor":"BLACK","strokeColor":"WHITE","strokeThickness":%d}}`,
		`{"type":"LINE","data":{"block":{"x0":-9000,"y0":9%03d,"x1":9000,"y1":-9000},"strokeThickness":%d}}`,
		`{"type":"RECTANGLE","data":{"block":{"x":%d,"y":0,"w":1800,"h":1400},"fillColor":"BLACK","strokeThickness":%d}}`,
	} {
		var items []string
		for i := range maxTemplateItems {
			items = append(items, fmt.Sprintf(item, 500+i, 9+i%150))
		}
		f.Add(`{"items":[`+strings.Join(items, ",")+`]}`, "ישיבה 12")
	}
	f.Add(`{"items":[{"type":"QRCODE","data":{"text":"1{ONGOING_EVENT_SUMMARY}","scale":9}},{"type":"QRCODE","data":{"text":"2{ONGOING_EVENT_SUMMARY}","scale":9}},{"type":"QRCODE","data":{"text":"3{ONGOING_EVENT_SUMMARY}","scale":1}}]}`, strings.Repeat("x", 250))
	r := newRenderer(f)
	warmScripts(f, r)
	f.Fuzz(func(t *testing.T, text, title string) {
		tpl, err := ReadTemplate(strings.NewReader(text))
		if err != nil {
			return
		}
		d := example(t, "booked")
		d.Title = title
		for i := range d.Next {
			d.Next[i].Title = title
		}
		for _, p := range framePanels() {
			checkFrame(t, r, p, func(r *Renderer) error { _, err := r.DrawTemplate(nil, d, tpl, p); return err })
		}
	})
}

// FuzzFrameLogo draws pictures of any size and content into a face.
func FuzzFrameLogo(f *testing.F) {
	f.Add(uint16(120), uint16(40), []byte{0xaa})
	f.Add(uint16(0), uint16(0), []byte{})
	f.Add(uint16(4000), uint16(4000), []byte{0xff, 0})
	r := newRenderer(f)
	f.Fuzz(func(t *testing.T, w, h uint16, bits []byte) {
		logo := mono.New(int(w)%4096, int(h)%4096)
		for y := 0; y < logo.Rect.Dy() && len(bits) > 0; y++ {
			row := logo.Pix[y*logo.Stride:][:logo.Rect.Dx()/8]
			for n := 0; n < len(row); {
				n += copy(row[n:], bits)
			}
		}
		d := example(t, "booked")
		d.Logo = logo
		for _, p := range framePanels() {
			checkFrame(t, r, p, func(r *Renderer) error {
				m, err := r.Draw(nil, d, p)
				if err == nil {
					checkPadding(t, m)
				}
				return err
			})
		}
	})
}

// Faces with the longest texts a Door may have are drawn in time.
func TestFramesAreDrawnInTime(t *testing.T) {
	r := newRenderer(t)
	warmScripts(t, r)
	for name, s := range map[string]string{
		"letters": strings.Repeat("W", 512), "words": strings.Repeat("a b ", 128), "ideographs": strings.Repeat("漢字会議室予算計画", 57),
		"syllables": strings.Repeat("회의실예산계획", 73), "Arabic": strings.Repeat("اجتماع التخطيط ", 34), "Hebrew and Latin": strings.Repeat("ישיבה Budget 12 ", 32),
		"Thai": strings.Repeat("การประชุม", 57), "unknown": strings.Repeat("ꦀⴰክ", 170),
	} {
		b, err := json.Marshal(map[string]any{"state": "booked", "room": s, "title": s, "organizer": s, "until": "12:30",
			"next": []map[string]any{{"start": "13:00", "end": "14:00", "title": s + "1"}, {"start": "14:00", "end": "15:00", "title": s + "2"}}})
		if err != nil {
			t.Fatal(err)
		}
		d, err := ReadDoor(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, p := range framePanels() {
			checkFrame(t, r, []any{name, p}, func(r *Renderer) error { _, err := r.Draw(nil, d, p); return err })
		}
	}
}
