package typeset

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-text/typesetting/language"
)

var update = flag.Bool("update", false, "record what hb-shape says in testdata/shaping.json")

// shaped is one text of the corpus and the glyphs HarfBuzz makes of it.
type shaped struct {
	Script string `json:"script"` // ISO 15924
	Font   string `json:"font"`   // file name
	Text   string `json:"text"`
	Glyphs []int  `json:"glyphs"` // from left to right
}

func corpus(t *testing.T) []shaped {
	t.Helper()
	b, err := os.ReadFile("testdata/shaping.json")
	if err != nil {
		t.Fatal(err)
	}
	var out []shaped
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func familyOf(t *testing.T, file string) (family, Weight) {
	t.Helper()
	for fam := range families {
		if i := slices.Index(files[fam][:], file); i >= 0 {
			return fam, Weight(i)
		}
	}
	t.Fatalf("no bundled font %s", file)
	return 0, 0
}

func (c shaped) shape(t *testing.T, fonts *Fonts) []int {
	t.Helper()
	fam, w := familyOf(t, c.Font)
	text := []rune(c.Text)
	rtl, _ := firstStrong(c.Text)
	script := language.Unknown
	for _, r := range text {
		if s := language.LookupScript(r); s.Strong() {
			script = s
			break
		}
	}
	if got := strings.ToLower(c.Script); got != script.String() && got != strings.ToLower(script.String()) {
		t.Errorf("%q is in %v, want %s", c.Text, script, c.Script)
	}
	sh := &shaper{}
	out := sh.output(fonts, w, text, piece{0, len(text), fam, script}, rtl, true)
	var ids []int
	for _, g := range out.Glyphs {
		ids = append(ids, int(g.GlyphID))
	}
	return ids
}

// hbShape asks HarfBuzz itself.
func hbShape(t *testing.T, dir string, fonts *Fonts, c shaped) []int {
	t.Helper()
	fam, w := familyOf(t, c.Font)
	file := filepath.Join(dir, c.Font)
	if _, err := os.Stat(file); err != nil {
		if err := os.WriteFile(file, fonts.source(fam, w).data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("hb-shape", "--no-positions", "--no-clusters", "--no-glyph-names", "--output-format=json", "--font-file="+file)
	cmd.Stdin = strings.NewReader(c.Text + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var glyphs []struct{ G int }
	if err := json.Unmarshal(out, &glyphs); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var ids []int
	for _, g := range glyphs {
		ids = append(ids, g.G)
	}
	return ids
}

// Glyphs are those HarfBuzz chooses, as recorded, in at least nine scripts.
func TestShapingIsHarfBuzzs(t *testing.T) {
	fonts := load(t)
	all := corpus(t)
	scripts := map[string]bool{}
	for _, c := range all {
		scripts[c.Script] = true
		if got := c.shape(t, fonts); !*update && !slices.Equal(got, c.Glyphs) {
			t.Errorf("%s %q: got %v, want %v", c.Script, c.Text, got, c.Glyphs)
		}
		if slices.Contains(c.Glyphs, 0) {
			t.Errorf("%s %q has characters the font lacks", c.Script, c.Text)
		}
	}
	if len(scripts) < 9 {
		t.Errorf("%d scripts, want 9", len(scripts))
	}
}

func TestShapingAgainstHarfBuzz(t *testing.T) {
	if _, err := exec.LookPath("hb-shape"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("hb-shape is missing: install libharfbuzz-bin")
		}
		t.Skip("hb-shape is missing: install libharfbuzz-bin")
	}
	fonts, dir := load(t), t.TempDir()
	all := corpus(t)
	for i, c := range all {
		want := hbShape(t, dir, fonts, c)
		if got := c.shape(t, fonts); !slices.Equal(got, want) {
			t.Errorf("%s %q: got %v, hb-shape says %v", c.Script, c.Text, got, want)
		}
		all[i].Glyphs = want
	}
	if *update {
		var b strings.Builder
		for i, c := range all {
			line, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s%s", map[bool]string{true: "[\n", false: ",\n"}[i == 0], line)
		}
		if err := os.WriteFile("testdata/shaping.json", []byte(b.String()+"\n]\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
