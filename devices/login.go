package devices

import "errors"

// ErrNotAdmitted: a broker that is not ours does not let a new sign in.
var ErrNotAdmitted = errors.New("the broker does not let the sign in")

// Login is what a sign logs in with at a broker.
type Login struct {
	Sign SignID
	// Password is the MQTT password, "" where only its hash was kept: signs that
	// were paired by an earlier version.
	Password     string
	PasswordHash [32]byte // SHA-256 of the MQTT password
}
