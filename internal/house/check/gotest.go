package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build-output
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

// goTest runs tests and counts them, subtests too. The last argument names the
// packages. One whose program ended by bubbleCrash is tried once more.
func (c *check) goTest(args ...string) error {
	tests := newTestRun(c)
	err := c.follow(tests, args)
	if again := tests.again; len(again) > 0 {
		say("   once more, for Go's runtime crashed (golang/go#78156): %s", strings.Join(again, " "))
		failed := tests.failed
		tests = newTestRun(c)
		tests.failed, tests.last = failed, true
		err = c.follow(tests, append(slices.Clone(args[:len(args)-1]), again...))
	}
	if tests.failed > 0 {
		return fmt.Errorf("%d failed: %w", tests.failed, errListed)
	}
	return err
}

// follow runs go test and takes what it tells.
func (c *check) follow(tests *testRun, args []string) error {
	cmd := exec.CommandContext(c.ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Env = environment()
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := tests.read(out)
	if err := cmd.Wait(); err != nil {
		return err
	}
	return readErr
}

// testRun follows the events of one `go test`.
type testRun struct {
	check  *check
	say    func(format string, args ...any)
	output map[string]*bytes.Buffer // package and test: what it printed
	broken map[string]bool          // packages with a failed test
	failed int
	again  []string // packages whose program ended by bubbleCrash
	last   bool     // such an end counts as failed
}

func newTestRun(c *check) *testRun {
	return &testRun{check: c, say: say, output: map[string]*bytes.Buffer{}, broken: map[string]bool{}}
}

func (r *testRun) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Printf("%s", line) // not an event: for the reader
			} else {
				r.take(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *testRun) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Print(e.Output)
	case "output":
		if r.output[key] == nil {
			r.output[key] = &bytes.Buffer{}
		}
		r.output[key].WriteString(e.Output)
	case "pass":
		if e.Test != "" {
			r.check.passed++
		} else {
			r.say("   ok %s (%.1f s)", e.Package, e.Elapsed)
		}
		delete(r.output, key)
	case "skip":
		if reason := r.reason(key); strings.HasSuffix(reason, soakOnly) {
			r.check.later = append(r.check.later, e.Package+" "+e.Test)
		} else if e.Test != "" {
			r.check.skips = append(r.check.skips, fmt.Sprintf("%s %s: %s", e.Package, e.Test, reason))
		}
		delete(r.output, key)
	case "fail":
		r.fail(e, key)
	}
}

// soakOnly ends the reason of a test that `make soak` runs, and `make test` is
// not to run: it needs a program too large to install for every check.
const soakOnly = "only in make soak"

// fail prints what a failed test or package printed. A package counts only when
// none of its tests did.
func (r *testRun) fail(e event, key string) {
	if e.Test == "" && !r.broken[e.Package] && !r.last && r.bubbleCrash(e.Package) {
		r.again = append(r.again, e.Package)
		return
	}
	what := strings.TrimSpace(key)
	if e.FailedBuild != "" {
		what += " (does not build)"
	}
	r.say("   FAILED %s (%.1f s)", what, e.Elapsed)
	if e.Test != "" || !r.broken[e.Package] {
		r.failed++
		r.check.fail(what)
	}
	r.broken[e.Package] = true
	if b := r.output[key]; b != nil {
		r.say("%s", tail(b.String(), 200))
	}
	delete(r.output, key)
	if e.Test == "" {
		r.unfinished(e.Package)
	}
}

// unfinished prints what the tests said that were under way when their package
// ended: go test attributes the text of a crash in some goroutine to whichever
// test spoke last, which then never ends. Where none of them tells of a crash,
// the last words of those that were not waiting are printed.
func (r *testRun) unfinished(pkg string) {
	said := map[string]string{}
	told := false
	for key, b := range r.output {
		if strings.HasPrefix(key, pkg+" ") && len(key) > len(pkg)+1 {
			said[key] = b.String()
			told = told || crashIn(said[key]) >= 0
			delete(r.output, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(said)) {
		at := crashIn(said[key])
		switch {
		case at >= 0:
			r.say("   under way: %s", strings.TrimSpace(key))
			r.say("%s", firstLines(said[key][at:], 200))
		case !told && !strings.HasPrefix(tail(said[key], 1), "=== PAUSE"):
			r.say("   under way: %s", strings.TrimSpace(key))
			r.say("%s", tail(said[key], 20))
		}
	}
}

// bubbleCrash says whether the program of a package, none of whose tests failed,
// ended by a known defect of Go's race detector: in a bubble of testing/synctest a
// timer runs on the runtime's own goroutine without a context of the detector
// (golang/go#78156). What the package said is forgotten then.
func (r *testRun) bubbleCrash(pkg string) bool {
	known := false
	for key, b := range r.output {
		if strings.HasPrefix(key, pkg+" ") {
			said := b.String()
			if at := crashIn(said); at >= 0 {
				first := firstLines(said[at:], 4)
				known = known || strings.HasPrefix(first, "SIGSEGV: ") && strings.Contains(first, "\ngoroutine 0 ") && strings.Contains(first, "synctest bubble")
			}
		}
	}
	if known {
		maps.DeleteFunc(r.output, func(key string, _ *bytes.Buffer) bool { return strings.HasPrefix(key, pkg+" ") })
	}
	return known
}

// crashIn returns where a crash begins in what a test program said, -1 for none:
// a panic, an error or signal of Go's runtime, a race, an end of the race
// detector itself, a kill from outside.
func crashIn(said string) int {
	first := -1
	for _, crash := range []string{"panic: ", "fatal error: ", "WARNING: DATA RACE", "ThreadSanitizer: ", "SIGSEGV: ", "SIGBUS: ", "SIGABRT: ", "SIGQUIT: ", "signal: ", "unexpected fault address"} {
		if at := strings.Index(said, crash); at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return first
}

// reason is what a test said when it skipped itself.
func (r *testRun) reason(key string) string {
	b := r.output[key]
	if b == nil {
		return "no reason given"
	}
	var said []string
	for line := range strings.Lines(b.String()) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		said = append(said, line)
	}
	return strings.Join(said, "; ")
}
