package sqlite

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/render/mono"
)

var noon = time.Date(2031, 3, 4, 12, 0, 0, 0, time.UTC)

// drawn returns a picture of its own.
func drawn(n int) *mono.Image {
	m := mono.New(64, 32)
	for i := range m.Pix {
		m.Pix[i] = byte(n >> (i % 4 * 8))
	}
	return m
}

func objectHash(n int) devices.ObjectHash { return devices.ObjectHash(drawn(n).Digest()) }

// send commits a want of the pictures and objects with these numbers.
func send(t testing.TB, s *Store, id devices.SignID, seq uint32, numbers ...int) {
	t.Helper()
	commit(t, s, gateway.Want{Sign: id, Epoch: 1, Seq: seq, Reason: gateway.Changed, At: noon}, numbers)
}

// hurry is send for the picture of the moment.
func hurry(t testing.TB, s *Store, id devices.SignID, seq uint32, number int) {
	t.Helper()
	commit(t, s, gateway.Want{Sign: id, Epoch: 1, Seq: seq, Reason: gateway.Changed, At: noon, Partial: true}, []int{number})
}

func commit(t testing.TB, s *Store, w gateway.Want, numbers []int) {
	t.Helper()
	var objects []devices.Object
	var pictures []*mono.Image
	for i, n := range numbers {
		from := noon.Add(time.Duration(i) * time.Hour)
		w.Steps = append(w.Steps, gateway.WantStep{From: from, Until: from.Add(time.Hour), Digest: drawn(n).Digest()})
		objects = append(objects, devices.Object{Hash: objectHash(n), Bytes: []byte(fmt.Sprint("object ", n))})
		pictures = append(pictures, drawn(n))
	}
	if err := s.CommitWant(t.Context(), w, objects, pictures); err != nil {
		t.Fatal(err)
	}
}

func pair(t testing.TB, s *Store, ids ...devices.SignID) {
	t.Helper()
	for _, id := range ids {
		if err := s.AddSign(t.Context(), gateway.Sign{ID: id}, devices.Credential{Sign: id}); err != nil {
			t.Fatal(err)
		}
	}
}

// show reports that the sign shows picture n.
func show(t testing.TB, s *Store, id devices.SignID, counter uint32, n int) {
	t.Helper()
	r := devices.Report{Kind: devices.ShownReport, Sign: id, Boot: 1, Counter: counter, Received: noon, Shown: drawn(n).Digest()}
	if fresh, err := s.CommitReport(t.Context(), r); !fresh || err != nil {
		t.Fatalf("report %d: got %t, %v, want fresh", counter, fresh, err)
	}
}

