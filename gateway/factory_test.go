package gateway

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const factoryHead = "id,secret,model,serial,width,height\n"

// factoryRow is a good line of sign n.
func factoryRow(n int) string {
	id := []byte("aaaaaaaaaaaaaaaa")
	for i := 0; n > 0; i, n = i+1, n/26 {
		id[i] = 'a' + byte(n%26)
	}
	return fmt.Sprintf("%s,%s,400x300,SN-%s,400,300\n", id, factorySecret(string(id)), id)
}

func factorySecret(seed string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(seed)))
}

func TestReadFactory(t *testing.T) {
	good := factoryRow(1)
	with := func(column int, value string) string {
		f := strings.Split(strings.TrimSuffix(good, "\n"), ",")
		f[column] = value
		return strings.Join(f, ",") + "\n"
	}
	one := func(line int, f FactoryFault) []FactoryProblem { return []FactoryProblem{{line, f}} }
	tests := []struct {
		name, file string
		signs      int
		problems   []FactoryProblem
	}{
		{"two signs", factoryHead + good + factoryRow(2), 2, nil},
		{"byte order mark, CR LF, no last end of line", "\ufeff" + strings.ReplaceAll(factoryHead+strings.TrimSuffix(good, "\n"), "\n", "\r\n"), 1, nil},
		{"quoted, model and serial empty", factoryHead + strings.Replace(with(2, `""`), "SN-baaaaaaaaaaaaaaa", "", 1), 1, nil},
		{"secret in capitals", factoryHead + with(1, strings.ToUpper(factorySecret("ba"))), 1, nil},
		{"empty lines between", factoryHead + "\n" + good + "\n\n" + factoryRow(2), 2, nil},
		{"empty file", "", 0, one(1, FaultHeader)},
		{"header alone", factoryHead, 0, one(1, FaultEmpty)},
		{"no header", good, 0, one(1, FaultHeader)},
		{"another header", "id;secret;model;serial;width;height\n" + good, 0, one(1, FaultHeader)},
		{"binary", factoryHead + good + "\xff\xfe\x00", 0, one(3, FaultEncoding)},
		{"broken quote", factoryHead + good + "\"aaaa\n", 0, one(3, FaultEncoding)},
		{"field too few", factoryHead + "a,b,c\n", 0, one(2, FaultColumns)},
		{"field too many", factoryHead + strings.TrimSuffix(good, "\n") + ",x\n", 0, one(2, FaultColumns)},
		{"short id", factoryHead + with(0, "abc"), 0, one(2, FaultID)},
		{"id in capitals", factoryHead + with(0, "BAAAAAAAAAAAAAAA"), 0, one(2, FaultID)},
		{"id is a wildcard", factoryHead + with(0, "+"), 0, one(2, FaultID)},
		{"short secret", factoryHead + with(1, "00"), 0, one(2, FaultSecret)},
		{"secret not hexadecimal", factoryHead + with(1, strings.Repeat("g", 64)), 0, one(2, FaultSecret)},
		{"secret of zeros", factoryHead + with(1, strings.Repeat("0", 64)), 0, one(2, FaultSecret)},
		{"long model", factoryHead + with(2, strings.Repeat("m", 65)), 0, one(2, FaultText)},
		{"serial with a letter outside ASCII", factoryHead + with(3, "Gerät"), 0, one(2, FaultText)},
		{"serial of two lines", factoryHead + with(3, "\"a\nb\"") + factoryRow(2) + "x\n", 0, []FactoryProblem{{2, FaultText}, {5, FaultColumns}}},
		{"width 0", factoryHead + with(4, "0"), 0, one(2, FaultSize)},
		{"height too large", factoryHead + with(5, "16385\n"), 0, one(2, FaultSize)},
		{"width no number", factoryHead + with(4, "1e3"), 0, one(2, FaultSize)},
		{"same id twice", factoryHead + good + with(1, factorySecret("zz")), 0, one(3, FaultTwice)},
		{"same secret twice", factoryHead + good + with(0, "zzzzzzzzzzzzzzzz"), 0, one(3, FaultTwice)},
		{"two bad lines of three", factoryHead + with(0, "x") + good + with(4, "x"), 0, []FactoryProblem{{2, FaultID}, {4, FaultSize}}},
		{"every line bad", factoryHead + strings.Repeat("x\n", 1000), 0, nil},
		{"too large", factoryHead + strings.Repeat("x", maxFactoryFile), 0, one(1, FaultMany)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines, problems, err := readFactory(strings.NewReader(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if tt.name == "every line bad" {
				if len(problems) != maxProblems {
					t.Errorf("%d problems, want %d", len(problems), maxProblems)
				}
				return
			}
			if !slices.Equal(problems, tt.problems) {
				t.Errorf("problems %v, want %v", problems, tt.problems)
			}
			if len(problems) == 0 && len(lines) != tt.signs {
				t.Errorf("%d signs, want %d", len(lines), tt.signs)
			}
		})
	}
}

func TestReadFactoryLimit(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(factoryHead)
	for n := range maxFactorySigns {
		b.WriteString(factoryRow(n))
	}
	lines, problems, err := readFactory(bytes.NewReader(b.Bytes()))
	if err != nil || len(problems) != 0 || len(lines) != maxFactorySigns {
		t.Fatalf("%d signs, %v, %v", len(lines), problems, err)
	}
	b.WriteString(factoryRow(maxFactorySigns))
	if _, problems, err := readFactory(&b); err != nil || !slices.Equal(problems, []FactoryProblem{{maxFactorySigns + 2, FaultMany}}) {
		t.Errorf("one too many: %v, %v", problems, err)
	}
}

// FuzzFactory: no file makes the reader fail, and what it takes is as the
// protocol says.
func FuzzFactory(f *testing.F) {
	f.Add([]byte(factoryHead + factoryRow(1)))
	f.Add([]byte(factoryHead + "\"a\nb\",,,,,\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, problems, err := readFactory(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if len(problems) > maxProblems || len(problems) == 0 && len(lines) == 0 {
			t.Fatalf("%d problems, %d signs", len(problems), len(lines))
		}
		seen := map[string]bool{}
		for _, l := range lines {
			if !isSignID(string(l.id)) || len(l.secret) != 32 || l.width < 1 || l.height > maxSide || seen[string(l.secret)] {
				t.Fatalf("taken: line %d", l.line)
			}
			seen[string(l.secret)] = true
		}
	})
}
