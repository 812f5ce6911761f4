package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// temp returns options for a new database.
func temp(t testing.TB) Options {
	t.Helper()
	return Options{Path: filepath.Join(t.TempDir(), "doorleaf.db"), Key: [32]byte([]byte("planted master key, 32 bytes long"[:32]))}
}

// opened opens a store that is closed when the test ends.
func opened(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s) })
	return s
}

func closed(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// raw opens the file as any SQLite program would.
func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db := sql.OpenDB(&connector{dsn: dsn(path, "rwc")})
	t.Cleanup(func() { db.Close() })
	return db
}

func TestOpenSetsPragmas(t *testing.T) {
	names, err := embedded.list()
	if err != nil {
		t.Fatal(err)
	}
	s := opened(t, temp(t))
	for _, tt := range []struct {
		pragma       string
		writer, read int
	}{
		{"synchronous", 2, -1}, {"foreign_keys", 1, 0}, {"busy_timeout", 10000, 10000}, {"query_only", 0, 1}, {"trusted_schema", 0, 0},
		{"application_id", applicationID, applicationID}, {"user_version", len(names), len(names)},
	} {
		var writer, read int
		if err := s.writes.conn.QueryRowContext(t.Context(), "PRAGMA "+tt.pragma).Scan(&writer); err != nil {
			t.Fatal(err)
		}
		if err := s.reads.db.QueryRow("PRAGMA " + tt.pragma).Scan(&read); err != nil {
			t.Fatal(err)
		}
		if writer != tt.writer || tt.read >= 0 && read != tt.read {
			t.Errorf("%s: got %d and %d, want %d and %d", tt.pragma, writer, read, tt.writer, tt.read)
		}
	}
	var mode string
	if err := s.writes.conn.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal_mode: got %q, %v, want wal", mode, err)
	}
}

