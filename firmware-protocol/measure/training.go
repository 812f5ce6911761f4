package main

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"

	"doorleaf/render/dither"
	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// words are what the training texts are made of: plants, stars and rivers, in
// the languages that signs speak. No face and no benchmark has any of them.
var words = []string{
	"willow", "alder", "birch", "sorrel", "foxglove", "yarrow", "Heather", "Juniper", "Maple", "hazel", "quince", "Vervain", "oxlip", "kelp",
	"Wacholder", "Schlüsselblume", "Eiche", "Weißdorn", "Königskerze", "Zypresse", "Gänseblümchen", "Vergißmeinnicht", "Moos",
	"Coquelicot", "pâquerette", "Églantier", "chêne", "genêt", "fougère", "Roseau", "jonquille", "girasol", "Ñandubay", "castaño", "jacarandá",
	"Castanheiro", "videira", "açafrão", "quercia", "Ginestra", "ciclamino", "Olmo", "klaproos", "Beukenboom", "ijsbloem", "Wilg",
	"Björk", "Rönn", "lönn", "Ängsull", "Røllike", "gjøkesyre", "Bjørnebær", "tyttebær", "Pihlaja", "kanerva", "Mänty", "jabłoń", "Świerk", "źdźbło",
	"Třešeň", "jeřáb", "Kapradí", "ökörfarkkóró", "Fűz", "mogyoró", "Ясень", "берёза", "Подорожник", "ель", "рябина", "Щавель", "Черемшина", "ґаладіум",
	"Κυπαρίσσι", "ελιά", "Ρείκι", "Çınar", "ağaç", "Şimşir", "Iğde", "Vega", "Altair", "Deneb", "Rigel", "Mizar", "Antares", "Bellatrix", "Algol",
	"Danube", "Vistula", "Tagus", "Loire", "Douro", "Ebro", "Mosel", "Neva", "Wye", "Jizera", "XIV", "No.", "&", "(alba)", "NGC", "M31", "v.", "II",
	"17", "204", "3.6", "1,850", "26%", "+49", "#9", "07", "58", "5th", "0", "4/3", "*", "–", "·", "\"x\"", "a_b", "Q?", "!", "@home",
}

// A frame is a picture to train with, and the one that was on the glass before
// it, nil for none.
type frame struct {
	next, base *mono.Image
}

// trainer draws training frames. Everything comes from one seed.
type trainer struct {
	fonts *typeset.Fonts
	r     *rand.Rand
}

// phrase is a line of n random words or figures.
func (t *trainer) phrase(n int) string {
	s := ""
	for range n {
		if s != "" {
			s += " "
		}
		switch t.r.IntN(7) {
		case 0:
			s += string([]byte{byte('0' + t.r.IntN(3)), byte('0' + t.r.IntN(10)), ':', byte('0' + t.r.IntN(6)), byte('0' + t.r.IntN(10))})
		default:
			s += words[t.r.IntN(len(words))]
		}
	}
	return s
}

// element is one thing on a training page; it can be drawn again after it
// changed.
type element func(m *mono.Image)

// page makes the elements of a page: text of all sizes, rules, filled and
// hatched boxes, blocks like those of a QR code, and sometimes a picture.
func (t *trainer) page(w, h int) []element {
	var list []element
	for range 1 + t.r.IntN(3) {
		list = append(list, t.box(w, h))
	}
	y := t.r.IntN(h/8 + 1)
	for y < h {
		size := t.size(h)
		y += size + t.r.IntN(size)
		list = append(list, t.line(w, y, size))
		if t.r.IntN(3) == 0 {
			list = append(list, t.line(w, y, size))
		}
	}
	for range t.r.IntN(4) {
		list = append(list, t.rule(w, h))
	}
	if t.r.IntN(4) == 0 {
		list = append(list, t.blocks(w, h))
	}
	if t.r.IntN(12) == 0 {
		pw, ph := 24+t.r.IntN(w/3+1), 24+t.r.IntN(h/3+1)
		p, at := t.photo(pw, ph), image.Pt(t.r.IntN(w), t.r.IntN(h))
		list = append(list, func(m *mono.Image) { m.Blit(p, at, mono.Or) })
	}
	return list
}

