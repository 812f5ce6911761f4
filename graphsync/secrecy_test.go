package graphsync

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/graphtest"
)

func logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// withoutDice leaves out what is random in the address of a sign-in: in time it
// holds any short word.
func withoutDice(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) != 43 { // 32 bytes in base64url, and nothing else
			t.Errorf("%s = %q", name, q.Get(name))
		}
		q.Del(name)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// TestNothingLeaks plants words that must not be told in subjects, organizers,
// secrets and server messages, sends the service through faults, and looks for
// them in every log line, error and problem.
func TestNothingLeaks(t *testing.T) {
	const plant = "Zweckverband"
	o := newOffice(t, "aspen", "birch")
	secrets := []string{plant, o.app.Secret, "pass-1"}
	id := o.graph.Calendar("aspen").Create(graphtest.Event{
		Subject: plant + " merger", Start: at(9, 0), End: at(10, 0),
		Organizer: graphtest.Person{Name: plant + " Boss", Address: plant + "@practice.example"},
	})
	var said []string
	say := func(err error) {
		if err != nil {
			said = append(said, err.Error(), fmt.Sprintf("%+v", err))
			for ; err != nil; err = errors.Unwrap(err) {
				said = append(said, err.Error())
			}
		}
	}
	o.connectAppOnly()
	room := calendar.NewRoomID(o.address("aspen"))
	say(o.service.Sync(t.Context(), room))
	message := plant + " is the subject"
	for _, f := range []graphtest.Fault{
		{Status: 403, Code: "ErrorAccessDenied", Text: message}, {Status: 400, Code: message, Text: message},
		{Status: 500, Text: message}, {Status: 410, Code: "SyncStateNotFound", Text: message},
		graphtest.Truncated(), graphtest.WrongTypes(), graphtest.HTMLPage(),
		{Mangle: func(b []byte) []byte {
			return []byte(strings.ReplaceAll(string(b), `"dateTime":"`, `"dateTime":"`+plant))
		}},
	} {
		f.Room = "aspen"
		remove := o.graph.Inject(f)
		say(o.service.Sync(t.Context(), room))
		remove()
	}
	if err := o.graph.Calendar("aspen").Move(id, at(11, 0), at(12, 0)); err != nil {
		t.Fatal(err)
	}
	say(o.service.Sync(t.Context(), room))
	o.store.settings(func(s *connection.Settings) { s.ClientSecret = plant + "~wrong" })
	_, err := o.service.Connect(t.Context(), 1)
	say(err)
	o.store.settings(func(s *connection.Settings) { s.ClientSecret = o.app.Secret })
	to, err := o.service.Connect(t.Context(), 1)
	say(err)
	said = append(said, withoutDice(t, to.URL))
	q, ok := o.browser("admin@"+o.graph.Domain(), "pass-1", "cancel").visit(to.URL)
	if !ok {
		t.Fatal("the browser is stuck at the stand-in")
	}
	q["error_description"] += plant
	_, err = o.service.Answer(t.Context(), q, to.Cookie)
	say(err)
	made, err := o.service.NewCertificate(t.Context(), 1)
	say(err)
	for line := range strings.SplitSeq(made.KeyPEM, "\n") {
		if len(line) > 40 && !strings.HasPrefix(line, "---") {
			secrets = append(secrets, line)
		}
	}
	checks, err := o.service.UseSpare(t.Context(), 1) // Microsoft does not know it
	say(err)
	said = append(said, fmt.Sprintf("%+v", checks), fmt.Sprintf("%+v %#v", o.store.conns[1], o.store.conns[1]))
	mail, err := o.service.ConsentLink(t.Context(), 1)
	say(err)
	u, err := url.Parse(mail)
	if err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, u.Query().Get("state")) // of the link that is mailed: for its reader, not for the log
	_, err = o.service.Answer(t.Context(), connection.Query{"state": u.Query().Get("state"), "error": "access_denied", "error_description": plant}, "")
	say(err)
	checks, err = o.service.Probe(t.Context(), 1, connection.ProbeOptions{Forbidden: plant + "@practice.example"})
	say(err)
	for i := range checks { // the address is what the administrator typed, and stays on the page
		checks[i].Room = ""
	}
	said = append(said, fmt.Sprintf("%+v", checks))
	for _, p := range o.service.RoomProblems() {
		said = append(said, fmt.Sprintf("%+v", p))
	}
	said = append(said, o.log.String(), fmt.Sprint(o.service.Counters()), fmt.Sprintf("%+v", o.store.state()))

	if len(said) < 10 || o.log.lines("level=WARN") == 0 {
		t.Fatalf("only %d things were said", len(said))
	}
	for _, s := range said {
		for _, word := range append(secrets, "eyJ", "refresh_token", "access_token") { // eyJ begins a token
			if strings.Contains(s, word) {
				t.Errorf("%q is told in %.300q", word, s)
			}
		}
	}
	if got := o.service.Counters()["malformed_answers"]; got < 3 {
		t.Errorf("malformed_answers = %d, want at least 3", got)
	}
}
