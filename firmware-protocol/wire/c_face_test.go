package wire

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// faceRunner builds the face of the sign on Linux, or skips the test.
func faceRunner(t *testing.T) string {
	t.Helper()
	compiler := need(t, "gcc", "gcc")
	posixHeaders(t, compiler)
	runner := filepath.Join(t.TempDir(), "face_runner")
	compile(t, append([]string{compiler, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I../c/sign", "-o", runner,
		"../c/sign/test/face_runner.c", "../c/sign/dl_face.c", "../c/sign/dl_joinmessage.c", "../c/sign/posix/qr.c", "../c/sign/posix/glass.c",
		"../c/dl_message.c", "../c/dl_manifest.c", "../c/dl_digest.c", "../c/dl_object.c", "../c/dl_context.c", "../c/dl_inflate.c", "../c/dl_tables.c", "-lqrcodegen"}, strictC...)...)
	return runner
}

func runFace(t *testing.T, runner string, args ...string) {
	t.Helper()
	cmd := exec.Command(runner, args...)
	cmd.Env = append(cmd.Environ(), "ASAN_OPTIONS=detect_leaks=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// A barcode reader reads on the glass of a waiting sign where to type its code,
// on every panel that has room for it.
func TestCFaceQR(t *testing.T) {
	t.Parallel()
	zbar, runner := need(t, "zbarimg", "zbar-tools"), faceRunner(t)
	long := "https://" + strings.Repeat("meeting-rooms.", 3) + "example/m?c="
	for _, p := range []struct{ width, height, planes int }{
		{212, 104, 1}, {104, 212, 1}, {250, 122, 1}, {200, 200, 1}, {296, 128, 1}, {128, 296, 2}, {400, 300, 1}, {300, 400, 4}, {640, 384, 5},
		{800, 480, 1}, {480, 800, 6}, {1304, 984, 1},
	} {
		for _, address := range []string{"https://signs.example.com/m/pair?c=", "http://[2001:db8::7]:8080/m/pair?c=", long} {
			file := filepath.Join(t.TempDir(), "glass.png")
			runFace(t, runner, strconv.Itoa(p.width), strconv.Itoa(p.height), strconv.Itoa(p.planes), "K7F39Q2M", address, "SN-20931", file)
			out, err := exec.Command(zbar, "-q", "--raw", file).Output()
			if got, want := strings.TrimSpace(string(out)), address+"K7F39Q2M"; got != want {
				t.Errorf("%d x %d, planes %d: zbarimg reads %q, want %q: %v", p.width, p.height, p.planes, got, want, err)
			}
		}
	}
	// No camera reads what is too small, and an address that is none gets no code.
	for _, c := range []struct{ width, height, address string }{
		{"104", "104", "https://" + strings.Repeat("a", MaxText-9) + "/"}, {"64", "32", "http://a/"}, {"800", "480", ""}, {"800", "480", "https://a@b/"},
	} {
		file := filepath.Join(t.TempDir(), "glass.png")
		runFace(t, runner, c.width, c.height, "1", "K7F39Q2M", c.address, "", file)
		if out, err := exec.Command(zbar, "-q", "--raw", file).Output(); err == nil {
			t.Errorf("%s x %s, %q: zbarimg reads %q", c.width, c.height, c.address, out)
		}
	}
	runFace(t, runner, "500") // sizes nobody makes
}
