package gateway

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"doorleaf/render"
)

// ErrTemplate is wrapped by every error about an office's template. Its text
// names line, place and reason.
var ErrTemplate = render.ErrTemplate

// TemplateNote says what of a template is left out.
type TemplateNote struct {
	Line         int
	Path, Reason string
}

// templates keeps the site's template read.
type templates struct {
	mu   sync.Mutex
	text string           // guarded by mu
	read *render.Template // guarded by mu; nil for none
}

// of returns the template of a site, nil for the built-in faces. A stored text
// was checked before; should it not be readable any more, the built-in faces are
// drawn.
func (t *templates) of(site Site) *render.Template {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text != site.Template {
		t.text, t.read = site.Template, nil
		if site.Template != "" {
			t.read, _ = render.ReadTemplate(strings.NewReader(site.Template))
		}
	}
	return t.read
}

// CheckTemplate reads a template and says what of it is left out. Errors are
// ErrTemplate. An empty text stands for the built-in faces.
func (c *Core) CheckTemplate(text string) ([]TemplateNote, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	t, err := render.ReadTemplate(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	var notes []TemplateNote
	for _, n := range t.Notes() {
		notes = append(notes, TemplateNote{n.Line, n.Path, n.Reason})
	}
	return notes, nil
}

// TemplateExamples names the faces that PreviewTemplate draws.
func TemplateExamples() []string { return []string{"free", "soon", "booked", "booked-private"} }

// PreviewTemplate draws an example face as PNG with a template on glass of so
// many pixels. Errors are ErrTemplate and, for an unknown example or size,
// ErrInvalid.
func (c *Core) PreviewTemplate(text, example, language string, width, height int) ([]byte, error) {
	var t *render.Template
	if strings.TrimSpace(text) != "" {
		var err error
		if t, err = render.ReadTemplate(strings.NewReader(text)); err != nil {
			return nil, err
		}
	}
	all := render.Examples()
	i := slices.IndexFunc(all, func(e render.Example) bool { return e.Name == example })
	if i < 0 {
		return nil, fmt.Errorf("%w: no example %q", ErrInvalid, example)
	}
	d := all[i].Door
	d.Language = language
	img, err := c.renderer.DrawTemplate(nil, d, t, panelOf(Sign{Hardware: hardwareOf(width, height)}))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var b bytes.Buffer
	err = img.EncodePNG(&b)
	return b.Bytes(), err
}
