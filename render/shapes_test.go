package render

import (
	"fmt"
	"image"
	"math/rand/v2"
	"testing"

	"doorleaf/render/mono"
)

// Lines and circles are the pixels of their definitions: a square pen at every
// step, and middles within the ellipse.
func TestShapesAreTheirDefinitions(t *testing.T) {
	r := newRenderer(t)
	p := Panel{300, 200, 100}
	rnd := rand.New(rand.NewPCG(1, 2))
	n := func(from, to int) int { return from + rnd.IntN(to-from) }
	for i := range 300 {
		line := item{kind: "LINE", stroke: n(1, 30), ink: black, block: image.Rectangle{Min: image.Pt(n(-90, 390), n(-90, 290)), Max: image.Pt(n(-90, 390), n(-90, 290))}}
		want := mono.New(p.Width, p.Height)
		from, to := line.block.Min, line.block.Max
		if from.Y > to.Y {
			from, to = to, from
		}
		steps := max(abs(to.X-from.X), to.Y-from.Y, 1)
		for s := range steps + 1 {
			x, y := from.X+(to.X-from.X)*s/steps-line.stroke/2, from.Y+(to.Y-from.Y)*s/steps-line.stroke/2
			want.Fill(image.Rect(x, y, x+line.stroke, y+line.stroke), true)
		}
		compareShape(t, r, p, fmt.Sprintf("%d: line %v, pen %d", i, line.block, line.stroke), &line, want)

		x, y := n(-60, 250), n(-60, 150)
		circle := item{kind: "CIRCLE", stroke: n(0, 25), ink: shade(n(0, 3)), paper: shade(n(0, 3)), block: image.Rect(x, y, x+n(1, 260), y+n(1, 220))}
		want = mono.New(p.Width, p.Height)
		for y := range p.Height {
			for x := range p.Width {
				s := none
				if inEllipse(circle.block, 0, x, y) {
					s = circle.ink
				}
				if inEllipse(circle.block, circle.stroke, x, y) {
					s = circle.paper
				}
				want.Set(x, y, s == black)
			}
		}
		compareShape(t, r, p, fmt.Sprintf("%d: circle %v, pen %d, %d on %d", i, circle.block, circle.stroke, circle.ink, circle.paper), &circle, want)
	}
}

func inEllipse(b image.Rectangle, inset, x, y int) bool {
	w, h := b.Dx()-2*inset, b.Dy()-2*inset
	dx, dy := 2*(x-b.Min.X)+1-b.Dx(), 2*(y-b.Min.Y)+1-b.Dy()
	return w > 0 && h > 0 && dx*dx*h*h+dy*dy*w*w <= w*w*h*h
}

func compareShape(t *testing.T, r *Renderer, p Panel, name string, it *item, want *mono.Image) {
	t.Helper()
	pg := r.page(mono.New(p.Width, p.Height), Door{State: Free}, p)
	pg.item(it)
	if !pg.img.Equal(want) {
		t.Errorf("%s: got %v, want %v", name, ink(pg.img), ink(want))
	}
}
