package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"doorleaf/gateway"
)

// certificateConf is about certificates that are not of the gateway's own
// authority.
type certificateConf struct {
	acme      bool
	email     string
	directory string
	mqttCert  string // files, for the embedded broker
	mqttKey   string
	mqttNext  string
}

func certificateSettings() []setting {
	own := func(dst func(*certificateConf) *string) func(*config, string) error {
		return text(func(c *config) *string { return dst(&c.certificates) })
	}
	return []setting{
		{"DOORLEAF_ACME", "acme", "false", "get and renew the certificate of /m by ACME (Let's Encrypt); the name in DOORLEAF_PUBLIC_URL must lead to port 443 here", flagValue(func(c *config) *bool { return &c.certificates.acme })},
		{"DOORLEAF_ACME_EMAIL", "acme-email", "", "address that the certificate authority writes to", own(func(c *certificateConf) *string { return &c.email })},
		{"DOORLEAF_ACME_URL", "acme-url", acme.LetsEncryptURL, "directory of the ACME server", own(func(c *certificateConf) *string { return &c.directory })},
		{"DOORLEAF_MQTT_TLS_CERT_FILE", "mqtt-tls-cert-file", "", "PEM certificate chain for signs instead of one of the gateway's own authority", own(func(c *certificateConf) *string { return &c.mqttCert })},
		{"DOORLEAF_MQTT_TLS_KEY_FILE", "mqtt-tls-key-file", "", "PEM key of DOORLEAF_MQTT_TLS_CERT_FILE; keep it when the certificate is renewed, signs know it", own(func(c *certificateConf) *string { return &c.mqttKey })},
		{"DOORLEAF_MQTT_TLS_NEXT_CERT_FILE", "mqtt-tls-next-cert-file", "", "PEM certificate with another key that signs are to know before it takes the place of DOORLEAF_MQTT_TLS_CERT_FILE", own(func(c *certificateConf) *string { return &c.mqttNext })},
	}
}

// complete checks what must agree.
func (a *certificateConf) complete(c *config) error {
	if (a.mqttCert == "") != (a.mqttKey == "") {
		return errors.New("DOORLEAF_MQTT_TLS_CERT_FILE and DOORLEAF_MQTT_TLS_KEY_FILE belong together: set both or none")
	}
	if !a.acme {
		return nil
	}
	u, err := url.Parse(c.publicURL)
	if err != nil {
		return fmt.Errorf("DOORLEAF_PUBLIC_URL: %w", err)
	}
	name := u.Hostname()
	_, noName := netip.ParseAddr(name)
	switch {
	case c.tlsCertFile != "" || c.behindProxy:
		return errors.New("DOORLEAF_ACME does not go with DOORLEAF_TLS_CERT_FILE or DOORLEAF_BEHIND_PROXY: they bring the certificate themselves")
	case u.Scheme != "https" || noName == nil || !strings.Contains(name, "."):
		return errors.New("DOORLEAF_ACME needs DOORLEAF_PUBLIC_URL with https and a public host name, such as https://signs.example.com")
	}
	if d, err := url.Parse(a.directory); err != nil || d.Scheme != "https" || d.Host == "" {
		return fmt.Errorf("DOORLEAF_ACME_URL: want an https URL, got %q", a.directory)
	}
	return nil
}

// fileCertificate serves a certificate from files and takes a new one while the
// program runs.
type fileCertificate struct {
	cert, key string // files
	pinned    bool   // the public key may not change: signs know it
	log       *slog.Logger

	mu      sync.Mutex
	now     *tls.Certificate // guarded by mu
	files   [2]fileStamp     // guarded by mu
	checked time.Time        // guarded by mu
}

type fileStamp struct {
	at   time.Time
	size int64
}

// recheck is how often files are looked at.
const recheck = time.Minute

func openFileCertificate(cert, key string, pinned bool, log *slog.Logger) (*fileCertificate, error) {
	f := &fileCertificate{cert: cert, key: key, pinned: pinned, log: log}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	f.now, f.files = &pair, f.stamps()
	return f, nil
}

func (f *fileCertificate) stamps() (s [2]fileStamp) {
	for i, name := range []string{f.cert, f.key} {
		if info, err := os.Stat(name); err == nil {
			s[i] = fileStamp{info.ModTime(), info.Size()}
		}
	}
	return s
}

