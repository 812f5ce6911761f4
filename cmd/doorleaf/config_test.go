package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway/connection"
)

func TestConfig(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		env  []string
		want string // part of the error, "" for none
	}{
		{"nothing set", nil, nil, ""},
		{"foreign variables are ignored", nil, []string{"PATH=/bin", "HOME=/"}, ""},
		{"unknown variable", nil, []string{"DOORLEAF_MQTT_LISTN=x"}, "DOORLEAF_MQTT_LISTN"},
		{"unknown argument", []string{"now"}, nil, `"now"`},
		{"plain HTTP beyond loopback", []string{"-listen", "0.0.0.0:8080"}, nil, "DOORLEAF_TLS_CERT_FILE"},
		{"all addresses are beyond loopback", []string{"-listen", ":8080"}, nil, "DOORLEAF_TLS_CERT_FILE"},
		{"behind a proxy", []string{"-listen", ":8080", "-behind-proxy", "true", "-public-url", "https://signs.example.com"}, nil, ""},
		{"behind a proxy without name", []string{"-listen", ":8080", "-behind-proxy", "true"}, nil, "DOORLEAF_PUBLIC_URL"},
		{"certificate without key", []string{"-tls-cert-file", "c.pem"}, nil, "belong together"},
		{"public URL with a path", nil, []string{"DOORLEAF_PUBLIC_URL=https://signs.example.com/m"}, "DOORLEAF_PUBLIC_URL"},
		{"plain public URL", nil, []string{"DOORLEAF_PUBLIC_URL=http://signs.example.com"}, "DOORLEAF_PUBLIC_URL"},
		{"Graph address with a version", nil, []string{"DOORLEAF_GRAPH_URL=https://graph.example.com/v1.0", "DOORLEAF_LOGIN_URL=https://login.example.com"}, "DOORLEAF_GRAPH_URL"},
		{"half a custom cloud", nil, []string{"DOORLEAF_GRAPH_URL=https://graph.example.com"}, "belong together"},
		{"plain MQTT beyond loopback", nil, []string{"DOORLEAF_MQTT_LISTEN=mqtt://0.0.0.0:1883"}, "DOORLEAF_MQTT_PLAIN"},
		{"plain MQTT beyond loopback, wanted", nil, []string{"DOORLEAF_MQTT_LISTEN=mqtt://0.0.0.0:1883", "DOORLEAF_MQTT_PLAIN=true"}, ""},
		{"poll interval", nil, []string{"DOORLEAF_POLL_INTERVAL=1ms"}, "DOORLEAF_POLL_INTERVAL"},
		{"notifications off", nil, []string{"DOORLEAF_NOTIFY_URL=off"}, ""},
		{"notifications through a relay", nil, []string{"DOORLEAF_NOTIFY_URL=https://relay.example.com/a/b"}, ""},
		{"plain notifications", nil, []string{"DOORLEAF_NOTIFY_URL=http://relay.example.com/a"}, "DOORLEAF_NOTIFY_URL"},
		{"notifications without a host", nil, []string{"DOORLEAF_NOTIFY_URL=https:///a"}, "DOORLEAF_NOTIFY_URL"},
		{"broker with a port that is none", nil, []string{"DOORLEAF_MQTT_URL=mqtt://u:p@broker.example.com:99999"}, "DOORLEAF_MQTT_URL"},
		{"broker with a path", nil, []string{"DOORLEAF_MQTT_URL=mqtt://u:p@broker.example.com:1883/x"}, "DOORLEAF_MQTT_URL"},
		{"broker", nil, []string{"DOORLEAF_MQTT_URL=mqtts://u:p@broker.example.com:8883"}, ""},
		{"log level", nil, []string{"DOORLEAF_BEHIND_PROXY=perhaps"}, "DOORLEAF_BEHIND_PROXY"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := readConfig("serve", tc.args, tc.env, stdio{err: &bytes.Buffer{}})
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("got %v, want none", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want an error with %s", err, tc.want)
			}
		})
	}
}

