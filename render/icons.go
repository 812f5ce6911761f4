package render

import "image"

// icon is a sign of service, always beside a word: whether a point of a square
// of 1000 by 1000 is black. Whole numbers only, so that every machine draws the
// same pixels.
type icon func(u, v int) bool

func disc(u, v, cu, cv, r int) bool { return (u-cu)*(u-cu)+(v-cv)*(v-cv) <= r*r }

// moon stands for closed.
func moon(u, v int) bool { return disc(u, v, 470, 500, 450) && !disc(u, v, 690, 390, 380) }

// wrench stands for out of order.
func wrench(u, v int) bool {
	s, t := (u+v-1000)*707/1000, (u-v)*707/1000 // along and across its handle
	switch {
	case disc(s, t, -330, 0, 270):
		return t < -95 || t > 95 || s > -300
	case disc(s, t, 540, 0, 130):
		return true
	}
	return s > -200 && s < 540 && t > -130 && t < 130
}

// lostCloud is a cloud crossed out: what stands here may be old.
func lostCloud(u, v int) bool {
	slash := u - v
	if slash > -75 && slash < 75 {
		return u > 60 && u < 940
	}
	if slash > -190 && slash < 190 {
		return false
	}
	return disc(u, v, 260, 590, 210) || disc(u, v, 500, 430, 280) || disc(u, v, 760, 590, 210) ||
		u > 260 && u < 760 && v > 560 && v <= 800
}

// stateIcon returns the icon of a state, nil for none.
func stateIcon(s State) icon {
	switch s {
	case Closed:
		return moon
	case OutOfOrder:
		return wrench
	case Stale, Offline:
		return lostCloud
	}
	return nil
}

// icon draws an icon into a square. Icons are not mirrored.
func (pg *page) icon(r image.Rectangle, in icon, black bool) {
	r = pg.at(r)
	n := r.Dx()
	for y := range n {
		for x := range n {
			if in((2*x+1)*500/n, (2*y+1)*500/n) {
				pg.img.Set(r.Min.X+x, r.Min.Y+y, black)
			}
		}
	}
}
