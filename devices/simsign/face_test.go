package simsign

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"doorleaf/firmware-protocol/wire"
)

// need skips a test where a program is missing; in CI that is a failure.
func need(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", name)
	}
	t.Skipf("%s is missing: install %s", name, pkg)
	return ""
}

// glassFile writes what a panel shows to a PNG.
func glassFile(t *testing.T, b *wire.Bitmap) string {
	t.Helper()
	im := image.NewGray(image.Rect(0, 0, b.Width, b.Height))
	for y := range b.Height {
		for x := range b.Width {
			if b.Pix[y*b.Stride+x/8]&(0x80>>(x%8)) == 0 {
				im.SetGray(x, y, color.Gray{255})
			}
		}
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "glass.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, im); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// A barcode reader reads on the glass of a waiting sign where to type its code,
// on every panel that has room for it.
func TestPairingQR(t *testing.T) {
	zbar := need(t, "zbarimg", "zbar-tools")
	long := "https://" + strings.Repeat("meeting-rooms.", 3) + "example/m?c="
	for _, c := range []struct {
		name          string
		width, height int
		address       string
		read          bool
	}{
		{"2.13 inch", 212, 104, "https://signs.example.com/m/pair?c=", true},
		{"2.13 inch, long name", 212, 104, long, true},
		{"2.13 inch upright", 104, 212, "https://signs.example.com/m/pair?c=", true},
		{"2.13 inch of 250", 250, 122, "https://signs.example.com/m/pair?c=", true},
		{"2.13 inch of 250 upright", 122, 250, "https://signs.example.com/m/pair?c=", true},
		{"1.54 inch", 200, 200, "https://signs.example.com/m/pair?c=", true},
		{"2.9 inch", 296, 128, "https://signs.example.com/m/pair?c=", true},
		{"2.9 inch upright, long name", 128, 296, long, true},
		{"4.2 inch", 400, 300, "http://[2001:db8::7]:8080/m/pair?c=", true},
		{"4.2 inch, long name", 400, 300, long, true},
		{"7.5 inch", 800, 480, "https://signs.example.com/m/pair?c=", true},
		{"7.5 inch upright", 480, 800, "https://signs.example.com/m/pair?c=", true},
		{"13.3 inch", 1600, 1200, "https://signs.example.com/m/pair?c=", true},
		{"no room", 104, 104, "https://" + strings.Repeat("a", 55) + "/", false},
		{"no address", 800, 480, "", false},
		{"address of another kind", 800, 480, "https://signs.example.com@evil.example/", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := wire.NewBitmap(c.width, c.height)
			drawPairing(&b, "K7F39Q2M", "SN-20931", c.address)
			out, err := exec.Command(zbar, "-q", "--raw", glassFile(t, &b)).Output()
			want := c.address + "K7F39Q2M"
			if !c.read {
				want = ""
			}
			if got := strings.TrimSpace(string(out)); got != want {
				t.Errorf("zbarimg reads %q, want %q: %v", got, want, err)
			}
		})
	}
}

// No size of panel makes the face fall over or reach beside the glass.
func TestPairingFaceSizes(t *testing.T) {
	for width := 1; width < 400; width += 1 + width/6 {
		for height := 1; height < 400; height += 1 + height/6 {
			for _, address := range []string{"", "http://a/", "https://signs.example.com/m/pair?c=", "https://" + strings.Repeat("a", 55) + "/"} {
				b := wire.NewBitmap(width, height)
				drawPairing(&b, "MWMWMWMW", "SN-1", address)
				if pad := b.Stride*8 - width; pad > 0 {
					for y := range height {
						if b.Pix[y*b.Stride+b.Stride-1]&(1<<pad-1) != 0 {
							t.Fatalf("%d x %d, %q: ink beside the panel", width, height, address)
						}
					}
				}
			}
		}
	}
}
