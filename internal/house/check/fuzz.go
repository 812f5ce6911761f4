package main

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"time"
)

// target is one fuzz function.
type target struct{ pkg, name string }

// slowLibrary takes minutes to compile, and fuzzing instruments every package it
// links: the short run leaves such targets at the seeds that `go test` ran.
const slowLibrary = "github.com/microsoftgraph/msgraph-sdk-go"

// protocol is the folder whose readers meet the bytes of strangers first. Its
// fuzz targets have as much time as all others together.
const protocol = "./firmware-protocol/"

// fuzzAll fuzzes every target: so long the protocol's, so long the others, each
// target for its share.
func (c *check) fuzzAll(each time.Duration, slow bool) error {
	targets, err := c.fuzzTargets(slow)
	if err != nil || len(targets) == 0 {
		return err
	}
	ours := 0
	for _, t := range targets {
		if strings.HasPrefix(t.pkg, protocol) {
			ours++
		}
	}
	failed := 0
	for _, t := range targets {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		among := len(targets) - ours
		if strings.HasPrefix(t.pkg, protocol) {
			among = ours
		}
		if err := c.fuzzOne(t, max(each/time.Duration(among), time.Second)); err != nil {
			failed++
			c.fail(fmt.Sprintf("%s %s: %v", t.pkg, t.name, err))
			continue
		}
		c.passed++
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d targets: %w", failed, len(targets), errListed)
	}
	return nil
}

func (c *check) fuzzOne(t target, share time.Duration) error {
	say("   %s %s (%v)", t.pkg, t.name, share.Round(100*time.Millisecond))
	args := []string{"test", "-race=false", "-run=^$", "-fuzz=^" + t.name + "$", "-fuzztime=" + share.String(), "-timeout=" + (share + 10*time.Minute).String(), t.pkg}
	out, err := c.everything("go", args...)
	if err != nil && endedByClock(out) {
		out, err = c.everything("go", args...)
	}
	if err != nil {
		fmt.Println(tail(string(out), 60))
	}
	return err
}

// endedByClock recognises a run whose workers were cut off by the end of the
// fuzz time without any failing input.
func endedByClock(out []byte) bool {
	return bytes.Contains(out, []byte("context deadline exceeded")) && !bytes.Contains(out, []byte("Failing input"))
}

// fuzzTargets finds the fuzz functions in the sources.
func (c *check) fuzzTargets(slow bool) ([]target, error) {
	files, err := c.output("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*_test.go")
	if err != nil {
		return nil, err
	}
	function := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)
	heavy := map[string]bool{}
	var targets []target
	for _, f := range existing(strings.Fields(string(files))) {
		source, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		pkg := "./" + path.Dir(f)
		for _, m := range function.FindAllSubmatch(source, -1) {
			if _, known := heavy[pkg]; !known {
				deps, err := c.output("go", "list", "-deps", "-test", pkg)
				if err != nil {
					return nil, err
				}
				heavy[pkg] = bytes.Contains(deps, []byte(slowLibrary+"/"))
			}
			if heavy[pkg] && !slow {
				say("   %s %s: seeds only, `make soak` fuzzes it", pkg, m[1])
				continue
			}
			targets = append(targets, target{pkg: pkg, name: string(m[1])})
		}
	}
	return targets, nil
}
