package dither

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestArm64 cross-compiles the tests of exact pictures and runs them as a 64-bit
// ARM processor would: `make soak` does so where qemu-aarch64 is installed.
func TestArm64(t *testing.T) {
	if os.Getenv("DOORLEAF_SOAK") != "1" {
		return // TestGolden holds the same values on every platform
	}
	emulator, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		t.Skip("qemu-aarch64 is missing: install the Debian package qemu-user")
	}
	for _, name := range []string{"mono", "dither", "picture"} {
		dir := filepath.Join("..", name)
		binary := filepath.Join(t.TempDir(), name+".test")
		build := exec.Command("go", "test", "-race=false", "-c", "-o", binary, ".")
		build.Dir = dir
		build.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0", "DOORLEAF_SOAK=")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building %s for arm64: %v\n%s", name, err, out)
		}
		run := exec.Command(emulator, binary, "-test.run", "Golden|Equal|Digest|Levels|Diff|PBM|Fits|Formats")
		run.Dir = dir
		if out, err := run.CombinedOutput(); err != nil {
			t.Errorf("%s on arm64: %v\n%s", name, err, out)
		}
	}
}
