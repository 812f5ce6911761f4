package wire

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var clause = regexp.MustCompile(`\[DL-[A-Z]+-[0-9]+\]`)

// Every clause that the code cites is in SPEC.md, and no clause is there twice.
func TestClauses(t *testing.T) {
	spec, err := os.ReadFile("../SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	defined := map[string]bool{}
	for line := range strings.Lines(string(spec)) {
		rest, ok := strings.CutPrefix(line, "- ")
		if !ok {
			continue
		}
		tag := clause.FindString(rest)
		if tag == "" || !strings.HasPrefix(rest, tag) {
			continue
		}
		if defined[tag] {
			t.Errorf("%s is in SPEC.md twice", tag)
		}
		defined[tag] = true
	}
	if len(defined) < 50 {
		t.Fatalf("%d clauses in SPEC.md: the test does not read it right", len(defined))
	}
	for _, tag := range clause.FindAllString(string(spec), -1) {
		if !defined[tag] {
			t.Errorf("SPEC.md refers to %s, which it does not have", tag)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range clause.FindAllString(string(source), -1) {
			if !defined[tag] {
				t.Errorf("%s cites %s, which SPEC.md does not have", file, tag)
			}
		}
	}
}

// The numbers of SPEC.md are those of the code.
func TestSpecNumbers(t *testing.T) {
	spec, err := os.ReadFile("../SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[profile]int{small: 1680, full: 5520} {
		if got := p.weights(); got != want || len(p.start()) != want {
			t.Errorf("profile %d: %d weights and %d start weights, want %d", p, got, len(p.start()), want)
		}
	}
	for k, got := range squashTable {
		if want := chance(int64(k) * 128); int64(got) != want {
			t.Errorf("squash(%d) is %d, want %d", k, got, want)
		}
	}
	if got, want := MaxManifest, 7133; got != want {
		t.Errorf("largest manifest of %d bytes, want %d", got, want)
	}
	for _, want := range []string{
		PairAlphabet, "1,680", "5,520", fmt.Sprintf("%x", sha256.Sum256([]byte(startSmall))), fmt.Sprintf("%x", sha256.Sum256([]byte(startFull))), "| manifest | 7,133 bytes |", "| Block | 4,300 bytes, 4,096 of them data |",
		`"` + domainCommitment + `"`, `"` + domainTranscript + `"`, `"` + domainSeal + `"`, `"` + domainPassword + `"`, `"` + domainManifest + `"`,
		`"` + domainKeyAsk + `"`, `"` + domainKeyAnswer + `"`, `"` + domainKeyStored + `"`, `"` + domainKeySeal + `"`, `"` + domainKey + `"`, `"` + domainHello + `"`,
		`"` + domainRelease + `"`, `"` + domainOffer + `"`, fmt.Sprintf("A release is %d bytes", ReleaseSize), fmt.Sprintf("id || release): %d bytes", OfferSize),
		fmt.Sprintf("| firmware image | %d MiB |", MaxImage>>20), fmt.Sprintf("| 4 | %d bytes | model", MaxModel), fmt.Sprintf("| 36 | %d bytes | version", MaxVersion),
		fmt.Sprintf("bytes 0 to %d", releaseSigned-1), fmt.Sprintf("%d keys are renewed", CapKeys), fmt.Sprintf("%d firmware is updated", CapFirmware),
		`"` + domainPins + `"`, fmt.Sprintf("%d it believes a set of server keys", CapPins), fmt.Sprintf("array of 1 to %d", MaxPins),
	} {
		if !strings.Contains(string(spec), want) {
			t.Errorf("SPEC.md does not have %s", want)
		}
	}
}
