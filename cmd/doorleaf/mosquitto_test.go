package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mosquitto is Debian's, with TLS, as an administrator sets it up.
type mosquitto struct {
	t         *testing.T
	dir, addr string
	conf      []string
	cmd       *exec.Cmd
}

const brokerPassword = "a password of the broker"

// newMosquitto prepares one; lines are added to its configuration.
func newMosquitto(t *testing.T, lines func(dir string) []string) *mosquitto {
	t.Helper()
	if _, err := os.Stat("/usr/sbin/mosquitto"); err != nil {
		t.Skip("mosquitto is missing: install mosquitto")
	}
	m := &mosquitto{t: t, dir: t.TempDir(), addr: freeAddress(t)}
	m.certify()
	host, port, _ := net.SplitHostPort(m.addr)
	m.conf = append([]string{"listener " + port + " " + host, "allow_anonymous false", "user root",
		"certfile " + m.file("cert.pem"), "keyfile " + m.file("key.pem")}, lines(m.dir)...)
	t.Cleanup(m.kill)
	return m
}

// dynamicSecurity is a mosquitto with the plugin and nobody but root.
func dynamicSecurity(t *testing.T) *mosquitto {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/*/mosquitto_dynamic_security.so")
	if len(found) == 0 {
		t.Skip("mosquitto_dynamic_security.so is missing: install mosquitto")
	}
	if _, err := exec.LookPath("mosquitto_ctrl"); err != nil {
		t.Skip("mosquitto_ctrl is missing: install mosquitto")
	}
	m := newMosquitto(t, func(dir string) []string {
		return []string{"plugin " + found[0], "plugin_opt_config_file " + filepath.Join(dir, "dynsec.json")}
	})
	m.forget()
	return m
}

func (m *mosquitto) file(name string) string { return filepath.Join(m.dir, name) }

// forget makes the plugin's state what it is at first.
func (m *mosquitto) forget() {
	m.t.Helper()
	_ = os.Remove(m.file("dynsec.json"))
	cmd := exec.Command("mosquitto_ctrl", "dynsec", "init", m.file("dynsec.json"), "root", brokerPassword)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("mosquitto_ctrl: %v\n%s", err, out)
	}
}

// certify makes the broker's certificate, of its own authority.
func (m *mosquitto) certify() {
	m.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		m.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		m.t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(m.file(name), pem.EncodeToMemory(block), 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
}

func (m *mosquitto) start() {
	m.t.Helper()
	if err := os.WriteFile(m.file("mosquitto.conf"), []byte(strings.Join(append(m.conf, ""), "\n")), 0o600); err != nil {
		m.t.Fatal(err)
	}
	log, err := os.OpenFile(m.file("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	const running = " running" // said once signals are handled, which is after the port is open
	before := strings.Count(m.log(), running)
	m.cmd = exec.Command("/usr/sbin/mosquitto", "-v", "-c", m.file("mosquitto.conf"))
	m.cmd.Stdout, m.cmd.Stderr = log, log
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	awaitPort(m.t, m.addr)
	for end := time.Now().Add(patience); strings.Count(m.log(), running) == before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatalf("mosquitto does not say that it runs:\n%s", m.log())
		}
	}
}

func awaitPort(t *testing.T, addr string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("nothing listens on %s: %v", addr, err)
		}
	}
}

func (m *mosquitto) kill() {
	if m.cmd != nil {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait()
		m.cmd = nil
	}
}

// reload makes it read its files again.
func (m *mosquitto) reload() {
	if m.cmd != nil {
		_ = m.cmd.Process.Signal(syscall.SIGHUP)
	}
}

func (m *mosquitto) url() string { return "mqtts://" + m.addr }

// log returns what it logged.
func (m *mosquitto) log() string {
	b, _ := os.ReadFile(m.file("log"))
	return string(b)
}

// secret writes a password to a file and returns its name.
func (m *mosquitto) secret(name, password string) string {
	m.t.Helper()
	if err := os.WriteFile(m.file(name), fmt.Appendln(nil, password), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return m.file(name)
}
