package wire

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// signSources are the files of the sign's core, without decoder and messages.
func signSources(t *testing.T) []string {
	t.Helper()
	sources, err := filepath.Glob("../c/sign/dl_*.c")
	if err != nil || len(sources) < 6 {
		t.Fatal("no sources of the sign", err)
	}
	return sources
}

// The core of the sign, with messages and manifest, fits beside a decoder; what
// it keeps in memory fits beside a picture of 800x480, or five rows of it, and
// the longest message.
func TestCSignSize(t *testing.T) {
	t.Parallel()
	compiler := need(t, "arm-none-eabi-gcc", "gcc-arm-none-eabi")
	const stride, message = 800 / 8, 7133
	for _, c := range []struct {
		name    string
		flags   []string
		picture int // bytes
		most    int // of memory
	}{{"frame", nil, stride * 480, 64 << 10}, {"rows", []string{"-DDL_ROWS"}, stride * 5, 16 << 10}} {
		dir := t.TempDir()
		object := func(source string) string {
			out := filepath.Join(dir, filepath.Base(source)+".o")
			args := append([]string{compiler, "-Os", "-mcpu=cortex-m4", "-mthumb", "-DDL_SMALL", "-DDL_MAX_WIDTH=800", "-I../c/sign", "-c", "-o", out, source}, c.flags...)
			compile(t, append(args, strictC...)...)
			return out
		}
		code := 0
		for _, source := range append(signSources(t), "../c/dl_message.c", "../c/dl_manifest.c") {
			code += sections(t, object(source), ".text", ".rodata")
		}
		decoder := 0
		for _, name := range []string{"object", "context", "inflate", "digest", "tables"} {
			decoder += sections(t, object("../c/dl_"+name+".c"), ".text", ".rodata")
		}
		probe := filepath.Join(dir, "probe.c")
		if err := os.WriteFile(probe, []byte("#include \"dl_sign.h\"\nextern char size[]; char size[sizeof(struct dl_sign)];\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		ram := sections(t, object(probe), ".bss")
		t.Logf("%s: core %d bytes of code, decoder and tables %d; memory %d, with picture and message %d", c.name, code, decoder, ram, ram+c.picture+message)
		if code == 0 || code > 24<<10 || ram == 0 || ram+c.picture+message > c.most {
			t.Errorf("%s: code %d, at most %d; memory %d, at most %d", c.name, code, 24<<10, ram+c.picture+message, c.most)
		}
	}
}

// The sign in C computes what pairing.json says, and refuses what is forged.
func TestCPairing(t *testing.T) {
	t.Parallel()
	compiler := need(t, "gcc", "gcc")
	probe := exec.Command(compiler, "-E", "-x", "c", "-")
	probe.Stdin = strings.NewReader("#include <mbedtls/gcm.h>\n")
	if probe.Run() != nil {
		t.Skip("mbedtls/gcm.h is missing: install libmbedtls-dev")
	}
	runner := filepath.Join(t.TempDir(), "pair_runner")
	args := append([]string{compiler, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I../c/sign", "-o", runner,
		"../c/sign/test/pair_runner.c", "../c/sign/dl_pair.c", "../c/sign/dl_joinmessage.c", "../c/sign/mbedtls/dl_mbedtls.c"}, strictC...)
	compile(t, append(append(args, cSources(t)...), "-lmbedcrypto")...)
	var v struct {
		PrivateKey, PublicKey, N1, N2, SPKI, Hardware, Commitment, Transcript, Code, Sign, Secret, Sealed, Password, ManifestKey string

		Forged     []struct{ Name, Sealed string }
		Challenges []struct{ Name, CBOR, Address, Host, Error string }
	}
	b, err := os.ReadFile("../vectors/pairing.json")
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil || len(v.Forged) < 3 {
		t.Fatalf("pairing.json: %d forged, %v", len(v.Forged), err)
	}
	call := func(args ...string) string {
		cmd := exec.Command(runner, args...)
		cmd.Env = append(cmd.Environ(), "ASAN_OPTIONS=detect_leaks=0")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run := func(sealed string) string {
		return call(v.PrivateKey, v.N1, v.N2, v.SPKI, v.Hardware, v.Sign, sealed)
	}
	for _, c := range v.Challenges {
		want := strings.TrimSpace(strings.Join([]string{v.N2, c.Address, c.Host}, " "))
		if c.Error != "" {
			want = "refused"
		}
		if got := call(c.CBOR); got != want {
			t.Errorf("challenge, %s: got %s, want %s", c.Name, got, want)
		}
	}
	open := strings.Join([]string{v.PublicKey, v.Commitment, v.Transcript, v.Code}, " ")
	if got, want := run(v.Sealed), strings.Join([]string{open, v.Secret, v.Password, v.ManifestKey}, " "); got != want {
		t.Errorf("pairing: got\n%s\nwant\n%s", got, want)
	}
	for _, f := range v.Forged {
		if got, want := run(f.Sealed), open+" refused"; got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", f.Name, got, want)
		}
	}
}
