package main

import (
	"bytes"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"

	"doorleaf/devices"
	"doorleaf/render"
	"doorleaf/render/lang"
	"doorleaf/render/mono"
)

const sheetUsage = `Usage:
  doorleaf sheet -o DIR [-panel 800x480]

Draws every example face on every panel in every language as PNG files below
DIR, with a contact sheet per language and panel and an index.html to look at
them. The files of an earlier sheet are replaced.

`

// sheetPage is the index of a sheet.
//
//go:embed sheet.html
var sheetPage string

// cmdSheet draws the sheet.
func cmdSheet(ctx context.Context, args []string, std stdio) error {
	fs := flag.NewFlagSet("sheet", flag.ContinueOnError)
	fs.SetOutput(std.err)
	fs.Usage = func() { fmt.Fprint(std.err, sheetUsage); fs.PrintDefaults() }
	dir := fs.String("o", "", "`folder` to write to (required)")
	size := fs.String("panel", "", "only the panel of this `size` (default: all)")
	dpi := fs.Int("dpi", 0, "with -panel: dots per inch of the glass")
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if *dir == "" || fs.NArg() > 0 {
		fmt.Fprintln(std.err, "doorleaf sheet: -o is required")
		fs.Usage()
		return flag.ErrHelp
	}
	panels := sheetPanels()
	if *size != "" {
		p, err := renderPanel(*size, *dpi)
		if err != nil {
			return err
		}
		panels = []render.Panel{p}
	}
	texts, err := lang.Load()
	if err != nil {
		return err
	}
	r, err := render.NewRenderer(texts)
	if err != nil {
		return err
	}
	s := sheet{dir: *dir, renderer: r, languages: texts.SignLanguages(), panels: panels}
	if err := s.draw(ctx); err != nil {
		return err
	}
	fmt.Fprintf(std.err, "%d pictures; look at %s\n", s.pictures, filepath.Join(*dir, "index.html"))
	return nil
}

// sheetPanels are the catalogue and two signs that hang upright.
func sheetPanels() []render.Panel {
	var out []render.Panel
	for _, p := range devices.Panels() {
		out = append(out, render.Panel{Width: p.Width, Height: p.Height, DPI: p.DPI})
	}
	return append(out, render.Panel{Width: 128, Height: 296, DPI: 112}, render.Panel{Width: 480, Height: 800, DPI: 125})
}

// sheet draws all pictures below dir.
type sheet struct {
	dir       string
	renderer  *render.Renderer
	languages []string
	panels    []render.Panel
	pictures  int
}

// sheetEntry is one panel in one language as the index shows it.
type sheetEntry struct {
	Panel    render.Panel
	Language string
	Contact  string
	Faces    []sheetFace
}

type sheetFace struct{ Name, File, Words string }

func (s *sheet) draw(ctx context.Context) error {
	var entries []sheetEntry
	for _, p := range s.panels {
		for _, l := range s.languages {
			e, err := s.drawPanel(ctx, p, l)
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
	}
	t, err := template.New("sheet").Parse(sheetPage)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, entries); err != nil {
		return err
	}
	return writeWhole(filepath.Join(s.dir, "index.html"), b.Bytes())
}

func (s *sheet) drawPanel(ctx context.Context, p render.Panel, language string) (sheetEntry, error) {
	name := fmt.Sprintf("%s-%dx%d", language, p.Width, p.Height)
	e := sheetEntry{Panel: p, Language: language, Contact: "contact-" + name + ".png"}
	if err := os.MkdirAll(filepath.Join(s.dir, name), 0o755); err != nil {
		return e, err
	}
	examples := sheetExamples(p)
	contact := newContact(p, len(examples))
	for i, x := range examples {
		if err := ctx.Err(); err != nil {
			return e, err
		}
		d := x.Door
		d.Language = language
		m, err := s.renderer.Draw(nil, d, p)
		if err != nil {
			return e, fmt.Errorf("%s: %w", x.Name, err)
		}
		f := sheetFace{x.Name, name + "/" + x.Name + ".png", s.renderer.Describe(d)}
		if err := writePicture(filepath.Join(s.dir, filepath.FromSlash(f.File)), m, (*mono.Image).EncodePNG, nil); err != nil {
			return e, err
		}
		contact.put(i, m)
		e.Faces = append(e.Faces, f)
		s.pictures++
	}
	var b bytes.Buffer
	if err := png.Encode(&b, contact.img); err != nil {
		return e, err
	}
	return e, writeWhole(filepath.Join(s.dir, e.Contact), b.Bytes())
}

// sheetExamples are the examples and, below them, faces as an office makes them:
// with a logo, and with the long address of Outlook behind the code.
func sheetExamples(p render.Panel) []render.Example {
	all := render.Examples()
	for _, x := range all {
		switch x.Name {
		case "free", "booked", "stale":
			x.Name += "-logo"
			x.Door.Logo = render.ExampleLogo(p)
		case "free-book":
			x.Name += "-outlook"
			x.Door.Logo = render.ExampleLogo(p)
			x.Door.QR = "https://outlook.office.com/calendar/0/deeplink/compose?to=aalto%40example.com&location=Aalto%202.14"
		default:
			continue
		}
		all = append(all, x)
	}
	return all
}

// contact is a contact sheet: faces side by side on grey, large panels at half
// size or less.
type contact struct {
	img     *image.Gray
	columns int
	shrink  int // pixels of the glass per pixel of the sheet
	cell    image.Point
}

func newContact(p render.Panel, n int) *contact {
	const gap, wide = 8, 1800
	c := &contact{shrink: max(1, (p.Width+799)/800)}
	w, h := p.Width/c.shrink, p.Height/c.shrink
	c.columns = max(1, wide/(w+gap))
	c.cell = image.Pt(w+gap, h+gap)
	lines := (n + c.columns - 1) / c.columns
	c.img = image.NewGray(image.Rect(0, 0, c.columns*c.cell.X+gap, lines*c.cell.Y+gap))
	for i := range c.img.Pix {
		c.img.Pix[i] = 176
	}
	return c
}

// put draws face i; shrunken pixels are the mean of what they cover.
func (c *contact) put(i int, m *mono.Image) {
	x0, y0 := 8+i%c.columns*c.cell.X, 8+i/c.columns*c.cell.Y
	for y := range m.Rect.Dy() / c.shrink {
		for x := range m.Rect.Dx() / c.shrink {
			black := 0
			for dy := range c.shrink {
				for dx := range c.shrink {
					if m.At(x*c.shrink+dx, y*c.shrink+dy) {
						black++
					}
				}
			}
			c.img.SetGray(x0+x, y0+y, color.Gray{Y: byte(255 - 255*black/(c.shrink*c.shrink))})
		}
	}
}
