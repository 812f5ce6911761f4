package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway/connection"
	"doorleaf/gateway/sqlite"
)

// stockedFolder is a data folder with something in it, and the open store: the
// gateway is running.
func stockedFolder(t *testing.T) (dir string, store *sqlite.Store) {
	t.Helper()
	dir = t.TempDir()
	key, err := sqlite.LoadKey(filepath.Join(dir, backupKey))
	if err != nil {
		t.Fatal(err)
	}
	store, err = sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, backupDatabase), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.SaveSettings(t.Context(), 0, connection.Settings{Cloud: connection.Global, ClientID: "id", ClientSecret: "sealed secret"}); err != nil {
		t.Fatal(err)
	}
	return dir, store
}

// A backup of a running gateway comes back on another machine with everything
// that was acknowledged, secrets too, and with epochs above all earlier ones.
func TestBackupAndRestore(t *testing.T) {
	dir, store := stockedFolder(t)
	file := filepath.Join(t.TempDir(), "doorleaf.backup")
	if _, err := backup(t.Context(), dir, keyFile(dir, ""), file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v; the file holds secrets", info.Mode(), err)
	}
	if err := store.SetSecret(t.Context(), "later", []byte("x")); err != nil {
		t.Errorf("the running gateway was disturbed: %v", err)
	}
	var floors []uint32
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for range 2 {
		elsewhere := filepath.Join(t.TempDir(), "data")
		if err := restore(t.Context(), file, elsewhere, keyFile(elsewhere, ""), now); err != nil {
			t.Fatal(err)
		}
		key, err := sqlite.LoadKey(keyFile(elsewhere, ""))
		if err != nil {
			t.Fatal(err)
		}
		again, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(elsewhere, backupDatabase), Key: key})
		if err != nil {
			t.Fatal(err)
		}
		c, err := again.Connection(t.Context(), 1)
		if err != nil || c.Settings.ClientSecret != "sealed secret" {
			t.Errorf("settings %v, error %v", c.Settings, err)
		}
		floor, err := epochFloor(t.Context(), again)
		if err != nil || floor < 1000 {
			t.Errorf("floor %d, error %v", floor, err)
		}
		floors = append(floors, floor)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(filepath.Join(elsewhere, ".restore-*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		now = now.Add(time.Minute)
	}
	if floors[1] <= floors[0] {
		t.Errorf("a later restore has floor %d after %d", floors[1], floors[0])
	}
}

func TestRestoreRefuses(t *testing.T) {
	dir, _ := stockedFolder(t)
	good := filepath.Join(t.TempDir(), "good")
	if _, err := backup(t.Context(), dir, keyFile(dir, ""), good); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	archive := func(names ...string) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, n := range names {
			if err := errors.Join(w.WriteHeader(&tar.Header{Name: n, Size: 3, Mode: 0o600}), func() error { _, err := w.Write([]byte("abc")); return err }()); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	damaged := bytes.Clone(whole)
	for i := 8 << 10; i < len(damaged)-(4<<10); i += 64 { // every page of the database
		damaged[i] ^= 0x55
	}
	for name, content := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "cut": whole[:len(whole)/2], "damaged": damaged, "outside": archive("../doorleaf.db", backupKey),
		"two keys": archive(backupKey, backupKey), "no database": archive(backupKey), "not a database": archive(backupKey, backupDatabase),
	} {
		t.Run(name, func(t *testing.T) {
			file, data := filepath.Join(t.TempDir(), "file"), filepath.Join(t.TempDir(), "data")
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := restore(t.Context(), file, data, keyFile(data, ""), time.Now()); err == nil {
				t.Fatal("restored")
			}
			if _, err := os.Stat(filepath.Join(data, backupDatabase)); err == nil {
				t.Error("a database was left behind")
			}
		})
	}
	if err := restore(t.Context(), good, dir, keyFile(dir, ""), time.Now()); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("over a living gateway: %v", err)
	}
}

func TestBackupCommandLine(t *testing.T) {
	dir, _ := stockedFolder(t)
	out := filepath.Join(t.TempDir(), "b")
	var said bytes.Buffer
	std := stdio{out: &said, err: &said}
	if code := run(context.Background(), []string{"backup", "-data", dir, "-o", out}, std); code != 0 {
		t.Fatalf("exit %d: %s", code, said.String())
	}
	if code := run(context.Background(), []string{"backup", "-data", dir, "-o", out}, std); code != 1 || !strings.Contains(said.String(), "exists already") {
		t.Errorf("over an older backup: exit %d: %s", code, said.String())
	}
	if code := run(context.Background(), []string{"backup", "-data", t.TempDir(), "-o", out + "2"}, std); code != 1 {
		t.Errorf("without a database: exit %d", code)
	}
	if code := run(context.Background(), []string{"restore"}, std); code != 2 {
		t.Errorf("without a file: exit %d", code)
	}
	data := filepath.Join(t.TempDir(), "data")
	if code := run(context.Background(), []string{"restore", "-data", data, out}, std); code != 0 {
		t.Errorf("restore: exit %d: %s", code, said.String())
	}
}

// The folder need not be named, and a relative name will do: backup, restore and
// broker-files find what serve made without settings.
func TestBackupOfTheUsualFolder(t *testing.T) {
	for name, env := range map[string]string{"doorleaf-data": "", "other data": "other data", "a#b/100%?": "./a#b/100%?"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DOORLEAF_DATA", env)
			t.Setenv("DOORLEAF_MASTER_KEY_FILE", "")
			t.Chdir(t.TempDir())
			key, err := sqlite.LoadKey(filepath.Join(name, backupKey))
			if err != nil {
				t.Fatal(err)
			}
			store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(name, backupDatabase), Key: key})
			if err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			std := stdio{out: &said, err: &said}
			if code := run(t.Context(), []string{"backup", "-o", "running"}, std); code != 0 {
				t.Errorf("of a running gateway: exit %d: %s", code, said.String())
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"backup", "-o", "stopped"}, {"broker-files", "files"}, {"restore", "-data", "new data/a", "running"}, {"broker-files", "-data", "new data/a", "files"}} {
				if code := run(t.Context(), args, std); code != 0 {
					t.Errorf("%q: exit %d: %s", args, code, said.String())
				}
			}
			if err := os.RemoveAll(name); err != nil {
				t.Fatal(err)
			}
			if code := run(t.Context(), []string{"restore", "stopped"}, std); code != 0 {
				t.Errorf("restore: exit %d: %s", code, said.String())
			}
			if _, err := os.Stat(filepath.Join(name, backupDatabase)); err != nil {
				t.Error(err)
			}
		})
	}
}
