package sqlite

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/render/mono"
)

// The crash tests start this test binary again as a child that commits in a
// loop and prints each commit after it was acknowledged. The child is killed,
// at a random moment or by itself at a fault point; then the store must hold
// everything that was printed, and nothing half.
const (
	crashPath  = "CRASH_CHILD_PATH"  // makes a process the child
	crashPoint = "CRASH_CHILD_POINT" // fault point to die at, "" for none
	crashSigns = 3
	crashRoom  = "a@x"
)

func crashSign(i int) devices.SignID { return devices.SignID(fmt.Sprint("sign", i)) }

// crashPicture is picture number seq of sign i; sign i+1 shares it one later.
func crashPicture(i int, seq uint32) *mono.Image { return drawn(int(seq) - i + 1000) }

func crashWant(i int, seq uint32) (gateway.Want, []devices.Object, []*mono.Image) {
	w := gateway.Want{Sign: crashSign(i), Epoch: 1, Seq: seq, Reason: gateway.Changed, At: noon, Body: binary.BigEndian.AppendUint32(nil, seq)}
	var objects []devices.Object
	var pictures []*mono.Image
	for k := range seq%3 + 1 {
		m := crashPicture(i, seq+k)
		w.Steps = append(w.Steps, gateway.WantStep{From: noon, Until: noon.Add(time.Hour), Digest: m.Digest()})
		objects = append(objects, devices.Object{Hash: devices.ObjectHash(m.Digest()), Bytes: w.Body})
		pictures = append(pictures, m)
	}
	return w, objects, pictures
}

func crashReport(i int, counter uint32) devices.Report {
	return devices.Report{Kind: devices.ShownReport, Sign: crashSign(i), Received: noon, Boot: 1, Counter: counter,
		Shown: crashPicture(i, counter).Digest(), LastError: devices.ErrPanel}
}

func crashAgenda(k uint32) (calendar.Agenda, connection.Cursor) {
	a := calendar.Agenda{Room: calendar.Room{ID: crashRoom}, AsOf: noon.Add(time.Duration(k) * time.Second)}
	for n := range k%4 + 1 {
		a.Events = append(a.Events, calendar.Event{ID: fmt.Sprint("event ", n), Subject: fmt.Sprint(k), Start: noon, End: noon.Add(time.Hour)})
	}
	return a, connection.Cursor{DeltaLink: fmt.Sprint(k)}
}

