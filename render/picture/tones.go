package picture

// tones applies levels and contrast to stored grey values.
func (o Options) tones(pix []byte) {
	var count [256]int
	if o.Levels {
		for _, v := range pix {
			count[v]++
		}
	}
	o.apply(pix, count, len(pix), 1)
}

// tonesRGBA does so for all three colours alike, by the tones of green, which
// makes most of the luminance.
func (o Options) tonesRGBA(pix []byte) {
	var count [256]int
	if o.Levels {
		for i := 1; i < len(pix); i += 4 {
			count[pix[i]]++
		}
	}
	o.apply(pix, count, len(pix)/4, 4)
}

// apply changes all values but every fourth where each is 4.
func (o Options) apply(pix []byte, count [256]int, n, each int) {
	if !o.Levels && o.Contrast == 0 {
		return
	}
	black, white := 0, 255
	if o.Levels {
		black, white = ends(count, n)
		if o.Paper {
			black, white = darkest(count, n), 255
		}
	}
	gain := 100 + min(max(o.Contrast, -100), 100)
	var to [256]byte
	for v := range to {
		t := (min(max(v, black), white) - black) * 255 / (white - black)
		t = 128 + floorDiv((t-128)*gain, 100)
		to[v] = byte(min(max(t, 0), 255))
	}
	for i, v := range pix {
		if each == 1 || i&3 != 3 {
			pix[i] = to[v]
		}
	}
}

// ends are the tones below and above which half a percent lies. Where they are
// less than 32 apart there is nothing to stretch.
func ends(count [256]int, n int) (black, white int) {
	black, white = 0, 255
	for below := count[0]; black < 255 && below <= n/200; black++ {
		below += count[black+1]
	}
	for above := count[255]; white > 0 && above <= n/200; white-- {
		above += count[white-1]
	}
	if white-black < 32 {
		return 0, 255
	}
	return black, white
}

// darkest is the tone below which half a percent lies, at most 223: fainter ink
// is taken for paper.
func darkest(count [256]int, n int) (black int) {
	for below := count[0]; black < 223 && below <= n/200; black++ {
		below += count[black+1]
	}
	return black
}

func floorDiv(a, b int) int {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}