func TestFlagsWinAndDefaultsFollow(t *testing.T) {
	c, err := readConfig("serve", []string{"-listen", "127.0.0.1:9000"},
		[]string{"DOORLEAF_LISTEN=127.0.0.1:9001", "DOORLEAF_DATA=d", "DOORLEAF_MQTT_LISTEN=127.0.0.1:1883, [::]:8883"}, stdio{})
	if err != nil {
		t.Fatal(err)
	}
	if c.listen != "127.0.0.1:9000" || c.publicURL != "http://localhost:9000" || c.masterKeyFile != filepath.Join("d", "master.key") {
		t.Errorf("got %+v", c)
	}
	if got := strings.Join(c.mqttListen, " "); got != "mqtt://127.0.0.1:1883 mqtts://[::]:8883" {
		t.Errorf("listeners: %s", got)
	}
}

func TestNotificationURL(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  []string
		want string
	}{
		{"nothing set: this machine only", nil, ""},
		{"public address", []string{"DOORLEAF_PUBLIC_URL=https://signs.example.com"}, "https://signs.example.com/graph/notifications"},
		{"public address with a port", []string{"DOORLEAF_PUBLIC_URL=https://signs.example.com:8443"}, "https://signs.example.com:8443/graph/notifications"},
		{"https on this machine", []string{"DOORLEAF_PUBLIC_URL=https://localhost:8443"}, ""},
		{"https on this machine by number", []string{"DOORLEAF_PUBLIC_URL=https://[::1]:8443"}, ""},
		{"off", []string{"DOORLEAF_PUBLIC_URL=https://signs.example.com", "DOORLEAF_NOTIFY_URL=off"}, ""},
		{"a relay", []string{"DOORLEAF_NOTIFY_URL=https://relay.example.com/a"}, "https://relay.example.com/a"},
		{"a relay instead of the public address", []string{"DOORLEAF_PUBLIC_URL=https://signs.example.com", "DOORLEAF_NOTIFY_URL=https://relay.example.com/a"}, "https://relay.example.com/a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := readConfig("serve", nil, tc.env, stdio{err: &bytes.Buffer{}})
			if err != nil {
				t.Fatal(err)
			}
			if got := c.notificationURL(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// Microsoft's notifications are answered only where they were asked for: the
// validation handshake tells.
func TestServesNotifications(t *testing.T) {
	for _, tc := range []struct {
		name, notify string
		want         int
	}{{"on", "https://relay.example.com/a", http.StatusOK}, {"off", "off", http.StatusNotFound}} {
		t.Run(tc.name, func(t *testing.T) {
			h := serveForTest(t, "-listen", "127.0.0.1:0", "-notify-url", tc.notify)
			res, err := http.Post(h.conf.publicURL+notificationPath+"?validationToken=abc", "text/plain", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if res.StatusCode != tc.want || err != nil || tc.want == http.StatusOK && string(b) != "abc" {
				t.Errorf("got %d %q, %v, want %d", res.StatusCode, b, err, tc.want)
			}
		})
	}
}

// What -h prints must not hold secrets of the environment.
func TestHelpKeepsSecrets(t *testing.T) {
	var out bytes.Buffer
	_, _ = readConfig("serve", []string{"-h"}, []string{"DOORLEAF_MQTT_URL=mqtt://u:hunter2@127.0.0.1:1883"}, stdio{err: &out})
	if !strings.Contains(out.String(), "DOORLEAF_MQTT_URL") || strings.Contains(out.String(), "hunter2") {
		t.Errorf("help: %s", out.String())
	}
}

// An address with a password where none belongs is refused without repeating it.
func TestErrorsKeepPasswords(t *testing.T) {
	for _, set := range []string{
		"DOORLEAF_PUBLIC_URL=https://u:hunter2@signs.example.com",
		"DOORLEAF_PUBLIC_URL=http://u:hunter2@signs.example.com/%zz",
		"DOORLEAF_GRAPH_URL=https://u:hunter2@graph.example.com",
		"DOORLEAF_LOGIN_URL=https://u:hunter2@login.example.com/v1.0",
		"DOORLEAF_MQTT_LISTEN=mqtts://u:hunter2@[::]:8883",
		"DOORLEAF_MQTT_LISTEN=u:hunter2@[::]:8883",
		"DOORLEAF_MQTT_URL=mqtt://u:hunter2@broker.example.com:99999",
		"DOORLEAF_NOTIFY_URL=https://u:hunter2@relay.example.com/a",
	} {
		name, _, _ := strings.Cut(set, "=")
		_, err := readConfig("serve", nil, []string{set}, stdio{err: &bytes.Buffer{}})
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error that names it without the password", name, err)
		}
	}
}

// writePair makes a certificate for localhost with the product's own authority.
func writePair(t *testing.T) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	bundle, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{names: []string{"localhost", "127.0.0.1"}}
	if err := a.parse(bundle); err != nil {
		t.Fatal(err)
	}
	leaf, err := a.current(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(a.leafKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM())
	return cert, key, roots
}

// serveForTest runs the gateway in this process until the test ends.
func serveForTest(t *testing.T, args ...string) *house {
	t.Helper()
	c, err := readConfig("serve", append([]string{"-data", filepath.Join(t.TempDir(), "gateway"), "-mqtt-listen", "127.0.0.1:0"}, args...), nil, stdio{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	started, done := make(chan *house, 1), make(chan error, 1)
	go func() {
		done <- serve(ctx, c, slog.New(slog.NewTextHandler(t.Output(), nil)), func(h *house) { started <- h })
	}()
	t.Cleanup(func() { cancel(); <-done })
	select {
	case h := <-started:
		return h
	case err := <-done:
		done <- err
		t.Fatal(err)
		return nil
	}
}

func TestServesHTTPS(t *testing.T) {
	cert, key, roots := writePair(t)
	h := serveForTest(t, "-listen", "127.0.0.1:0", "-tls-cert-file", cert, "-tls-key-file", key)
	if !strings.HasPrefix(h.conf.publicURL, "https://localhost:") || strings.HasSuffix(h.conf.publicURL, ":0") {
		t.Fatalf("public URL %s", h.conf.publicURL)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for _, path := range []string{"/healthz", "/readyz"} {
		within(t, path, func() bool {
			res, err := client.Get(h.conf.publicURL + path)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			return res.StatusCode == http.StatusOK
		})
	}
	lives := h.tlsLifetimes()
	var labels []string
	for _, l := range lives {
		labels = append(labels, fmt.Sprint(l.Label, " ", l.Auto))
		if left := time.Until(l.Ends); l.What != connection.LifeTLS || l.Count != 1 || left < 300*24*time.Hour {
			t.Errorf("lifetime %+v", l)
		}
	}
	if got, want := strings.Join(labels, ", "), "Doorleaf broker false, Doorleaf signs false, Doorleaf broker true"; got != want {
		t.Errorf("certificates: got %s, want %s", got, want)
	}
	res, err := client.Get(h.conf.publicURL + "/m")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'self'") {
		t.Errorf("Content-Security-Policy: %q", csp)
	}
}

// within waits until ok, for as long as patience lasts.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// The password file makes the first administrator, and only the first.
func TestAdminPasswordFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := serveForTest(t, "-listen", "127.0.0.1:0", "-admin-password-file", file)
	if h.setupURL != "" {
		t.Error("a one-time link is offered as well")
	}
	if a, err := h.store.AccountByName(t.Context(), "admin"); err != nil || !strings.HasPrefix(a.PasswordHash, "$argon2id$") {
		t.Errorf("account %+v, %v", a, err)
	}
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readPassword(file); err == nil || !strings.Contains(err.Error(), "8 characters") {
		t.Errorf("a short password: %v", err)
	}
}

// A second gateway on the same folder, and a taken address, say so.
func TestStartErrorsNameTheCause(t *testing.T) {
	h := serveForTest(t, "-listen", "127.0.0.1:0")
	taken := h.web.Addr().(*net.TCPAddr).String()
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"folder in use", []string{"-data", h.conf.data, "-listen", "127.0.0.1:0"}, "in use"},
		{"address in use", []string{"-data", filepath.Join(t.TempDir(), "g"), "-listen", taken}, "DOORLEAF_LISTEN"},
		{"missing certificate", []string{"-data", filepath.Join(t.TempDir(), "g"), "-listen", "127.0.0.1:0", "-tls-cert-file", "/nowhere.pem", "-tls-key-file", "/nowhere.pem"}, "DOORLEAF_TLS_CERT_FILE"},
		{"missing CA file", []string{"-data", filepath.Join(t.TempDir(), "g"), "-listen", "127.0.0.1:0", "-ca-file", "/nowhere.pem"}, "DOORLEAF_CA_FILE"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := readConfig("serve", append(tc.args, "-mqtt-listen", "127.0.0.1:0"), nil, stdio{})
			if err != nil {
				t.Fatal(err)
			}
			if err = serve(t.Context(), c, slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %s", err, tc.want)
			}
		})
	}
}
