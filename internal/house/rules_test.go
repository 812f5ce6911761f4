package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// parse makes a file of a package from source, for the tests of the rules.
func parse(t *testing.T, dir, source string, test bool) sourceFile {
	t.Helper()
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, dir+"/x.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return sourceFile{path: dir + "/x.go", dir: dir, test: test, syntax: syntax, set: set}
}

// TestJudge shows that the import rule can fail.
func TestJudge(t *testing.T) {
	tests := []struct {
		name, dir, imports string
		test               bool
		want               int
	}{
		{"standard library", "gateway/calendar", `"time"`, false, 0},
		{"leaf imports ours", "gateway/calendar", `"doorleaf/gateway"`, false, 1},
		{"core imports SQL store", "gateway", `"doorleaf/gateway/sqlite"`, false, 1},
		{"test of the core imports SQL store", "gateway", `"doorleaf/gateway/sqlite"`, true, 0},
		{"SDK in its package", "graphsync/internal/msgraph", `"github.com/microsoftgraph/msgraph-sdk-go/users"`, false, 0},
		{"SDK elsewhere", "graphsync", `"github.com/microsoftgraph/msgraph-sdk-go/users"`, false, 1},
		{"prefix is no path", "devices/broker", `"github.com/mochi-mqtt/server/v21"`, false, 1},
		{"stand-in imports the client", "graphsync/graphtest", `"doorleaf/graphsync"`, true, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := parse(t, tt.dir, "package x\nimport _ "+tt.imports+"\n", tt.test)
			if got := judge(f, importTable()[tt.dir]); len(got) != tt.want {
				t.Errorf("got %q, want %d problems", got, tt.want)
			}
		})
	}
}

// TestAssignments shows that the rule against package state can fail.
func TestAssignments(t *testing.T) {
	tests := []struct {
		name, body string
		want       int
	}{
		{"read", "_ = state", 0},
		{"assigned", "state = nil", 1},
		{"element", "state[1] = 2", 1},
		{"counted", "state[1]++", 1},
		{"cleared", "clear(state)", 1},
		{"own name", "state := map[int]int{}; state[1] = 2", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := parse(t, "gateway", "package x\nvar state map[int]int\nfunc f() {"+tt.body+"}\n", false)
			fn, ok := f.syntax.Decls[1].(*ast.FuncDecl)
			if !ok {
				t.Fatal("second declaration is not the function")
			}
			if got := assignments(fn, map[string]bool{"state": true}); len(got) != tt.want {
				t.Errorf("got %d assignments, want %d", len(got), tt.want)
			}
		})
	}
	for source, want := range map[string]string{
		"var x sync.Mutex":             "sync.Mutex",
		"var x = atomic.Int64{}":       "atomic.Int64",
		"var x = make(map[string]int)": "make",
		"var x = sync.Pool{}":          "",
		"var x = errors.New(\"x\")":    "",
	} {
		f := parse(t, "gateway", "package x\n"+source+"\n", false)
		if got := changingKind(packageVariables(f.syntax)[0]); got != want {
			t.Errorf("%s: got kind %q, want %q", source, got, want)
		}
	}
}
