package render

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strconv"
	"strings"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// item is one thing a template draws.
type item struct {
	kind          string // TEXT, RECTANGLE, LINE, CIRCLE, QRCODE, IMAGE, BITMAP_URI, BUTTONS, DAY_BAR
	text, id      string
	block         image.Rectangle // on the glass; for LINE from Min to Max
	weight        typeset.Weight
	size          int
	align         string // LEFT, CENTER, RIGHT
	pitch         int    // line to line, 0 for the font's
	ink, paper    shade
	stroke, scale int
	picture       *mono.Image
	key           PictureKey // of IMAGE
	labels        []string
}

// shade is a colour of a template on black and white glass.
type shade uint8

const (
	none shade = iota
	white
	black
)

// reader reads the fields of one object and keeps the first error.
type reader struct {
	s    *source
	path string
	o    map[string]any
	err  error
}

func (r *reader) fail(field, format string, args ...any) {
	if r.err == nil {
		r.err = r.s.fail(r.at(field), format, args...)
	}
}

func (r *reader) at(field string) string { return strings.TrimPrefix(r.path+"."+field, ".") }

func (r *reader) object(field string) *reader {
	o, ok := r.o[field].(map[string]any)
	if r.o[field] != nil && !ok {
		r.fail(field, "an object {...} is wanted")
	}
	return &reader{s: r.s, path: r.at(field), o: o, err: r.err}
}

