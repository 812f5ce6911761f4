// Command check decides whether the repository may land: it formats nothing and
// fixes nothing, it only says what is wrong. `make test` runs it.
//
// It installs the Debian packages that tests need where it may, then checks
// formatting, go.mod, generated files, go vet, staticcheck, the tests with the
// race detector in random order, and every fuzz target for a moment; all in one
// build configuration, so that the large Microsoft Graph library is compiled
// once. Tests that could not run are listed at the end, and count as failures
// when the environment says CI=true. With -soak it fuzzes for long and repeats
// the tests instead.
//
// The steps run one after the other; nothing here is meant to be imported.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	soak := flag.Bool("soak", false, "repeat the tests and fuzz for long instead of the usual checks")
	count := flag.Int("count", 5, "with -soak, how often to run the tests")
	fuzz := flag.Duration("fuzz", 0, "time for the fuzz targets of the sign protocol, and as long for all others (default 30s, with -soak 30m)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := &check{ctx: ctx, ci: os.Getenv("CI") == "true", fuzzTime: *fuzz, count: *count, start: time.Now()}
	if *soak {
		c.soak()
	} else {
		c.all()
	}
	code := c.close()
	stop()
	os.Exit(code)
}

// check is one run and what it found.
type check struct {
	ctx      context.Context
	ci       bool          // a test that could not run is a failure
	fuzzTime time.Duration // for the protocol's targets, and for the others; 0: the usual
	count    int
	start    time.Time

	passed, failed int
	failures       []string
	skips          []string
	later          []string // tests that only `make soak` runs
}

// atOnce is how many parallel tests of a package run at a time: more than a small
// machine has processors, because those that take longest wait for a browser, a
// broker or the next minute.
const atOnce = "-parallel=4"

// all is what `make test` runs.
func (c *check) all() {
	before, err := c.output("git", "status", "--porcelain")
	if err != nil {
		before = nil // not a checkout: the last step says so
	}
	if !c.step("tools", c.tools) {
		return
	}
	c.step("gofmt", c.gofmt)
	c.step("go.mod tidy", func() error { return c.run("go", "mod", "tidy", "-diff") })
	c.step("generated files", func() error { return c.generated(before) })
	say("The first build compiles the Microsoft Graph library, which takes some minutes.")
	c.step("go vet", func() error { return c.run("go", "vet", "./...") })
	c.step("staticcheck", c.staticcheck)
	c.step("go test", func() error { return c.goTest("-shuffle=on", atOnce, "-timeout=25m", "./...") })
	c.step("pictures on arm64", c.arm64)
	c.step("fuzz", func() error { return c.fuzzAll(limit(c.fuzzTime, 30*time.Second), false) })
	c.step("tree left clean", func() error { return c.unchanged(before) })
}

// soak is what `make soak` runs.
func (c *check) soak() {
	if !c.step("tools", c.tools) {
		return
	}
	c.step("long tests", func() error { // tests that know the variable do more with it
		if err := os.Setenv("DOORLEAF_SOAK", "1"); err != nil {
			return err
		}
		defer os.Unsetenv("DOORLEAF_SOAK")
		return c.goTest("-shuffle=on", atOnce, "-timeout=4h", "-count=1", "./...")
	})
	c.step("go test", func() error {
		return c.goTest("-shuffle=on", atOnce, "-timeout=4h", fmt.Sprintf("-count=%d", c.count), "./...")
	})
	c.step("fuzz", func() error { return c.fuzzAll(limit(c.fuzzTime, 30*time.Minute), true) })
}

