package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"strings"
)

// Bounds of a template.
const (
	maxTemplateBytes  = 256 << 10
	maxTemplateDepth  = 16
	maxTemplateBlocks = 32
	maxTemplateItems  = 200
	maxTemplateText   = 1 << 10
	maxTemplateCodes  = 4 // a block
)

// ErrTemplate is wrapped by every error about a template that cannot be used.
var ErrTemplate = errors.New("not a template")

// TemplateError says where a template is wrong.
type TemplateError struct {
	Line   int    // from 1
	Path   string // "layout[0].items[3].block.x"
	Reason string // what is wrong and what is wanted
}

func (e *TemplateError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("line %d, %s: %s", e.Line, e.Path, e.Reason)
}

// Unwrap makes every TemplateError an ErrTemplate.
func (e *TemplateError) Unwrap() error { return ErrTemplate }

// Template is an office's own design of the faces for bookings: one list of
// items per status, and per panel where it names one. It is immutable and may
// be shared. docs/templates.md describes the format.
type Template struct {
	blocks   []block
	notes    []*TemplateError
	pictures []PictureUse
}

// Notes lists what of the template is left out, and why. The slice is the
// caller's to read only.
func (t *Template) Notes() []*TemplateError { return t.notes }

// block is the design of one status.
type block struct {
	status string      // a key of statusOf, or "ANY"
	panel  image.Point // size of the glass it is for; zero for every glass
	black  bool        // background
	ground item        // a rectangle in percent of the glass; kind "" for none
	items  []item
}

// statusOf is the status of a template for a state: the first one that the
// template has is used. States without one keep the built-in face, so that no
// template can hide that a sign is not to be believed.
func statusOf(s State) []string {
	switch s {
	case Free:
		return []string{"FREE", "ANY"}
	case Soon:
		return []string{"SOON", "FREE", "ANY"}
	case Booked:
		return []string{"BUSY", "ANY"}
	case CheckIn:
		return []string{"CHECK_IN"}
	case Closed:
		return []string{"CLOSED"}
	}
	return nil
}

var statuses = []string{"FREE", "SOON", "BUSY", "CHECK_IN", "CLOSED", "ANY"}

// find returns the block for a state on a panel, nil for the built-in face.
func (t *Template) find(s State, p Panel) *block {
	size := image.Pt(p.Width, p.Height)
	for _, status := range statusOf(s) {
		var general *block
		for i := range t.blocks {
			b := &t.blocks[i]
			switch {
			case b.status != status:
			case b.panel == size:
				return b
			case b.panel == (image.Point{}) && general == nil:
				general = b
			}
		}
		if general != nil {
			return general
		}
	}
	return nil
}

// ReadTemplate reads a template as JSON, at most 256 KiB. Errors are
// *TemplateError with line, path and reason.
func ReadTemplate(r io.Reader) (*Template, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxTemplateBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxTemplateBytes {
		return nil, &TemplateError{Line: 1, Reason: fmt.Sprintf("more than %d KiB", maxTemplateBytes>>10)}
	}
	src, err := locate(withoutSpareCommas(b))
	if err != nil {
		return nil, err
	}
	return src.template()
}

// withoutSpareCommas blanks the commas before a closing bracket, which the
// examples of other makers have. Lines keep their numbers.
func withoutSpareCommas(b []byte) []byte {
	out := bytes.Clone(b)
	comma, inText := -1, false
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case inText:
			if c == '\\' {
				i++
			}
			inText = c != '"'
		case c == '"':
			inText, comma = true, -1
		case c == ',':
			comma = i
		case c == '}' || c == ']':
			if comma >= 0 {
				out[comma] = ' '
			}
			comma = -1
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			comma = -1
		}
	}
	return out
}

// source is a template's text as a tree, with the line of every value.
type source struct {
	root  any
	lines map[string]int
	notes []*TemplateError

	pictures []PictureUse
}

