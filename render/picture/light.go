package picture

import "math"

// light converts between stored (sRGB, IEC 61966-2-1) and linear values.
type light struct {
	linear [256]uint32 // 0..65535
	stored [65536]byte
}

func newLight() *light {
	l := &light{}
	linear := func(v float64) float64 {
		if v /= 255; v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	from := 0
	for i := range l.linear {
		l.linear[i] = uint32(math.Round(linear(float64(i)) * 65535))
		end := len(l.stored)
		if i < 255 {
			end = int(math.Ceil(linear(float64(i)+0.5) * 65535))
		}
		for ; from < end; from++ {
			l.stored[from] = byte(i)
		}
	}
	return l
}

// luminance is the linear luminance (weights of Rec. 709 in 1/65536).
func (l *light) luminance(r, g, b byte) int32 {
	if r == g && g == b {
		return int32(l.linear[r])
	}
	return int32((13933*l.linear[r] + 46871*l.linear[g] + 4732*l.linear[b]) >> 16)
}
