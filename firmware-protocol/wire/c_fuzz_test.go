package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// fuzzC runs libFuzzer on a target with seeds: 30 seconds, or 10 minutes of a
// soak.
func fuzzC(t *testing.T, seeds [][]byte, sources ...string) {
	t.Helper()
	clang := need(t, "clang", "clang and libclang-rt-dev")
	dir := t.TempDir()
	fuzzer, corpus := filepath.Join(dir, "fuzzer"), filepath.Join(dir, "corpus")
	args := append([]string{"-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-I../c/sign", "-o", fuzzer}, strictC...)
	if out, err := exec.Command(clang, append(args, sources...)...).CombinedOutput(); err != nil {
		if bytes.Contains(out, []byte("libclang_rt")) {
			t.Skipf("clang has no libFuzzer: install libclang-rt-dev")
		}
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Mkdir(corpus, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, seed := range seeds {
		if err := os.WriteFile(filepath.Join(corpus, fmt.Sprintf("%x", sha256.Sum256(seed))), seed, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seconds := 30
	if testing.Short() {
		seconds = 3
	}
	if os.Getenv("DOORLEAF_SOAK") == "1" {
		seconds = 600
	}
	cmd := exec.Command(fuzzer, fmt.Sprintf("-max_total_time=%d", seconds), "-timeout=10", "-max_len=4096", "-detect_leaks=0", "-print_final_stats=1",
		"-artifact_prefix="+dir+"/", corpus)
	out, err := cmd.CombinedOutput()
	lines := bytes.Split(out, []byte("\n"))
	if err != nil {
		found, _ := filepath.Glob(filepath.Join(dir, "crash-*"))
		for _, f := range found {
			input, _ := os.ReadFile(f)
			t.Logf("input %x", input)
		}
		t.Fatalf("%v\n%s", err, bytes.Join(lines[max(0, len(lines)-60):], []byte("\n")))
	}
	t.Logf("%s", bytes.Join(lines[max(0, len(lines)-6):], []byte("\n")))
}

// libFuzzer finds nothing in the decoder and in what reads messages.
func TestCFuzz(t *testing.T) {
	t.Parallel()
	var seeds [][]byte
	seed := func(kind byte, data []byte) { seeds = append(seeds, append([]byte{kind}, data...)) }
	for _, c := range vectorCases(t) {
		seed(0, c.object)
		seed(1, c.object)
	}
	for _, v := range vectors(t, "messages.json", func() []messageVector { return messageVectors(t) }) {
		seed(2, v.CBOR)
	}
	for _, v := range vectors(t, "manifests.json", func() []manifestVector { return manifestVectors(t) }) {
		seed(2, v.Message[:max(0, len(v.Message)-tailSize-macSize)])
	}
	fuzzC(t, seeds, append([]string{"../c/test/object_fuzz.c", "../c/test/object_rows.c"}, cSources(t)...)...)
}

// Nor does it in the core of the sign, whatever gateway, clock and power do.
func TestCSignFuzz(t *testing.T) {
	t.Parallel()
	fuzzC(t, signSeeds(t), slices.Concat([]string{"../c/sign/test/sign_fuzz.c"}, signSources(t), cSources(t))...)
}

// Nor in the core of a sign without a frame.
func TestCStreamFuzz(t *testing.T) {
	t.Parallel()
	fuzzC(t, signSeeds(t), slices.Concat([]string{"-DDL_ROWS", "../c/sign/test/sign_fuzz.c"}, signSources(t), cSources(t))...)
}

// The operations of ../c/sign/test/sign_fuzz.c.
const (
	fuzzStep  = 0
	fuzzLink  = 2 | 32 // open, over TLS
	fuzzAck   = 4
	fuzzServe = 5
	fuzzBoot  = 6 | 16
)

// fuzzMessage is the operation that brings a message, believed: 0 a manifest, 3
// a key, 4 an offer.
func fuzzMessage(kind byte, data []byte) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{3 | kind<<3 | 64}, uint16(len(data))), data...)
}

// signSeeds are whole conversations of a sign whose every hash is the same.
func signSeeds(t *testing.T) [][]byte {
	t.Helper()
	hash := [32]byte(bytes.Repeat([]byte{0x11}, 32))
	picture := noise(16, 8, 1)
	object := rawObject(picture, []part{{encoding: EncodingRaw, w: 16, h: 8, payload: picture.Pix}}, nil)
	body := Body{Epoch: 1, Seq: 1, Width: 16, Height: 8, Steps: []Step{{Object: hash, Size: uint32(len(object)), Glass: hash, From: 1, Until: 1 << 31}}}
	b, err := body.Append(nil)
	var manifest, answer, release []byte
	if err == nil {
		manifest, err = AppendManifest(nil, b, 1700000000000, 600, 0, &hash, cSignID)
	}
	if err == nil {
		answer, err = (&NewKey{Number: 1, Sealed: make([]byte, sealedLength)}).Marshal()
	}
	if err == nil {
		release, err = (&Release{Model: "m", Number: 2, Size: 100, Image: hash}).Marshal()
	}
	if err != nil {
		t.Fatal(err)
	}
	greet := []byte{fuzzStep, fuzzLink, fuzzStep}
	pictured := slices.Concat(greet, []byte{fuzzAck | 8, 9}, fuzzMessage(0, manifest), []byte{fuzzStep, fuzzServe}, object, make([]byte, 64-len(object)),
		[]byte{fuzzStep, fuzzStep, fuzzAck, 9, fuzzStep})
	renewed := slices.Concat(greet, []byte{fuzzAck | 16, 9, fuzzStep}, fuzzMessage(3, answer), []byte{fuzzStep, fuzzAck | 16, 9, fuzzStep})
	updated := slices.Concat(greet, []byte{fuzzAck, 9}, fuzzMessage(4, append(release, make([]byte, macSize)...)), []byte{fuzzStep, fuzzServe}, make([]byte, 64),
		[]byte{fuzzStep, fuzzServe | 8}, make([]byte, 64), []byte{fuzzStep, fuzzStep}, greet, []byte{fuzzAck, 9})
	var seeds [][]byte
	for _, kind := range []byte{2, 3} {
		for _, talk := range [][]byte{pictured, renewed, updated, slices.Concat(pictured, []byte{fuzzBoot}, renewed, updated)} {
			seeds = append(seeds, append([]byte{kind}, talk...))
		}
	}
	return append(seeds, []byte{0, fuzzStep, fuzzLink, fuzzStep})
}
