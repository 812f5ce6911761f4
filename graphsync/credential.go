package graphsync

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"doorleaf/gateway/connection"
)

// Certificates that the gateway makes for itself.
const (
	certificateLife = 2 * 365 * 24 * time.Hour
	certificateBits = 3072
	maxPEM          = 64 << 10 // bytes that are looked at
)

// prove is what MSAL shows the token endpoint: the certificate where there is
// one, else the secret.
func prove(set connection.Settings) (confidential.Credential, error) {
	if set.CertPEM == "" {
		c, err := confidential.NewCredFromSecret(set.ClientSecret)
		if err != nil {
			return c, &connection.Error{Kind: connection.SecretMissing, Op: tokenOp}
		}
		return c, nil
	}
	cert, key, err := readCertificate(set.CertPEM, set.KeyPEM)
	if err != nil {
		return confidential.Credential{}, &connection.Error{Kind: connection.BadCertificate, Op: tokenOp}
	}
	c, err := confidential.NewCredFromCert([]*x509.Certificate{cert}, key)
	if err != nil {
		return confidential.Credential{}, &connection.Error{Kind: connection.BadCertificate, Op: tokenOp}
	}
	return c, nil
}

// readCertificate reads a certificate and its key and checks that they belong
// together. Nothing of either is in an error.
func readCertificate(certPEM, keyPEM string) (*x509.Certificate, crypto.PrivateKey, error) {
	if len(certPEM) > maxPEM || len(keyPEM) > maxPEM {
		return nil, nil, errors.New("certificate or key is too long")
	}
	block, _ := pem.Decode([]byte(certPEM))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, nil, errors.New("no certificate in PEM form")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, errors.New("the certificate is damaged")
	}
	block, _ = pem.Decode([]byte(keyPEM))
	if block == nil {
		return nil, nil, errors.New("no key in PEM form")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil { // the older form
		if key, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			return nil, nil, errors.New("the key is damaged")
		}
	}
	private, ok := key.(*rsa.PrivateKey)
	public, isRSA := cert.PublicKey.(*rsa.PublicKey)
	if !ok || !isRSA || !private.PublicKey.Equal(public) {
		return nil, nil, errors.New("the key is not the certificate's")
	}
	return cert, key, nil
}

// NewCertificate makes a key pair and a self-signed certificate of two years,
// puts both into the second slot and returns them. The key is for the store
// alone: it never leaves the gateway.
func (s *Service) NewCertificate(ctx context.Context, id connection.ID) (connection.Credential, error) {
	if _, err := s.store.Connection(ctx, id); err != nil {
		return connection.Credential{}, err
	}
	host := "gateway"
	if u, err := url.Parse(s.redirect); err == nil {
		host = u.Hostname()
	}
	c, err := makeCertificate(host, s.now())
	if err != nil {
		return connection.Credential{}, &connection.Error{Kind: connection.InternalFault, Op: "make certificate"}
	}
	if err := s.store.SaveSpare(ctx, id, c); err != nil {
		return connection.Credential{}, err
	}
	s.log.Info("certificate made", "connection", id)
	return c, nil
}

func makeCertificate(host string, now time.Time) (connection.Credential, error) {
	key, err := rsa.GenerateKey(rand.Reader, certificateBits)
	if err != nil {
		return connection.Credential{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return connection.Credential{}, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Doorleaf " + host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return connection.Credential{}, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return connection.Credential{}, err
	}
	return connection.Credential{
		CertPEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		KeyPEM:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
	}, nil
}

// spare returns the connection as it would be with its second credential.
func (s *Service) spare(ctx context.Context, id connection.ID) (connection.Connection, error) {
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return c, err
	}
	if c.Spare.IsZero() {
		return c, &connection.Error{Kind: connection.SecretMissing, Op: "second credential"}
	}
	c.Settings = c.Settings.With(c.Spare)
	return c, CheckSettings(c.Settings)
}

