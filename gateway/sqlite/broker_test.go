package sqlite

import (
	"bytes"
	"os"
	"testing"

	"doorleaf/devices"
	"doorleaf/gateway"
)

func TestLogins(t *testing.T) {
	o := temp(t)
	s := opened(t, o)
	const password = "0123456789abcdef0123456789abcdef0123456789abcdef"
	known := devices.Credential{Sign: "bbbb", PasswordHash: [32]byte{2}, ManifestKey: make([]byte, 32), Password: password}
	for _, c := range []devices.Credential{known, {Sign: "aaaa", PasswordHash: [32]byte{1}, ManifestKey: make([]byte, 32)}} {
		if err := s.AddSign(t.Context(), gateway.Sign{ID: c.Sign}, c); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, s)
	for _, name := range []string{o.Path, o.Path + "-wal"} {
		if b, err := os.ReadFile(name); err == nil && bytes.Contains(b, []byte(password)) {
			t.Errorf("%s holds a password unsealed", name)
		}
	}
	s = opened(t, o)
	got, err := s.Logins(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []devices.Login{{Sign: "aaaa", PasswordHash: [32]byte{1}}, {Sign: "bbbb", Password: password, PasswordHash: [32]byte{2}}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := s.RemoveSign(t.Context(), "bbbb"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT count(*) FROM broker_logins`); n != 0 {
		t.Errorf("got %d passwords of signs that are gone, want none", n)
	}
}
