package wire

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// capsWhole is what a sign without a frame decodes: DL_OBJECT_WHOLE.
const capsWhole = CapRaw | CapDeflate | CapSmall | CapFull

// buildStream compiles the core of a sign without a frame, with the drivers.
func buildStream(t *testing.T) string {
	t.Helper()
	compiler := need(t, "gcc", "gcc")
	probe := exec.Command(compiler, "-E", "-x", "c", "-")
	probe.Stdin = strings.NewReader("#include <mbedtls/gcm.h>\n")
	if probe.Run() != nil {
		t.Skip("mbedtls/gcm.h is missing: install libmbedtls-dev")
	}
	runner := filepath.Join(t.TempDir(), "stream_runner")
	args := slices.Concat([]string{compiler, "-DDL_ROWS", "-I../c/sign", "-I../c/panel", "-I../c/panel/test", "-o", runner, "../c/sign/test/stream_runner.c",
		"../c/panel/test/jobs.c", "../c/panel/test/wires.c", "../c/panel/dl_panel.c", "../c/panel/dl_ssd16xx.c", "../c/panel/dl_uc81xx.c",
		"../c/sign/mbedtls/dl_mbedtls.c"}, signSources(t), cSources(t), sanitizers, strictC, []string{"-lmbedcrypto"})
	compile(t, args...)
	return runner
}

// stream lets the sign show an object.
func (r *panelRun) stream(object []byte, glass Digest, badCall, badRead uint32) (status int, err error) {
	job := binary.LittleEndian.AppendUint32([]byte{'o'}, badCall)
	job = binary.LittleEndian.AppendUint32(job, badRead)
	job = binary.LittleEndian.AppendUint32(append(job, glass[:]...), uint32(len(object)))
	return r.job(append(job, object...))
}

// A sign without a frame shows pictures of every encoding row by row, with the
// waveform that the object asks for, and nothing of one that is not right.
func TestCStream(t *testing.T) {
	t.Parallel()
	runner := buildStream(t)
	for _, p := range []cPanel{cPanels()[0], cPanels()[2], cPanels()[3], cPanels()[5]} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			r, err := startPanel(runner, p, 0, BlackWhite)
			if err != nil {
				t.Fatal(err)
			}
			streamPictures(t, r)
			if err := r.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func streamPictures(t *testing.T, r *panelRun) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 3))
	c := r.chip.chip()
	w, h := r.mounted()
	e := NewEncoder()
	for n := range 24 {
		picture := NewBitmap(w, h)
		for range 6 {
			x, y := random.IntN(w), random.IntN(h)
			picture.box(x, y, min(w, x+random.IntN(90)), min(h, y+random.IntN(50)), true)
		}
		if n%5 == 4 {
			picture = noise(w, h, uint64(n))
		}
		e.Refresh = Refresh(n % 4)
		object, err := e.Encode(nil, picture, nil, []Capabilities{capsWhole, CapSmall, CapDeflate, CapRaw}[n/4%4])
		if err != nil {
			t.Fatal(err)
		}
		fulls, fasts, sent := c.fulls, c.fasts, c.bytes
		fast := !c.red && n > 0 && e.Refresh != RefreshFull && c.inRow < 8
		spoil := func(what string, object []byte, glass Digest, badRead uint32, want int) {
			t.Helper()
			if status, err := r.stream(object, glass, 0, badRead); err != nil || status != want {
				t.Errorf("picture %d, %s: status %d, %v; want %d", n, what, status, err, want)
			}
			if c.bytes != sent {
				t.Errorf("picture %d, %s: it reaches the panel", n, what)
			}
		}
		damaged := bytes.Clone(object)
		damaged[10] ^= 1 // checksum
		spoil("another digest", object, Digest{1}, 0, 9)
		spoil("damaged", damaged, picture.Digest(), 0, 6)
		spoil("storage", object, picture.Digest(), 1, 11)
		if status, err := r.stream(object, picture.Digest(), 0, 0); err != nil || status != 0 {
			t.Fatalf("picture %d, refresh %d: status %d, %v", n, e.Refresh, status, err)
		}
		if err := r.compare(&picture); err != nil {
			t.Fatalf("picture %d, refresh %d: %v", n, e.Refresh, err)
		}
		if got := c.fasts > fasts; got != fast || got == (c.fulls > fulls) {
			t.Errorf("picture %d, refresh %d: %d full and %d fast updates, want fast %v", n, e.Refresh, c.fulls-fulls, c.fasts-fasts, fast)
		}
	}
	if c.fulls == 0 || (c.fasts == 0) != c.red {
		t.Errorf("%d full updates, %d fast ones", c.fulls, c.fasts)
	}
}

// What fails while rows go to the panel, storage or a wire, leaves the glass
// unknown, and the next picture is drawn fully.
func TestCStreamFails(t *testing.T) {
	t.Parallel()
	p := cPanels()[5]
	r, err := startPanel(buildStream(t), p, 0, BlackWhite)
	if err != nil {
		t.Fatal(err)
	}
	w, h := r.mounted()
	c := r.chip.chip()
	e := NewEncoder()
	e.Refresh = RefreshFast
	for n := range 12 {
		picture := NewBitmap(w, h)
		picture.box(8*n, 20, 300+n, 200, true)
		object, err := e.Encode(nil, picture, nil, CapRaw)
		if err != nil {
			t.Fatal(err)
		}
		call, read := uint32(0), uint32(0)
		switch n % 3 {
		case 1:
			call = uint32(40 + 40*n)
		case 2: // the second time the object is read, in pieces of 64 bytes
			read = uint32(len(object)/64 + 10*n)
		}
		inRow := c.inRow
		status, err := r.stream(object, picture.Digest(), call, read)
		if failed := n%3 > 0; err != nil || (status != 0) != failed {
			t.Fatalf("picture %d: status %d, %v; want failed %v", n, status, err, failed)
		}
		if n%3 == 0 && n > 0 && c.inRow != 0 {
			t.Errorf("picture %d: after an error the update is not full, %d, %d", n, inRow, c.inRow)
		}
		if status == 0 {
			if err := r.compare(&picture); err != nil {
				t.Errorf("picture %d: %v", n, err)
			}
		}
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
}

// The code of a sign that waits for its owner is the same with and without a
// frame.
func TestCStreamCode(t *testing.T) {
	t.Parallel()
	p := cPanels()[5]
	r, err := startPanel(buildStream(t), p, 0, BlackWhite)
	if err != nil {
		t.Fatal(err)
	}
	if status, err := r.job([]byte{'p'}); err != nil || status != 0 {
		t.Fatalf("status %d, %v", status, err)
	}
	file := filepath.Join(t.TempDir(), "glass.pbm")
	runFace(t, faceRunner(t), strconv.Itoa(p.width), strconv.Itoa(p.height), "1", "K7F39Q2M", "", "", file)
	want := readPBM(t, file)
	if err := r.compare(&want); err != nil {
		t.Error(err)
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
}
