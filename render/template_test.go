package render

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"

	"doorleaf/render/mono"
)

// calendarTemplate has the shape that offices bring along: blocks for BUSY and
// FREE, reserved ids, fonts of another maker, spare commas.
const calendarTemplate = `{
  "layout": [
    {
      "status": "BUSY",
      "background": {
        "bgColor": "WHITE", "enableButtonZone": false,
        "rectangle": { "strokeThickness": 0, "fillColor": "RED",
          "block": { "x_percent": 0, "y_percent": 0, "w_percent": 100, "h_percent": 68 } }
      },
      "items": [
        { "type": "TEXT", "data": { "text": "%ONGOING_TIME%", "id": "ONGOING_TIME", "textColor": "WHITE", "backgroundColor": "RED",
            "textAlign": "RIGHT", "font": "DDIN_24", "block": { "x": 0, "y": 0, "w": 296, "h": 32 }, "offset": { "x": -4, "y": 0 } } },
        { "type": "TEXT", "data": { "text": "", "id": "ONGOING_EVENT_SUMMARY", "textColor": "WHITE", "text-align": "CENTER",
            "font": "YANONE_KAFFEESATZ_44_B", "lineSpace": 6, "block": { "x": 0, "y": 32, "w": 296, "h": 56 }, } },
        { "type": "TEXT", "data": { "id": "UPCOMING_1_TIME", "font": "DDIN_CONDENSED_16", "block": { "x": 0, "y": 96, "w": 296, "h": 16 } } },
        { "type": "TEXT", "data": { "id": "UPCOMING_1_SUMMARY", "font": "DDIN_CONDENSED_16", "block": { "x": 0, "y": 112, "w": 296, "h": 16 } } },
      ],
    },
    {
      "status": "FREE",
      "items": [
        { "type": "TEXT", "data": { "id": "ROOM_NAME", "font": "DDIN_24", "block": { "x": 8, "y": 0, "w": 280, "h": 32 } } },
        { "type": "TEXT", "data": { "id": "NOTE_AVAILABLE", "font": "DDIN_48", "block": { "x": 8, "y": 32, "w": 140, "h": 56 } } },
        { "type": "TEXT", "data": { "id": "NOTE_UNTIL", "font": "DDIN_24", "textAlign": "RIGHT", "block": { "x": 150, "y": 48, "w": 138, "h": 32 } } },
        { "type": "LINE", "data": { "lineColor": "BLACK", "block": { "x0": 8, "y0": 88, "x1": 288, "y1": 88 } } },
        { "type": "TEXT", "data": { "id": "UPCOMING", "font": "DDIN_16", "block": { "x": 8, "y": 92, "w": 280, "h": 36 } } },
        { "type": "BITMAP_URI", "data": { "uri": "https://example.com/a.bmp", "block": { "x": 0, "y": 0, "w": 8, "h": 8 } } },
        { "type": "POLL_RATE", "data": { "rate": 10000 } }
      ]
    }
  ]
}`

func example(t testing.TB, name string) Door {
	t.Helper()
	for _, e := range Examples() {
		if e.Name == name {
			return e.Door
		}
	}
	t.Fatalf("no example %q", name)
	return Door{}
}

