package wire

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// posixHeaders skips a test where what the sign on Linux is built with is missing.
func posixHeaders(t *testing.T, compiler string) {
	t.Helper()
	for header, pkg := range map[string]string{"mosquitto.h": "libmosquitto-dev", "mbedtls/gcm.h": "libmbedtls-dev", "openssl/ssl.h": "libssl-dev",
		"linux/gpio.h": "linux-libc-dev", "qrcodegen/qrcodegen.h": "libqrcodegen-dev"} {
		probe := exec.Command(compiler, "-E", "-x", "c", "-")
		probe.Stdin = strings.NewReader("#include <" + header + ">\n")
		if probe.Run() != nil {
			t.Skipf("%s is missing: install %s", header, pkg)
		}
	}
}

// The panel on spidev and GPIO lines shows what was decoded, and reports what
// the kernel refuses.
func TestCBus(t *testing.T) {
	t.Parallel()
	compiler := need(t, "gcc", "gcc")
	posixHeaders(t, compiler)
	runner := filepath.Join(t.TempDir(), "bus_runner")
	compile(t, append([]string{compiler, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I../c/sign",
		"-Wl,--wrap=open,--wrap=ioctl,--wrap=nanosleep,--wrap=close", "-o", runner, "../c/sign/test/bus_runner.c", "../c/panel/test/jobs.c", "-I../c/panel/test", "../c/sign/posix/spi.c",
		"../c/panel/dl_panel.c", "../c/panel/dl_ssd16xx.c", "../c/panel/dl_uc81xx.c", "../c/dl_digest.c"}, strictC...)...)
	for _, p := range cPanels() {
		for turn := range 2 {
			if err := panelTry(runner, p, turn, p.colours, 8); err != nil {
				t.Errorf("%s, %d quarter turns: %v", p.name, turn, err)
			}
		}
	}
	p := cPanels()[0]
	r, err := startPanel(runner, p, 1, BlackWhite)
	if err != nil {
		t.Fatal(err)
	}
	w, h := r.mounted()
	a := noise(w, h, 1)
	for call := uint32(1); call < 40; call += 7 {
		if status, err := r.draw(1, &a, nil, call); err != nil || status != 1 {
			t.Errorf("call %d: status %d, %v", call, status, err)
		}
	}
	if status, err := r.draw(0, &a, nil, 0); err != nil || status != 0 || r.compare(&a) != nil {
		t.Errorf("after that: status %d, %v, %v", status, err, r.compare(&a))
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
}

// The glass of the sign on Linux is a PNG that Go reads, with the picture's
// pixels.
func TestCGlass(t *testing.T) {
	t.Parallel()
	compiler := need(t, "gcc", "gcc")
	posixHeaders(t, compiler)
	dir := t.TempDir()
	runner := filepath.Join(dir, "glass_runner")
	compile(t, append([]string{compiler, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I../c/sign", "-o", runner,
		"../c/sign/test/glass_runner.c", "../c/sign/posix/glass.c", "../c/dl_digest.c"}, strictC...)...)
	random := rand.New(rand.NewPCG(7, 7))
	for kind := range colourKinds {
		for _, size := range [...][2]int{{1, 1}, {8, 3}, {13, 5}, {122, 250}, {800, 480}} {
			b := coloured(size[0], size[1], kind, random.Uint64())
			file := filepath.Join(dir, "glass.png")
			cmd := exec.Command(runner, file, strconv.Itoa(b.Width), strconv.Itoa(b.Height), strconv.Itoa(int(kind)+1))
			cmd.Stdin = bytes.NewReader(b.Pix)
			cmd.Env = append(cmd.Environ(), "ASAN_OPTIONS=detect_leaks=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatalf("kind %d, %v: %v", kind, size, err)
			}
			comparePNG(t, got, &b)
		}
	}
}

// comparePNG holds the pixels of a PNG against those of a picture.
func comparePNG(t *testing.T, got image.Image, b *Bitmap) {
	t.Helper()
	if got.Bounds() != image.Rect(0, 0, b.Width, b.Height) {
		t.Fatalf("PNG of %v", got.Bounds())
	}
	red, yellow := color.RGBA{190, 20, 20, 255}, color.RGBA{230, 200, 0, 255}
	colours := map[Colours][]color.RGBA{BlackWhite: {{A: 255}}, WithRed: {{A: 255}, red}, WithYellow: {{A: 255}, yellow}, RedYellow: {{A: 255}, red, yellow}}
	plane := b.Stride * b.Height
	for y := range b.Height {
		for x := range b.Width {
			value, want := 0, color.RGBA{255, 255, 255, 255}
			for p := range b.Colours.Planes() {
				bit := int(b.Pix[p*plane+y*b.Stride+x/8] >> (7 - x%8) & 1)
				value = value<<1 | bit
				if bit == 1 && b.Colours < Grey4 {
					want = colours[b.Colours][p]
				}
			}
			if b.Colours >= Grey4 {
				grey := uint8(255 - 255*value/(1<<b.Colours.Planes()-1))
				want = color.RGBA{grey, grey, grey, 255}
			}
			if c := color.RGBAModel.Convert(got.At(x, y)); c != want {
				t.Fatalf("kind %d: %v at %d, %d, want %v", b.Colours, c, x, y, want)
			}
		}
	}
}
