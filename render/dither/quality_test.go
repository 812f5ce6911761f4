package dither

import (
	"image"
	"math"
	"math/bits"
	"math/cmplx"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	_ "image/jpeg" // the photos

	"doorleaf/render/mono"
)

// Quality is measured as two distances between a grey picture and its halftone,
// in decibels (peak signal to noise, peak 255), more is better:
//
//   - hpsnr: the difference is seen through the contrast sensitivity of the eye
//     (Nasanen 1984, for 11 cd/m2) at 119 dots per inch from 0.6 m;
//   - gauss: both are blurred by the same Gaussian of 2.5 pixels.
//
// Both filters are linear, so the difference is filtered once.

// difference is the halftone less the grey picture.
func difference(src *image.Gray, m *mono.Image) [][]float64 {
	out := make([][]float64, src.Rect.Dy())
	for y := range out {
		out[y] = make([]float64, src.Rect.Dx())
		for x := range out[y] {
			ink := 255.0
			if m.At(x, y) {
				ink = 0
			}
			out[y][x] = ink - float64(src.Pix[y*src.Stride+x])
		}
	}
	return out
}

func decibels(d [][]float64) float64 {
	sum, n := 0.0, 0
	for _, row := range d {
		for _, v := range row {
			sum += v * v
		}
		n += len(row)
	}
	return 10 * math.Log10(255*255*float64(n)/sum)
}

// hpsnr filters in the frequency domain; the picture stands on a field of powers
// of two without a difference, which repeats.
func hpsnr(d [][]float64) float64 {
	h, w := len(d), len(d[0])
	rows, columns := powerOfTwo(h), powerOfTwo(w)
	const cyclesPerDegree = 119 / 0.0254 * 0.6 * math.Pi / 180 // of one cycle per pixel
	decay := cyclesPerDegree / (0.525*math.Log(11) + 3.91)
	field := make([][]complex128, rows)
	for y := range field {
		field[y] = make([]complex128, columns)
		if y < h {
			for x, v := range d[y] {
				field[y][x] = complex(v, 0)
			}
		}
	}
	transform2(field, false)
	for y := range field {
		for x := range field[y] {
			fx, fy := float64(min(x, columns-x))/float64(columns), float64(min(y, rows-y))/float64(rows)
			field[y][x] *= complex(math.Exp(-decay*math.Hypot(fx, fy)), 0)
		}
	}
	transform2(field, true)
	seen := make([][]float64, h)
	for y := range seen {
		seen[y] = make([]float64, w)
		for x := range seen[y] {
			seen[y][x] = real(field[y][x])
		}
	}
	return decibels(seen)
}

func powerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }

func transform2(f [][]complex128, inverse bool) {
	for _, row := range f {
		transform(row, inverse)
	}
	column := make([]complex128, len(f))
	for x := range f[0] {
		for y := range f {
			column[y] = f[y][x]
		}
		transform(column, inverse)
		for y := range f {
			f[y][x] = column[y]
		}
	}
}

// transform is the fast Fourier transform (Cooley and Tukey) of a power of two.
func transform(a []complex128, inverse bool) {
	n := len(a)
	shift := 64 - bits.Len(uint(n-1))
	for i := range a {
		if j := int(bits.Reverse64(uint64(i)) >> shift); i < j {
			a[i], a[j] = a[j], a[i]
		}
	}
	sign := -1.0
	if inverse {
		sign = 1
	}
	for size := 2; size <= n; size *= 2 {
		step := cmplx.Rect(1, sign*2*math.Pi/float64(size))
		for start := 0; start < n; start += size {
			turn := complex(1, 0)
			for i := start; i < start+size/2; i++ {
				u, v := a[i], a[i+size/2]*turn
				a[i], a[i+size/2] = u+v, u-v
				turn *= step
			}
		}
	}
	if inverse {
		for i := range a {
			a[i] /= complex(float64(n), 0)
		}
	}
}