func TestFilesAreTheOwners(t *testing.T) {
	o := temp(t)
	s := opened(t, o)
	if err := s.SetSecret(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(filepath.Dir(o.Path))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 3 {
		t.Errorf("got %d files, want database, log and lock at least", len(names))
	}
	for _, n := range names {
		if info, err := n.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want 0600", n.Name(), info.Mode(), err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, o *Options)
		want    error
	}{
		{"folder in use", func(t *testing.T, o *Options) { opened(t, *o) }, ErrInUse},
		{"another key", func(t *testing.T, o *Options) { closed(t, opened(t, *o)); o.Key[5]++ }, ErrWrongKey},
		{"newer schema", func(t *testing.T, o *Options) {
			closed(t, opened(t, *o))
			if _, err := raw(t, o.Path).Exec("PRAGMA user_version = 99"); err != nil {
				t.Fatal(err)
			}
		}, gateway.ErrNewSchema},
		{"another program's database", func(t *testing.T, o *Options) {
			if _, err := raw(t, o.Path).Exec("CREATE TABLE notes (text)"); err != nil {
				t.Fatal(err)
			}
		}, ErrForeign},
		{"no database", func(t *testing.T, o *Options) {
			if err := os.WriteFile(o.Path, []byte(strings.Repeat("not a database. ", 300)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := temp(t)
			tt.prepare(t, &o)
			s, err := Open(t.Context(), o)
			if err == nil {
				s.Close()
				t.Fatal("got no error")
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestOpenAnyFolderName(t *testing.T) {
	o := temp(t)
	dir := filepath.Join(filepath.Dir(o.Path), "a b?c=d#e%41[f]&g")
	o.Path = filepath.Join(dir, "doorleaf.db")
	key, err := LoadKey(filepath.Join(dir, "doorleaf.key"))
	if err != nil {
		t.Fatal(err)
	}
	o.Key = key
	s := opened(t, o)
	if err := s.SetSecret(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range names {
		got = append(got, n.Name())
	}
	if want := []string{"doorleaf.db", "doorleaf.key", lockName}; !slices.Equal(got, want) {
		t.Errorf("files after closing: got %q, want %q", got, want)
	}
	if err := os.Remove(filepath.Join(dir, "doorleaf.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(filepath.Join(dir, "doorleaf.key")); !errors.Is(err, ErrKeyMissing) {
		t.Errorf("key lost: got error %v, want %v", err, ErrKeyMissing)
	}
}

// TestVirtualTime holds the store to working inside a bubble of synctest, as the
// tests of its users need it.
func TestVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(context.Background(), temp(t))
		if err != nil {
			t.Fatal(err)
		}
		defer closed(t, s)
		for i := range 20 {
			go func() {
				time.Sleep(time.Hour)
				if err := s.SetSecret(context.Background(), fmt.Sprint(i), []byte{byte(i)}); err != nil {
					t.Error(err)
				}
			}()
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if b, err := s.Secret(context.Background(), "19"); err != nil || len(b) != 1 || b[0] != 19 {
			t.Errorf("got %v, %v, want 19", b, err)
		}
	})
}

// TestFirstReadsTogether lets many snapshots prepare their statements at once.
func TestFirstReadsTogether(t *testing.T) {
	for range 20 {
		s := opened(t, temp(t))
		pair(t, s, "a")
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if _, err := s.Want(t.Context(), "a"); !errors.Is(err, gateway.ErrNotFound) {
					t.Errorf("want: got error %v, want %v", err, gateway.ErrNotFound)
				}
				if _, err := s.Decisions(t.Context(), "a", 1); err != nil {
					t.Error(err)
				}
				if _, err := s.Agenda(t.Context(), "x"); !errors.Is(err, gateway.ErrNotFound) {
					t.Errorf("agenda: got error %v, want %v", err, gateway.ErrNotFound)
				}
			})
		}
		wg.Wait()
	}
}

func TestClosed(t *testing.T) {
	s := opened(t, temp(t))
	closed(t, s)
	closed(t, s)
	if err := s.SetSecret(t.Context(), "a", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("write: got error %v, want %v", err, ErrClosed)
	}
	if _, err := s.Secret(t.Context(), "a"); err == nil {
		t.Error("read: got no error")
	}
}

// longer is the embedded migrations with more behind them.
func longer(t *testing.T, more ...string) migrations {
	t.Helper()
	files := fstest.MapFS{}
	names, err := embedded.list()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := migrationFiles.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		files[n] = &fstest.MapFile{Data: b}
	}
	for i, text := range more {
		files[fmt.Sprintf("migrations/%03d_more.sql", len(names)+1+i)] = &fstest.MapFile{Data: []byte(text)}
	}
	return migrations{files, "migrations"}
}

func TestMigrate(t *testing.T) {
	names, err := embedded.list()
	if err != nil {
		t.Fatal(err)
	}
	o := temp(t)
	s := opened(t, o)
	if _, err := s.SaveSettings(t.Context(), 0, connection.Settings{ClientSecret: "kept"}); err != nil {
		t.Fatal(err)
	}
	closed(t, s)

	// A migration that fails half way leaves the schema and the copy.
	if s, err := open(t.Context(), o, longer(t, "CREATE TABLE more (a TEXT) STRICT;\nCREATE TABLE rooms (a TEXT) STRICT;")); err == nil {
		s.Close()
		t.Fatal("broken migration: got no error")
	}
	s, err = open(t.Context(), o, longer(t, "CREATE TABLE more (a TEXT) STRICT;\n", "ALTER TABLE more ADD COLUMN b TEXT; -- end"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Connection(t.Context(), 1); err != nil || c.Settings.ClientSecret != "kept" {
		t.Errorf("after migrating: got %v, want the settings of before", err)
	}
	var version, columns int
	if err := s.reads.db.QueryRow("SELECT user_version, (SELECT count(*) FROM pragma_table_info('more')) FROM pragma_user_version").Scan(&version, &columns); err != nil {
		t.Fatal(err)
	}
	if version != len(names)+2 || columns != 2 {
		t.Errorf("got schema %d with %d columns, want %d with 2", version, columns, len(names)+2)
	}
	closed(t, s)
	if _, err := Open(t.Context(), o); !errors.Is(err, gateway.ErrNewSchema) {
		t.Errorf("older program: got error %v, want %v", err, gateway.ErrNewSchema)
	}

	// The copy is a whole database of the version before.
	copied := opened(t, Options{Path: renamed(t, fmt.Sprintf("%s.bak-%d", o.Path, len(names))), Key: o.Key})
	if c, err := copied.Connection(t.Context(), 1); err != nil || c.Settings.ClientSecret != "kept" {
		t.Errorf("copy: got %v, want the settings", err)
	}
}

// TestMigrateFromTheFirst fills a database of schema 1 as its program did and
// opens it with this one.
func TestMigrateFromTheFirst(t *testing.T) {
	first := fstest.MapFS{}
	b, err := migrationFiles.ReadFile("migrations/001_start.sql")
	if err != nil {
		t.Fatal(err)
	}
	first["m/001_start.sql"] = &fstest.MapFile{Data: b}
	o := temp(t)
	old, err := open(t.Context(), o, migrations{first, "m"})
	if err != nil {
		t.Fatal(err)
	}
	for id, mode := range map[string]connection.Mode{"1": connection.Delegated, "2": connection.AppOnly, "3": connection.NotConnected} {
		sealed := old.seal.seal("connections", "sealed_secret", id, []byte("secret "+id))
		if _, err := old.writes.conn.ExecContext(t.Context(), `INSERT INTO connections (id, cloud, login_url, graph_url, tenant, client_id, sealed_secret, mode)
			VALUES (?, 'global', '', '', 'example.com', 'client', ?, ?)`, id, sealed, string(mode)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := old.writes.conn.ExecContext(t.Context(), `INSERT INTO rooms (id, connection, name, building, floor, capacity, zone, place_id)
		VALUES ('a@x', 1, 'Alpha', '', '', 4, '', '')`); err != nil {
		t.Fatal(err)
	}
	closed(t, old)
	s := opened(t, o)
	for id, mode := range map[connection.ID]connection.Mode{1: connection.Delegated, 2: connection.AppOnly, 3: connection.NotConnected} {
		want := connection.Connection{ID: id, State: connection.State{Mode: mode}, Settings: connection.Settings{Cloud: connection.Global, Tenant: "example.com",
			ClientID: "client", ClientSecret: "secret " + rowKey(id), Access: mode, Find: true}}
		got, err := s.Connection(t.Context(), id)
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || d != "" {
			t.Errorf("connection %d: %v (-want +got):\n%s", id, err, d)
		}
	}
	want := calendar.Room{ID: "a@x", Name: "Alpha", Capacity: 4, Source: 1}
	if got, err := s.Room(t.Context(), "a@x"); err != nil || !cmp.Equal(got, want) {
		t.Errorf("room: got %+v, %v, want %+v", got, err, want)
	}
}

// renamed moves a file to a folder of its own.
func renamed(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("copy: got mode %v, want 0600", info.Mode())
	}
	to := filepath.Join(t.TempDir(), "restored.db")
	if err := os.Rename(path, to); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestMigrationsAreNumbered(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"gap":       {"m/001_a.sql": {}, "m/003_b.sql": {}},
		"twice":     {"m/001_a.sql": {}, "m/001_b.sql": {}},
		"no number": {"m/start.sql": {}},
		"short":     {"m/1_a.sql": {}},
	} {
		if _, err := (migrations{files, "m"}).list(); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
