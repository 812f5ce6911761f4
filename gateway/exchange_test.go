package gateway_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/sqlite"
)

// waiting makes a sign wait that shows code.
func (b *bench) waiting(code string) {
	b.t.Helper()
	j := devices.Joining{Nonce: "n" + code, Code: code, Hardware: devices.Hardware{Model: "256x1", Serial: "new " + code, Width: 256, Height: 1},
		Since: time.Now(), Expires: time.Now().Add(time.Minute)}
	if err := b.core.Joining(b.t.Context(), j); err != nil {
		b.t.Fatal(err)
	}
}

func TestReplaceKeepsTheBinding(t *testing.T) {
	b := newBench(t)
	b.run()
	room := b.room("Aalto")
	old := b.pair("ABCDEFGH", room)
	s, err := b.store.Sign(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	twelve := true
	s.Name, s.Language, s.Hour12 = "By the lift", "de", &twelve
	if err := b.store.UpdateSign(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if _, err := b.core.Replace(t.Context(), old, "WRNGCODE"); !errors.Is(err, devices.ErrUnknownCode) {
		t.Errorf("wrong code: got %v", err)
	}
	if _, err := b.core.Credential(t.Context(), old); err != nil {
		t.Errorf("after a wrong code the old sign is gone: %v", err)
	}
	b.waiting("22223333")
	id, err := b.core.Replace(t.Context(), old, "2222-3333")
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.store.Sign(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "By the lift" || got.Room != room || got.Language != "de" || got.Hour12 == nil || !*got.Hour12 || got.Hardware.Serial != "new 22223333" {
		t.Errorf("the new sign is %+v", got)
	}
	if _, err := b.core.Credential(t.Context(), old); !errors.Is(err, devices.ErrUnknownSign) {
		t.Errorf("credential of the old sign: got error %v, want %v", err, devices.ErrUnknownSign)
	}
	if _, err := b.core.Replace(t.Context(), old, "22223333"); !errors.Is(err, gateway.ErrNotFound) {
		t.Errorf("replace a sign that is gone: got %v", err)
	}
}

func TestSwapShowsTheOtherRoom(t *testing.T) {
	b := newBench(t)
	b.run()
	one, two := b.pair("ABCDEFGH", b.room("Aalto")), b.pair("BCDEFGHJ", b.room("Breuer"))
	state := func(id devices.SignID) calendar.RoomID { return b.door(id).Sign.Room }
	first, second := state(one), state(two)
	if err := b.core.Swap(t.Context(), one, two); err != nil {
		t.Fatal(err)
	}
	if state(one) != second || state(two) != first {
		t.Errorf("got %s and %s", state(one), state(two))
	}
	before := b.door(one).Want
	b.agenda(calendar.Room{ID: second, Name: "Breuer"}, time.Now(), meeting("New", -time.Minute, time.Hour))
	b.eventually("the other room's meeting on the sign", func() bool {
		w := b.door(one).Want
		return w != nil && (before == nil || w.Seq > before.Seq) && w.Steps[0].State == "booked"
	})
	if err := b.core.Swap(t.Context(), one, one); !errors.Is(err, gateway.ErrInvalid) {
		t.Errorf("with itself: got %v", err)
	}
	if err := b.core.Swap(t.Context(), one, "nobody"); !errors.Is(err, gateway.ErrNotFound) {
		t.Errorf("with nobody: got %v", err)
	}
}

func TestPairList(t *testing.T) {
	for _, tt := range []struct {
		name, csv string
		paired    int
		want      string // line and fault of each problem
	}{
		{"header, address, name and none", "code,room,name\nAAAA-2222,aalto@example.com,By the lift\nbbbb 2222,BREUER\nCCCC2222\n", 3, ""},
		{"semicolons and a byte order mark", "\ufeffcode;room;name\nAAAA2222;Aalto;A, the first\n", 1, ""},
		{"one code nobody shows", "AAAA2222,Aalto\nZZZZ2222,Breuer\nBBBB2222\n", 2, "2 unknown"},
		{"unknown room", "AAAA2222,Aalto\nBBBB2222,Corbusier\n", 0, "2 room"},
		{"room of two", "AAAA2222,Twin\n", 0, "1 room"},
		{"bad code", "AAAA222,Aalto\n", 0, "1 code"},
		{"code twice", "AAAA2222,Aalto\naaaa-2222,Breuer\n", 0, "2 twice"},
		{"four fields", "AAAA2222,Aalto,x,y\n", 0, "1 csv"},
		{"open quotes", "AAAA2222,\"Aalto\n", 0, "1 csv"},
		{"nothing", "code,room,name\n", 0, "1 many"},
		{"too many lines", strings.Repeat("AAAA2222\n", 600), 0, "many"},
		{"too long", strings.Repeat("x", 300<<10), 0, "1 many"},
		{"guessing", "WRNG0001\nWRNG0002\nWRNG0003\nWRNG0004\nWRNG0005\nWRNG0006\nWRNG0007\nWRNG0008\nAAAA2222\n", 0, "9 tries"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.room("Aalto")
			b.room("Breuer")
			b.room("Twin")
			rooms, err := b.store.Rooms(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := b.store.ReplaceRooms(t.Context(), 1, append(rooms, calendar.Room{ID: "twin2@example.com", Name: "Twin"})); err != nil {
				t.Fatal(err)
			}
			for _, code := range []string{"AAAA2222", "BBBB2222", "CCCC2222"} {
				b.waiting(code)
			}
			n, problems, err := b.core.PairList(t.Context(), strings.NewReader(tt.csv))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, p := range problems {
				got += fmt.Sprintf("%d %s ", p.Line, p.Fault)
			}
			if n != tt.paired || (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %d paired and %q, want %d and %q", n, got, tt.paired, tt.want)
			}
		})
	}
}

func FuzzPairList(f *testing.F) {
	f.Add("code,room,name\nAAAA2222,Aalto,x\n")
	f.Add("\"\n;;;")
	store, err := sqlite.Open(f.Context(), sqlite.Options{Path: filepath.Join(f.TempDir(), "d.db"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	defer store.Close()
	core := gateway.New(gateway.Options{Store: store, Renderer: stubRenderer{}, Logger: slog.New(slog.DiscardHandler)})
	core.SetWire(&stubWire{claims: map[devices.SignID][]byte{}})
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, err := core.PairList(t.Context(), strings.NewReader(text)); err != nil {
			t.Error(err)
		}
	})
}
