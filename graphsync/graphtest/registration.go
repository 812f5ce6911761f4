package graphtest

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	secretLife   = 180 * 24 * time.Hour
	leastKeyBits = 2048
	keptJTIs     = 4096
)

// registration is an application in its home tenant. Its fields are guarded by
// Server.mu.
type registration struct {
	AppRegistration
	home         *Tenant
	clientID     string
	secrets      []secret // oldest first
	certificates []*x509.Certificate
	seen         map[string]time.Time // jti of assertions taken, with their end
}

type secret struct {
	id, value string
	expires   time.Time
}

// ErrBadCertificate is returned for a certificate the portal would not take.
var ErrBadCertificate = errors.New("graphtest: the certificate is not X.509 with an RSA key of at least 2048 bits")

// RegisterApp adds an application with one client secret, valid for 180 days.
// Nothing is consented yet. It panics on a certificate the portal would refuse.
func (t *Tenant) RegisterApp(reg AppRegistration) App {
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &registration{AppRegistration: reg, home: t, clientID: newID(), seen: map[string]time.Time{}}
	r.RedirectURIs, r.Certificates = slices.Clone(reg.RedirectURIs), nil
	for _, der := range reg.Certificates {
		if err := r.upload(der); err != nil {
			panic(err)
		}
	}
	first := secret{newID(), newSecret(), s.clock().Add(secretLife)}
	r.secrets = []secret{first}
	s.registrations[r.clientID] = r
	a := t.newApp(r, newID())
	a.Secret, a.SecretID = first.value, first.id
	t.apps[a.ClientID] = a
	return a.App
}

// changeRegistration runs change on a registered application of any tenant.
func (s *Server) changeRegistration(clientID string, change func(*registration) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.registrations[strings.ToLower(clientID)]
	if r == nil {
		return fmt.Errorf("%w: application %s", ErrUnknown, clientID)
	}
	return change(r)
}

// SetRedirectURIs replaces the application's redirect URIs.
func (s *Server) SetRedirectURIs(clientID string, uris ...string) error {
	return s.changeRegistration(clientID, func(r *registration) error {
		r.RedirectURIs = slices.Clone(uris)
		return nil
	})
}

// SetPermissions replaces the permissions listed in the registration; what was
// consented before stays consented.
func (s *Server) SetPermissions(clientID string, delegated, application []string) error {
	return s.changeRegistration(clientID, func(r *registration) error {
		r.Delegated, r.Application = slices.Clone(delegated), slices.Clone(application)
		return nil
	})
}

// SetSecretExpiry sets the moment from which every client secret is refused
// (AADSTS7000222).
func (s *Server) SetSecretExpiry(clientID string, at time.Time) error {
	return s.changeRegistration(clientID, func(r *registration) error {
		for i := range r.secrets {
			r.secrets[i].expires = at
		}
		return nil
	})
}

// NewSecret replaces all client secrets by one and returns its value.
func (s *Server) NewSecret(clientID string) (string, error) {
	var value string
	err := s.changeRegistration(clientID, func(r *registration) error {
		value = newSecret()
		r.secrets = []secret{{newID(), value, s.clock().Add(secretLife)}}
		return nil
	})
	return value, err
}

// AddSecret adds a client secret beside those there are and returns its value
// and its id.
func (s *Server) AddSecret(clientID string, expires time.Time) (value, id string, err error) {
	err = s.changeRegistration(clientID, func(r *registration) error {
		value, id = newSecret(), newID()
		r.secrets = append(r.secrets, secret{id, value, expires})
		return nil
	})
	return value, id, err
}

// RemoveSecret removes a client secret by its id.
func (s *Server) RemoveSecret(clientID, id string) error {
	return s.changeRegistration(clientID, func(r *registration) error {
		before := len(r.secrets)
		r.secrets = slices.DeleteFunc(r.secrets, func(x secret) bool { return x.id == id })
		if len(r.secrets) == before {
			return fmt.Errorf("%w: secret %s", ErrUnknown, id)
		}
		return nil
	})
}

// AddCertificate uploads a certificate (DER, as in a .cer file) beside those
// there are. It counts from its NotBefore to its NotAfter.
func (s *Server) AddCertificate(clientID string, der []byte) error {
	return s.changeRegistration(clientID, func(r *registration) error { return r.upload(der) })
}

// RemoveCertificates removes every certificate.
func (s *Server) RemoveCertificates(clientID string) error {
	return s.changeRegistration(clientID, func(r *registration) error {
		r.certificates = nil
		return nil
	})
}

// upload checks and keeps a certificate.
func (r *registration) upload(der []byte) error {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadCertificate, err)
	}
	if key, ok := c.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() < leastKeyBits {
		return ErrBadCertificate
	}
	r.certificates = append(r.certificates, c)
	return nil
}

// certificateFor finds the registered certificate with one of the two
// thumbprints of an assertion's header (x5t#S256 or the older x5t).
func (r *registration) certificateFor(t *jwt) *x509.Certificate {
	for _, c := range r.certificates {
		if t.matches(c) {
			return c
		}
	}
	return nil
}

// replayed notes an assertion's jti and tells whether it came before.
func (r *registration) replayed(jti string, until, now time.Time) bool {
	if end, known := r.seen[jti]; known && now.Before(end) {
		return true
	}
	if len(r.seen) >= keptJTIs {
		for old, end := range r.seen {
			if !now.Before(end) {
				delete(r.seen, old)
			}
		}
	}
	r.seen[jti] = until
	return false
}
