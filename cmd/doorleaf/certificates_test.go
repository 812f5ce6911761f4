package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writeCertificate writes a certificate named name of the key; at is the time of the
// files.
func writeCertificate(t *testing.T, cert, key string, k *ecdsa.PrivateKey, name string, at time.Time) {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"}, NotBefore: at.Add(-time.Hour), NotAfter: at.Add(90 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: b}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestFileCertificateIsReadAnew(t *testing.T) {
	for _, pinned := range []bool{false, true} {
		cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
		now := time.Now()
		k := newKey(t)
		writeCertificate(t, cert, key, k, "first", now)
		f, err := openFileCertificate(cert, key, pinned, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		serves := func(want, when string) {
			t.Helper()
			now = now.Add(2 * recheck)
			if got := f.current(now).Leaf.Subject.CommonName; got != want {
				t.Errorf("pinned %v, %s: serves %q, want %q", pinned, when, got, want)
			}
		}
		serves("first", "at the start")
		writeCertificate(t, cert, key, k, "renewed", now.Add(time.Minute))
		serves("renewed", "renewed with the same key")
		if err := os.WriteFile(cert, []byte("-----BEGIN CERT"), 0o600); err != nil {
			t.Fatal(err)
		}
		serves("renewed", "half written")
		if err := os.Remove(cert); err != nil {
			t.Fatal(err)
		}
		serves("renewed", "removed")
		writeCertificate(t, cert, key, newKey(t), "other key", now.Add(2*time.Minute))
		if pinned {
			serves("renewed", "another key that paired signs do not know")
		} else {
			serves("other key", "another key")
		}
		if block, _ := pem.Decode(f.chainPEM()); block == nil {
			t.Error("nothing to trust")
		}
	}
}

func TestCertificateSettings(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		ok   bool
	}{
		{"ACME with a public name", []string{"-acme", "true", "-public-url", "https://signs.example.com"}, true},
		{"ACME beyond loopback", []string{"-acme", "true", "-public-url", "https://signs.example.com", "-listen", ":443"}, true},
		{"ACME without a name", []string{"-acme", "true"}, false},
		{"ACME with an address", []string{"-acme", "true", "-public-url", "https://192.0.2.1"}, false},
		{"ACME with localhost", []string{"-acme", "true", "-public-url", "https://localhost:8443"}, false},
		{"ACME and files", []string{"-acme", "true", "-public-url", "https://signs.example.com", "-tls-cert-file", "a", "-tls-key-file", "b"}, false},
		{"ACME behind a proxy", []string{"-acme", "true", "-public-url", "https://signs.example.com", "-behind-proxy", "true"}, false},
		{"ACME server without TLS", []string{"-acme", "true", "-public-url", "https://signs.example.com", "-acme-url", "http://ca.example.com/dir"}, false},
		{"broker's certificate without key", []string{"-mqtt-tls-cert-file", "a"}, false},
	} {
		_, err := readConfig("serve", tt.args, nil, stdio{err: t.Output()})
		if (err == nil) != tt.ok {
			t.Errorf("%s: got error %v", tt.name, err)
		}
	}
}
