package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// acmeServer starts Let's Encrypt's own test server. It reaches every name at
// this machine's port tlsPort. It returns its directory and a file with the
// authority of its pages.
func acmeServer(t *testing.T, tlsPort int) (directory, caFile string) {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "20") // of 100: clients must try again
	asked, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	names := &dns.Server{Listener: asked, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			a.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(a)
	})}
	go func() { _ = names.ActivateAndServe() }()
	t.Cleanup(func() { _ = names.Shutdown() })

	quiet := log.New(t.Output(), "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	validator := va.New(quiet, 1, tlsPort, false, asked.Addr().String(), store)
	front := wfe.New(quiet, store, validator, authority, []string{"pebble.letsencrypt.org"}, false, false, 1, 1)
	srv := httptest.NewTLSServer(front.Handler())
	t.Cleanup(srv.Close)
	caFile = filepath.Join(t.TempDir(), "acme-ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return srv.URL + wfe.DirectoryPath, caFile
}

// handshake asks the pages for a certificate of name.
func handshake(address, name string) (*x509.Certificate, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 30 * time.Second}, "tcp", address, &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// TestACME gets the certificate of the pages from a real ACME server, keeps it
// over a restart, and asks for no other name.
func TestACME(t *testing.T) {
	listen := freeAddress(t)
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	directory, caFile := acmeServer(t, n)
	data := filepath.Join(t.TempDir(), "gateway")
	start := func() *child {
		c := startChild(t, "run", nil, "serve", "-data", data, "-listen", listen, "-mqtt-listen", freeAddress(t), "-public-url", "https://signs.contoso.example",
			"-acme", "true", "-acme-url", directory, "-acme-email", "it@contoso.example", "-ca-file", caFile)
		c.waitFor("the pages", 0, func(line string) bool { return strings.Contains(line, "listening") })
		return c
	}
	c := start()
	c.waitFor("the certificate", 0, func(line string) bool { return strings.Contains(line, "certificate of the pages") })
	first, err := handshake(listen, "signs.contoso.example")
	if err != nil {
		t.Fatalf("%v\n%s", err, c.output())
	}
	if err := first.VerifyHostname("signs.contoso.example"); err != nil || len(first.Issuer.CommonName) == 0 {
		t.Errorf("certificate of %q by %q: %v", first.DNSNames, first.Issuer.CommonName, err)
	}
	if _, err := handshake(listen, "other.contoso.example"); err == nil {
		t.Error("a certificate for another name")
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{ServerName: "signs.contoso.example", InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	res, err := client.Get("https://" + listen + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("GET /healthz = %s", res.Status)
	}
	c.kill()
	start()
	again, err := handshake(listen, "signs.contoso.example")
	if err != nil {
		t.Fatal(err)
	}
	if !again.Equal(first) {
		t.Error("after a restart the certificate is another one: it was not kept")
	}
}