// size is a size of text, small ones more often, that suits the panel.
func (t *trainer) size(h int) int {
	top := math.Min(float64(h)*0.24, 150)
	return int(9 * math.Pow(math.Max(top, 14)/9, math.Pow(t.r.Float64(), 1.5)))
}

func (t *trainer) line(w, y, size int) element {
	face := t.fonts.Face(typeset.Weight(t.r.IntN(2)), size)
	x, s := t.r.IntN(w*2/3), t.phrase(1+t.r.IntN(2+w/size/8))
	mode := mono.Or
	if t.r.IntN(4) == 0 {
		mode = mono.Xor
	}
	return func(m *mono.Image) { face.Draw(m, x, y, s, mode) }
}

// box is a filled, framed or hatched rectangle, often as wide as the page.
func (t *trainer) box(w, h int) element {
	r := image.Rect(t.r.IntN(w), t.r.IntN(h), t.r.IntN(w), t.r.IntN(h))
	if t.r.IntN(2) == 0 {
		r.Min.X, r.Max.X = 0, w
	}
	kind, border := t.r.IntN(5), 1+t.r.IntN(1+h/60)
	return func(m *mono.Image) {
		switch kind {
		case 0:
			m.Fill(r, true)
			m.Fill(r.Inset(border), false)
		case 1:
			m.Hatch(r, border, 2+2*border)
		default:
			m.Fill(r, true)
		}
	}
}

// rule is a thin line, sometimes with ticks or pieces along it.
func (t *trainer) rule(w, h int) element {
	y, thick, x0, x1 := t.r.IntN(h), 1+t.r.IntN(1+h/100), t.r.IntN(w/3), w-t.r.IntN(w/3)
	step, dash := 6+t.r.IntN(w/6+1), t.r.IntN(3)
	upright := t.r.IntN(4) == 0
	return func(m *mono.Image) {
		if upright {
			m.Fill(image.Rect(x0, y/2, x0+thick, y), true)
			return
		}
		if dash != 1 {
			m.Fill(image.Rect(x0, y, x1, y+thick), true)
		}
		for x := x0; dash > 0 && x < x1; x += step {
			m.Fill(image.Rect(x, y-thick*3, x+thick+dash*step/4, y), true)
		}
	}
}

// blocks are random squares in a grid, as in a two-dimensional code.
func (t *trainer) blocks(w, h int) element {
	n, unit := 21+t.r.IntN(12), 1+t.r.IntN(max(h/90, 1)+1)
	at := image.Pt(t.r.IntN(w), t.r.IntN(h))
	bits := make([]bool, n*n)
	for i := range bits {
		bits[i] = t.r.IntN(2) == 0
	}
	return func(m *mono.Image) {
		m.Fill(image.Rect(0, 0, n*unit, n*unit).Add(at), false)
		for i, black := range bits {
			if p := at.Add(image.Pt(i%n*unit, i/n*unit)); black {
				m.Fill(image.Rect(0, 0, unit, unit).Add(p), true)
			}
		}
	}
}

