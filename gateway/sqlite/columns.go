package sqlite

import (
	"fmt"
	"time"
	"unicode/utf8"

	"doorleaf/gateway"
)

// ms is an instant as stored: unix milliseconds, NULL for the zero time.
func ms(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// instant scans what ms stored, in UTC.
type instant struct{ t *time.Time }

func (i instant) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*i.t = time.Time{}
	case int64:
		*i.t = time.UnixMilli(v).UTC()
	default:
		return fmt.Errorf("instant from %T", src)
	}
	return nil
}

// hash32 is a digest as stored: its 32 bytes, NULL for the zero digest.
func hash32[T ~[32]byte](d T) any {
	b := [32]byte(d)
	if b == ([32]byte{}) {
		return nil
	}
	return b[:]
}

// digest32 scans what hash32 stored.
type digest32[T ~[32]byte] struct{ d *T }

func (s digest32[T]) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s.d = T{}
	case []byte:
		if len(v) != 32 {
			return fmt.Errorf("digest of %d bytes", len(v))
		}
		*s.d = T(v)
	default:
		return fmt.Errorf("digest from %T", src)
	}
	return nil
}

func scan32[T ~[32]byte](d *T) digest32[T] { return digest32[T]{d} }

// text cuts s to at most n bytes at a character's border.
func text(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// within fails with ErrInvalid when a value that cannot be cut is too long.
func within(what string, size, limit int) error {
	if size > limit {
		return fmt.Errorf("%w: %s of %d bytes, at most %d", gateway.ErrInvalid, what, size, limit)
	}
	return nil
}

// ptr is nil for the zero value, so that it is stored as NULL.
func ptr[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