// TestCrashChild is the child; in a normal run it has nothing to do.
func TestCrashChild(t *testing.T) {
	path, ok := os.LookupEnv(crashPath)
	if !ok {
		return
	}
	var hits atomic.Int32
	point := os.Getenv(crashPoint)
	s, err := Open(context.Background(), Options{Path: path, Fault: func(p string) {
		if p == point && (!strings.Contains(p, ":commit ") || hits.Add(1) == 5) {
			die()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	prepareCrash(s)
	var wg sync.WaitGroup
	for i := range crashSigns {
		wg.Go(func() { t.Error(commitSigns(s, i)) })
	}
	wg.Go(func() { t.Error(commitAgendas(s)) })
	wg.Wait()
}

func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// prepareCrash fills an empty store; rows that are there already are kept.
func prepareCrash(s *Store) {
	ctx := context.Background()
	s.ReplaceRooms(ctx, 0, []calendar.Room{{ID: crashRoom}})
	for i := range crashSigns {
		s.AddSign(ctx, gateway.Sign{ID: crashSign(i)}, devices.Credential{Sign: crashSign(i)})
	}
	s.SetSecret(ctx, "secret", []byte("value"))
	if list, _ := s.Connections(ctx); len(list) == 0 {
		s.SaveSettings(ctx, 0, connection.Settings{}.With(crashCredential("one")))
	}
	if c, err := s.Connection(ctx, 1); err == nil && c.Spare.IsZero() {
		s.SaveSpare(ctx, 1, crashCredential("two"))
	}
	s.SwapCredential(ctx, 1)
}

// crashCredential is one of two credentials that change places.
func crashCredential(name string) connection.Credential {
	return connection.Credential{Secret: name, Expires: name, CertPEM: name, KeyPEM: name}
}

func commitSigns(s *Store, i int) error {
	ctx := context.Background()
	w, _ := s.Want(ctx, crashSign(i))
	if w.Seq > 0 { // the kill may have come between want and report
		if _, err := s.CommitReport(ctx, crashReport(i, w.Seq)); err != nil {
			return err
		}
	}
	for seq := w.Seq + 1; ; seq++ {
		w, objects, pictures := crashWant(i, seq)
		if err := s.CommitWant(ctx, w, objects, pictures); err != nil {
			return err
		}
		fmt.Printf("\nwant %d %d\n", i, seq)
		if _, err := s.CommitReport(ctx, crashReport(i, seq)); err != nil {
			return err
		}
		fmt.Printf("\nreport %d %d\n", i, seq)
	}
}

func commitAgendas(s *Store) error {
	ctx := context.Background()
	var k uint32
	if cur, err := s.Cursor(ctx, crashRoom); err == nil {
		fmt.Sscan(cur.DeltaLink, &k)
	}
	for {
		k++
		a, cur := crashAgenda(k)
		if changed, err := s.CommitAgenda(ctx, a, cur); err != nil || !changed {
			return fmt.Errorf("agenda %d: changed %t, %w", k, changed, err)
		}
		fmt.Printf("\nagenda 0 %d\n", k)
	}
}

// acked is the highest number acknowledged per kind and worker.
type acked map[string]uint32

// runChild runs the child until it dies and adds what it acknowledged.
func runChild(t *testing.T, path, point string, life time.Duration, seen acked) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
	cmd.Env = append(os.Environ(), crashPath+"="+path, crashPoint+"="+point)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(life, func() { cmd.Process.Kill() })
	defer kill.Stop()
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("child ended with %v:\n%s", err, text)
	}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		var kind string
		var worker, n uint32
		if c, _ := fmt.Sscanf(lines.Text(), "%s %d %d", &kind, &worker, &n); c == 3 {
			key := fmt.Sprint(kind, " ", worker)
			seen[key] = max(seen[key], n)
		}
	}
}

func TestKilledAtFaultPoints(t *testing.T) {
	for _, name := range []string{"migrate-1", "migrate-2", "replace rooms", "add sign", "set secret", "swap credential", "commit want", "commit report", "commit agenda"} {
		for _, when := range []string{"before", "after"} {
			t.Run(when+" "+name, func(t *testing.T) {
				point := "sqlite:" + when + "-commit:" + name
				path, seen := temp(t).Path, make(acked)
				runChild(t, path, point, time.Minute, seen)
				checkCrashed(t, path, seen)
				runChild(t, path, "sqlite:after-commit:commit want", time.Minute, seen) // and on from there
				checkCrashed(t, path, seen)
			})
		}
	}
}

// TestKilledAtRandomMoments kills twelve children, and more where the machine is
// so slow that these did not live to acknowledge something of every kind.
func TestKilledAtRandomMoments(t *testing.T) {
	path, seen := temp(t).Path, make(acked)
	const kinds = 2*crashSigns + 1
	life := 50 * time.Millisecond
	for n := 0; n < 12 || len(seen) < kinds && life < time.Minute; n++ {
		if n >= 12 {
			life *= 2
		}
		runChild(t, path, "", life+rand.N(5*life), seen)
		checkCrashed(t, path, seen)
	}
	if len(seen) != kinds {
		t.Errorf("got acknowledgements %v, want of every kind", seen)
	}
}

func checkCrashed(t *testing.T, path string, seen acked) {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, s)
	prepareCrash(s)
	var integrity string
	if err := s.reads.db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("integrity: got %q, %v", integrity, err)
	}
	if n := count(t, s, "SELECT count(*) FROM pragma_foreign_key_check"); n != 0 {
		t.Errorf("got %d rows without their parent", n)
	}
	for i := range crashSigns {
		checkCrashedSign(t, s, i, seen)
	}
	c, err := s.Connection(t.Context(), 1)
	one, two := crashCredential("one"), crashCredential("two")
	if used := c.Settings.Credential(); err != nil || !(used == one && c.Spare == two || used == two && c.Spare == one) {
		t.Errorf("credentials: got %q and %q, %v, want one and two, each once", used.Secret, c.Spare.Secret, err)
	}
	cur, err := s.Cursor(t.Context(), crashRoom)
	if err != nil {
		t.Fatal(err)
	}
	var k uint32
	fmt.Sscan(cur.DeltaLink, &k)
	if k < seen["agenda 0"] {
		t.Errorf("agenda: got %d, want %d at least", k, seen["agenda 0"])
	}
	if k == 0 {
		return
	}
	want, _ := crashAgenda(k)
	got, err := s.Agenda(t.Context(), crashRoom)
	if err != nil || !got.AsOf.Equal(want.AsOf) || len(got.Events) != len(want.Events) {
		t.Fatalf("agenda %d: got %d events of %v, %v, want %d of %v", k, len(got.Events), got.AsOf, err, len(want.Events), want.AsOf)
	}
	for _, e := range got.Events {
		if e.Subject != fmt.Sprint(k) {
			t.Errorf("agenda %d: got an event of agenda %s", k, e.Subject)
		}
	}
}

func checkCrashedSign(t *testing.T, s *Store, i int, seen acked) {
	t.Helper()
	ctx, id := t.Context(), crashSign(i)
	st, err := s.Status(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if st.Counter < seen[fmt.Sprint("report ", i)] || st.ErrorCount != int(st.Counter) {
		t.Errorf("sign %d: got report %d and %d errors, want both %d at least", i, st.Counter, st.ErrorCount, seen[fmt.Sprint("report ", i)])
	}
	w, err := s.Want(ctx, id)
	if err != nil && seen[fmt.Sprint("want ", i)] == 0 {
		return
	}
	if err != nil || w.Seq < seen[fmt.Sprint("want ", i)] || w.Seq != st.Counter && w.Seq != st.Counter+1 {
		t.Fatalf("sign %d: got want %d, %v, report %d, want %d at least", i, w.Seq, err, st.Counter, seen[fmt.Sprint("want ", i)])
	}
	want, objects, pictures := crashWant(i, w.Seq)
	if len(w.Steps) != len(want.Steps) || string(w.Body) != string(want.Body) {
		t.Errorf("sign %d: want %d is half", i, w.Seq)
	}
	for k, o := range objects {
		if _, err := s.Object(ctx, id, o.Hash); err != nil {
			t.Errorf("sign %d: object %d of want %d: %v", i, k, w.Seq, err)
		}
		if _, err := s.Picture(ctx, pictures[k].Digest()); err != nil {
			t.Errorf("sign %d: picture %d of want %d: %v", i, k, w.Seq, err)
		}
	}
	list, err := s.Decisions(ctx, id, 1)
	if err != nil || len(list) != 1 || list[0].Seq != w.Seq {
		t.Errorf("sign %d: got decisions %v, %v, want one of want %d", i, list, err, w.Seq)
	}
}
