package wire

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

// builds holds what was compiled, by the command without its output.
var builds sync.Map

// buildFolder is where it lies until the program ends.
var buildFolder = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "wire-c-") })

// TestMain removes what tests have compiled.
func TestMain(m *testing.M) {
	code := m.Run()
	if folder, err := buildFolder(); err == nil {
		_ = os.RemoveAll(folder)
	}
	os.Exit(code)
}

// compile runs a C compiler whose output is the argument behind "-o": once for
// the same arguments, and a link to it for each test that wants the same.
func compile(t *testing.T, args ...string) {
	t.Helper()
	at := slices.Index(args, "-o") + 1
	if at == 0 || at == len(args) {
		t.Fatalf("%v: no output named", args)
	}
	build, _ := builds.LoadOrStore(strings.Join(slices.Concat(args[:at], args[at+1:]), "\x00"), sync.OnceValues(func() (string, error) {
		folder, err := buildFolder()
		if err != nil {
			return "", err
		}
		dir, err := os.MkdirTemp(folder, "")
		if err != nil {
			return "", err
		}
		own := slices.Clone(args)
		own[at] = filepath.Join(dir, filepath.Base(args[at]))
		if out, err := exec.Command(own[0], own[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %w\n%s", own, err, out)
		}
		return own[at], nil
	}))
	built, err := build.(func() (string, error))()
	if err == nil {
		err = os.Symlink(built, args[at])
	}
	if err != nil {
		t.Fatal(err)
	}
}

// vectorCases are the vectors as cases for C.
func vectorCases(t *testing.T) (cases []cCase) {
	for _, v := range vectors(t, "objects.json", func() []objectVector { return objectVectors(t) }) {
		c := cCase{name: v.Name, object: v.Object, promised: len(v.Object), want: v.Error, picture: v.Rows}
		if len(v.Base) > 0 {
			c.base = &Bitmap{Width: v.Width, Height: v.Height, Stride: (v.Width + 7) / 8, Colours: coloursOf(v.Kind), Pix: v.Base}
		}
		cases = append(cases, c)
	}
	return cases
}

// valgrind finds nothing: no read of what was never written, no leak.
func TestCValgrind(t *testing.T) {
	t.Parallel()
	valgrind := need(t, "valgrind", "valgrind")
	runC(t, buildC(t, "-O1", "-g"), vectorCases(t), valgrind, "-q", "--error-exitcode=9", "--leak-check=full")
}

// A decoder of the small profile without deflate decodes what it says it does
// and refuses the rest as not supported.
func TestCSmall(t *testing.T) {
	t.Parallel()
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
	runC(t, buildC(t, append(slices.Clone(sanitizers), "-DDL_SMALL", "-DDL_NO_DEFLATE", "-DDL_MAX_WIDTH=800")...), cases)
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

// The decoder fits on a Cortex-M4, also with windows, planes and several parts:
// all its code but deflate, which a microcontroller has already; constant
// tables; memory beside the picture.
func TestCSizes(t *testing.T) {
	t.Parallel()
	compiler := need(t, "arm-none-eabi-gcc", "gcc-arm-none-eabi")
	for _, c := range []struct {
		name      string
		flags     []string
		code, ram int
	}{
		{"rows, small", []string{"-DDL_ROWS", "-DDL_SMALL"}, 1536, 4096},
		{"rows, full", []string{"-DDL_ROWS"}, 1536, 16384},
		{"one part, small", []string{"-DDL_ONE_PART", "-DDL_SMALL"}, 1536, 4096},
		{"one part, full", []string{"-DDL_ONE_PART"}, 1536, 16384},
		{"all, small", []string{"-DDL_SMALL"}, 1536, 4096},
		{"all, full", nil, 1536, 16384},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := func(source string) string {
				out := filepath.Join(dir, filepath.Base(source)+".o")
				args := append([]string{compiler, "-Os", "-mcpu=cortex-m4", "-mthumb", "-ffunction-sections", "-c", "-o", out, source}, strictC...)
				compile(t, append(args, c.flags...)...)
				return out
			}
			coder, object, digest := file("../c/dl_context.c"), file("../c/dl_object.c"), file("../c/dl_digest.c")
			tables := sections(t, coder, ".rodata") + sections(t, object, ".rodata") + sections(t, file("../c/dl_tables.c"), ".rodata")
			code := sections(t, coder, ".text") + sections(t, object, ".text")
			probe := filepath.Join(dir, "probe.c")
			if err := os.WriteFile(probe, []byte("#include \"dl_object.h\"\nextern char size[]; char size[sizeof(struct dl_object)];\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			ram := sections(t, file(probe), ".bss")
			t.Logf("decoder %d bytes of code, of which the context coder %d; GlassDigest %d more, deflate %d more; tables %d; RAM %d",
				code, sections(t, coder, ".text"), sections(t, digest, ".text.dl_glass_digest"), sections(t, file("../c/dl_inflate.c"), ".text", ".rodata"), tables, ram)
			if code == 0 || code > c.code || tables > 8192 || ram > c.ram || ram == 0 {
				t.Errorf("code %d, tables %d, RAM %d; at most %d, 8192, %d", code, tables, ram, c.code, c.ram)
			}
		})
	}
}
