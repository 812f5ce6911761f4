package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup copies the database at path, which another process may be using, to a
// new file. The copy is whole and of one moment, and on the disk when Backup
// returns. It is ErrForeign when path is not a Doorleaf database.
func Backup(ctx context.Context, path, file string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	if err := isOurs(ctx, path); err != nil {
		return err
	}
	file, err := filepath.Abs(file) // SQLite takes a name that begins with "file:" for an address
	if err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	// VACUUM INTO wants an empty file or none; an empty one has our permissions.
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	db := sql.OpenDB(&connector{dsn: dsn(path, "ro"), pragmas: []string{"PRAGMA busy_timeout = 10000", "PRAGMA trusted_schema = OFF"}})
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", file)
	if err = errors.Join(err, db.Close(), f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("sqlite: backup to %s: %w", file, err), os.Remove(file))
	}
	return nil
}

// Verify reads the database at path whole: every page, every index. It fails
// with ErrForeign for another file and names the damage otherwise.
func Verify(ctx context.Context, path string) error {
	if err := isOurs(ctx, path); err != nil {
		return err
	}
	db := sql.OpenDB(&connector{dsn: dsn(path, "ro"), pragmas: readerPragmas})
	defer db.Close()
	var answer string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&answer); err != nil {
		return fmt.Errorf("sqlite: verify %s: %w", path, err)
	}
	if answer != "ok" {
		return fmt.Errorf("sqlite: %s is damaged: %s", path, answer)
	}
	return nil
}

func isOurs(ctx context.Context, path string) error {
	db := sql.OpenDB(&connector{dsn: dsn(path, "ro"), pragmas: readerPragmas})
	defer db.Close()
	var id int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil || id != applicationID {
		return fmt.Errorf("sqlite: %s: %w", path, ErrForeign)
	}
	return nil
}
