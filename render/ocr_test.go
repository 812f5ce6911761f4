package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"doorleaf/render/mono"
	"doorleaf/render/typeset"
)

// need skips a test where a judge is not installed; CI counts skips as failures.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
}

// ocrTexts is what a reader must be able to read of a face: room, times,
// organizers and subjects of at least 12 px.
func ocrTexts(r *Renderer, img *mono.Image, d Door, p Panel) []string {
	pg := r.page(img, d, p)
	var out []string
	pg.trace = func(s string, ink image.Rectangle) {
		for fact := range strings.SplitSeq(s, separator) { // the dot between facts is no text
			if len([]rune(fact)) > 2 && !strings.Contains(fact, "…") { // hours of the bar and cut texts apart
				out = append(out, fact)
			}
		}
	}
	pg.draw()
	return out
}

// distance is the least number of edits that turn want into some part of got.
func distance(want, got []rune) int {
	row := make([]int, len(got)+1) // beginning anywhere costs nothing
	for i, w := range want {
		before := row[0]
		row[0] = i + 1
		for j, g := range got {
			cost := before
			if w != g {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	least := len(want)
	for _, n := range row {
		least = min(least, n)
	}
	return least
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		want, got string
		n         int
	}{{"abc", "xxabcxx", 0}, {"abc", "xxabxx", 1}, {"abc", "", 3}, {"abc", "a-bc", 1}, {"", "abc", 0}} {
		if n := distance([]rune(tc.want), []rune(tc.got)); n != tc.n {
			t.Errorf("%q in %q: got %d, want %d", tc.want, tc.got, n, tc.n)
		}
	}
}

// plain removes what a reader of print may take for something else without
// reading worse: blanks and the kinds of dashes, quotes and dots.
func plain(s string) string {
	return strings.NewReplacer(" ", "", "\n", "", "–", "-", "—", "-", "’", "'", "‘", "'", "·", "", "|", "").Replace(s)
}

// ocr reads a picture scaled by a whole number with tesseract.
func ocr(t testing.TB, img *mono.Image, scale int) string {
	t.Helper()
	w, h := img.Rect.Dx()*scale, img.Rect.Dy()*scale
	var b bytes.Buffer
	fmt.Fprintf(&b, "P5\n%d %d\n255\n", w, h)
	line := make([]byte, w)
	for y := range h {
		for x := range w {
			line[x] = 255
			if img.At(x/scale, y/scale) {
				line[x] = 0
			}
		}
		b.Write(line)
	}
	file := filepath.Join(t.TempDir(), "frame.pgm")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var read strings.Builder
	for _, layout := range []string{"11", "6"} { // scattered texts, one block
		cmd := exec.Command("tesseract", file, "-", "--psm", layout, "--dpi", "200", "-l", "deu+eng")
		cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		read.Write(out)
	}
	return read.String()
}

// A reader of print reads every layout: at most 3 % of the characters of room
// names, times, organizers and subjects are wrong.
func TestTesseractReadsEveryLayout(t *testing.T) {
	need(t, "tesseract")
	r := newRenderer(t)
	panels := []Panel{{296, 128, 112}, {400, 300, 120}, {800, 480, 125}, {480, 800, 125}}
	if os.Getenv("DOORLEAF_SOAK") != "" {
		panels = testPanels()
	}
	for _, p := range panels {
		t.Run(fmt.Sprintf("%dx%d-%d", p.Width, p.Height, p.DPI), func(t *testing.T) {
			t.Parallel()
			chars, errors := 0, 0
			for _, name := range []string{"free", "soon", "booked", "check-in"} {
				d := example(t, name)
				img := mono.New(p.Width, p.Height)
				want := ocrTexts(r, img, d, p)
				scale := 2
				got := []rune(plain(ocr(t, img, scale)))
				for _, w := range want {
					w := []rune(plain(w))
					n := distance(w, got)
					if n > 0 {
						t.Logf("%s: %q has %d errors", name, string(w), n)
					}
					chars, errors = chars+len(w), errors+n
				}
			}
			t.Logf("%d errors in %d characters: %.1f %%", errors, chars, 100*float64(errors)/float64(chars))
			if errors*100 > chars*3 {
				t.Errorf("%d of %d characters are misread", errors, chars)
			}
		})
	}
}

// freetypeLines sets lines with FreeType's mono text (Pillow), each on a picture
// of its own size, as our line is.
const freetypeLines = `
import sys, json
from PIL import Image, ImageDraw, ImageFont
out = Image.new('1', (1600, 60 * 40), 1)
d = ImageDraw.Draw(out); d.fontmode = '1'
y = 10
for line in json.load(sys.stdin):
    f = ImageFont.truetype(line['font'], line['size'])
    d.text((20, y), line['text'], font=f, fill=0)
    y += max(2 * line['size'], 40)
out = out.crop((0, 0, 1600, y + 20))
sys.stdout.buffer.write(b'P4\n%d %d\n' % out.size)
sys.stdout.buffer.write(Image.eval(out.convert('L'), lambda v: 255 - v).convert('1').tobytes())
`

// ocrLine is a line of text for both typesetters.
type ocrLine struct {
	Text string `json:"text"`
	Size int    `json:"size"`
	Font string `json:"font"`
}

// BenchmarkOCRPeers has tesseract read the texts of the faces at the sizes of
// rows, once set by us and once by FreeType in mono, and reports the share of
// misread characters of each.
func BenchmarkOCRPeers(b *testing.B) {
	for _, program := range []string{"tesseract", "/usr/bin/python3"} {
		if _, err := exec.LookPath(program); err != nil {
			b.Skipf("%s is not installed", program)
		}
	}
	fonts, err := typeset.Load()
	if err != nil {
		b.Fatal(err)
	}
	var lines []ocrLine
	for i, text := range []string{"Architekturrunde Plattform", "Quarterly planning with the finance team", "13:00–14:00 Mikko Järvinen", "Haushaltsausschusssitzung",
		"Anna Schmidt next 14:30", "Katharina Hohenstein-Lindqvist", "Monday 23 November", "Retrospective and demo", "Wirtschaftsprüfung Nord", "Zoë Brontë, 08:15–09:45",
		"Jour fixe Équipe produit", "Budget 2027: review", "Interview Søren Kjær", "Sprint planning week 48", "Łódź office call"} {
		for j, size := range []int{13, 16, 18, 20, 26} {
			if (i+j)%2 == 0 {
				lines = append(lines, ocrLine{text, size, "typeset/fonts/NotoSans-Regular.ttf"})
			}
		}
	}
	page := mono.New(1600, 60*40)
	y := 10
	for _, l := range lines {
		f := fonts.Face(typeset.Regular, l.Size)
		f.Draw(page, 20, y+l.Size, l.Text, mono.Or)
		y += max(2*l.Size, 40)
	}
	ours := mono.New(1600, y+20)
	ours.Blit(page, image.Point{}, mono.Or)
	in, err := json.Marshal(lines)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", "-c", freetypeLines)
	cmd.Stdin = bytes.NewReader(in)
	pbm, err := cmd.Output()
	if err != nil {
		b.Skipf("Pillow (python3-pil) is not installed: %v", err)
	}
	theirs, err := mono.DecodePBM(bytes.NewReader(pbm))
	if err != nil {
		b.Fatal(err)
	}
	misread := func(m *mono.Image) float64 {
		got := []rune(plain(ocr(b, m, 2)))
		chars, errors := 0, 0
		for _, l := range lines {
			w := []rune(plain(l.Text))
			chars, errors = chars+len(w), errors+distance(w, got)
		}
		return 100 * float64(errors) / float64(chars)
	}
	for b.Loop() {
		b.ReportMetric(misread(ours), "%-misread")
		b.ReportMetric(misread(theirs), "%-misread-FreeType")
	}
}

// A barcode reader reads every QR code that is drawn.
func TestZbarReadsEveryCode(t *testing.T) {
	need(t, "zbarimg")
	r := newRenderer(t)
	for _, p := range testPanels() {
		d := example(t, "free-book")
		img, err := r.Draw(nil, d, p)
		if err != nil {
			t.Fatal(err)
		}
		without := d
		without.QR = ""
		bare, err := r.Draw(nil, without, p)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%dx%d at %d dpi", p.Width, p.Height, p.DPI)
		if img.Equal(bare) {
			t.Logf("%s: no code, there is no room", name)
			continue
		}
		file := filepath.Join(t.TempDir(), "code.png")
		writePNG(t, file, img)
		out, err := exec.Command("zbarimg", "-q", "--raw", file).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != d.QR {
			t.Errorf("%s: zbarimg reads %q: %v", name, got, err)
		}
	}
}
