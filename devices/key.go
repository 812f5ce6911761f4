package devices

import "errors"

// CanRenew is the capability of a sign whose secret can be renewed.
const CanRenew Capabilities = 256

// ErrKeyNumber: a sign speaks of a secret that is not to be had.
var ErrKeyNumber = errors.New("no secret of that number")
