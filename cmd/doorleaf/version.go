package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

// release is the version of the source tree.
const release = "0.1.0"

// version is the release with the commit it was built from, when known.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 8 {
			return release + "+" + s.Value[:8]
		}
	}
	return release
}

func cmdVersion(_ context.Context, _ []string, std stdio) error {
	_, err := fmt.Fprintln(std.out, "doorleaf", version())
	return err
}
