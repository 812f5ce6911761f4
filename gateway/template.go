package gateway

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"doorleaf/gateway/calendar"
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
func (c *Core) CheckTemplate(ctx context.Context, text string) ([]TemplateNote, error) {
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
	missing, err := c.missingPictures(ctx, t)
	return append(notes, missing...), err
}

// TemplateExamples names the faces that PreviewLook draws.
func TemplateExamples() []string { return []string{"free", "soon", "booked", "booked-private"} }

// PreviewLook draws an example face as PNG on glass of so many pixels, as signs
// would with these settings and the pictures that are kept. Errors are
// ErrTemplate and, for an unknown example or size, ErrInvalid.
func (c *Core) PreviewLook(ctx context.Context, site Site, example string, width, height int) ([]byte, error) {
	var t *render.Template
	if strings.TrimSpace(site.Template) != "" {
		var err error
		if t, err = render.ReadTemplate(strings.NewReader(site.Template)); err != nil {
			return nil, err
		}
	}
	all := render.Examples()
	i := slices.IndexFunc(all, func(e render.Example) bool { return e.Name == example })
	if i < 0 {
		return nil, fmt.Errorf("%w: no example %q", ErrInvalid, example)
	}
	d, panel := all[i].Door, panelOf(Sign{Hardware: hardwareOf(width, height)})
	d.Language = site.Language
	offerBooking(&d, site, calendar.Room{ID: "aalto@example.com", Name: d.Room})
	l, err := c.lookOf(ctx, t, panel)
	if err != nil {
		return nil, err
	}
	l.dress(&d)
	img, err := c.renderer.DrawTemplate(nil, d, t, panel)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var b bytes.Buffer
	err = img.EncodePNG(&b)
	return b.Bytes(), err
}
