package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorleaf/devices/mqttlink"
	"doorleaf/devices/simsign"

	"crypto/ed25519"
)

// tool runs a command and returns what it printed.
func tool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := cmdFirmware(t.Context(), args, stdio{nil, &out, new(bytes.Buffer)})
	return out.String(), err
}

// A key is made once, a release is signed with it, the gateway takes the file,
// and a foreign key or a changed byte is noticed.
func TestFirmwareTools(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if _, err := tool(t, "key", "-out", at("maker")); err != nil {
		t.Fatal(err)
	}
	if _, err := tool(t, "key", "-out", at("maker")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second time: %v, want %v", err, fs.ErrExist)
	}
	if st, err := os.Stat(at("maker.key")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("secret file: %v, %v", st.Mode(), err)
	}
	if _, err := tool(t, "key", "-out", at("stranger")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("image"), []byte("any bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	sign := []string{"sign", "-key", at("maker.key"), "-model", "400x300", "-version", "1.1", "-number", "2", "-min-mv", "2700", "-image", at("image"), "-out", at("a.dlf")}
	said, err := tool(t, sign...)
	if err != nil || !strings.Contains(said, "number 2\nbytes 9\n") {
		t.Fatalf("%q, %v", said, err)
	}
	if again, err := tool(t, "show", "-maker", at("maker.pub"), at("a.dlf")); err != nil || again != said {
		t.Errorf("show: %q, %v", again, err)
	}
	if _, err := tool(t, "show", "-maker", at("stranger.pub"), at("a.dlf")); err == nil {
		t.Error("a stranger's key checks the signature")
	}
	file, err := os.ReadFile(at("a.dlf"))
	if err != nil {
		t.Fatal(err)
	}
	maker, err := readMaker(at("maker.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if r, image, err := mqttlink.ReadRelease(file, []ed25519.PublicKey{maker}); err != nil || string(image) != "any bytes" || r.MinMillivolts != 2700 {
		t.Errorf("the gateway reads %+v, %v", r, err)
	}
	file[len(file)-1] ^= 1
	if err := os.WriteFile(at("b.dlf"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"a changed image":      {"show", at("b.dlf")},
		"no release":           {"show", at("image")},
		"a file that is there": sign,
		"a public key":         {"sign", "-key", at("maker.pub"), "-model", "m", "-version", "1", "-number", "1", "-image", at("image"), "-out", at("c.dlf")},
		"a long model":         {"sign", "-key", at("maker.key"), "-model", strings.Repeat("m", 33), "-version", "1", "-number", "1", "-image", at("image"), "-out", at("d.dlf")},
		"a secret as maker":    {"show", "-maker", at("maker.key"), at("a.dlf")},
	} {
		if _, err := tool(t, args...); err == nil || errors.Is(err, flag.ErrHelp) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, args := range [][]string{{}, {"eat"}, {"key"}, {"sign"}, {"show"}} {
		if _, err := tool(t, args...); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%v: %v, want usage", args, err)
		}
	}
}

// A sign takes its identity from the line of a factory's file with its serial
// number, and no error quotes a secret.
func TestFactoryIdentity(t *testing.T) {
	const secret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	head := "id,secret,model,serial,width,height\n"
	line := func(id, serial string) string { return fmt.Sprintf("%s,%s,M1,%s,400,300\n", id, secret, serial) }
	file := filepath.Join(t.TempDir(), "f.csv")
	for _, c := range []struct {
		name, text, serial, want string // id, "" for an error
	}{
		{"the only one", head + line("aaaaaaaaaaaaaaaa", "S1"), "", "aaaaaaaaaaaaaaaa"},
		{"by serial number", head + line("aaaaaaaaaaaaaaaa", "S1") + line("bbbbbbbbbbbbbbbb", "S2"), "S2", "bbbbbbbbbbbbbbbb"},
		{"one of two", head + line("aaaaaaaaaaaaaaaa", "S1") + line("bbbbbbbbbbbbbbbb", "S2"), "", ""},
		{"another serial number", head + line("aaaaaaaaaaaaaaaa", "S1"), "S9", ""},
		{"bad id", head + line("short", "S1"), "", ""},
		{"no header", line("aaaaaaaaaaaaaaaa", "S1"), "", ""},
		{"empty", "", "", ""},
		{"missing field", head + "aaaaaaaaaaaaaaaa," + secret + "\n", "", ""},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		o := simsign.Options{Serial: c.serial}
		err := factoryIdentity(file, &o, false)
		if (err == nil) != (c.want != "") || err == nil && string(o.Identity.ID) != c.want {
			t.Errorf("%s: %+v, %v", c.name, o.Identity, err)
		}
		if err != nil && strings.Contains(err.Error(), secret[:8]) {
			t.Errorf("%s: the error quotes a secret", c.name)
		}
		if err == nil && (o.Panel.Width != 400 || o.Panel.Height != 300 || o.Panel.Model != "M1") {
			t.Errorf("%s: panel %+v", c.name, o.Panel)
		}
	}
}