// photo is a picture with the light, shades, edges and grain of a photograph,
// made of waves, dithered in one of the ways there are.
func (t *trainer) photo(w, h int) *mono.Image {
	g := image.NewGray(image.Rect(0, 0, w, h))
	type wave struct{ fx, fy, phase, level float64 }
	var waves []wave
	for k := range 24 {
		f := math.Pow(1.3, float64(k)) / float64(max(w, h))
		turn := t.r.Float64() * 2 * math.Pi
		waves = append(waves, wave{f * math.Cos(turn), f * math.Sin(turn), t.r.Float64() * 7, 110 * math.Pow(0.84, float64(k))})
	}
	grain, middle := 1+t.r.Float64()*6, 90+t.r.Float64()*80
	cut := t.r.Float64()*200 - 100
	for y := range h {
		for x := range w {
			v := middle
			for _, o := range waves {
				v += o.level * math.Sin(2*math.Pi*(o.fx*float64(x)+o.fy*float64(y))+o.phase)
			}
			if v-middle > cut { // an edge
				v -= 60
			}
			v += t.r.NormFloat64() * grain
			g.SetGray(x, y, color.Gray{Y: uint8(math.Max(0, math.Min(255, v)))})
		}
	}
	methods := []string{dither.FloydSteinberg, dither.FloydSteinberg, dither.SierraLite, dither.SierraLite, dither.Atkinson, dither.BlueNoise}
	m := mono.New(w, h)
	if err := dither.Gray(m, g, methods[t.r.IntN(len(methods))]); err != nil {
		panic(err) // the sizes are equal and the methods known
	}
	return m
}

// paint draws a page.
func paint(w, h int, list []element) *mono.Image {
	m := mono.New(w, h)
	for _, e := range list {
		e(m)
	}
	return m
}

// change is another page that shares much with the one before: some elements
// are gone, some new, some elsewhere.
func (t *trainer) change(w, h int, list []element) []element {
	next := append([]element(nil), list...)
	part := 1 + t.r.IntN(len(list)/2+1)
	if t.r.IntN(3) == 0 {
		part = 1
	}
	for range part {
		i := t.r.IntN(len(next))
		size := t.size(h)
		switch t.r.IntN(6) {
		case 0:
			next[i] = t.box(w, h)
		case 1:
			next[i] = t.rule(w, h)
		case 2:
			old, dy := next[i], (1+t.r.IntN(3))*(size+4)
			next[i] = func(m *mono.Image) { // the same, further down
				moved := mono.New(w, h)
				old(moved)
				m.Blit(moved, image.Pt(0, dy), mono.Xor)
			}
		default:
			next[i] = t.line(w, t.r.IntN(h), size)
		}
	}
	return next
}

// figures changes only figures in a line of text, as a clock does.
func (t *trainer) figures(w, h int) (before, after element) {
	size := t.size(h)
	face := t.fonts.Face(typeset.Weight(t.r.IntN(2)), size)
	x, y := t.r.IntN(w*3/4), size+t.r.IntN(h)
	head := words[t.r.IntN(len(words))] + " "
	mode := mono.Mode(t.r.IntN(3))
	clock := func() element {
		s := head + string([]byte{byte('1' + t.r.IntN(2)), byte('0' + t.r.IntN(10)), ':', byte('0' + t.r.IntN(6)), byte('0' + t.r.IntN(10))})
		return func(m *mono.Image) { face.Draw(m, x, y, s, mode) }
	}
	return clock(), clock()
}

// sizes are those of training pages: none is a panel's.
var sizes = []image.Point{{264, 176}, {360, 184}, {480, 280}, {600, 448}, {720, 540}, {768, 400}, {840, 500}, {1024, 600}, {1200, 825}, {200, 400}, {1448, 1072}}

// pages makes n training pages, a third of them with a change.
func (t *trainer) pages(n int) []frame {
	var out []frame
	for i := range n {
		size := sizes[i%len(sizes)]
		w, h := size.X, size.Y
		list := t.page(w, h)
		base := list
		for range 1 + t.r.IntN(3) {
			a, b := t.figures(w, h)
			base, list = append(base[:len(base):len(base)], a), append(list[:len(list):len(list)], b)
		}
		before := paint(w, h, base)
		out = append(out, frame{before, nil}, frame{paint(w, h, list), before}, frame{paint(w, h, t.change(w, h, list)), before})
	}
	return out
}

// photos makes n dithered pictures.
func (t *trainer) photos(n int) []frame {
	var out []frame
	for range n {
		out = append(out, frame{t.photo(240+t.r.IntN(200), 160+t.r.IntN(200)), nil})
	}
	return out
}
