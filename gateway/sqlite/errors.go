package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	sqlite3 "github.com/mattn/go-sqlite3"

	"doorleaf/gateway"
)

// failed names the operation and maps SQLite's result codes to the sentinels of
// gateway: a uniqueness rule to ErrConflict, a missing parent or row to
// ErrNotFound, another constraint to ErrInvalid, a full disk to ErrDiskFull, a
// file that another program holds to ErrLocked.
func failed(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlite: %s: %w", op, kind(err))
}

func kind(err error) error {
	var e sqlite3.Error
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return gateway.ErrNotFound
	case errors.As(err, &e) && e.Code == sqlite3.ErrFull:
		return fmt.Errorf("%w: %w", gateway.ErrDiskFull, err)
	case errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked):
		return fmt.Errorf("%w: %w", gateway.ErrLocked, err)
	case !errors.As(err, &e) || e.Code != sqlite3.ErrConstraint:
		return err
	}
	switch e.ExtendedCode {
	case sqlite3.ErrConstraintUnique, sqlite3.ErrConstraintPrimaryKey, sqlite3.ErrConstraintRowID:
		return gateway.ErrConflict
	case sqlite3.ErrConstraintForeignKey:
		return gateway.ErrNotFound
	}
	return gateway.ErrInvalid
}

// found turns the number of rows an UPDATE or DELETE met into ErrNotFound.
func found(n int64, err error) error {
	if err == nil && n == 0 {
		return gateway.ErrNotFound
	}
	return err
}