// gauss blurs with the edges reflected.
func gauss(d [][]float64, sigma float64) float64 {
	radius := int(4*sigma + 0.5)
	weights, sum := make([]float64, 2*radius+1), 0.0
	for i := range weights {
		weights[i] = math.Exp(-float64((i-radius)*(i-radius)) / (2 * sigma * sigma))
		sum += weights[i]
	}
	h, w := len(d), len(d[0])
	across, down := make([][]float64, h), make([][]float64, h)
	for y := range d {
		across[y] = make([]float64, w)
		for x := range w {
			for i, k := range weights {
				across[y][x] += k / sum * d[y][reflect(x+i-radius, w)]
			}
		}
	}
	for y := range d {
		down[y] = make([]float64, w)
		for i, k := range weights {
			from := across[reflect(y+i-radius, h)]
			for x := range w {
				down[y][x] += k / sum * from[x]
			}
		}
	}
	return decibels(down)
}

func reflect(i, n int) int {
	if i < 0 {
		i = -1 - i
	}
	if i >= n {
		i = 2*n - 1 - i
	}
	return i
}

// pillow is the peer: Floyd and Steinberg's kernel row by row from the left, in
// the arithmetic of Pillow's convert("1"), which TestPillowIsPillow checks
// against Pillow itself.
func pillow(src *image.Gray) *mono.Image {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	m := mono.New(w, h)
	errs := make([]int, w+1)
	for y := range h {
		var carry, below, behind int // to the right; what falls straight down; diagonally
		for x := range w {
			v := min(max(int(src.Pix[y*src.Stride+x])+(carry+errs[x+1])/16, 0), 255)
			white := v > 128
			m.Set(x, y, !white)
			if white {
				v -= 255
			}
			errs[x] = 3*v + below
			below = 5*v + behind
			behind = v
			carry = 7 * v
		}
		errs[w] = below
	}
	return m
}

// photo is one picture of testdata/photos.
type photo struct {
	name string
	gray *image.Gray
}

// photos reads the free photos that the repository brings, or those of the
// folder that DOORLEAF_PHOTOS names.
func photos(t testing.TB) []photo {
	t.Helper()
	dir := os.Getenv("DOORLEAF_PHOTOS")
	if dir == "" {
		dir = filepath.Join("..", "..", "testdata", "photos")
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.jpg"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no photos in testdata: %v", err)
	}
	sort.Strings(names)
	var out []photo
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := image.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		gray, ok := m.(*image.Gray)
		if !ok {
			t.Fatalf("%s is not grey", name)
		}
		out = append(out, photo{strings.TrimSuffix(filepath.Base(name), ".jpg"), gray})
	}
	return out
}

// mean is the quality of a halftone over all photos.
func mean(t *testing.T, halftone func(*image.Gray) *mono.Image) (seen, blurred float64) {
	t.Helper()
	all := photos(t)
	for _, p := range all {
		d := difference(p.gray, halftone(p.gray))
		seen += hpsnr(d) / float64(len(all))
		blurred += gauss(d, 2.5) / float64(len(all))
	}
	return seen, blurred
}

// TestQuality holds the methods against Pillow's convert("1"), in decibels above
// it, as the mean of the photos.
func TestQuality(t *testing.T) {
	peerSeen, peerBlurred := mean(t, pillow)
	t.Logf("%-16s HPSNR %.2f, Gaussian %.2f", "Pillow", peerSeen, peerBlurred)
	for _, tc := range []struct {
		method        string
		seen, blurred float64 // at least, above Pillow
	}{
		{SierraLite, 0.4, 3.5},
		{Wave, 0.2, 3.5},
		{Ostromoukhov, 0.1, 3.5},
		{FloydSteinberg, -0.6, -0.3},
	} {
		seen, blurred := mean(t, func(src *image.Gray) *mono.Image {
			m := mono.New(src.Rect.Dx(), src.Rect.Dy())
			if err := Gray(m, src, tc.method); err != nil {
				t.Fatal(err)
			}
			return m
		})
		t.Logf("%-16s HPSNR %.2f (%+.2f), Gaussian %.2f (%+.2f)", tc.method, seen, seen-peerSeen, blurred, blurred-peerBlurred)
		if seen-peerSeen < tc.seen || blurred-peerBlurred < tc.blurred {
			t.Errorf("%s: HPSNR %+.2f dB, Gaussian %+.2f dB against Pillow, want %+.2f and %+.2f",
				tc.method, seen-peerSeen, blurred-peerBlurred, tc.seen, tc.blurred)
		}
	}
}
