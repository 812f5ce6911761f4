package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cCase is one object for the C decoder, see ../c/test/object_runner.c.
type cCase struct {
	name     string
	object   []byte
	promised int // bytes the decoder is told to expect
	base     *Bitmap
	want     string // kind of error
	picture  []byte // decoded rows when there is none
}

// cModes are the ways to decode: over the base in a frame, all or pictures of one
// part alone, and row by row.
const cModes = 3

// The kinds of failure by the numbers of enum dl_object_status.
var cKinds = [...]string{"", "format", "unsupported", "base", "checksum", "size", "stopped"}

// cDecoders are the decoders by their modes.
type cDecoders [cModes]string

// sanitizers are the flags that let a program stop where C says nothing of what
// it does.
var sanitizers = []string{"-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"}

// buildC compiles the C decoders with more flags and returns their runners.
func buildC(t *testing.T, flags ...string) (runners cDecoders) {
	t.Helper()
	dir := t.TempDir()
	for mode, flag := range [cModes]string{"-DDL_PARTS", "-DDL_ONE_PART", "-DDL_ROWS"} {
		runners[mode] = filepath.Join(dir, "object_runner"+flag)
		args := append([]string{need(t, "cc", "gcc"), flag, "-o", runners[mode], "../c/test/object_runner.c"}, strictC...)
		compile(t, append(append(args, flags...), cSources(t)...)...)
	}
	return runners
}

// runC decodes all cases in all modes and compares with what Go did. A decoder is
// started by a program, when one is given.
func runC(t *testing.T, decoders cDecoders, cases []cCase, by ...string) {
	t.Helper()
	var in bytes.Buffer
	for _, c := range cases {
		appendCase(&in, &c)
	}
	for mode, runner := range decoders {
		command := append(by, runner)
		cmd := exec.Command(command[0], command[1:]...)
		// Nothing but the runner allocates, and leaks cannot be looked for under a
		// tracer, as some CI systems are.
		cmd.Env = append(cmd.Environ(), "ASAN_OPTIONS=detect_leaks=0")
		var out, report bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in.Bytes()), &out, &report
		if err := cmd.Run(); err != nil {
			t.Fatalf("C decoder: %v\n%s", err, report.Bytes())
		}
		for i := range cases {
			compareC(t, &out, &cases[i], mode)
		}
		if out.Len() != 0 {
			t.Errorf("%d bytes of answer too many", out.Len())
		}
	}
}

// appendCase writes one case; pictures have the size that the object says.
func appendCase(in *bytes.Buffer, c *cCase) {
	w, h, colours := cSize(c.object)
	base := c.base
	if base != nil && (base.Width != w || base.Height != h || base.Colours != colours) {
		base = nil // another picture, so not one the object can be over
	}
	le := binary.LittleEndian
	head := le.AppendUint32(nil, uint32(len(c.object)))
	head = le.AppendUint32(head, uint32(c.promised))
	head = le.AppendUint16(head, uint16(w))
	head = le.AppendUint16(head, uint16(h))
	head = append(head, byte(colours)+1, 0)
	var digest Digest
	if base != nil {
		head[len(head)-1] = 1
		digest = base.Digest()
	}
	in.Write(append(head, digest[:baseSize]...))
	if base != nil {
		in.Write(base.Pix)
	}
	in.Write(c.object)
}

// cSize is the size and kind an object claims, 1 by 1 when that cannot be.
func cSize(object []byte) (w, h int, c Colours) {
	if len(object) < 10 {
		return 1, 1, BlackWhite
	}
	w, h, c = int(binary.LittleEndian.Uint16(object[6:])), int(binary.LittleEndian.Uint16(object[8:])), Colours(object[4]-1)
	if checkSize(w, h, c) != nil {
		return 1, 1, BlackWhite
	}
	return w, h, c
}

// cFits reports whether there can be a panel for an object.
func cFits(object []byte) bool {
	return checkSize(int(binary.LittleEndian.Uint16(object[6:])), int(binary.LittleEndian.Uint16(object[8:])), Colours(object[4]-1)) == nil
}

// whole reports whether an object has one part that is the whole of its only
// plane.
func (c *cCase) whole() bool {
	o := c.object
	if len(o) > 4 && o[4] != 1 {
		return false
	}
	if len(o) <= headerSize {
		return true
	}
	at := headerSize
	if o[5]&flagBase != 0 {
		at += baseSize
	}
	return len(o) <= at || o[at]&(partMore|partWindow) == 0
}

