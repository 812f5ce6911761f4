package graphsync

import (
	"testing"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// TestReport follows the connection's problem through a course of results.
func TestReport(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	store := newMemory(connection.Settings{})
	_ = store.SaveState(t.Context(), 1, connection.State{Mode: connection.AppOnly})
	log := new(journal)
	s := newService(Options{Store: store, RedirectURI: redirectURI, Logger: logger(log), Now: func() time.Time { return now }}, nil)
	s.health.watching(1, 2)
	fault := func(k connection.Kind, op string) error { return &connection.Error{Kind: k, Op: op} }
	room := func(id calendar.RoomID) place { return place{1, id} }
	for _, step := range []struct {
		name  string
		at    place
		err   error
		want  connection.Kind // of State.Problem, "" for none
		lines int             // log lines so far
	}{
		{"one of two rooms fails", room("a"), fault(connection.NotFound, "read calendar"), "", 1},
		{"again", room("a"), fault(connection.NotFound, "read calendar"), "", 1},
		{"the other one fails", room("b"), fault(connection.ServerFault, "read calendar"), connection.NotFound, 2},
		{"the other one works", room("b"), nil, "", 3},
		{"no token", room("b"), fault(connection.SecretExpired, tokenOp), connection.SecretExpired, 4},
		{"no token for the first", room("a"), fault(connection.SecretExpired, tokenOp), connection.SecretExpired, 4},
		{"another reason", room("a"), fault(connection.Unreachable, tokenOp), connection.Unreachable, 5},
		{"a token", room("b"), nil, "", 6},
		{"no list", place{conn: 1}, fault(connection.BadAnswer, "list rooms"), connection.BadAnswer, 7},
		{"a list", place{conn: 1}, nil, "", 8},
		{"the first works", room("a"), nil, "", 9},
		{"not connected", room("a"), fault(connection.NotConfigured, "connect"), "", 9},
	} {
		now = now.Add(time.Second)
		s.report(t.Context(), step.at, 0, step.err)
		var got connection.Kind
		if p := store.state().Problem; p != nil {
			got = p.Kind
		}
		if got != step.want {
			t.Errorf("%s: problem %q, want %q", step.name, got, step.want)
		}
		if n := log.lines("level="); n != step.lines {
			t.Errorf("%s: %d log lines, want %d:\n%s", step.name, n, step.lines, log)
		}
	}
	saves := store.saves
	for range 90 {
		now = now.Add(time.Second)
		s.report(t.Context(), room("a"), 0, nil)
	}
	if n := store.saves - saves; n < 1 || n > 2 {
		t.Errorf("%d states saved in 90 seconds of good health, want 1 or 2", n)
	}
	if got := store.state().CheckedAt; now.Sub(got) > checkedEvery {
		t.Errorf("checked at %v, now is %v", got, now)
	}
}

// TestProblemKeepsSince: a problem that goes on keeps the time it began, also
// over a restart.
func TestProblemKeepsSince(t *testing.T) {
	began := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	store := newMemory(connection.Settings{})
	_ = store.SaveState(t.Context(), 1, connection.State{Mode: connection.AppOnly,
		Problem: &connection.Problem{Kind: connection.SecretExpired, Code: "AADSTS7000222", Since: began}})
	s := newService(Options{Store: store, RedirectURI: redirectURI}, nil)
	s.report(t.Context(), place{1, "a"}, 0, &connection.Error{Kind: connection.SecretExpired, Op: tokenOp, Code: "AADSTS7000222"})
	if p := store.state().Problem; p == nil || !p.Since.Equal(began) {
		t.Errorf("problem = %+v, want since %v", p, began)
	}
}

// TestReportOfEarlierTerm: a calendar that was asked for with the rights of the
// person who signed in, and refused when the application's own rights had taken
// their place, is no problem of theirs.
func TestReportOfEarlierTerm(t *testing.T) {
	store := newMemory(connection.Settings{})
	_ = store.SaveState(t.Context(), 1, connection.State{Mode: connection.AppOnly})
	log := new(journal)
	s := newService(Options{Store: store, RedirectURI: redirectURI, Logger: logger(log)}, nil)
	refused := &connection.Error{Kind: connection.AccessDenied, Op: "read calendar"}
	term := s.health.term(1)
	s.health.forget(1)
	s.report(t.Context(), place{1, "a"}, term, refused)
	if p := store.state().Problem; p != nil || log.lines("not readable") != 0 {
		t.Errorf("problem %+v after a look of before; log:\n%s", p, log)
	}
	s.report(t.Context(), place{1, "a"}, s.health.term(1), refused)
	if p := store.state().Problem; p == nil || p.Kind != connection.AccessDenied || log.lines("not readable") != 1 {
		t.Errorf("problem %+v after a look of now; log:\n%s", p, log)
	}
}