// leaveOut notes something that is not drawn.
func (s *source) leaveOut(path, reason string) {
	s.notes = append(s.notes, &TemplateError{Line: max(s.lines[path], 1), Path: path, Reason: reason})
}

func (s *source) fail(path, format string, args ...any) error {
	at := path
	for at != "" && s.lines[at] == 0 { // a missing value is reported where it should stand
		if i := strings.LastIndexAny(at, ".["); i >= 0 {
			at = at[:i]
		} else {
			at = ""
		}
	}
	return &TemplateError{Line: max(s.lines[at], 1), Path: path, Reason: fmt.Sprintf(format, args...)}
}

// locate parses b and notes the line on which every value begins.
func locate(b []byte) (*source, error) {
	s := &source{lines: map[string]int{}}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	lineAt := func(offset int64) int { return 1 + bytes.Count(b[:min(int(offset), len(b))], []byte("\n")) }
	var walk func(path string, depth int) (any, error)
	wrong := func(path string, err error) error {
		line := lineAt(dec.InputOffset())
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line = lineAt(syntax.Offset)
		}
		reason := err.Error()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			reason = "the text ends before the template does: a bracket is missing"
		}
		return &TemplateError{Line: line, Path: path, Reason: reason}
	}
	walk = func(path string, depth int) (any, error) {
		tok, err := dec.Token()
		if err != nil {
			return nil, wrong(path, err)
		}
		s.lines[path] = lineAt(dec.InputOffset())
		if depth > maxTemplateDepth {
			return nil, &TemplateError{Line: s.lines[path], Path: path, Reason: "nested too deep"}
		}
		switch tok {
		case json.Delim('{'):
			object := map[string]any{}
			for dec.More() {
				key, err := dec.Token()
				if err != nil {
					return nil, wrong(path, err)
				}
				name, _ := key.(string)
				below := strings.TrimPrefix(path+"."+name, ".")
				if object[name], err = walk(below, depth+1); err != nil {
					return nil, err
				}
			}
			if _, err := dec.Token(); err != nil {
				return nil, wrong(path, err)
			}
			return object, nil
		case json.Delim('['):
			var list []any
			for dec.More() {
				v, err := walk(fmt.Sprintf("%s[%d]", path, len(list)), depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			if _, err := dec.Token(); err != nil {
				return nil, wrong(path, err)
			}
			return list, nil
		}
		return tok, nil
	}
	var err error
	if s.root, err = walk("", 0); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, &TemplateError{Line: lineAt(dec.InputOffset()), Reason: "something follows the template"}
	}
	return s, nil
}

// template reads the tree: {"layout": [blocks]}, or the list alone, or one
// block, which then stands for every status unless it names one.
func (s *source) template() (*Template, error) {
	root, path := s.root, ""
	if o, ok := root.(map[string]any); ok && o["layout"] != nil {
		root, path = o["layout"], "layout"
	}
	t := &Template{}
	switch layout := root.(type) {
	case []any:
		if len(layout) == 0 || len(layout) > maxTemplateBlocks {
			return nil, s.fail(path, "1 to %d blocks are wanted: one for FREE, one for BUSY", maxTemplateBlocks)
		}
		for i, v := range layout {
			below := fmt.Sprintf("%s[%d]", path, i)
			o, ok := v.(map[string]any)
			if !ok {
				return nil, s.fail(below, `an object {"status": ..., "items": [...]} is wanted`)
			}
			b, err := s.block(below, o, "")
			if err != nil {
				return nil, err
			}
			t.blocks = append(t.blocks, b)
		}
	case map[string]any:
		b, err := s.block(path, layout, "ANY")
		if err != nil {
			return nil, err
		}
		t.blocks = append(t.blocks, b)
	default:
		return nil, s.fail("layout", `an object {"layout": [{"status": "FREE", "items": [...]}, ...]} is wanted`)
	}
	t.notes, t.pictures = s.notes, s.pictures
	return t, nil
}
