package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"doorleaf/devices"
)

// Limits of the codes that are remembered when no sign shows them any more.
const (
	maxSpent  = 256
	spentLife = time.Hour
)

// SpentCodeError says what became of a code that a sign showed before. It is a
// devices.ErrUnknownCode.
type SpentCodeError struct {
	Sign devices.SignID // the one that was paired by it, "" when the code ran out
}

func (e *SpentCodeError) Error() string {
	if e.Sign == "" {
		return "the code has run out"
	}
	return fmt.Sprintf("the code was used for sign %s", e.Sign)
}

// Unwrap returns devices.ErrUnknownCode.
func (*SpentCodeError) Unwrap() error { return devices.ErrUnknownCode }

// spentCode is a code that no sign shows any more.
type spentCode struct {
	code string
	sign devices.SignID // "" when it ran out
	at   time.Time
}

// spend remembers a code; the caller holds mu.
func (j *joinings) spend(code string, sign devices.SignID, at time.Time) {
	if len(j.spent) == maxSpent {
		j.spent = slices.Delete(j.spent, 0, 1)
	}
	j.spent = append(j.spent, spentCode{code, sign, at})
}

// wasShown returns what became of a code, nil for one that is not remembered;
// the caller holds mu.
func (j *joinings) wasShown(code string) error {
	for _, s := range slices.Backward(j.spent) {
		if s.code == code {
			return &SpentCodeError{s.sign}
		}
	}
	return nil
}

// scannedCode returns the code in what somebody put into a list: the code
// itself, or the address that a QR code on the glass leads to.
func scannedCode(text string) string {
	if _, code, ok := strings.Cut(text, "/m/pair?c="); ok {
		return code
	}
	return text
}

// ShowsCode returns the waiting sign that shows code, so that a person can
// compare it before it is paired. A code that no sign shows counts as a wrong
// one, as with Pair, but only once, because a page is read again and again. It
// fails with devices.ErrUnknownCode, a SpentCodeError or ErrTooMany.
func (c *Core) ShowsCode(_ context.Context, code string) (devices.Joining, error) {
	return c.joining.find(normalizeCode(code), time.Now(), true)
}