func readTemplate(t testing.TB, s string) *Template {
	t.Helper()
	got, err := ReadTemplate(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// texts draws a face and returns what was written on it.
func texts(t *testing.T, r *Renderer, tpl *Template, d Door, p Panel) []string {
	t.Helper()
	img := mono.New(p.Width, p.Height)
	pg := r.page(img, d, p)
	pg.rtl = false
	var out []string
	pg.trace = func(s string, ink image.Rectangle) { out = append(out, s) }
	b := tpl.find(d.State, p)
	if b == nil {
		t.Fatalf("no block for %s", d.State)
	}
	for i := range b.items {
		pg.item(&b.items[i])
	}
	return out
}

func TestTemplateOfAnotherMaker(t *testing.T) {
	r := newRenderer(t)
	tpl := readTemplate(t, calendarTemplate)
	p := Panel{296, 128, 112}
	for name, want := range map[string][]string{
		"booked":         {"11:00–12:30", "13:00–14:00", "Architekturrunde Plattform"},
		"booked-private": {"11:00–12:30", "Private meeting", "13:00–14:00", "Architekturrunde Plattform"},
		"free":           {"Aalto 2.14", "Free", "until 13:00", "13:00–14:00 Architekturrunde…", "14:30–15:00 Private…"},
	} {
		got := texts(t, r, tpl, example(t, name), p)
		for _, w := range want {
			if !slices.ContainsFunc(got, func(s string) bool {
				return strings.HasPrefix(strings.ReplaceAll(s, "  ", " "), strings.TrimSuffix(w, "…"))
			}) {
				t.Errorf("%s: %q is not in %q", name, w, got)
			}
		}
		compare := example(t, name)
		img, err := r.DrawTemplate(nil, compare, tpl, p)
		if err != nil {
			t.Fatal(err)
		}
		compareGolden(t, img, "testdata/template-"+name+".png")
	}
	if n := tpl.Notes(); len(n) != 1 || n[0].Path != "layout[1].items[5]" {
		t.Errorf("left out: %v", n)
	}
}

// What says that a sign is not to be believed cannot be designed away.
func TestTemplateKeepsTheOtherStates(t *testing.T) {
	r := newRenderer(t)
	tpl := readTemplate(t, `{"items": []}`)
	p := Panel{296, 128, 112}
	for _, e := range Examples() {
		got, err := r.DrawTemplate(nil, e.Door, tpl, p)
		if err != nil {
			t.Fatal(err)
		}
		want, err := r.Draw(nil, e.Door, p)
		if err != nil {
			t.Fatal(err)
		}
		templated := e.Door.State == Free || e.Door.State == Soon || e.Door.State == Booked
		if got.Equal(want) == templated {
			t.Errorf("%s: drawn by the template: %v", e.Name, !templated)
		}
	}
}

func TestTemplateOfAPanelGoesFirst(t *testing.T) {
	tpl := readTemplate(t, `[{"status":"FREE","items":[]},{"status":"FREE","panel":"800x480","items":[{"type":"LINE"}]}]`)
	if b := tpl.find(Free, Panel{800, 480, 125}); b == nil || len(b.items) != 1 {
		t.Error("the block of the panel was not taken")
	}
	if b := tpl.find(Soon, Panel{400, 300, 120}); b == nil || len(b.items) != 0 {
		t.Error("the general block was not taken")
	}
	if b := tpl.find(Booked, Panel{400, 300, 120}); b != nil {
		t.Error("a block for a status that the template does not have")
	}
}

func TestBadTemplates(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		line       int
		path, says string
	}{
		{"empty", "", 1, "", "bracket"},
		{"cut short", "{\n\"layout\": [", 2, "layout", "bracket"},
		{"no json", "{\n  layout\n}", 2, "", "invalid character"},
		{"number", "7", 1, "layout", "an object"},
		{"no items", "{\"layout\": [\n {\"status\": \"FREE\"}]}", 2, "layout[0].items", "list"},
		{"status", "[{\n\"status\": \"OPEN\", \"items\": []}]", 2, "[0].status", "none of"},
		{"type", "{\"items\": [\n{\"type\":\"VIDEO\"}]}", 2, "items[0].type", "not known"},
		{"block", "{\"items\": [\n\n{\"type\":\"TEXT\",\"data\":{\"block\":{\"x\":\"left\"}}}]}", 3, "items[0].data.block.x", "number"},
		{"colour", "{\"items\": [{\"type\":\"TEXT\",\"data\":{\n\"textColor\":\"PINK\"}}]}", 2, "items[0].data.textColor", "colours"},
		{"align", "{\"items\": [{\"type\":\"TEXT\",\"data\":{\"textAlign\":\"MIDDLE\"}}]}", 1, "items[0].data.textAlign", "CENTER"},
		{"font", "{\"items\": [{\"type\":\"TEXT\",\"data\":{\"font\":\"DDIN_4000\"}}]}", 1, "items[0].data.font", "4000"},
		{"picture", "{\"items\": [{\"type\":\"BITMAP_URI\",\"data\":{\"uri\":\"data:image/png;base64,AAAA\"}}]}", 1, "items[0].data.uri", "PNG"},
		{"deep", strings.Repeat("[", 1000), 1, strings.Repeat("[0]", maxTemplateDepth+1), "deep"},
		{"something after", "{\"items\": []}\n{}", 2, "", "follows"},
		{"too many codes", "{\"items\": [" + strings.TrimSuffix(strings.Repeat("{\"type\":\"QRCODE\",\"data\":{\"text\":\"x\"}},", maxTemplateCodes+1), ",") + "]}", 1, "items", "QR codes"},
		{"too large", strings.Repeat(" ", maxTemplateBytes+1), 1, "", "KiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ReadTemplate(strings.NewReader(tc.text))
			var got *TemplateError
			if !errors.As(err, &got) || !errors.Is(err, ErrTemplate) {
				t.Fatalf("error %v", err)
			}
			if got.Line != tc.line || got.Path != tc.path || !strings.Contains(got.Reason, tc.says) {
				t.Errorf("got line %d, path %q, reason %q; want line %d, path %q, %q", got.Line, got.Path, got.Reason, tc.line, tc.path, tc.says)
			}
		})
	}
}

func TestSpareCommas(t *testing.T) {
	for in, want := range map[string]string{
		`[1, 2, ]`: `[1, 2  ]`, `{"a":",}",}`: `{"a":",}" }`, `["\",]", 1]`: `["\",]", 1]`, `{"a":1,` + "\n}": `{"a":1 ` + "\n}",
	} {
		if got := string(withoutSpareCommas([]byte(in))); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// No template, however strange, panics or takes long.
func FuzzTemplate(f *testing.F) {
	f.Add(calendarTemplate)
	f.Add(`{"items":[{"type":"CIRCLE","data":{"radius":40,"center":{"x":9,"y":9},"fillColor":"RED"}},{"type":"QRCODE","data":{"text":"{ROOM_NAME}","scale":2}},{"type":"DAY_BAR","data":{"block":{"x":0,"y":0,"w":200,"h":40}}}]}`)
	f.Add(`{"items":[{"type":"BOTTOM_CUSTOM_BUTTONS","data":{"list":[{"title":"a"},{"title":"b"}]}},{"type":"LINE","data":{"block":{"x0":-9000,"y0":9000,"x1":9000,"y1":-9000},"strokeThickness":200}}]}`)
	r := newRenderer(f)
	d := example(f, "booked")
	f.Fuzz(func(t *testing.T, text string) {
		tpl, err := ReadTemplate(strings.NewReader(text))
		if err != nil {
			var where *TemplateError
			if !errors.As(err, &where) || where.Line < 1 || where.Reason == "" {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		if _, err := r.DrawTemplate(nil, d, tpl, Panel{296, 128, 112}); err != nil {
			t.Fatal(err)
		}
	})
}

func ExampleTemplateError() {
	_, err := ReadTemplate(strings.NewReader("{\"layout\": [\n  {\"status\": \"FREE\", \"items\": [{\"type\": \"VIDEO\"}]}\n]}"))
	fmt.Println(strings.SplitN(err.Error(), ";", 2)[0])
	// Output: line 2, layout[0].items[0].type: "VIDEO" is not known
}