func (r *reader) number(field string, low, high, otherwise int) int {
	var text string
	switch v := r.o[field].(type) {
	case nil:
		return otherwise
	case json.Number:
		text = v.String()
	case string: // older templates write numbers as texts
		text = strings.TrimSpace(v)
	default:
		r.fail(field, "a number is wanted")
		return otherwise
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < float64(low) || f > float64(high) {
		r.fail(field, "%q is not a number from %d to %d", text[:min(len(text), 20)], low, high)
		return otherwise
	}
	return int(f)
}

func (r *reader) string(field string) string {
	switch v := r.o[field].(type) {
	case nil:
	case string:
		if len(v) <= maxTemplateText {
			return v
		}
		r.fail(field, "more than %d bytes", maxTemplateText)
	case json.Number:
		return v.String()
	default:
		r.fail(field, "a text is wanted")
	}
	return ""
}

// shade reads a colour name. Black and white glass draws every other colour
// black.
func (r *reader) shade(field string, otherwise shade) shade {
	switch strings.ToUpper(strings.TrimSpace(r.string(field))) {
	case "":
		return otherwise
	case "WHITE", "#FFFFFF", "#FFF":
		return white
	case "TRANSPARENT", "NONE":
		return none
	case "BLACK", "RED", "YELLOW", "GREEN", "BLUE", "ORANGE", "GRAY", "GREY", "#000000", "#000", "#FF0000", "#FFFF00":
		return black
	}
	r.fail(field, "colours are WHITE, BLACK, RED, YELLOW and TRANSPARENT")
	return otherwise
}

const far = 4 * maxPanelSide

// rectangle reads x, y, w and h.
func (r *reader) rectangle() image.Rectangle {
	x, y := r.number("x", -far, far, 0), r.number("y", -far, far, 0)
	w, h := r.number("w", 0, far, 0), r.number("h", 0, far, 0)
	return image.Rect(x, y, x+w, y+h)
}

// block reads one block of items.
func (s *source) block(path string, o map[string]any, status string) (block, error) {
	r := &reader{s: s, path: path, o: o}
	b := block{status: status}
	if given := strings.ToUpper(r.string("status")); given != "" || status == "" {
		b.status = given
	}
	if !slices.Contains(statuses, b.status) {
		r.fail("status", "%q is none of %s", b.status, strings.Join(statuses, ", "))
	}
	if size := r.string("panel"); size != "" {
		w, h, ok := strings.Cut(strings.ToLower(size), "x")
		b.panel.X, _ = strconv.Atoi(w)
		b.panel.Y, _ = strconv.Atoi(h)
		if !ok || b.panel.X < minWidth || b.panel.Y < minHeight || b.panel.X > maxPanelSide || b.panel.Y > maxPanelSide {
			r.fail("panel", "%q is not a size in pixels like \"800x480\"", size[:min(len(size), 20)])
		}
	}
	back := r.object("background")
	b.black = back.shade("bgColor", white) == black
	if back.o["rectangle"] != nil {
		b.ground = back.ground()
	}
	items, ok := o["items"].([]any)
	if !ok {
		r.fail("items", "a list [...] of items is wanted")
	}
	if len(items) > maxTemplateItems {
		r.fail("items", "more than %d items", maxTemplateItems)
		items = nil
	}
	if r.err == nil {
		r.err = back.err
	}
	pictures, area, codes := 0, 0, 0
	for i, v := range items {
		if r.err != nil {
			break
		}
		it, draws, err := s.item(fmt.Sprintf("%s[%d]", r.at("items"), i), v)
		if r.err = err; draws {
			b.items = append(b.items, it)
		}
		if draws && it.kind == "IMAGE" {
			if pictures++; pictures > maxTemplatePictures {
				r.fail("items", "more than %d pictures", maxTemplatePictures)
			}
			if area += it.key.Size.X * it.key.Size.Y; area > maxPictureArea {
				r.fail("items", "pictures of more than %d megapixels together", maxPictureArea>>20)
			}
			s.use(fmt.Sprintf("%s[%d]", r.at("items"), i), it.key)
		}
		if draws && it.kind == "QRCODE" {
			if codes++; codes > maxTemplateCodes {
				r.fail("items", "more than %d QR codes", maxTemplateCodes)
			}
		}
	}
	return b, r.err
}

// ground reads the rectangle of a background, whose block is in percent.
func (r *reader) ground() item {
	d := r.object("rectangle")
	at := d.object("block")
	x, y := at.number("x_percent", 0, 100, 0), at.number("y_percent", 0, 100, 0)
	it := item{kind: "RECTANGLE", ink: d.shade("strokeColor", black), paper: d.shade("fillColor", none)}
	it.block = image.Rect(x, y, x+at.number("w_percent", 0, 100, 0), y+at.number("h_percent", 0, 100, 0))
	it.stroke = d.number("strokeThickness", 0, 200, d.number("strokeSize", 0, 200, 0))
	for _, e := range []error{at.err, d.err} {
		if r.err == nil {
			r.err = e
		}
	}
	return it
}

// item reads one item; draws is false for those that only served older servers.
func (s *source) item(path string, v any) (it item, draws bool, err error) {
	o, ok := v.(map[string]any)
	if !ok {
		return it, false, s.fail(path, `an object {"type": ..., "data": {...}} is wanted`)
	}
	r := &reader{s: s, path: path, o: o}
	it.kind = strings.ToUpper(r.string("type"))
	d := r.object("data")
	if o["data"] == nil { // fields may stand beside the type
		d = &reader{s: s, path: path, o: o, err: r.err}
	}
	at := d.object("block")
	it.id = strings.ToUpper(strings.TrimSpace(d.string("id")))
	switch it.kind {
	case "POLL_RATE":
		return it, false, d.err
	case "PERIPHERAL_CONTROL":
		s.leaveOut(path, "lamps and buttons are not part of a picture")
		return it, false, d.err
	case "TEXT":
		if strings.HasPrefix(strings.ToUpper(d.string("font")), "ICON_") {
			s.leaveOut(path, "icon fonts are not known")
			return it, false, d.err
		}
		it.textItem(d, at)
	case "RECTANGLE":
		it.block, it.stroke = at.rectangle(), d.number("strokeThickness", 0, 200, 1)
		it.ink, it.paper = d.shade("strokeColor", black), d.shade("fillColor", none)
	case "LINE":
		it.block = image.Rectangle{Min: image.Pt(at.number("x0", -far, far, 0), at.number("y0", -far, far, 0)), Max: image.Pt(at.number("x1", -far, far, 0), at.number("y1", -far, far, 0))}
		it.stroke, it.ink = d.number("strokeThickness", 1, 200, 2), d.shade("lineColor", d.shade("strokeColor", black))
	case "CIRCLE":
		it.block = at.rectangle()
		if at.o["radius"] != nil || d.o["radius"] != nil {
			radius := at.number("radius", 0, far, d.number("radius", 0, far, 0))
			center := d.object("center")
			if len(center.o) == 0 {
				center = at
			}
			c := image.Pt(center.number("x", -far, far, 0), center.number("y", -far, far, 0))
			if d.err == nil {
				d.err = center.err
			}
			it.block = image.Rect(c.X-radius, c.Y-radius, c.X+radius+1, c.Y+radius+1)
		}
		it.stroke, it.ink, it.paper = d.number("strokeThickness", 0, 200, 1), d.shade("strokeColor", black), d.shade("fillColor", none)
	case "QRCODE":
		it.qrItem(d, at)
	case "DAY_BAR":
		it.block = at.rectangle()
	case "IMAGE":
		it.imageItem(d, at, d.string("name"))
	case "BITMAP_URI":
		it.block = at.rectangle()
		uri, _ := d.o["uri"].(string)
		if name, ours := strings.CutPrefix(uri, assetURI); ours {
			it.imageItem(d, at, name)
			break
		}
		if !strings.HasPrefix(uri, "data:") {
			s.leaveOut(path, "pictures are not fetched from other servers; upload it and write "+assetURI+"NAME, or put it into the template as "+dataPNG+"...")
			return it, false, d.err
		}
		it.picture = d.dataPicture("uri")
	case "BOTTOM_CUSTOM_BUTTONS", "BOTTOM_BUTTONS":
		it.kind = "BUTTONS"
		it.buttonsItem(d)
	case "":
		r.fail("type", "it is missing")
	default:
		r.fail("type", "%q is not known; items are TEXT, RECTANGLE, LINE, CIRCLE, QRCODE, IMAGE, BITMAP_URI, DAY_BAR, BOTTOM_CUSTOM_BUTTONS", it.kind[:min(len(it.kind), 40)])
	}
	for _, e := range []error{r.err, at.err, d.err} {
		if e != nil {
			return it, false, e
		}
	}
	return it, true, nil
}

func (it *item) textItem(d, at *reader) {
	it.text = d.string("text")
	offset := d.object("offset")
	it.block = at.rectangle().Add(image.Pt(offset.number("x", -far, far, 0), offset.number("y", -far, far, 0)))
	it.weight, it.size = fontOf(d, "font", it.block.Dy())
	it.align = strings.ToUpper(d.string("textAlign") + d.string("text-align"))
	switch it.align {
	case "":
		it.align = "LEFT"
	case "LEFT", "RIGHT", "CENTER":
	default:
		d.fail("textAlign", "LEFT, CENTER or RIGHT is wanted")
	}
	it.pitch = d.number("lineSpace", 0, 1000, 0)
	it.ink, it.paper = d.shade("textColor", black), d.shade("backgroundColor", none)
	if d.err == nil {
		d.err = offset.err
	}
	if strings.Contains(it.id, " ") {
		d.fail("id", "an id has no blanks")
	}
}

func (it *item) qrItem(d, at *reader) {
	it.text = d.string("text")
	pos := d.object("position")
	if len(pos.o) == 0 {
		pos = at
	}
	it.block = pos.rectangle()
	it.scale = d.number("scale", 1, 64, 0)
	if d.err == nil {
		d.err = pos.err
	}
	if len(it.text) > 300 {
		d.fail("text", "a code holds at most 300 bytes here: phones do not read more")
	}
}

// buttonsItem reads the labels of the hardware buttons.
func (it *item) buttonsItem(d *reader) {
	list, ok := d.o["list"].([]any)
	if !ok {
		list, _ = d.o["buttons"].([]any)
	}
	if len(list) > 8 {
		d.fail("list", "more than 8 buttons")
		return
	}
	for _, v := range list {
		switch v := v.(type) {
		case string:
			it.labels = append(it.labels, v)
		case map[string]any:
			title, _ := v["title"].(string)
			it.labels = append(it.labels, title)
		default:
			it.labels = append(it.labels, "")
		}
	}
}

// fontOf reads a font's name: only weight and size count, "DDIN_CONDENSED_32_B"
// is Bold at 32. Without a size the text is as high as its block.
func fontOf(d *reader, field string, height int) (typeset.Weight, int) {
	weight, size := typeset.Regular, 0
	for part := range strings.SplitSeq(strings.ToUpper(d.string(field)), "_") {
		switch part {
		case "B", "BOLD", "BLACK", "HEAVY":
			weight = typeset.Bold
		default:
			if n, err := strconv.Atoi(part); err == nil {
				size = n
			}
		}
	}
	if size == 0 {
		size = min(max(height*3/4, 16), 128)
	}
	if size < typeset.MinSize || size > 512 {
		d.fail(field, "its size %d is not %d to 512", size, typeset.MinSize)
		size = 16
	}
	return weight, size
}

// dataPNG begins a picture that stands in the template itself.
const dataPNG = "data:image/png;base64,"

// dataPicture reads a picture that stands in the template itself.
func (r *reader) dataPicture(field string) *mono.Image {
	text, _ := r.o[field].(string)
	if !strings.HasPrefix(text, dataPNG) {
		r.fail(field, "pictures in a template are %s...", dataPNG)
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(text[len(dataPNG):])
	if err != nil {
		r.fail(field, "it is not base64")
		return nil
	}
	c, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil || c.Width > 2048 || c.Height > 2048 {
		r.fail(field, "a PNG of at most 2048x2048 pixels is wanted")
		return nil
	}
	src, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		r.fail(field, "the PNG is damaged")
		return nil
	}
	m := mono.New(c.Width, c.Height)
	for y := range c.Height {
		for x := range c.Width {
			px := src.At(src.Bounds().Min.X+x, src.Bounds().Min.Y+y)
			_, _, _, a := px.RGBA()
			m.Set(x, y, a >= 1<<15 && color.GrayModel.Convert(px).(color.Gray).Y < 128)
		}
	}
	return m
}