// current is the certificate in the files. One that cannot be read, is half
// written or breaks the pin is told once; the last good one stays.
func (f *fileCertificate) current(now time.Time) *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.checked) < recheck {
		return f.now
	}
	f.checked = now
	s := f.stamps()
	if s == f.files {
		return f.now
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	switch {
	case err != nil:
		f.log.Error("new certificate is not used", "file", f.cert, "err", err)
	case f.pinned && !bytes.Equal(pair.Leaf.RawSubjectPublicKeyInfo, f.now.Leaf.RawSubjectPublicKeyInfo):
		f.log.Error("new certificate is not used: it has another key, and paired signs know the old one; renew with the same key", "file", f.cert)
	default:
		f.now = &pair
		f.log.Info("certificate read anew", "file", f.cert, "ends", pair.Leaf.NotAfter)
	}
	f.files = s
	return f.now
}

// chainPEM is what a client may trust: the chain above the leaf, or the leaf.
func (f *fileCertificate) chainPEM() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	chain := f.now.Certificate
	if len(chain) > 1 {
		chain = chain[1:]
	}
	var out []byte
	for _, der := range chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}

// acmeManager gets and renews the certificate of the pages. Account key and
// certificates are kept sealed in the store.
func acmeManager(conf *config, store secretStore) (*autocert.Manager, error) {
	u, err := url.Parse(conf.publicURL)
	if err != nil {
		return nil, err
	}
	pool, err := rootCAs(conf.caFile)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: acmeCache{store}, HostPolicy: autocert.HostWhitelist(u.Hostname()), Email: conf.certificates.email,
		Client: &acme.Client{DirectoryURL: conf.certificates.directory, HTTPClient: &http.Client{Transport: transport, Timeout: time.Minute}, UserAgent: "doorleaf"},
	}, nil
}

// acmeCache keeps what autocert keeps as secrets of the store; an empty one is
// deleted.
type acmeCache struct{ store secretStore }

func (c acmeCache) Get(ctx context.Context, name string) ([]byte, error) {
	b, err := c.store.Secret(ctx, "acme:"+name)
	if errors.Is(err, gateway.ErrNotFound) || err == nil && len(b) == 0 {
		return nil, autocert.ErrCacheMiss
	}
	return b, err
}

func (c acmeCache) Put(ctx context.Context, name string, data []byte) error {
	return c.store.SetSecret(ctx, "acme:"+name, data)
}

func (c acmeCache) Delete(ctx context.Context, name string) error {
	return c.store.SetSecret(ctx, "acme:"+name, []byte{})
}

// leaf is the certificate that is kept for a host, nil for none.
func (c acmeCache) leaf(ctx context.Context, host string) *x509.Certificate {
	data, err := c.Get(ctx, host)
	if err != nil {
		return nil
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		return cert
	}
	return nil
}

// fetchCertificate gets the first certificate before anybody asks for it: a
// browser would not wait that long. Failures are tried again ever more rarely,
// as certificate authorities demand.
func fetchCertificate(ctx context.Context, m *autocert.Manager, host string, log *slog.Logger) {
	for wait := time.Minute; ; wait = min(2*wait, 6*time.Hour) {
		cert, err := m.GetCertificate(&tls.ClientHelloInfo{ServerName: host, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
			SupportedCurves: []tls.CurveID{tls.CurveP256}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
		if err == nil {
			log.Info("certificate of the pages", "name", host, "ends", cert.Leaf.NotAfter)
			return
		}
		log.Error("no certificate by ACME: the name must lead to this machine, port 443", "name", host, "again", wait, "err", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// webTLS is how the pages are served, nil for plain HTTP. With ACME it begins to
// get a certificate, until ctx ends.
func (h *house) webTLS(ctx context.Context) (*tls.Config, error) {
	switch {
	case h.conf.certificates.acme:
		m, err := acmeManager(h.conf, h.store)
		if err != nil {
			return nil, err
		}
		u, err := url.Parse(h.conf.publicURL)
		if err != nil {
			return nil, err
		}
		go fetchCertificate(ctx, m, u.Hostname(), h.log)
		c := m.TLSConfig()
		c.MinVersion = tls.VersionTLS12
		return c, nil
	case h.webFiles != nil:
		return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return h.webFiles.current(time.Now()), nil
		}}, nil
	}
	return nil, nil
}

// webLeaf is the certificate of the pages, nil for none.
func (h *house) webLeaf(ctx context.Context) (leaf *x509.Certificate, renewsItself bool) {
	switch {
	case h.conf.certificates.acme:
		if u, err := url.Parse(h.conf.publicURL); err == nil {
			return acmeCache{h.store}.leaf(ctx, u.Hostname()), true
		}
	case h.webFiles != nil:
		return h.webFiles.current(time.Now()).Leaf, false
	}
	return nil, false
}

func spkiOf(c *x509.Certificate) [32]byte { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }
