package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// Lives of the certificates that signs trust: the authority is pinned by the
// signs, the leaf is renewed while the gateway runs.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	leafRenewal   = 60 * 24 * time.Hour // before its end
)

// authority is the gateway's own certificate authority for MQTT over TLS. Its
// keys are made once and kept sealed in the store, so that the public key a
// sign pinned at pairing stays the same.
type authority struct {
	ca      *x509.Certificate
	caKey   *ecdsa.PrivateKey
	leafKey *ecdsa.PrivateKey
	names   []string
	own     *fileCertificate   // the administrator's, instead of ours; nil for none
	next    *devices.ServerKey // of the certificate that is to come; nil for none

	backupKey *ecdsa.PrivateKey // takes the place of leafKey

	mu   sync.Mutex
	leaf *tls.Certificate // guarded by mu
}

// secretStore keeps small sealed values by name.
type secretStore interface {
	Secret(ctx context.Context, name string) ([]byte, error)
	SetSecret(ctx context.Context, name string, value []byte) error
}

const authoritySecret = "mqtt-authority"

// openAuthority loads the authority or makes it at the first start. names are
// the host names and addresses of the leaf.
func openAuthority(ctx context.Context, store secretStore, names []string) (*authority, error) {
	bundle, err := store.Secret(ctx, authoritySecret)
	if errors.Is(err, gateway.ErrNotFound) {
		if bundle, err = newAuthority(); err == nil {
			err = store.SetSecret(ctx, authoritySecret, bundle)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("certificate authority of the broker: %w", err)
	}
	a := &authority{names: names}
	if err := a.parse(bundle); err != nil {
		return nil, fmt.Errorf("certificate authority of the broker: %w", err)
	}
	if a.backupKey != nil {
		return a, nil
	}
	// Made before there were backups.
	if bundle, err = withBackup(bundle); err == nil {
		err = store.SetSecret(ctx, authoritySecret, bundle)
	}
	if err == nil {
		err = a.parse(bundle)
	}
	if err != nil {
		return nil, fmt.Errorf("backup key of the broker: %w", err)
	}
	return a, nil
}

// newAuthority returns CA certificate, CA key, leaf key and its backup as PEM.
func newAuthority() ([]byte, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	tmpl := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: "Doorleaf signs"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityLife), IsCA: true, BasicConstraintsValid: true,
		MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, err
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for _, k := range []*ecdsa.PrivateKey{caKey, leafKey} {
		b, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			return nil, err
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})...)
	}
	return withBackup(out)
}

func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}

func (a *authority) parse(bundle []byte) error {
	var keys []*ecdsa.PrivateKey
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return err
			}
			a.ca = c
		case "PRIVATE KEY":
			k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return err
			}
			ec, ok := k.(*ecdsa.PrivateKey)
			if !ok {
				return errors.New("stored key is not ECDSA")
			}
			keys = append(keys, ec)
		}
	}
	if a.ca == nil || len(keys) < 2 || len(keys) > 3 {
		return errors.New("stored bundle is incomplete")
	}
	a.caKey, a.leafKey = keys[0], keys[1]
	if len(keys) == 3 {
		a.backupKey = keys[2]
	}
	return nil
}

// PEM returns the certificate signs trust.
func (a *authority) PEM() []byte {
	if a.own != nil {
		return a.own.chainPEM()
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.ca.Raw})
}

// fingerprint is the SHA-256 of the certificate that signs trust.
func (a *authority) fingerprint() string {
	if block, _ := pem.Decode(a.PEM()); block != nil {
		return fmt.Sprintf("%X", sha256.Sum256(block.Bytes))
	}
	return ""
}

// spki is the SHA-256 of the leaf's public key: what a pairing code is bound to.
func (a *authority) spki() ([32]byte, error) {
	if a.own != nil {
		return spkiOf(a.own.current(time.Now()).Leaf), nil
	}
	der, err := x509.MarshalPKIXPublicKey(&a.leafKey.PublicKey)
	return sha256.Sum256(der), err
}

// tlsConfig serves the leaf, renewed in time.
func (a *authority) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return a.current(time.Now())
	}}
}

func (a *authority) current(now time.Time) (*tls.Certificate, error) {
	if a.own != nil {
		return a.own.current(now), nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaf != nil && now.Before(a.leaf.Leaf.NotAfter.Add(-leafRenewal)) {
		return a.leaf, nil
	}
	tmpl := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: "Doorleaf broker"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(leafLife), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, n := range a.names {
		if ip := net.ParseIP(n); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.ca, &a.leafKey.PublicKey, a.caKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	a.leaf = &tls.Certificate{Certificate: [][]byte{der, a.ca.Raw}, PrivateKey: a.leafKey, Leaf: leaf}
	return a.leaf, nil
}