func limit(d, usual time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return usual
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// step runs one step, announced and timed, and reports whether it passed.
func (c *check) step(name string, run func() error) bool {
	if c.ctx.Err() != nil {
		return false
	}
	say("== %s", name)
	began := time.Now()
	stop := heartbeat(name, began)
	err := run()
	stop()
	took := time.Since(began).Round(100 * time.Millisecond)
	if err != nil {
		if !errors.Is(err, errListed) {
			c.fail(fmt.Sprintf("%s: %v", name, err))
		}
		say("-- %s: FAILED after %v: %v", name, took, err)
		return false
	}
	c.passed++
	say("-- %s: ok (%v)", name, took)
	return true
}

// errListed is the error of a step that listed its failures itself.
var errListed = errors.New("see the list at the end")

// fail lists one failure.
func (c *check) fail(what string) {
	c.failed++
	c.failures = append(c.failures, what)
}

// heartbeat says that a long step is still at work.
func heartbeat(name string, began time.Time) (stop func()) {
	done := make(chan struct{})
	go func() {
		t := time.NewTicker(30 * time.Second)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				say("   %s: at work since %v", name, time.Since(began).Round(time.Second))
			}
		}
	}()
	return func() { close(done) }
}

// close prints what was found and returns the exit code.
func (c *check) close() int {
	if c.ctx.Err() != nil {
		c.fail("interrupted")
	}
	if len(c.skips) > 0 {
		say("\nCould not run:")
		for _, s := range c.skips {
			say("  %s", s)
		}
		if c.ci {
			c.fail(fmt.Sprintf("%d tests could not run, which CI=true forbids", len(c.skips)))
		}
	}
	if len(c.failures) > 0 {
		say("\nFailed:")
		for _, s := range c.failures {
			say("  %s", s)
		}
	}
	say("\nTook %v.", time.Since(c.start).Round(time.Second))
	for _, s := range c.later {
		say("Left to `make soak`: %s", s)
	}
	say("%d passed, %d failed, %d skipped", c.passed, c.failed, len(c.skips))
	if c.failed > 0 {
		return 1
	}
	return 0
}

func (c *check) gofmt() error {
	files, err := c.output("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.go")
	if err != nil {
		return err
	}
	out, err := c.output("gofmt", append([]string{"-l"}, existing(strings.Fields(string(files)))...)...)
	if err != nil {
		return err
	}
	if bad := strings.Fields(string(out)); len(bad) > 0 {
		return fmt.Errorf("not formatted: %s", strings.Join(bad, " "))
	}
	return nil
}

// existing leaves out files that are deleted but still known to git.
func existing(files []string) []string {
	var there []string
	for _, f := range files {
		if _, err := os.Stat(f); err == nil {
			there = append(there, f)
		}
	}
	return there
}

// generated runs the generators and compares the tree.
func (c *check) generated(before []byte) error {
	if err := c.run("go", "generate", "./..."); err != nil {
		return err
	}
	return c.unchanged(before)
}

// unchanged compares the tree with what it was at the start.
func (c *check) unchanged(before []byte) error {
	after, err := c.output("git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if !bytes.Equal(before, after) {
		return fmt.Errorf("the run changed the tree; before:\n%safter:\n%s", before, after)
	}
	return nil
}

// staticcheck runs the version that go.mod pins. The tool itself is built
// without the race detector; the packages it reads are those of the tests.
func (c *check) staticcheck() error {
	cmd := exec.CommandContext(c.ctx, "go", "tool", "-n", "staticcheck")
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
	cmd.Stderr = os.Stderr
	path, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("build staticcheck: %w", err)
	}
	return c.run(strings.TrimSpace(string(path)), "./...")
}

// environment holds every command to one build configuration.
func environment() []string {
	return append(os.Environ(), "GOFLAGS=-race -buildvcs=false", "CGO_ENABLED=1")
}

// run runs a command whose output is for the person who reads along.
func (c *check) run(name string, args ...string) error {
	cmd := exec.CommandContext(c.ctx, name, args...)
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// output runs a command and returns what it printed.
func (c *check) output(name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(c.ctx, name, args...)
	cmd.Env = environment()
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("%s %s: %w: %s", name, args[0], err, bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}

// everything runs a command and returns all it printed, also when it failed.
func (c *check) everything(name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(c.ctx, name, args...)
	cmd.Env = environment()
	return cmd.CombinedOutput()
}
