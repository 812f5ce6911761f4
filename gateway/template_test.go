package gateway

import (
	"bytes"
	"errors"
	"image/png"
	"strings"
	"testing"

	"doorleaf/render"
	"doorleaf/render/lang"
)

const lineTemplate = `{"layout":[{"status":"FREE","items":[{"type":"RECTANGLE","data":{"fillColor":"BLACK","block":{"x":0,"y":0,"w":96,"h":96}}},
	{"type":"BITMAP_URI","data":{"uri":"http://192.0.2.1/x.bmp"}}]}]}`

func realCore(t *testing.T) *Core {
	t.Helper()
	texts, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	r, err := render.NewRenderer(texts)
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{Renderer: r})
	c.assets.read = true // no pictures
	return c
}

func TestTemplatesAreChecked(t *testing.T) {
	c := realCore(t)
	notes, err := c.CheckTemplate(t.Context(), lineTemplate)
	if err != nil || len(notes) != 1 || notes[0].Line != 2 {
		t.Errorf("notes %v, error %v", notes, err)
	}
	if notes, err := c.CheckTemplate(t.Context(), "  "); err != nil || notes != nil {
		t.Errorf("built-in faces: notes %v, error %v", notes, err)
	}
	_, err = c.CheckTemplate(t.Context(), "{\n\"layout\": 7}")
	if !errors.Is(err, ErrTemplate) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v", err)
	}
}

func TestPreviewOfATemplate(t *testing.T) {
	c := realCore(t)
	draw := func(text, example string) []byte {
		b, err := c.PreviewLook(t.Context(), Site{Template: text, Language: "de"}, example, 296, 128)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(b))
		if err != nil || img.Bounds().Dx() != 296 || img.Bounds().Dy() != 128 {
			t.Fatalf("a picture of %v, error %v", img.Bounds(), err)
		}
		return b
	}
	for _, name := range TemplateExamples() {
		same := bytes.Equal(draw(lineTemplate, name), draw("", name))
		if templated := name == "free" || name == "soon"; same == templated {
			t.Errorf("%s: drawn by the template: %v", name, !same)
		}
	}
	if _, err := c.PreviewLook(t.Context(), Site{}, "nothing", 296, 128); !errors.Is(err, ErrInvalid) {
		t.Errorf("unknown example: %v", err)
	}
	if _, err := c.PreviewLook(t.Context(), Site{}, "free", 1, 128); !errors.Is(err, ErrInvalid) {
		t.Errorf("tiny glass: %v", err)
	}
	if _, err := c.PreviewLook(t.Context(), Site{Template: "["}, "free", 296, 128); !errors.Is(err, ErrTemplate) {
		t.Errorf("bad template: %v", err)
	}
}

// The site's template is read once for a text, and a text that cannot be read
// leaves the built-in faces.
func TestTemplateOfTheSite(t *testing.T) {
	var kept templates
	if kept.of(Site{}) != nil {
		t.Error("a template out of nothing")
	}
	first := kept.of(Site{Template: lineTemplate})
	if first == nil || kept.of(Site{Template: lineTemplate}) != first {
		t.Error("not read, or read twice")
	}
	if kept.of(Site{Template: "broken"}) != nil || kept.of(Site{Template: lineTemplate}) == nil {
		t.Error("a broken template")
	}
}
