package sqlite

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

func TestSealOpensInItsPlaceOnly(t *testing.T) {
	s, err := newSealer([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	other, err := newSealer([32]byte{2})
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.seal("table", "column", "row", []byte("plain"))
	if got, err := s.open("table", "column", "row", sealed); err != nil || string(got) != "plain" {
		t.Fatalf("got %q, %v, want plain", got, err)
	}
	if bytes.Equal(sealed, s.seal("table", "column", "row", []byte("plain"))) {
		t.Error("sealing twice: got the same bytes")
	}
	for name, open := range map[string]func() ([]byte, error){
		"another table":  func() ([]byte, error) { return s.open("other", "column", "row", sealed) },
		"another column": func() ([]byte, error) { return s.open("table", "other", "row", sealed) },
		"another row":    func() ([]byte, error) { return s.open("table", "column", "other", sealed) },
		"another key":    func() ([]byte, error) { return other.open("table", "column", "row", sealed) },
		"nothing":        func() ([]byte, error) { return s.open("table", "column", "row", nil) },
	} {
		if _, err := open(); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		if _, err := s.open("table", "column", "row", damaged); err == nil {
			t.Errorf("byte %d changed: got no error", i)
		}
		if _, err := s.open("table", "column", "row", sealed[:i]); err == nil {
			t.Errorf("cut to %d bytes: got no error", i)
		}
	}
}

// TestNoSecretInTheFiles plants secrets and looks for them in every file of the
// data folder, while the log is there and after it was folded in.
func TestNoSecretInTheFiles(t *testing.T) {
	ctx := t.Context()
	o := temp(t)
	s := opened(t, o)
	secrets := map[string]string{
		"client secret": "PlantedClientSecret~0123456789", "token": "PlantedRefreshToken.0123456789",
		"manifest key": "PlantedManifestKey0123456789abcd", "process secret": "PlantedProcessSecret0123456789",
		"key": "PlantedKeyInUse0123456789", "spare secret": "PlantedSpareSecret0123456789", "spare key": "PlantedSpareKey0123456789",
		"client state": "PlantedClientState0123456789",
	}
	id, err := s.SaveSettings(ctx, 0, connection.Settings{Tenant: "planted-tenant", ClientSecret: secrets["client secret"], KeyPEM: secrets["key"]})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveSpare(ctx, id, connection.Credential{Secret: secrets["spare secret"], KeyPEM: secrets["spare key"]}); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveSubscription(ctx, connection.Subscription{ID: "one", Connection: id, ClientState: secrets["client state"]}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetTokenCache(ctx, id, "user", []byte(secrets["token"])); err != nil {
		t.Fatal(err)
	}
	if err := s.AddSign(ctx, gateway.Sign{ID: "one"}, devices.Credential{Sign: "one", ManifestKey: []byte(secrets["manifest key"])}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetSecret(ctx, "ca", []byte(secrets["process secret"])); err != nil {
		t.Fatal(err)
	}
	secrets["master key"] = string(o.Key[:])
	search := func(when string) {
		t.Helper()
		tenant := false
		files, err := filepath.Glob(filepath.Join(filepath.Dir(o.Path), "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			tenant = tenant || bytes.Contains(b, []byte("planted-tenant"))
			for name, secret := range secrets {
				if bytes.Contains(b, []byte(secret)) {
					t.Errorf("%s: %s holds the %s", when, filepath.Base(f), name)
				}
			}
		}
		if !tenant {
			t.Errorf("%s: the search does not find what is stored openly", when)
		}
	}
	search("open")
	if err := s.SwapCredential(ctx, id); err != nil {
		t.Fatal(err)
	}
	search("swapped")
	closed(t, s)
	search("closed")
}
