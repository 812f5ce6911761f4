package energy

import (
	"math"
	"math/rand/v2"
	"slices"
)

// spread evaluates f over n draws of all ranges.
func spread(n int, seed uint64, f func(pick func(Range) float64) float64) Spread {
	rnd := rand.New(rand.NewPCG(seed, 1))
	pick := func(r Range) float64 { return draw(r, rnd.NormFloat64()) }
	all := make([]float64, max(n, 1))
	for i := range all {
		all[i] = f(pick)
	}
	slices.Sort(all)
	q := func(part float64) float64 { return all[min(int(part*float64(len(all))), len(all)-1)] }
	return Spread{q(0.1), q(0.5), q(0.9)}
}

// draw is a lognormal of two halves: Mid is its median, Low and High its 5 % and
// 95 % points.
func draw(r Range, z float64) float64 {
	if r.Mid == 0 {
		return 0
	}
	low := r.Low
	if low == 0 {
		low = r.Mid / 10
	}
	const sigma = 1.645
	if z > 0 {
		return r.Mid * math.Pow(r.High/r.Mid, z/sigma)
	}
	return r.Mid * math.Pow(r.Mid/low, z/sigma)
}
