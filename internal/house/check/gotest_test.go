package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestTestRun counts the events of a run as `go test -json` prints them.
func TestTestRun(t *testing.T) {
	const run = `{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:3: needs chromium\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"--- SKIP: TestB (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestB","Elapsed":0}
{"Action":"output","Package":"p","Test":"TestD","Output":"    d_test.go:7: only in make soak\n"}
{"Action":"skip","Package":"p","Test":"TestD","Elapsed":0}
{"Action":"fail","Package":"p","Test":"TestC/case","Elapsed":0}
{"Action":"fail","Package":"p","Test":"TestC","Elapsed":0}
not an event
{"Action":"fail","Package":"p","Elapsed":0.2}
{"Action":"skip","Package":"empty","Elapsed":0}
{"Action":"fail","Package":"unbuilt","Elapsed":0,"FailedBuild":"unbuilt"}
`
	c := &check{}
	r := newTestRun(c)
	if err := r.read(strings.NewReader(run)); err != nil {
		t.Fatal(err)
	}
	if c.passed != 1 || c.failed != 3 || r.failed != 3 {
		t.Errorf("got %d passed, %d failed, want 1 and 3: %q", c.passed, c.failed, c.failures)
	}
	if got, want := strings.Join(c.skips, "|"), "p TestB: b_test.go:3: needs chromium"; got != want {
		t.Errorf("got skips %q, want %q", got, want)
	}
	if got, want := strings.Join(c.later, "|"), "p TestD"; got != want {
		t.Errorf("left to make soak: got %q, want %q", got, want)
	}
}

// TestCrash names what ended the program while a test had not ended.
func TestCrash(t *testing.T) {
	tests := []struct{ name, says, want string }{
		{"panic", "panic: Log in goroutine after TestZ has completed", "under way: p TestA\npanic: Log in goroutine after TestZ"},
		{"fault", "SIGSEGV: segmentation violation", "under way: p TestA\nSIGSEGV: "},
		{"race detector", "ThreadSanitizer: CHECK failed", "under way: p TestA\nThreadSanitizer: "},
		{"killed", "signal: killed", "under way: p TestA\nsignal: killed"},
		{"no reason", "about to leave", "under way: p TestA\n=== RUN   TestA\nabout to leave"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run := `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"=== PAUSE TestC\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"` + tt.says + `\n"}
{"Action":"output","Package":"q","Test":"TestB","Output":"panic: of another package\n"}
{"Action":"fail","Package":"p","Elapsed":0.2}
`
			var said strings.Builder
			r := newTestRun(&check{})
			r.say = func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
			if err := r.read(strings.NewReader(run)); err != nil {
				t.Fatal(err)
			}
			if got := said.String(); !strings.Contains(got, tt.want) || strings.Contains(got, "another package") || strings.Contains(got, "TestC") {
				t.Errorf("said %q", got)
			}
			if r.output["q TestB"] == nil {
				t.Error("forgot what a package still at work said")
			}
		})
	}
}

// TestBubbleCrash: a crash of Go's runtime in a bubble is tried once more, and
// nothing else.
func TestBubbleCrash(t *testing.T) {
	const crash = "SIGSEGV: segmentation violation\\nPC=0x1c13a50 m=10 sigcode=1 addr=0x7f7d45700000\\n\\ngoroutine 0 gp=0xc0008ee1e0 m=10 mp=0xc00046e808 [idle, synctest bubble 117]:\\n"
	tests := []struct {
		name, says, before string
		last, again        bool
	}{
		{"in a bubble", crash, "", false, true},
		{"twice", crash, "", true, false},
		{"beside a failed test", crash, `{"Action":"fail","Package":"p","Test":"TestB","Elapsed":0.1}`, false, false},
		{"in a goroutine of ours", strings.ReplaceAll(crash, "goroutine 0", "goroutine 10"), "", false, false},
		{"outside bubbles", strings.ReplaceAll(crash, ", synctest bubble 117", ""), "", false, false},
		{"a panic", "panic: " + crash, "", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run := tt.before + `
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"` + tt.says + `"}
{"Action":"fail","Package":"p","Elapsed":0.2}
`
			r := newTestRun(&check{})
			r.last, r.say = tt.last, func(string, ...any) {}
			if err := r.read(strings.NewReader(run)); err != nil {
				t.Fatal(err)
			}
			if again, failed := len(r.again) == 1, r.failed > 0; again != tt.again || failed == tt.again {
				t.Errorf("again %t, failed %d", again, r.failed)
			}
		})
	}
}

// TestClose holds the verdict: a skip fails only in CI.
func TestClose(t *testing.T) {
	tests := []struct {
		name string
		c    check
		want int
	}{
		{"all passed", check{passed: 2}, 0},
		{"one failed", check{passed: 2, failed: 1, failures: []string{"x"}}, 1},
		{"skipped at home", check{passed: 2, skips: []string{"x"}}, 0},
		{"skipped in CI", check{passed: 2, skips: []string{"x"}, ci: true}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.c.ctx = t.Context()
			if got := tt.c.close(); got != tt.want {
				t.Errorf("got exit code %d, want %d", got, tt.want)
			}
		})
	}
}

func TestEndedByClock(t *testing.T) {
	if !endedByClock([]byte("--- FAIL: FuzzX\n context deadline exceeded\n")) {
		t.Error("an ended clock is taken for a finding")
	}
	if endedByClock([]byte("context deadline exceeded\nFailing input written to testdata/fuzz/FuzzX/1\n")) {
		t.Error("a finding is taken for an ended clock")
	}
}
