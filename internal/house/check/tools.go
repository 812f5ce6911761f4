package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// tool is a program the tests call, or a header they compile with, and the
// Debian packages that bring it.
type tool struct {
	command  string // or the path of the header
	packages []string
	vital    bool // without it nothing can be built
}

func tools() []tool {
	return []tool{
		{"git", []string{"git"}, true},
		{"gcc", []string{"gcc", "libc6-dev"}, true},
		{"clang", []string{"clang", "libclang-rt-dev"}, false},
		{"valgrind", []string{"valgrind"}, false},
		{"arm-none-eabi-gcc", []string{"gcc-arm-none-eabi"}, false},
		{"/usr/include/mosquitto.h", []string{"libmosquitto-dev"}, false}, // with the next three: the sign in C
		{"/usr/include/mbedtls/gcm.h", []string{"libmbedtls-dev"}, false},
		{"/usr/include/openssl/ssl.h", []string{"libssl-dev"}, false},
		{"/usr/include/qrcodegen/qrcodegen.h", []string{"libqrcodegen-dev"}, false},
		{"chromium", []string{"chromium"}, false},
		{"tesseract", []string{"tesseract-ocr", "tesseract-ocr-eng", "tesseract-ocr-deu"}, false},
		{"zbarimg", []string{"zbar-tools"}, false},
		{"hb-shape", []string{"libharfbuzz-bin"}, false},
		{"pkg-config", []string{"pkg-config"}, false},
		{"/usr/include/freetype2/ft2build.h", []string{"libfreetype-dev"}, false},
		{"/usr/sbin/mosquitto", []string{"mosquitto"}, false},
		{"openssl", []string{"openssl"}, false},
		{"qemu-aarch64", []string{"qemu-user"}, false},
	}
}

// tools installs what is missing, where it may: as root on a machine with
// apt-get. Elsewhere it says what to install; tests that need it are skipped
// and listed at the end.
func (c *check) tools() error {
	missing := missingTools()
	if len(missing) == 0 {
		return nil
	}
	_, noApt := exec.LookPath("apt-get")
	if os.Geteuid() == 0 && noApt == nil {
		if err := c.install(missing); err != nil {
			say("   %v", err)
		}
		missing = missingTools()
	}
	if len(missing) == 0 {
		return nil
	}
	say("   Please install: %s", strings.Join(packagesOf(missing), " "))
	for _, t := range missing {
		if t.vital {
			return fmt.Errorf("%s is missing", t.command)
		}
	}
	return nil
}

func missingTools() []tool {
	var missing []tool
	for _, t := range tools() {
		_, err := exec.LookPath(t.command)
		if strings.HasPrefix(t.command, "/") {
			_, err = os.Stat(t.command)
		}
		if err != nil {
			missing = append(missing, t)
		}
	}
	return missing
}

func packagesOf(missing []tool) []string {
	var packages []string
	for _, t := range missing {
		packages = append(packages, t.packages...)
	}
	return packages
}

func (c *check) install(missing []tool) error {
	packages := packagesOf(missing)
	say("   installing Debian packages: %s", strings.Join(packages, " "))
	install := append([]string{"install", "-y", "-q", "--no-install-recommends"}, packages...)
	for _, args := range [][]string{{"update", "-q"}, install} {
		cmd := exec.CommandContext(c.ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return errors.Join(fmt.Errorf("apt-get %s: %w", args[0], err), errors.New(tail(string(out), 10)))
		}
	}
	return nil
}

// tail returns the last n lines.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func firstLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[:min(n, len(lines))], "\n")
}
