package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocumentedSettings holds the table in docs/operator.md against the
// settings the program has.
func TestDocumentedSettings(t *testing.T) {
	page := readPage(t, "../../docs/operator.md")
	row := regexp.MustCompile("(?m)^\\| `(DOORLEAF_[A-Z_]+)` \\| `-([a-z-]+)` \\|([^|]*)\\|")
	documented := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		documented[m[1]] = []string{m[2], strings.Trim(strings.TrimSpace(m[3]), "`")}
	}
	known := []string{}
	for _, s := range settings() {
		known = append(known, s.env)
		got, ok := documented[s.env]
		switch {
		case !ok:
			t.Errorf("%s is not in the table", s.env)
		case got[0] != s.flag:
			t.Errorf("%s: the table has flag -%s, the program -%s", s.env, got[0], s.flag)
		case s.fallback != "" && got[1] != s.fallback:
			t.Errorf("%s: the table has default %q, the program %q", s.env, got[1], s.fallback)
		}
		delete(documented, s.env)
	}
	for env := range documented {
		t.Errorf("the table has %s, the program does not", env)
	}
	for _, name := range []string{"../../docs/operator.md", "../../README.md", "../../ARCHITECTURE.md"} {
		for _, env := range regexp.MustCompile(`DOORLEAF_[A-Z_]*[A-Z]`).FindAllString(readPage(t, name), -1) {
			if !slices.Contains(known, env) {
				t.Errorf("%s speaks of %s, which is not a setting", name, env)
			}
		}
	}
}

// TestDocumentedCommands holds the commands of the README against the program.
func TestDocumentedCommands(t *testing.T) {
	page := readPage(t, "../../README.md")
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
		if c.name != "version" && !strings.Contains(page, "| `doorleaf "+c.name) {
			t.Errorf("the README does not list doorleaf %s", c.name)
		}
	}
	for _, m := range regexp.MustCompile("`doorleaf ([a-z-]+)").FindAllStringSubmatch(page, -1) {
		if !slices.Contains(names, m[1]) {
			t.Errorf("the README speaks of doorleaf %s, which is not a command", m[1])
		}
	}
}

// TestLinks follows every link between the pages of the repository.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, page := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/operator.md", "docs/brokers.md", "docs/sign.md", "docs/door.md", "firmware-protocol/SPEC.md"} {
		text := readPage(t, "../../"+page)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target := "../../" + page[:strings.LastIndex(page, "/")+1] + m[1]
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
