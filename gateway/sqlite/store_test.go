package sqlite

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"doorleaf/gateway"
	"doorleaf/gateway/storetest"
)

func TestStore(t *testing.T) {
	options := make(map[gateway.Store]Options)
	statements := make(map[string]bool)
	start := func(t *testing.T, o Options) gateway.Store {
		t.Helper()
		s := opened(t, o)
		options[s] = o
		t.Cleanup(func() { // before the one that closes
			for _, st := range []*stmtCache{&s.writes.stmts, &s.reads.stmts} {
				for text := range st.kept {
					statements[text] = true
				}
			}
		})
		return s
	}
	storetest.Test(t,
		func(t *testing.T) gateway.Store { return start(t, temp(t)) },
		func(t *testing.T, s gateway.Store) gateway.Store {
			closed(t, s.(*Store))
			return start(t, options[s])
		})
	t.Run("no statement scans a table that grows", func(t *testing.T) {
		noScans(t, slices.Sorted(maps.Keys(statements)))
	})
}

// noScans asks SQLite how it would run the statements. Lists of signs, rooms with the age of their agendas,
// connections, releases, pictures and what is wrong are read whole; everything else has to use an index.
func noScans(t *testing.T, statements []string) {
	if len(statements) < 60 {
		t.Fatalf("got %d statements, want those of every method", len(statements))
	}
	s := opened(t, temp(t))
	for _, text := range statements {
		if first, _, _ := strings.Cut(text, " "); first != "SELECT" && first != "UPDATE" && first != "DELETE" && first != "INSERT" {
			continue
		}
		rows, err := s.writes.conn.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, make([]any, 20)...)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		err = each(rows, func(row rowScanner) error {
			var id, parent, unused int
			var detail string
			err := row.Scan(&id, &parent, &unused, &detail)
			table, scans := strings.CutPrefix(detail, "SCAN ")
			table, _, _ = strings.Cut(table, " ")
			whole := !strings.Contains(text, "WHERE")
			if scans && !(whole && slices.Contains([]string{"rooms", "agendas", "signs", "sign_status", "connections", "accounts", "site", "makers", "releases", "assets", "conditions", "sign_places"}, table)) && table != "CONSTANT" {
				t.Errorf("%s:\n%s", text, detail)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
