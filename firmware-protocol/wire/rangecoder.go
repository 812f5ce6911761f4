package wire

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

// encode codes one decision, b is 0 or 1 and p the probability of a 1 in
// 1/65536.
func (e *rangeEncoder) encode(p uint32, b byte) {
	bound := e.width >> 16 * p
	if b != 0 {
		e.width = bound
	} else {
		e.low += bound
		if e.low < bound {
			e.carry()
		}
		e.width -= bound
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
// zeros at the end are not written [DL-RC-2].
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
func (d *rangeDecoder) decode(p uint32) uint32 {
	bound := d.width >> 16 * p
	var b uint32
	if d.code < bound {
		d.width = bound
		b = 1
	} else {
		d.code -= bound
		d.width -= bound
	}
	for d.width < 1<<24 {
		d.code = d.code<<8 | d.next()
		d.width <<= 8
	}
	return b
}

// ended reports whether the code was used to its last byte, which is not 0
// [DL-RC-3].
func (d *rangeDecoder) ended() bool {
	return d.pos >= len(d.in) && (len(d.in) == 0 || d.in[len(d.in)-1] != 0)
}
