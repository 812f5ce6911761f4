package main

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
)

// arm64 compares the pictures that are kept with those that the same code draws
// on another kind of processor, under an emulator: a sign must not change its
// face with the machine that the gateway runs on.
func (c *check) arm64() error {
	if runtime.GOARCH == "arm64" {
		return nil // the tests themselves did
	}
	emulator, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		say("   Please install: qemu-user")
		if c.ci {
			return errors.New("qemu-aarch64 is missing")
		}
		return nil
	}
	cmd := exec.CommandContext(c.ctx, "go", "test", "-exec", emulator, "-run", "^Test.*(Golden|Template|SameBits)", "./render/...")
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOARCH=arm64", "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}