// count returns the single number a query gives.
func count(t testing.TB, s *Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.reads.db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPictureGarbage(t *testing.T) {
	s := opened(t, temp(t))
	pair(t, s, "a", "b")
	kept := func(when string, want ...int) {
		t.Helper()
		if got := count(t, s, "SELECT count(*) FROM pictures"); got != len(want) {
			t.Errorf("%s: got %d pictures, want %d", when, got, len(want))
		}
		for _, n := range want {
			if _, err := s.Picture(t.Context(), drawn(n).Digest()); err != nil {
				t.Errorf("%s: picture %d: %v", when, n, err)
			}
		}
	}
	send(t, s, "a", 1, 1, 2, 3)
	send(t, s, "b", 1, 3, 4)
	kept("two wants share picture 3", 1, 2, 3, 4)
	show(t, s, "a", 1, 1)
	show(t, s, "b", 1, 1)
	send(t, s, "a", 2, 5)
	kept("1 is on both signs, 3 wanted by b", 1, 3, 4, 5)
	show(t, s, "a", 2, 5)
	kept("1 is still on b", 1, 3, 4, 5)
	show(t, s, "b", 2, 4)
	kept("nobody needs 1", 3, 4, 5)
	send(t, s, "b", 2, 5, 5)
	kept("4 is on b, 5 shared", 4, 5)
	if err := s.RemoveSign(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	kept("b is gone", 5)
	if err := s.RemoveSign(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	kept("all are gone")
	for _, table := range []string{"signs", "sign_status", "sign_boots", "reports", "decisions", "wants", "want_steps", "want_pictures", "objects"} {
		if got := count(t, s, "SELECT count(*) FROM "+table); got != 0 {
			t.Errorf("%s: got %d rows of removed signs, want 0", table, got)
		}
	}
}

func TestObjectsStayOneWantLonger(t *testing.T) {
	s := opened(t, temp(t))
	pair(t, s, "a")
	steps := [][]int{{1, 2}, {2, 3}, {3}, {1, 3}, {4}, {3}, {5}}
	want := [][]int{{1, 2}, {1, 2, 3}, {2, 3}, {1, 3}, {1, 3, 4}, {3, 4}, {3, 5}}
	for i, numbers := range steps {
		send(t, s, "a", uint32(i+1), numbers...)
		if got := count(t, s, "SELECT count(*) FROM objects"); got != len(want[i]) {
			t.Errorf("want %d: got %d objects, want %d", i+1, got, len(want[i]))
		}
		for _, n := range want[i] {
			if b, err := s.Object(t.Context(), "a", objectHash(n)); err != nil || string(b) != fmt.Sprint("object ", n) {
				t.Errorf("want %d: object %d: got %q, %v", i+1, n, b, err)
			}
		}
	}
}

// What a want of the moment replaces goes with the whole one that follows it.
func TestWantOfTheMomentTidiesNothing(t *testing.T) {
	s := opened(t, temp(t))
	pair(t, s, "a")
	kept := func(when string, objects, pictures int) {
		t.Helper()
		if got := count(t, s, "SELECT count(*) FROM objects"); got != objects {
			t.Errorf("%s: got %d objects, want %d", when, got, objects)
		}
		if got := count(t, s, "SELECT count(*) FROM pictures"); got != pictures {
			t.Errorf("%s: got %d pictures, want %d", when, got, pictures)
		}
	}
	send(t, s, "a", 1, 1, 2)
	send(t, s, "a", 2, 3, 4)
	kept("two whole ones", 4, 2)
	hurry(t, s, "a", 3, 5)
	kept("in a hurry", 5, 3)
	hurry(t, s, "a", 4, 1) // that object had fallen
	kept("another", 5, 4)
	send(t, s, "a", 5, 6)
	kept("a whole one", 5, 1) // 2 had fallen before
	if _, err := s.Object(t.Context(), "a", objectHash(1)); err != nil {
		t.Errorf("object of the last want of the moment: %v", err)
	}
	send(t, s, "a", 6, 7)
	kept("another whole one", 2, 1)
	for i := range 3 * maxLitter {
		hurry(t, s, "a", uint32(7+i), 100+i)
	}
	if got := count(t, s, "SELECT count(*) FROM objects"); got > maxLitter+1 {
		t.Errorf("got %d objects after wants of the moment alone, want at most %d", got, maxLitter+1)
	}
	if got := count(t, s, "SELECT count(*) FROM pictures"); got > maxLitter+1 {
		t.Errorf("got %d pictures after wants of the moment alone, want at most %d", got, maxLitter+1)
	}
}

func TestPictureDamaged(t *testing.T) {
	s := opened(t, temp(t))
	pair(t, s, "a")
	send(t, s, "a", 1, 1)
	d := drawn(1).Digest()
	for name, change := range map[string]string{
		"another size":  "UPDATE pictures SET width = 32",
		"larger":        "UPDATE pictures SET height = 33",
		"huge":          "UPDATE pictures SET width = 16000, height = 16000",
		"no size":       "UPDATE pictures SET width = 0",
		"cut short":     "UPDATE pictures SET deflated = substr(deflated, 1, 4)",
		"other content": "UPDATE pictures SET deflated = x'010000ffff'",
	} {
		err := s.write(t.Context(), "damage", func(tx *tx) error {
			return errors.Join(tx.exec("UPDATE pictures SET width = 64, height = 32, deflated = ?", s.deflate(drawn(1).Pix)), tx.exec(change))
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Picture(t.Context(), d); err == nil || errors.Is(err, gateway.ErrNotFound) {
			t.Errorf("%s: got error %v, want one about the picture", name, err)
		}
	}
}

func TestBootsAreRemembered(t *testing.T) {
	s := opened(t, temp(t))
	pair(t, s, "a")
	report := func(boot uint32) bool {
		t.Helper()
		fresh, err := s.CommitReport(t.Context(), devices.Report{Kind: devices.HelloReport, Sign: "a", Boot: boot, Counter: 7, Received: noon})
		if err != nil && !errors.Is(err, devices.ErrReplayed) {
			t.Fatal(err)
		}
		return fresh
	}
	for boot := range uint32(keptBoots + 12) {
		if !report(boot) {
			t.Fatalf("boot %d: got replayed, want fresh", boot)
		}
		for back := uint32(0); back < keptBoots && back <= boot; back++ {
			if report(boot - back) {
				t.Errorf("boot %d replayed during boot %d: got fresh", boot-back, boot)
			}
		}
	}
	if got := count(t, s, "SELECT count(*) FROM sign_boots"); got != keptBoots {
		t.Errorf("got %d boots, want %d", got, keptBoots)
	}
}

func TestHistoriesAreBounded(t *testing.T) {
	s := opened(t, temp(t))
	pair(t, s, "a")
	const n = keptDecisions + 50
	for i := range n {
		if err := s.AddDecision(t.Context(), gateway.Decision{Sign: "a", At: noon.Add(time.Duration(i) * time.Second), Reason: gateway.NothingToDo, Seq: uint32(i)}); err != nil {
			t.Fatal(err)
		}
		r := devices.Report{Kind: devices.ShownReport, Sign: "a", Boot: 1, Counter: uint32(i), Received: noon, BatteryMillivolts: i + 1}
		if _, err := s.CommitReport(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Decisions(t.Context(), "a", 10*n)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != keptDecisions || list[0].Seq != n-1 || list[keptDecisions-1].Seq != n-keptDecisions {
		t.Errorf("decisions: got %d, want the last %d, newest first", len(list), keptDecisions)
	}
	reports, err := s.Reports(t.Context(), "a", 10*n)
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) != keptReports || reports[0].BatteryMillivolts != n || reports[keptReports-1].BatteryMillivolts != n-keptReports+1 {
		t.Errorf("reports: got %d, want the last %d, newest first", len(reports), keptReports)
	}
	if got, _ := s.Reports(t.Context(), "a", 3); len(got) != 3 {
		t.Errorf("limited reports: got %d, want 3", len(got))
	}
}

func TestHelloBringsHardware(t *testing.T) {
	s := opened(t, temp(t))
	pair(t, s, "a")
	h := devices.Hardware{Model: "800x480", Serial: "S", Firmware: "2", Width: 800, Height: 480, AlwaysOn: true, Capabilities: 3}
	for i, r := range []devices.Report{
		{Kind: devices.HelloReport, Hardware: h},
		{Kind: devices.ShownReport}, {Kind: devices.HelloReport}, // say nothing of it
	} {
		r.Sign, r.Counter = "a", uint32(i)+1
		if _, err := s.CommitReport(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if sign, err := s.Sign(t.Context(), "a"); err != nil || sign.Hardware != h {
			t.Errorf("report %d: got %+v, %v, want %+v", i, sign.Hardware, err, h)
		}
	}
}

func TestExpiredSessionsGo(t *testing.T) {
	s := opened(t, temp(t))
	id, err := s.AddAccount(t.Context(), gateway.Account{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := s.AddSession(t.Context(), gateway.Session{TokenHash: [32]byte{byte(i + 1)}, Account: id, Expires: noon.Add(time.Duration(i) * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Session(t.Context(), [32]byte{5}, noon.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.AddSession(t.Context(), gateway.Session{TokenHash: [32]byte{9}, Account: id, Expires: noon.Add(9 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if got := count(t, s, "SELECT count(*) FROM sessions"); got != 3 {
		t.Errorf("got %d sessions, want 3", got)
	}
}
