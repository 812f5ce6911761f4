package graphtest

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rolls is how many random changes the tests make.
func rolls() int {
	if os.Getenv("DOORLEAF_SOAK") == "1" {
		return 10000
	}
	return 600
}

// shown writes what a room shows, one line an entry.
func shown(list []Occurrence) []string {
	var lines []string
	for _, o := range list {
		lines = append(lines, fmt.Sprint(o.ID, o.Type, o.Start.UTC(), o.End.UTC(), o.Subject, o.ShowAs, o.Sensitivity, o.Cancelled))
	}
	slices.Sort(lines)
	return lines
}

// TestDiceRepeat makes the same changes twice, over a day on which clocks
// change, and sees every kind of change.
func TestDiceRepeat(t *testing.T) {
	from := time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
	play := func() (truth []string, kinds map[string]int) {
		clock := &testClock{at: from}
		s, err := New(Options{Clock: clock.now})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		d := NewDice(s.AddRoom(Room{Email: "oak", Name: "Oak", TimeZone: "Europe/Berlin"}), 1, from, from.Add(9*24*time.Hour))
		kinds = map[string]int{}
		for range rolls() {
			kind, err := d.Roll()
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			kinds[kind]++
		}
		return shown(s.Truth("oak", from, from.Add(9*24*time.Hour))), kinds
	}
	got, kinds := play()
	want, _ := play()
	if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
		t.Errorf("%d entries; the same seed made something else:\n%s", len(got), diff)
	}
	for _, kind := range []string{
		"create", "create all-day", "create series", "move", "move away", "move back", "edit", "cancel", "delete", "edit occurrence",
		"move occurrence", "cancel occurrence", "delete occurrence", "edit series", "move series", "delete series",
	} {
		if kinds[kind] == 0 {
			t.Errorf("no %q among %d changes: %v", kind, rolls(), kinds)
		}
	}
}

// ringer is the smallest right client: it polls delta, and reads the view when
// that rings or is lost.
type ringer struct {
	*world
	token    string
	from, to time.Time
	link     string
	view     []string
}

// get repeats a request until trouble lets it pass; gone says that a sync state
// is lost.
func (c *ringer) get(address string) (doc map[string]any, gone bool) {
	c.Helper()
	for range 1000 {
		req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, address, nil)
		if err != nil {
			c.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.token)
		req.Header.Set("Prefer", `IdType="ImmutableId", odata.maxpagesize=20`)
		doc, status := c.try(req)
		if status == http.StatusOK && doc != nil {
			return doc, false
		}
		if status == http.StatusGone {
			return nil, true
		}
	}
	c.Fatal("trouble never ended")
	return nil, false
}

func (c *ringer) window() string {
	return url.Values{"startDateTime": {c.from.Format(time.RFC3339)}, "endDateTime": {c.to.Format(time.RFC3339)}}.Encode()
}

// poll follows the delta link to the end of the round.
func (c *ringer) poll() {
	base, rang := c.s.GraphURL()+"/v1.0/users/oak@practice.example/calendarView", c.link == ""
	at := c.link
	if at == "" {
		at = base + "/delta?" + c.window()
	}
	for {
		doc, gone := c.get(at)
		if gone {
			at, rang = base+"/delta?"+c.window(), true
			continue
		}
		rang = rang || len(doc["value"].([]any)) > 0
		if next, more := doc["@odata.nextLink"].(string); more {
			at = next
			continue
		}
		c.link = doc["@odata.deltaLink"].(string)
		break
	}
	if !rang {
		return
	}
	c.view = nil
	for at, more := base+"?$top=15&"+c.window(), true; more; {
		doc, _ := c.get(at)
		for _, v := range doc["value"].([]any) {
			e := v.(map[string]any)
			c.view = append(c.view, fmt.Sprint(e["id"], e["type"], e["subject"], e["showAs"], e["sensitivity"], e["isCancelled"]))
		}
		at, more = doc["@odata.nextLink"].(string)
	}
	slices.Sort(c.view)
}

// TestUnrestEnds plays random changes under trouble and compares what a careful
// client has with the truth.
func TestUnrestEnds(t *testing.T) {
	w, room, token := consented(t)
	from := w.clock.now().Truncate(24 * time.Hour)
	c := &ringer{world: w, token: token, from: from, to: from.Add(9 * 24 * time.Hour)}
	d := NewDice(room, 2, c.from, c.to)
	w.s.SetUnrest(Unrest{Seed: 1, Throttled: 60, Busy: 40, Gone: 120, Cut: 60, Closed: 30, Repeat: 200, Replay: 200})
	for range rolls() / 10 {
		for range 10 {
			if kind, err := d.Roll(); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
		}
		c.poll()
		var want []string
		for _, o := range w.s.Truth("oak", c.from, c.to) {
			want = append(want, fmt.Sprint(o.ID, o.Type, o.Subject, o.ShowAs, o.Sensitivity, o.Cancelled))
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, c.view); diff != "" {
			t.Fatalf("the client shows something else (-want +got):\n%s", diff)
		}
	}
	struck := map[int]int{}
	for _, r := range w.s.Requests() {
		if r.Fault {
			struck[r.Status]++
		}
	}
	for _, status := range []int{0, 200, 410, 429, 503} {
		if struck[status] == 0 {
			t.Errorf("no trouble with status %d: %v", status, struck)
		}
	}
}

// TestDiceNames looks at what dice write: no real names.
func TestDiceNames(t *testing.T) {
	w, room, _ := consented(t)
	d := NewDice(room, 3, w.clock.now(), w.clock.now().Add(24*time.Hour))
	for range 100 {
		if _, err := d.Roll(); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range w.s.Truth("oak", w.clock.now(), w.clock.now().Add(24*time.Hour)) {
		if !strings.Contains(o.Subject, "Meeting ") || !(o.Organizer.Name == "Oak" || strings.HasPrefix(o.Organizer.Name, "Person ")) {
			t.Errorf("%q by %q", o.Subject, o.Organizer.Name)
		}
	}
}

func BenchmarkRoll(b *testing.B) {
	s, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	from := time.Now().Truncate(24 * time.Hour)
	d := NewDice(s.AddRoom(Room{Email: "oak", TimeZone: "America/New_York"}), 1, from, from.Add(9*24*time.Hour))
	for b.Loop() {
		if _, err := d.Roll(); err != nil {
			b.Fatal(err)
		}
		s.Truth("oak", from, from.Add(9*24*time.Hour))
	}
}
