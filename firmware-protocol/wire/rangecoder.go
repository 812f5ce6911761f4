package wire

// chance is the adaptive estimate of one binary decision [DL-RC-2]: in the
// upper 16 bits the probability of a 1 in 1/65536, in the lower 8 the number of
// decisions seen, up to chanceLimit.
type chance uint32

const (
	chanceLimit = 32
	chanceStart = chance(1 << 15 << 16)
)

// rates holds, per number of decisions seen, by how many 65536ths of its
// distance an estimate moves [DL-RC-3].
var rates = makeRates()

func makeRates() (r [256]uint32) {
	for n := range r {
		r[n] = 65536 * 2 / (2*uint32(min(n, chanceLimit)) + 3)
	}
	return r
}

// after1 and after0 return the estimate after that decision.
func (c chance) after1() chance {
	p, n := uint32(c>>16), uint32(c&0xff)
	p += (65536 - p) * rates[n] >> 16
	if n < chanceLimit {
		n++
	}
	return chance(p<<16 | n)
}

func (c chance) after0() chance {
	p, n := uint32(c>>16), uint32(c&0xff)
	p -= p * rates[n] >> 16
	if n < chanceLimit {
		n++
	}
	return chance(p<<16 | n)
}

// rangeEncoder turns binary decisions into bytes [DL-RC-1].
type rangeEncoder struct {
	out   []byte // appended to
	start int    // where this code begins in out
	low   uint32
	width uint32
}

func (e *rangeEncoder) reset(out []byte) {
	*e = rangeEncoder{out: out, start: len(out), width: 1<<32 - 1}
}

// encode codes one decision, b is 0 or 1, and adapts its estimate.
func (e *rangeEncoder) encode(c *chance, b byte) {
	v := *c
	bound := e.width >> 16 * uint32(v>>16)
	if b != 0 {
		e.width = bound
		*c = v.after1()
	} else {
		e.low += bound
		if e.low < bound {
			e.carry()
		}
		e.width -= bound
		*c = v.after0()
	}
	for e.width < 1<<24 {
		e.out = append(e.out, byte(e.low>>24))
		e.low <<= 8
		e.width <<= 8
	}
}

// carry adds one to the bytes already written.
func (e *rangeEncoder) carry() {
	for i := len(e.out) - 1; i >= e.start; i-- {
		e.out[i]++
		if e.out[i] != 0 {
			return
		}
	}
}

// finish writes the shortest ending: the decoder reads zeros past the end, so
// zeros at the end are not written.
func (e *rangeEncoder) finish() []byte {
	for shift := 32; shift >= 0; shift -= 8 {
		step := uint64(1) << shift
		v := (uint64(e.low) + step - 1) &^ (step - 1)
		if v-uint64(e.low) >= uint64(e.width) {
			continue
		}
		if v >= 1<<32 {
			e.carry()
		}
		for at := 24; at >= shift; at -= 8 {
			e.out = append(e.out, byte(v>>at))
		}
		break
	}
	n := len(e.out)
	for n > e.start && e.out[n-1] == 0 {
		n--
	}
	e.out = e.out[:n]
	return e.out
}

// rangeDecoder reads what rangeEncoder wrote.
type rangeDecoder struct {
	in    []byte
	pos   int // bytes taken, those past the end included
	code  uint32
	width uint32
}

func (d *rangeDecoder) reset(in []byte) {
	*d = rangeDecoder{in: in, width: 1<<32 - 1}
	for range 4 {
		d.code = d.code<<8 | d.next()
	}
}

// valid reports whether the first bytes can begin a code.
func (d *rangeDecoder) valid() bool { return d.code < d.width }

func (d *rangeDecoder) next() uint32 {
	var b uint32
	if d.pos < len(d.in) {
		b = uint32(d.in[d.pos])
	}
	d.pos++
	return b
}

// decode returns the next decision as 0 or 1.
func (d *rangeDecoder) decode(c *chance) byte {
	v := *c
	bound := d.width >> 16 * uint32(v>>16)
	var b byte
	if d.code < bound {
		d.width = bound
		*c = v.after1()
		b = 1
	} else {
		d.code -= bound
		d.width -= bound
		*c = v.after0()
	}
	for d.width < 1<<24 {
		d.code = d.code<<8 | d.next()
		d.width <<= 8
	}
	return b
}
