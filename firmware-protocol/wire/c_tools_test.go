package wire

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cSources are the files of the decoder.
func cSources(t *testing.T) []string {
	t.Helper()
	sources, err := filepath.Glob("../c/dl_*.c")
	if err != nil || len(sources) < 4 {
		t.Fatal("no C sources", err)
	}
	return sources
}

// strictC are the flags that all C code compiles with.
var strictC = []string{"-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I../c"}

// need returns the path of a program, or skips the test.
func need(t *testing.T, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is missing: install %s", program, pkg)
	}
	return path
}

func compile(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// vectorCases are the vectors as cases for C.
func vectorCases(t *testing.T) (cases []cCase) {
	for _, v := range vectors(t, "objects.json", func() []objectVector { return objectVectors(t) }) {
		c := cCase{name: v.Name, object: v.Object, promised: len(v.Object), want: v.Error, picture: v.Rows}
		if len(v.Base) > 0 {
			c.base = &Bitmap{Width: v.Width, Height: v.Height, Stride: (v.Width + 7) / 8, Colours: coloursOf(v.Planes), Pix: v.Base}
		}
		cases = append(cases, c)
	}
	return cases
}

// valgrind finds nothing: no read of what was never written, no leak.
func TestCValgrind(t *testing.T) {
	t.Parallel()
	valgrind, compiler := need(t, "valgrind", "valgrind"), need(t, "cc", "gcc")
	runner := filepath.Join(t.TempDir(), "runner")
	compile(t, append(append([]string{compiler, "-O1", "-g", "-o", runner, "../c/test/object_runner.c"}, strictC...), cSources(t)...)...)
	runC(t, []string{valgrind, "-q", "--error-exitcode=9", "--leak-check=full", runner}, vectorCases(t))
}

// A decoder of the small profile without deflate decodes what it says it does
// and refuses the rest as not supported.
func TestCSmall(t *testing.T) {
	t.Parallel()
	compiler := need(t, "cc", "gcc")
	runner := filepath.Join(t.TempDir(), "runner")
	compile(t, append(append([]string{compiler, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
		"-DDL_SMALL", "-DDL_NO_DEFLATE", "-DDL_MAX_WIDTH=800", "-o", runner, "../c/test/object_runner.c"}, strictC...), cSources(t)...)...)
	var cases []cCase
	for _, c := range vectorCases(t) {
		h, err := ParseHeader(c.object)
		if err != nil || c.want != "" || h.Parts != 1 {
			continue
		}
		if h.Encoding != EncodingRaw && h.Encoding.profile() != small || h.Encoding == EncodingDeflate || h.Encoding == EncodingDeflateXor {
			c.want = "unsupported"
		}
		cases = append(cases, c)
	}
	if len(cases) < 20 {
		t.Fatalf("%d cases", len(cases))
	}
	runC(t, []string{runner}, cases)
}

// A plain decoder decodes one part of the small profile, refuses what is wrong,
// and the rest as not supported.
func TestCPlain(t *testing.T) {
	t.Parallel()
	compiler := need(t, "cc", "gcc")
	runner := filepath.Join(t.TempDir(), "runner")
	compile(t, append(append([]string{compiler, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DDL_PLAIN",
		"-o", runner, "../c/test/object_runner.c"}, strictC...), cSources(t)...)...)
	random := rand.New(rand.NewPCG(2, 9))
	cases := vectorCases(t)
	cases = append(cases, generatedCases(t, random)...)
	cases = append(cases, mutatedCases(random, cases, 2000)...)
	decoded := 0
	kept := cases[:0]
	for _, c := range cases {
		h, err := ParseHeader(c.object)
		plain := err == nil && h.Parts == 1 && h.Colours == BlackWhite && c.object[h.size()]&partWindow == 0 &&
			(h.Encoding == EncodingRaw || h.Encoding == EncodingSmall || h.Encoding == EncodingSmallRef)
		switch {
		case !plain && c.want != "":
			continue // which of its faults is found first differs
		case !plain:
			if h.Colours != BlackWhite {
				c.base = nil // it does not know how large that is
			}
			c.want = "unsupported"
		case c.want == "":
			decoded++
		}
		kept = append(kept, c)
	}
	if decoded < 150 {
		t.Fatalf("%d of %d cases are decoded", decoded, len(kept))
	}
	runC(t, []string{runner}, kept)
}

// sections returns the bytes of an object file's sections whose names begin so.
func sections(t *testing.T, file string, prefixes ...string) (n int) {
	t.Helper()
	out, err := exec.Command("arm-none-eabi-size", "-A", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var name string
		var size int
		if _, err := fmt.Sscan(line, &name, &size); err != nil {
			continue
		}
		for _, p := range prefixes {
			if strings.HasPrefix(name, p) {
				n += size
			}
		}
	}
	return n
}

// The decoder fits on a Cortex-M4: the context coder with the functions that
// bring it bytes and rows, the constant tables, and the memory beside the
// picture.
func TestCSizes(t *testing.T) {
	t.Parallel()
	compiler := need(t, "arm-none-eabi-gcc", "gcc-arm-none-eabi")
	for _, c := range []struct {
		name       string
		flags      []string
		ram, whole int
	}{{"plain", []string{"-DDL_PLAIN"}, 4096, 1760}, {"small", []string{"-DDL_SMALL"}, 4096, 2700}, {"full", nil, 16384, 2800}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := func(source string) string {
				out := filepath.Join(dir, filepath.Base(source)+".o")
				args := append([]string{compiler, "-Os", "-mcpu=cortex-m4", "-mthumb", "-ffunction-sections", "-c", "-o", out, source}, strictC...)
				compile(t, append(args, c.flags...)...)
				return out
			}
			coder, object, plain := file("../c/dl_context.c"), file("../c/dl_object.c"), file("../c/dl_plain.c")
			bring := []string{".text.dl_next", ".text.take", ".text.dl_row", ".text.dl_base"}
			code := sections(t, coder, ".text") + sections(t, object, bring...) + sections(t, plain, bring...)
			tables := sections(t, coder, ".rodata") + sections(t, object, ".rodata") + sections(t, plain, ".rodata") + sections(t, file("../c/dl_tables.c"), ".rodata")
			whole := sections(t, coder, ".text") + sections(t, object, ".text") + sections(t, plain, ".text")
			probe := filepath.Join(dir, "probe.c")
			if err := os.WriteFile(probe, []byte("#include \"dl_object.h\"\nextern char size[]; char size[sizeof(struct dl_object)];\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			ram := sections(t, file(probe), ".bss")
			t.Logf("context coder %d bytes of code, with header, parts, raw and checksum %d, digest %d more, deflate %d more; tables %d; RAM %d",
				code, whole, sections(t, file("../c/dl_digest.c"), ".text"), sections(t, file("../c/dl_inflate.c"), ".text", ".rodata"), tables, ram)
			if code > 1536 || whole > c.whole || tables > 8192 || ram > c.ram || ram == 0 {
				t.Errorf("code %d and %d, tables %d, RAM %d; at most 1536, %d, 8192, %d", code, whole, tables, ram, c.whole, c.ram)
			}
		})
	}
}