// compareC reads one answer.
func compareC(t *testing.T, out *bytes.Buffer, c *cCase, mode int) {
	t.Helper()
	status, err := out.ReadByte()
	if err != nil || int(status) >= len(cKinds) {
		t.Fatalf("%s: status %d, %v", c.name, status, err)
	}
	parts := mode > 0 && !c.whole()
	// What is for no panel is refused as not for this one.
	foreign := c.want != "" && status != 0 && len(c.object) >= headerSize && !cFits(c.object)
	if got := cKinds[status]; got != c.want && !parts && !foreign {
		t.Errorf("%s, mode %d: C says %q, Go %q", c.name, mode, got, c.want)
	}
	if status != 0 {
		return
	}
	w, h, colours := cSize(c.object)
	size := (w + 7) / 8 * h * colours.Planes()
	preimage := bytes.Clone(out.Next(9 + size))
	if c.want != "" || parts {
		t.Errorf("%s, mode %d: C decodes it", c.name, mode)
		return
	}
	got := Bitmap{Width: w, Height: h, Stride: (w + 7) / 8, Colours: colours, Pix: c.picture}
	if Digest(sha256.Sum256(preimage)) != got.Digest() || !bytes.Equal(preimage[9:], c.picture) {
		t.Errorf("%s, mode %d: C decodes to another picture", c.name, mode)
	}
}

// goCase decodes with Go to know what C must do.
func goCase(name string, object []byte, base *Bitmap) cCase {
	var got Bitmap
	err := NewDecoder().Decode(&got, object, base)
	return cCase{name: name, object: object, promised: len(object), base: base, want: kindOf(err), picture: got.Pix}
}

// generatedCases codes many pictures of odd sizes in every encoding.
func generatedCases(t *testing.T, random *rand.Rand) (cases []cCase) {
	e := NewEncoder()
	for n := range 80 {
		w, h := 1+random.IntN(150), 1+random.IntN(60)
		next, ref := cPicture(random, w, h), cPicture(random, w, h)
		if n%2 == 0 {
			ref = next.clone()
			for range random.IntN(6) {
				ref.set(random.IntN(w), random.IntN(h), random.IntN(2) == 0)
			}
		}
		cases = append(cases, encodedCases(t, e, next, &ref)...)
	}
	for _, size := range [...][2]int{{MaxSide, 5}, {3, 4000}, {400, 300}} {
		next, ref := photo(size[0], size[1], 1), solid(size[0], size[1])
		cases = append(cases, encodedCases(t, e, next, &ref)...)
	}
	for _, c := range partCases(t) {
		cases = append(cases, goCase(c.name, c.object, c.ref))
	}
	for range 20 {
		kind := Colours(random.IntN(int(colourKinds)))
		next, ref := coloured(1+random.IntN(90), 1+random.IntN(30), kind, random.Uint64()), Bitmap{}
		ref = next.clone()
		ref.Pix[random.IntN(len(ref.Pix))] ^= 0x80
		object, err := e.Encode(nil, next, &ref, CapAll)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, goCase("planes", object, &ref))
	}
	now, then := agenda(t, 296, 128, agendaNow), agendaNow
	then.booked, then.clock = true, "11:30"
	ref := agenda(t, 296, 128, then)
	return append(cases, encodedCases(t, e, now, &ref)...)
}

// cPicture makes one of several kinds of pictures.
func cPicture(random *rand.Rand, w, h int) Bitmap {
	switch random.IntN(4) {
	case 0:
		return noise(w, h, random.Uint64())
	case 1:
		return photo(w, h, random.Uint64())
	case 2:
		return solid(w, h)
	}
	b := NewBitmap(w, h)
	for range 5 {
		x, y := random.IntN(w), random.IntN(h)
		b.box(x, y, min(w, x+random.IntN(40)), min(h, y+random.IntN(20)), random.IntN(3) > 0)
	}
	return b
}

// encodedCases are the objects of one picture in all encodings, and in parts.
func encodedCases(t *testing.T, e *Encoder, next Bitmap, ref *Bitmap) (cases []cCase) {
	t.Helper()
	add := func(name string, object []byte) {
		c := goCase("generated, "+name, object, ref)
		if c.want == "" && !bytes.Equal(c.picture, next.Pix) {
			t.Fatalf("%s: Go does not decode its own", c.name)
		}
		cases = append(cases, c)
	}
	for encoding := range encodings {
		add(encoding.String(), encodeOnly(t, e, &next, ref, encoding))
	}
	for _, caps := range []Capabilities{CapParts, CapParts | CapSmall | CapDeflateXor} {
		object, err := e.Encode(nil, next, ref, caps)
		if err != nil {
			t.Fatal(err)
		}
		add("parts", object)
	}
	return cases
}

// mutatedCases damages objects that were valid.
func mutatedCases(random *rand.Rand, valid []cCase, n int) (cases []cCase) {
	for len(cases) < n {
		from := valid[random.IntN(len(valid))]
		if from.want != "" || len(from.object) > 2000 {
			continue
		}
		object := bytes.Clone(from.object)
		for range 1 + random.IntN(3) {
			object[random.IntN(len(object))] ^= 1 << random.IntN(8)
		}
		if random.IntN(4) == 0 {
			object = object[:random.IntN(len(object)+1)]
		}
		if len(object) >= headerSize && random.IntN(2) == 0 {
			copy(object[:10], from.object) // a head that fits again lets the parts be looked at
		}
		if w, h, _ := cSize(object); w*h > 1<<18 {
			continue // slow, not different
		}
		cases = append(cases, goCase("damaged "+from.name, object, from.base))
	}
	return cases
}

