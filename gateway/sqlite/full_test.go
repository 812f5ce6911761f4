package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/render/mono"
)

// limitPages lets the file grow by at most n pages, as a disk does that is
// nearly full; 0 takes the limit away.
func limitPages(t *testing.T, s *Store, n int) {
	t.Helper()
	var pages int
	if err := s.writes.conn.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := 1 << 30
	if n > 0 {
		limit = pages + n
	}
	if _, err := s.writes.conn.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", limit)); err != nil {
		t.Fatal(err)
	}
}

// bigWant is want seq of a sign with an object that does not compress.
func bigWant(id devices.SignID, seq uint32) (gateway.Want, []devices.Object, []*mono.Image) {
	m := drawn(int(seq))
	w := gateway.Want{Sign: id, Epoch: 1, Seq: seq, Reason: gateway.Changed, At: noon, Body: []byte{byte(seq)},
		Steps: []gateway.WantStep{{From: noon, Until: noon.Add(time.Hour), Digest: m.Digest()}}}
	return w, []devices.Object{{Hash: devices.ObjectHash(m.Digest()), Bytes: bytes.Repeat([]byte{byte(seq)}, 20_000)}}, []*mono.Image{m}
}

// TestDiskFull fills the disk while wants are committed: the call that does not
// fit says so and what to do, nothing of it is kept, what was there can be read,
// and when there is room again everything goes on.
func TestDiskFull(t *testing.T) {
	o := temp(t)
	s := opened(t, o)
	ctx := t.Context()
	var ids []devices.SignID
	for i := range 40 {
		id := crashSign(i)
		if err := s.AddSign(ctx, gateway.Sign{ID: id, Name: "S", Hardware: devices.Hardware{Width: 8, Height: 8}}, devices.Credential{Sign: id, ManifestKey: []byte{1}}); err != nil {
			t.Fatal(err)
		}
		w, objects, pictures := bigWant(id, 1)
		if i < 5 {
			if err := s.CommitWant(ctx, w, objects, pictures); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
	}
	limitPages(t, s, 20)
	full := devices.SignID("")
	for i := 5; i < 40; i++ {
		w, objects, pictures := bigWant(crashSign(i), 1)
		err := s.CommitWant(ctx, w, objects, pictures)
		if err == nil {
			ids = append(ids, crashSign(i))
			continue
		}
		if !errors.Is(err, gateway.ErrDiskFull) || !strings.Contains(err.Error(), "data folder") {
			t.Fatalf("got %v, want %v", err, gateway.ErrDiskFull)
		}
		full = crashSign(i)
		break
	}
	if full == "" {
		t.Fatal("the disk was never full")
	}
	if _, err := s.Want(ctx, full); !errors.Is(err, gateway.ErrNotFound) {
		t.Errorf("of the want that did not fit: got %v, want nothing", err)
	}
	for _, id := range ids {
		w, err := s.Want(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Picture(ctx, w.Steps[0].Digest); err != nil {
			t.Errorf("sign %s: %v", id, err)
		}
	}
	limitPages(t, s, 0)
	w, objects, pictures := bigWant(full, 1)
	if err := s.CommitWant(ctx, w, objects, pictures); err != nil {
		t.Errorf("with room again: %v", err)
	}
	closed(t, s)
	s = opened(t, o)
	for _, id := range append(ids, full) {
		if c, err := s.Credential(ctx, id); err != nil || c.Sign != id {
			t.Errorf("credential of %s: %v", id, err)
		}
		if _, err := s.Want(ctx, id); err != nil {
			t.Errorf("want of %s: %v", id, err)
		}
	}
	var check string
	if err := s.reads.db.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("integrity: %q, %v", check, err)
	}
}

// TestFileLocked holds the file with another program: short holds are waited
// for, a long one is an error that names the cause; reads go on, and afterwards
// everything does.
func TestFileLocked(t *testing.T) {
	o := temp(t)
	s := opened(t, o)
	ctx := t.Context()
	if err := s.SetSite(ctx, gateway.DefaultSite()); err != nil {
		t.Fatal(err)
	}
	other := raw(t, o.Path)
	other.SetMaxOpenConns(1)
	hold := func() {
		t.Helper()
		if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
	}
	release := func() {
		if _, err := other.Exec("ROLLBACK"); err != nil {
			t.Error(err)
		}
	}
	site := gateway.DefaultSite()
	site.Zone = "Europe/Berlin"
	hold()
	released := make(chan struct{})
	time.AfterFunc(200*time.Millisecond, func() { defer close(released); release() })
	if err := s.SetSite(ctx, site); err != nil {
		t.Errorf("while the file was held for a moment: %v", err)
	}
	<-released

	if _, err := s.writes.conn.ExecContext(ctx, "PRAGMA busy_timeout = 50"); err != nil {
		t.Fatal(err)
	}
	hold() // for longer than that, however slow the machine is
	site.Zone = "Asia/Tokyo"
	if err := s.SetSite(ctx, site); !errors.Is(err, gateway.ErrLocked) {
		t.Errorf("while the file was held for long: got %v, want %v", err, gateway.ErrLocked)
	}
	if got, err := s.Site(ctx); err != nil || got.Zone != "Europe/Berlin" {
		t.Errorf("read while locked: got %q, %v", got.Zone, err)
	}
	release()
	if err := s.SetSite(ctx, site); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if got, err := s.Site(ctx); err != nil || got.Zone != "Asia/Tokyo" {
		t.Errorf("afterwards: got %q, %v", got.Zone, err)
	}
}
