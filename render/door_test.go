package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorleaf/render/mono"
)

func TestDoorSurvivesJSON(t *testing.T) {
	for _, e := range Examples() {
		b, err := json.Marshal(e.Door)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadDoor(bytes.NewReader(b))
		if err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
		if d := cmp.Diff(e.Door, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", e.Name, d)
		}
	}
}

func TestReadDoorNamesTheField(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"time without zero", `{"state":"free","until":"9:00"}`, `until: "9:00" is not a time`},
		{"time as a number", `{"state":"free","next":[{"start":"09:00"},{"start":5}]}`, `next[1].start: a time is a string`},
		{"blank in a time", `{"state":"free","until":"1: 05"}`, `"1: 05" is not a time`},
		{"sign in a time", `{"state":"free","until":"+9:00"}`, `"+9:00" is not a time`},
		{"meeting turned round", `{"state":"free","next":[{"start":"10:00","end":"09:00"}]}`, "next[0]:"},
		{"negative count", `{"state":"booked","more":-1}`, "more:"},
		{"long note", `{"state":"free","note":"` + strings.Repeat("ä", 81) + `"}`, "note:"},
		{"25 o'clock", `{"state":"free","span":{"start":"25:00","end":"26:00"}}`, "span."},
		{"minute after midnight", `{"state":"free","until":"24:01"}`, "until:"},
		{"date", `{"state":"free","date":"23.11.2026"}`, "date:"},
		{"other day", `{"state":"free","untilDate":"2026-02-30"}`, "untilDate:"},
		{"unknown field", `{"state":"free","titel":"x"}`, `"titel"`},
		{"text for a number", `{"state":"free","more":"x"}`, "more: a whole number is wanted"},
		{"text for a list", `{"state":"free","next":"x"}`, "next: a list [...] is wanted"},
		{"unknown state", `{"state":"Busy"}`, `state "Busy"`},
		{"no state", `{}`, `state ""`},
		{"short code", `{"state":"pairing","code":"K7QF"}`, "code:"},
		{"code of other letters", `{"state":"pairing","code":"äääö"}`, "code:"},
		{"day turned round", `{"state":"free","day":{"start":"18:00","end":"08:00"}}`, "day:"},
		{"list", `[]`, "an object {...} is wanted"},
		{"two doors", `{"state":"free"}{"state":"free"}`, "something follows"},
		{"closing brace behind", `{"state":"free"}}`, "something follows"},
		{"nothing", ``, "EOF"},
		{"cut", `{"state":"fr`, "EOF"},
		{"too long", `{"state":"free","note":"` + strings.Repeat("x", maxDoorBytes) + `"}`, "more than"},
		{"too many meetings", `{"state":"free","next":[{}` + strings.Repeat(",{}", 64) + `]}`, "next:"},
		{"too many blocks", `{"state":"free","day":{"start":"08:00","end":"09:00","blocks":[{}` + strings.Repeat(",{}", 256) + `]}}`, "day.blocks:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ReadDoor(strings.NewReader(tc.in))
			if !errors.Is(err, ErrDoor) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want ErrDoor with %q", err, tc.want)
			}
		})
	}
}

// The example of docs/door.md is read and drawn as it stands there, and the
// page names every field and state.
func TestDocumentedDoor(t *testing.T) {
	page, err := os.ReadFile("../docs/door.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the page has no example")
	}
	d, err := ReadDoor(strings.NewReader(example))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newRenderer(t).Draw(nil, d, Panel{800, 480, 125}); err != nil {
		t.Error(err)
	}
	for _, s := range States() {
		if !strings.Contains(string(page), "| `"+string(s)+"` |") {
			t.Errorf("state %s is not documented", s)
		}
	}
	for _, f := range fieldNames(Door{}) {
		if !strings.Contains(string(page), "| `"+f+"` |") {
			t.Errorf("field %s is not documented", f)
		}
	}
}

// Whatever ReadDoor accepts is drawn on a small and an upright panel, in
// bounded time and within the glass.
func FuzzDoor(f *testing.F) {
	for _, e := range Examples() {
		b, err := json.Marshal(e.Door)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("{\"state\":\"booked\",\"room\":\"\u202eمرحبا👩\u200d🚀e\u0301\u0301\",\"language\":\"xx\",\"title\":\"\\u0000\u200b\",\"until\":\"24:00\"}"))
	r := newRenderer(f)
	warmScripts(f, r)
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := ReadDoor(bytes.NewReader(in))
		if err != nil {
			return
		}
		checkTime(t, r, 2*time.Second, "three faces", func(r *Renderer) error {
			for _, p := range []Panel{{250, 122, 131}, {128, 296, 112}, {400, 300, 120}} {
				m, err := r.Draw(nil, d, p)
				if err != nil {
					return err
				}
				checkPadding(t, m)
			}
			r.Describe(d)
			return nil
		})
	})
}

// checkPadding fails when bits right of the glass are set.
func checkPadding(t *testing.T, m *mono.Image) {
	t.Helper()
	pad := m.Stride*8 - m.Rect.Dx()
	for y := range m.Rect.Dy() {
		if m.Pix[(y+1)*m.Stride-1]&(1<<pad-1) != 0 {
			t.Fatalf("row %d has bits beyond the glass", y)
		}
	}
}

// A calendar that was lost on another day says which.
func TestSinceAnotherDay(t *testing.T) {
	r := newRenderer(t)
	since := Clock(8*60 + 12)
	d := Door{State: Stale, Room: "Aalto", Date: Date{2026, 11, 26}, Since: &since, SinceDate: &Date{2026, 11, 23}}
	p := Panel{Width: 800, Height: 480, DPI: 125}
	on, err := r.Draw(nil, d, p)
	if err != nil {
		t.Fatal(err)
	}
	d.SinceDate = nil
	without, err := r.Draw(nil, d, p)
	if err != nil {
		t.Fatal(err)
	}
	if on.Digest() == without.Digest() {
		t.Error("the day of the loss changes nothing on the glass")
	}
	d.SinceDate = &d.Date
	same, err := r.Draw(nil, d, p)
	if err != nil {
		t.Fatal(err)
	}
	if same.Digest() != without.Digest() {
		t.Error("the day itself is named")
	}
}
