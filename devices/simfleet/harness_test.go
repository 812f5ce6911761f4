package simfleet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const cFolder = "../../firmware-protocol/c"

// harness is a process with the core of the sign in C, several of them: see
// firmware-protocol/c/sim. It lives outside of virtual time and answers at once.
type harness struct {
	in     io.Writer
	out    *bufio.Reader
	report *os.File // what it complains about

	mu     sync.Mutex // held for a command
	broken bool       // it ended
}

// record is one thing a sign in C does.
type record struct {
	what byte
	data []byte
}

// errMissing is a program that the signs in C cannot be built without.
var errMissing = errors.New("missing")

// built and builtRows are the processes with the signs in C, with a frame and
// without, compiled with the sanitizers once and then used by all tests; TestMain
// removes them.
var (
	built     = sync.OnceValues(func() (string, error) { return compile() })
	builtRows = sync.OnceValues(func() (string, error) { return compile("-DDL_ROWS") })
)

func compile(options ...string) (binary string, err error) {
	compiler, err := exec.LookPath("gcc")
	if err != nil {
		return "", fmt.Errorf("%w: install gcc", errMissing)
	}
	for header, pkg := range map[string]string{"mbedtls/gcm.h": "libmbedtls-dev", "openssl/evp.h": "libssl-dev"} {
		probe := exec.Command(compiler, "-E", "-x", "c", "-")
		probe.Stdin = strings.NewReader("#include <" + header + ">\n")
		if probe.Run() != nil {
			return "", fmt.Errorf("%w: install %s", errMissing, pkg)
		}
	}
	dir, err := os.MkdirTemp("", "simfleet")
	if err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "sim")
	args := append(options, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
		"-I"+cFolder+"/sign", "-I"+cFolder, "-o", binary)
	for _, pattern := range []string{"/sim/*.c", "/sign/dl_*.c", "/sign/mbedtls/*.c", "/sign/openssl/*.c", "/dl_*.c"} {
		files, err := filepath.Glob(cFolder + pattern)
		if err != nil || len(files) == 0 {
			return binary, fmt.Errorf("no sources %s: %w", pattern, err)
		}
		args = append(args, files...)
	}
	if out, err := exec.Command(compiler, append(args, "-lmbedcrypto", "-lcrypto")...).CombinedOutput(); err != nil {
		return binary, fmt.Errorf("%w\n%s", err, out)
	}
	return binary, nil
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, b := range []func() (string, error){built, builtRows} {
		if binary, _ := b(); binary != "" {
			_ = os.RemoveAll(filepath.Dir(binary))
		}
	}
	os.Exit(code)
}

// newHarness starts the signs in C that build is for, or skips the test where
// they cannot be built.
func newHarness(t *testing.T, build func() (binary string, err error)) *harness {
	t.Helper()
	binary, err := build()
	switch {
	case errors.Is(err, errMissing):
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	h := &harness{}
	if h.report, err = os.Create(filepath.Join(t.TempDir(), "stderr")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary)
	// Leaks cannot be looked for under a tracer, as some CI systems are.
	cmd.Env = append(cmd.Environ(), "ASAN_OPTIONS=detect_leaks=0")
	cmd.Stderr = h.report
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	h.in, h.out = in, bufio.NewReaderSize(out, 1<<16)
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the signs in C ended: %v", err)
		}
		if b, err := os.ReadFile(h.report.Name()); err != nil || len(b) > 0 {
			t.Errorf("the signs in C complain: %s %v", b, err)
		}
		_ = h.report.Close()
	})
	return h
}

// ended is what a command came to.
type ended struct {
	result int32
	cut    bool // the power went
	on     bool
}

// command is obeyed at once; what the sign does meanwhile comes back in order.
func (h *harness) command(what, slot byte, clock uint64, payload []byte) ([]record, ended, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken {
		return nil, ended{}, io.ErrClosedPipe
	}
	message := binary.LittleEndian.AppendUint64([]byte{what, slot}, clock)
	message = binary.LittleEndian.AppendUint32(message, uint32(len(payload)))
	_, err := h.in.Write(append(message, payload...))
	var list []record
	for err == nil {
		var head [5]byte
		if _, err = io.ReadFull(h.out, head[:]); err != nil {
			break
		}
		data := make([]byte, binary.LittleEndian.Uint32(head[1:]))
		if _, err = io.ReadFull(h.out, data); err != nil {
			break
		}
		if head[0] == 'E' {
			return list, ended{int32(binary.LittleEndian.Uint32(data)), data[4] == 1, data[5] == 1}, nil
		}
		list = append(list, record{head[0], data})
	}
	h.broken = true
	complaint, _ := os.ReadFile(h.report.Name())
	return list, ended{}, fmt.Errorf("the signs in C: %w\n%s", err, complaint)
}