// TestSpare tests the second credential with real calls; nothing changes. A
// failed call is a line, not an error.
func (s *Service) TestSpare(ctx context.Context, id connection.ID) ([]connection.Check, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, err := s.spare(ctx, id)
	if err != nil {
		return nil, err
	}
	p, err := s.tryAppOnly(ctx, c, roomsToChoose, true)
	return p.checks, err
}

// UseSpare tests the second credential and, when Microsoft accepts it, takes it
// into use; the one before it goes into the slot. Sessions begin anew.
func (s *Service) UseSpare(ctx context.Context, id connection.ID) ([]connection.Check, error) {
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return nil, err
	}
	tested := c.Spare
	checks, err := s.TestSpare(ctx, id)
	if err != nil {
		return checks, err
	}
	if len(checks) == 0 || checks[0].Name != connection.CheckToken || !checks[0].OK {
		return checks, nil
	}
	now, err := s.store.Connection(ctx, id)
	if err != nil {
		return checks, err
	}
	if now.Spare != tested { // replaced meanwhile: the new one was not tested
		return checks, &connection.Error{Kind: connection.StateMismatch, Op: "second credential"}
	}
	if err := s.store.SwapCredential(ctx, id); err != nil {
		return checks, err
	}
	s.attempts.forget(id)
	s.closeSession(id)
	s.health.forget(id)
	s.log.Info("second credential taken into use", "connection", id)
	s.wake()
	return checks, nil
}

// refreshLife is how long Microsoft keeps an unused refresh token of a web
// application.
const refreshLife = 90 * 24 * time.Hour

// Lifetimes lists what of a connection ends, the soonest first by kind.
func (s *Service) Lifetimes(ctx context.Context, id connection.ID) ([]connection.Lifetime, error) {
	c, err := s.store.Connection(ctx, id)
	if err != nil {
		return nil, err
	}
	var list []connection.Lifetime
	for _, slot := range []struct {
		c     connection.Credential
		spare bool
	}{{c.Settings.Credential(), false}, {c.Spare, true}} {
		if l, ok := credentialLife(slot.c); ok {
			l.Spare = slot.spare
			list = append(list, l)
		}
	}
	if c.State.Mode == connection.Delegated {
		since := c.State.ConnectedAt
		if c.State.RefreshedAt.After(since) {
			since = c.State.RefreshedAt
		}
		list = append(list, connection.Lifetime{What: connection.LifeRefreshToken, Label: c.State.Account, Ends: since.Add(refreshLife), Auto: true, Count: 1})
	}
	subs, err := s.store.Subscriptions(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(subs) > 0 {
		l := connection.Lifetime{What: connection.LifeSubscription, Ends: subs[0].Expires, Auto: true, Count: len(subs)}
		for _, sub := range subs {
			if sub.Expires.Before(l.Ends) {
				l.Ends = sub.Expires
			}
		}
		list = append(list, l)
	}
	return list, nil
}

func credentialLife(c connection.Credential) (connection.Lifetime, bool) {
	switch {
	case c.CertPEM != "":
		l := connection.Lifetime{What: connection.LifeCertificate, Count: 1}
		if cert, _, err := readCertificate(c.CertPEM, c.KeyPEM); err == nil {
			l.Label, l.Ends = cert.Subject.CommonName, cert.NotAfter
		}
		return l, true
	case c.Secret != "":
		l := connection.Lifetime{What: connection.LifeSecret, Count: 1}
		if end, err := time.Parse(time.DateOnly, c.Expires); err == nil {
			l.Ends = end.Add(24 * time.Hour)
		}
		return l, true
	}
	return connection.Lifetime{}, false
}

// checkCertificate is the part of CheckSettings about the certificate.
func checkCertificate(certPEM, keyPEM string, now time.Time) error {
	cert, _, err := readCertificate(certPEM, keyPEM)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	if now.After(cert.NotAfter) {
		return errCertificateEnded
	}
	if now.Before(cert.NotBefore.Add(-clockSkew)) {
		return errors.New("certificate: it begins in the future")
	}
	return nil
}

var errCertificateEnded = errors.New("the certificate has ended")