// The C decoder does with every vector what SPEC.md says.
func TestCVectors(t *testing.T) {
	runC(t, buildC(t, sanitizers...), vectorCases(t))
}

// bitString packs bits first bit first, as DEFLATE does.
func bitString(bits string) (out []byte) {
	n := 0
	for _, b := range strings.ReplaceAll(bits, " ", "") {
		if n%8 == 0 {
			out = append(out, 0)
		}
		out[n/8] |= byte(b-'0') << (n % 8)
		n++
	}
	return out
}

// inflateCases are streams at the edges of [DL-DEF-2].
func inflateCases() (cases []cCase) {
	add := func(name, want string, stride, rows int, stream, pix []byte) {
		b := NewBitmap(stride*8, rows)
		copy(b.Pix, pix)
		c := goCase(name, rawObject(b, []part{{encoding: EncodingDeflate, w: b.Width, h: b.Height, payload: stream}}, nil), nil)
		c.want = want
		cases = append(cases, c)
	}
	// 541 bytes as they are, then one match of 258 bytes and the end.
	stored := noise(541*8, 1, 1).Pix
	head := append([]byte{0, 541 & 255, 541 >> 8, 541&255 ^ 255, 541>>8 ^ 255}, stored...)
	for _, v := range []struct {
		name, want string
		back       int
		distance   string
	}{
		{"match 512 bytes back", "", 512, "10001 1111111"},
		{"match 513 bytes back", "format", 513, "10010 00000000"},
	} {
		stream := append(bytes.Clone(head), bitString("1 10 11000101 "+v.distance+" 0000000")...)
		match := stored[541-v.back:][:258]
		add(v.name, v.want, 17, (541+258)/17, stream, append(bytes.Clone(stored), match...))
	}
	// Two literals, the end and 1 or 2 distances: lengths 1, 255 times 0, 1.
	for _, v := range []struct{ name, want, count, distances string }{
		{"one distance of 1 bit", "", "00000", "10"},
		{"one distance of 2 bits", "format", "00000", "11"},
		{"two distances of 1 bit", "", "10000", "10 10"},
		{"two distances of 2 bits", "format", "10000", "11 11"},
	} {
		orders := "000 000 100" + strings.Repeat(" 000", 12) + " 010 000 010"
		lengths := " 10 0 1111111 0 0101011 10 " + v.distances
		stream := bitString("1 01 00000 " + v.count + " 0111 " + orders + lengths + strings.Repeat(" 0", 16) + " 1")
		add(v.name, v.want, 16, 1, stream, nil)
	}
	return cases
}

// The C decoder and Go's agree at the edges of deflate.
func TestCInflate(t *testing.T) {
	cases := inflateCases()
	for _, c := range cases {
		if got := goCase(c.name, c.object, nil).want; got != c.want {
			t.Errorf("%s: Go says %q, want %q", c.name, got, c.want)
		}
	}
	runC(t, buildC(t, sanitizers...), cases)
}

// The C decoder agrees with Go's on objects of all kinds, whole, damaged, cut
// short on their way and with bytes that were not promised.
func TestCAgrees(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 5))
	cases := generatedCases(t, random)
	accepted := 0
	for _, c := range cases {
		if c.want == "" {
			accepted++
		}
	}
	if accepted < 200 {
		t.Fatalf("only %d valid objects of %d", accepted, len(cases))
	}
	damaged := mutatedCases(random, cases, 3000)
	for _, c := range cases[:100] {
		short := c
		short.name, short.object, short.want = "cut "+c.name, c.object[:len(c.object)-1], "stopped"
		if c.want == "" {
			damaged = append(damaged, short)
		}
	}
	runC(t, buildC(t, sanitizers...), append(cases, damaged...))
}

// Every clause that the C code cites is in SPEC.md.
func TestCClauses(t *testing.T) {
	spec, err := os.ReadFile("../SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		name  string
		files []string
		least int // clauses cited there
	}{
		{"decoder and messages", []string{"../c/*.[ch]"}, 20},
		{"sign and panels", []string{"../c/sign/*.[ch]", "../c/sign/*/*.[ch]", "../c/panel/*.[ch]", "../c/sim/*.[ch]"}, 40},
	} {
		cited := 0
		for _, pattern := range part.files {
			files, err := filepath.Glob(pattern)
			if err != nil || len(files) == 0 {
				t.Fatalf("%s: %d files, %v", pattern, len(files), err)
			}
			for _, file := range files {
				source, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for _, tag := range clause.FindAllString(string(source), -1) {
					cited++
					if !strings.Contains(string(spec), "\n- "+tag) {
						t.Errorf("%s cites %s, which SPEC.md does not have", file, tag)
					}
				}
			}
		}
		if cited < part.least {
			t.Errorf("%s: %d clauses cited: the test does not read it right", part.name, cited)
		}
	}
}
