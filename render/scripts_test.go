package render

import (
	"fmt"
	"image"
	"strings"
	"testing"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// scripts are a room's name, an organizer and three subjects in the scripts of
// the world.
var scripts = []struct {
	name, language, room, organizer string
	titles                          [3]string
}{
	{"Chinese", "zh-Hans", "会议室 二号楼", "王小明", [3]string{"与财务团队的年度规划会议", "《路线图》评审（第三次）", "招聘面试"}},
	{"Chinese, traditional", "zh-Hant", "會議室 二號樓", "陳大文", [3]string{"與財務團隊的年度規劃會議", "「路線圖」評審（第三次）", "招聘面試"}},
	{"Japanese", "ja", "会議室「桜」", "山田 花子", [3]string{"四半期計画会議、財務チームと一緒に", "ロードマップのレビュー（第３回）", "採用面接"}},
	{"Korean", "ko", "회의실 무궁화", "김민수", [3]string{"재무팀과 함께하는 연간 계획 회의", "로드맵 검토 (3차)", "채용 면접"}},
	{"Arabic", "ar", "قاعة الاجتماعات", "أحمد سالم", [3]string{"اجتماع التخطيط السنوي مع فريق المالية", "مراجعة خارطة الطريق (3)", "مقابلة"}},
	{"Hebrew", "he", "חדר ישיבות", "אנה כהן", [3]string{"ישיבת תקציב שנתית עם צוות הכספים", "סקירת מפת דרכים (3)", "ראיון"}},
	{"Hindi", "en", "बैठक कक्ष", "अमित शर्मा", [3]string{"वित्त टीम के साथ वार्षिक योजना बैठक", "रोडमैप समीक्षा (3)", "साक्षात्कार"}},
	{"Thai", "en", "ห้องประชุมใหญ่", "สมชาย ใจดี", [3]string{"การประชุมวางแผนงบประมาณประจำปี", "ทบทวนแผนงาน (3)", "สัมภาษณ์งาน"}},
	{"Russian", "ru", "Переговорная", "Ольга Ким", [3]string{"Обучение новых сотрудников", "Обзор плана (3)", "Собеседование"}},
}

// inScript is an example with the texts of a script.
func inScript(t testing.TB, example string, i int) Door {
	t.Helper()
	s := scripts[i]
	for _, e := range Examples() {
		if e.Name == example {
			d := e.Door
			d.Language, d.Room, d.Organizer, d.Title = s.language, s.room, s.organizer, s.titles[0]
			d.Next = append([]Row(nil), d.Next...)
			for n := range d.Next {
				d.Next[n].Title, d.Next[n].Organizer = s.titles[(n+1)%len(s.titles)], s.organizer
			}
			return d
		}
	}
	t.Fatalf("no example %s", example)
	return Door{}
}

// A face that was drawn before is drawn again without allocating, in every
// script and on every kind of panel.
func TestWarmFacesAllocateNothing(t *testing.T) {
	if raceDetector {
		return // it makes pools forget at random
	}
	r := newRenderer(t)
	for i, s := range scripts {
		for _, example := range []string{"booked", "soon", "free", "check-in", "released"} {
			d := inScript(t, example, i)
			for _, p := range []Panel{{250, 122, 131}, {800, 480, 125}, {480, 800, 125}} {
				img := mono.New(p.Width, p.Height)
				draw := func() {
					if _, err := r.Draw(img, d, p); err != nil {
						t.Fatal(err)
					}
				}
				draw()
				if n := testing.AllocsPerRun(10, draw); n != 0 {
					t.Errorf("%s, %s on %dx%d: %v allocations", s.name, example, p.Width, p.Height, n)
				}
			}
		}
	}
}

// Texts in any script keep to their places, in a face of their language, in an
// English one and in one that is mirrored.
func TestEveryScriptHasItsPlace(t *testing.T) {
	r := newRenderer(t)
	for i, s := range scripts {
		for _, language := range []string{s.language, "en", "ar"} {
			for _, example := range []string{"booked", "soon", "released"} {
				for _, p := range []Panel{{250, 122, 131}, {400, 300, 120}, {800, 480, 125}, {480, 800, 125}, {1872, 1404, 227}} {
					d := inScript(t, example, i)
					d.Language = language
					checkPlaces(t, r, fmt.Sprintf("%s in %s, %s on %dx%d", s.name, language, example, p.Width, p.Height), d, p)
				}
			}
		}
	}
}

// Direction controls in texts from outside change nothing at all.
func TestControlsFromOutsideChangeNothing(t *testing.T) {
	r := newRenderer(t)
	controls := []string{"\u202e", "\u202d", "\u202b", "\u202a", "\u202c", "\u2066", "\u2067", "\u2068", "\u2069", "\u200e", "\u200f", "\u061c"}
	for i, s := range scripts {
		for _, language := range []string{"en", "ar"} {
			for _, p := range []Panel{{296, 128, 112}, {800, 480, 125}} {
				plain := inScript(t, "booked", i)
				plain.Language = language
				want, err := r.Draw(nil, plain, p)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range controls {
					d := inScript(t, "booked", i)
					d.Language = language
					for _, text := range []*string{&d.Room, &d.Title, &d.Organizer, &d.Next[0].Title, &d.Next[2].Title} {
						half := len([]rune(*text)) / 2
						*text = c + string([]rune(*text)[:half]) + c + string([]rune(*text)[half:]) + c
					}
					got, err := r.Draw(nil, d, p)
					if err != nil {
						t.Fatal(err)
					}
					if !got.Equal(want) {
						t.Errorf("%s in %s on %dx%d: U+%04X changes the picture", s.name, language, p.Width, p.Height, []rune(c)[0])
					}
					if got, want := r.Describe(d), r.Describe(plain); got != want {
						t.Errorf("%s in %s: U+%04X changes the words: got %q, want %q", s.name, language, []rune(c)[0], got, want)
					}
				}
			}
		}
	}
}

// Facts on one line stand in the order of the face's language, each as if it
// stood alone, whatever direction they read in.
func TestFactsDoNotTurnEachOther(t *testing.T) {
	r := newRenderer(t)
	for _, tc := range []struct {
		language string
		facts    []string
	}{
		{"en", []string{"11:00–12:30", "אנה כהן"}},
		{"en", []string{"אנה כהן", "12 ישיבות"}},
		{"en", []string{"אחמד", "10:30"}},
		{"en", []string{"أحمد سالم", "12", "Anna Schmidt"}},
		{"ar", []string{"Anna Schmidt", "Budget (3)"}},
		{"he", []string{"10:30", "Surface Hub", "אנה"}},
	} {
		t.Run(tc.language+" "+tc.facts[0], func(t *testing.T) {
			p := Panel{800, 200, 125}
			pg := r.page(mono.New(p.Width, p.Height), Door{Language: tc.language, State: Free}, p)
			f := pg.face(typeset.Regular, 24)
			var isolated []string
			for _, s := range tc.facts {
				isolated = append(isolated, pg.isolate(s))
			}
			x := 40
			pg.facts(f, x, 60, strings.Join(isolated, separator))
			want := mono.New(p.Width, p.Height)
			for i, s := range tc.facts {
				if i > 0 {
					s = separator + s
				}
				for part := range strings.SplitSeq(strings.Replace(s, separator, separator+"\n", 1), "\n") {
					width := f.Measure(pg.isolate(part))
					at := x
					if pg.rtl {
						at = p.Width - x - width
					}
					f.Draw(want, at, 60, pg.isolate(part), mono.Or)
					x += width
				}
			}
			if !pg.img.Equal(want) {
				t.Errorf("the line is not its facts one after another: got %v, want %v", ink(pg.img), ink(want))
			}
		})
	}
}

// ink is the rectangle of black pixels.
func ink(m *mono.Image) (r image.Rectangle) {
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			if m.At(x, y) {
				r = r.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return r
}

// Values in a template's text do not turn the words beside them.
func TestTemplateValuesDoNotTurnTheText(t *testing.T) {
	r := newRenderer(t)
	p := Panel{800, 480, 125}
	draw := func(text, title string) *mono.Image {
		t.Helper()
		tpl, err := ReadTemplate(strings.NewReader(fmt.Sprintf(`{"items":[{"type":"TEXT","data":{"text":%q,"block":{"x":0,"y":0,"w":700,"h":60}}}]}`, text)))
		if err != nil {
			t.Fatal(err)
		}
		d := Examples()[4].Door
		d.Title, d.Room = title, "אולם"
		m, err := r.DrawTemplate(nil, d, tpl, p)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	got := draw("{ONGOING_EVENT_SUMMARY} - 12 {ROOM_NAME}: x", "ישיבה 7")
	left := draw("{ONGOING_EVENT_SUMMARY}", "ישיבה 7")
	end := ink(left).Max.X
	part := got.Clone()
	part.Fill(image.Rect(end, 0, p.Width, p.Height), false)
	if !part.Equal(left) {
		t.Errorf("the line does not begin with the subject: %v, want %v", ink(part), ink(left))
	}
	if got.Equal(left) {
		t.Error("the rest of the line is missing")
	}
}
