//go:build !purego

package dither

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestVectorsAreGenerated runs the generator and compares the assembly in the
// repository with what it writes.
func TestVectorsAreGenerated(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the generator")
	}
	dir := t.TempDir()
	cmd := exec.Command("go", "run", "-race=false", "../vectorgen", "-of", "dither", "-pkg", "dither",
		"-out", filepath.Join(dir, "vector_amd64.s"), "-stubs", filepath.Join(dir, "stubs_amd64.go"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("vectorgen: %v\n%s", err, out)
	}
	for _, name := range []string{"vector_amd64.s", "stubs_amd64.go"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// The first line names the command.
		_, got, _ = bytes.Cut(got, []byte("\n"))
		_, want, _ = bytes.Cut(want, []byte("\n"))
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what vectorgen writes: run go generate ./render/...", name)
		}
	}
}
