// Package provision keeps the credentials and rights of signs at a broker that
// is not ours: mosquitto with its dynamic-security plugin, RabbitMQ through its
// management API, and files for everything else. Each makes the broker agree
// with the signs that are paired, touches no user that this gateway did not
// make, and can be repeated at any time. A Keeper decides when.
//
// It neither pairs signs nor stores anything itself; passwords come from the
// Source, are sent to the broker, and stand in no error and no log line.
//
// A Keeper is safe for concurrent use, a Broker is used by its Keeper alone.
package provision

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"doorleaf/devices"
)

// Broker is one kind of broker.
type Broker interface {
	// Reconcile lets exactly these signs in, and none that this gateway let in
	// before. Signs without a password that the broker does not know yet are
	// counted in Changes.Unknown.
	Reconcile(ctx context.Context, logins []devices.Login) (Changes, error)
	// Put lets one sign in, or changes its password.
	Put(ctx context.Context, l devices.Login) error
	// Remove takes a sign's rights away and closes its session where the broker
	// can. A sign that is not there is no error.
	Remove(ctx context.Context, id devices.SignID) error
}

// Changes counts what a reconciliation did.
type Changes struct {
	Added, Updated, Removed int
	Unknown                 int // signs whose password is not known: they have to be paired again
}

// none reports whether nothing was changed.
func (c Changes) none() bool { return c.Added+c.Updated+c.Removed == 0 }

// Account is a user name with its password.
type Account struct{ User, Password string }

// Pairing users of SPEC.md, DL-PAIR-1: the password is no secret.
const (
	pairUser     = "pair"
	pairPassword = "pair"
)

// Seed is a random secret of one gateway. From it come the salts of hashes and
// the mark by which the gateway knows the users that it made, so that two
// gateways at one broker leave each other's alone.
type Seed [32]byte

// site is the mark of what this gateway made.
func (s Seed) site() string { return hex.EncodeToString(s.derive("site", "", "")[:8]) }

// mark tells whether a broker has the newest password of a user, without
// telling anything about it.
func (s Seed) mark(user, password string) string {
	return hex.EncodeToString(s.derive("mark", user, password)[:8])
}

// salt is fresh for each password of each user, and the same every time.
func (s Seed) salt(kind, user, password string, n int) []byte {
	return s.derive("salt "+kind, user, password)[:n]
}

func (s Seed) derive(what, user, password string) []byte {
	m := hmac.New(sha256.New, s[:])
	for _, part := range []string{"doorleaf/1 broker", what, user, password} {
		m.Write([]byte(part))
		m.Write([]byte{0})
	}
	return m.Sum(nil)
}

// Errors that a Broker returns, to be told apart with errors.Is.
var (
	// ErrUnreachable: no connection, or no answer in time.
	ErrUnreachable = errors.New("the broker's administration cannot be reached")
	// ErrRefused: the administrator's user name or password is wrong, or it may
	// not administer.
	ErrRefused = errors.New("the broker refuses the administrator's user name or password")
	// ErrNoPlugin: the broker answers, but nothing there administers it.
	ErrNoPlugin = errors.New("the broker does not answer administration: is the plugin loaded, and may this user use it?")
	// ErrAnswer: an answer that makes no sense.
	ErrAnswer = errors.New("the broker's administration gives an answer that cannot be read")
	// ErrNoPassword: the sign was paired by a version that kept no password.
	ErrNoPassword = errors.New("the sign's password is not known here: pair it again")
)

// isID reports whether s can be a sign's id: 16 characters of a-z and 2-7.
func isID(s string) bool {
	return len(s) == 16 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// byID indexes logins and refuses what is no sign: ids become part of patterns
// and of addresses.
func byID(logins []devices.Login) (map[string]devices.Login, error) {
	m := make(map[string]devices.Login, len(logins))
	for _, l := range logins {
		if err := checkLogin(l); err != nil {
			return nil, err
		}
		m[string(l.Sign)] = l
	}
	return m, nil
}

// checkLogin refuses what cannot be a line of a file or part of an address.
func checkLogin(l devices.Login) error {
	if !isID(string(l.Sign)) {
		return fmt.Errorf("provision: %q is no sign", l.Sign)
	}
	if len(l.Password) > 128 || strings.Trim(l.Password, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return fmt.Errorf("provision: password of sign %s is not as the protocol makes it", l.Sign)
	}
	return nil
}
