package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"doorleaf/gateway"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks the file as ours in its header: "Door".
const applicationID = 0x446f6f72

// migrations is a list of files NNN_name.sql; file number N brings the schema
// from version N-1 to N. Released files never change, new ones are added.
type migrations struct {
	files fs.FS
	dir   string
}

var embedded = migrations{migrationFiles, "migrations"}

// list returns the names in order and checks that they are numbered 1, 2, ...
func (m migrations) list() ([]string, error) {
	names, err := fs.Glob(m.files, path.Join(m.dir, "*.sql"))
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		number, _, _ := strings.Cut(path.Base(name), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 || len(number) != 3 {
			return nil, fmt.Errorf("migration %s: want number %03d", name, i+1)
		}
	}
	return names, nil
}

// migrate brings the schema up to date, one transaction a file, after a copy of
// the file was made.
func migrate(ctx context.Context, conn *sql.Conn, file string, m migrations, o Options) error {
	names, err := m.list()
	if err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	version, err := version(ctx, conn)
	if err != nil {
		return failed("migrate", err)
	}
	if version > len(names) {
		return fmt.Errorf("sqlite: open: schema %d, this program knows %d: %w", version, len(names), gateway.ErrNewSchema)
	}
	if version == len(names) {
		return nil
	}
	if version > 0 {
		if err := backup(ctx, conn, file, version); err != nil {
			return failed("backup before migration", err)
		}
		o.Logger.Info("database copied before migration", "schema", version)
	}
	for n := version + 1; n <= len(names); n++ {
		text, err := fs.ReadFile(m.files, names[n-1])
		if err != nil {
			return failed("migrate", err)
		}
		if err := step(ctx, conn, string(text), n, o.Fault); err != nil {
			return failed("migrate to "+path.Base(names[n-1]), err)
		}
		o.Logger.Info("database migrated", "schema", n)
	}
	return nil
}

// version returns the schema version, 0 for an empty file.
func version(ctx context.Context, conn *sql.Conn) (int, error) {
	var app, version, tables int
	const query = `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`
	if err := conn.QueryRowContext(ctx, query).Scan(&app, &version, &tables); err != nil {
		return 0, err
	}
	if app != applicationID && (app != 0 || version != 0 || tables != 0) {
		return 0, ErrForeign
	}
	return version, nil
}

func step(ctx context.Context, conn *sql.Conn, text string, n int, fault func(string)) (err error) {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // fails when SQLite has rolled back already
		}
	}()
	text += fmt.Sprintf(";\nPRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, n)
	if _, err := conn.ExecContext(ctx, text); err != nil {
		return err
	}
	name := "migrate-" + strconv.Itoa(n)
	fault("sqlite:before-commit:" + name)
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		return err
	}
	fault("sqlite:after-commit:" + name)
	return nil
}

// backup copies the database to file.bak-N, all or nothing.
func backup(ctx context.Context, conn *sql.Conn, file string, version int) error {
	name := file + ".bak-" + strconv.Itoa(version)
	temp := name + ".new"
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "VACUUM INTO ?", temp); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, name); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(name))
}
