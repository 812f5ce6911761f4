package picture

import "image"

// Resampling is separable: each row is scaled across when it is read, and rows
// are weighted down as soon as all that a row of the result needs are there. All
// is in integers.

// one is the sum of the weights of a pixel.
const one = 1 << 14

// taps are the weights of one pixel of the result: of the source pixels from
// first on.
type taps struct {
	first   int
	weights []int32
}

// filter returns the taps of a row of n pixels that is scaled to size pixels.
func filter(n, size int) []taps {
	out := make([]taps, size)
	const unit = 1 << 16
	// One step of the kernel is a pixel of the result or of the source, whichever
	// is larger, in 1/unit source pixels.
	step := max(unit, int64(n)*unit/int64(size))
	reach := 2 * step
	for i := range out {
		centre := (int64(2*i+1)*int64(n)*unit/int64(size) - unit) / 2
		from, to := (centre-reach)/unit-1, (centre+reach)/unit+1
		weights := make([]int64, 0, to-from+1)
		first, sum := -1, int64(0)
		for at := max(0, from); at <= min(to, int64(n)-1); at++ {
			w := catmullRom((at*unit - centre) * unit / step)
			if first < 0 && w == 0 {
				continue
			}
			if first < 0 {
				first = int(at)
			}
			weights, sum = append(weights, w), sum+w
		}
		if sum <= 0 { // cannot be: the nearest pixel weighs most
			first, weights, sum = int(min(max(0, (centre+unit/2)/unit), int64(n)-1)), []int64{1}, 1
		}
		out[i] = taps{first, normal(weights, sum)}
	}
	return out
}

// normal scales weights to the sum one; the largest takes what rounding leaves.
func normal(weights []int64, sum int64) []int32 {
	out := make([]int32, len(weights))
	rest, largest := int32(one), 0
	for i, w := range weights {
		out[i] = int32(w * one / sum)
		rest -= out[i]
		if w > weights[largest] {
			largest = i
		}
	}
	out[largest] += rest
	return out
}

// catmullRom is the cubic kernel with a = -1/2 at a distance in 1/65536.
func catmullRom(t int64) int64 {
	if t < 0 {
		t = -t
	}
	const unit = 1 << 16
	t2 := t * t / unit
	t3 := t2 * t / unit
	switch {
	case t < unit:
		return (3*t3 - 5*t2 + 2*unit) / 2
	case t < 2*unit:
		return (-t3 + 5*t2 - 8*t + 4*unit) / 2
	}
	return 0
}

// scale brings the part from of a source to the size of to and hands each row of
// the result, of to's width times channels values of 0 to 65535, to put, with
// its y in the result.
func scale(source func(r image.Rectangle, y int, out []int32), from, to image.Rectangle, channels int, put func(y int, row []int32)) {
	// Rows are averaged in groups before a strong reduction, which bounds the
	// rows that are kept.
	group := max(1, from.Dy()/(8*to.Dy()))
	source = grouped(source, from, group, channels)
	across, down := filter(from.Dx(), to.Dx()), filter((from.Dy()+group-1)/group, to.Dy())
	most := 1
	for _, t := range down {
		most = max(most, len(t.weights))
	}
	wide := make([]int32, from.Dx()*channels)
	ring := make([][]int32, most)
	for i := range ring {
		ring[i] = make([]int32, to.Dx()*channels)
	}
	sum, row := make([]int64, to.Dx()*channels), make([]int32, to.Dx()*channels)
	next := 0 // row of the source to read
	for i, t := range down {
		next = max(next, t.first)
		for ; next < t.first+len(t.weights); next++ {
			source(from, next, wide)
			narrow(ring[next%most], wide, across, channels)
		}
		clear(sum)
		for k, w := range t.weights {
			for x, v := range ring[(t.first+k)%most] {
				sum[x] += int64(w) * int64(v)
			}
		}
		for x, s := range sum {
			row[x] = value(s)
		}
		put(to.Min.Y+i, row)
	}
}

// grouped averages rows: the y of the result counts groups from the top of from.
func grouped(source func(image.Rectangle, int, []int32), from image.Rectangle, group, channels int) func(image.Rectangle, int, []int32) {
	row := make([]int32, from.Dx()*channels)
	sum := make([]int64, len(row))
	return func(r image.Rectangle, y int, out []int32) {
		if group == 1 {
			source(r, r.Min.Y+y, out)
			return
		}
		clear(sum)
		first := r.Min.Y + y*group
		n := min(group, r.Max.Y-first)
		for k := range n {
			source(r, first+k, row)
			for x, v := range row {
				sum[x] += int64(v)
			}
		}
		for x, s := range sum {
			out[x] = int32(s / int64(n))
		}
	}
}

// narrow scales one row across.
func narrow(out, in []int32, across []taps, channels int) {
	for x, t := range across {
		for c := range channels {
			var sum int64
			for k, w := range t.weights {
				sum += int64(w) * int64(in[(t.first+k)*channels+c])
			}
			out[x*channels+c] = value(sum)
		}
	}
}

// value rounds a weighted sum and cuts off what the filter overshoots.
func value(sum int64) int32 { return int32(min(max((sum+one/2)>>14, 0), 65535)) }
