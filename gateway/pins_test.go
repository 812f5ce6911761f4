package gateway

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorleaf/devices"
)

// pinRecord is a store that keeps server keys alone.
type pinRecord struct {
	Store
	pins   map[devices.SignID]SignPins
	signs  []Sign
	writes int
	plain  map[devices.SignID]bool
}

func (p *pinRecord) PlainSigns(context.Context) (map[devices.SignID]bool, error) {
	return maps.Clone(p.plain), nil
}

func (p *pinRecord) SetPlain(_ context.Context, id devices.SignID, plain bool) error {
	p.writes++
	if p.plain[id] = plain; !plain {
		delete(p.plain, id)
	}
	return nil
}

func (p *pinRecord) SignPins(_ context.Context, id devices.SignID) (SignPins, error) {
	return p.pins[id], nil
}

func (p *pinRecord) AllSignPins(context.Context) (map[devices.SignID]SignPins, error) {
	return p.pins, nil
}

func (p *pinRecord) Signs(context.Context) ([]Sign, error) { return p.signs, nil }

func (p *pinRecord) PutSignPins(_ context.Context, id devices.SignID, s SignPins) error {
	p.pins[id] = s
	p.writes++
	return nil
}

func pinCore(p *pinRecord, floor uint32, keys ...devices.ServerKey) *Core {
	return New(Options{Store: p, Logger: slog.New(slog.DiscardHandler), ServerKeys: keys, EpochFloor: floor})
}

func TestServerKeys(t *testing.T) {
	const id = "aaaaaaaaaaaaaaaa"
	a, b, c := devices.ServerKey{1}, devices.ServerKey{2}, devices.ServerKey{3}
	hello := func(number uint32) devices.Report {
		return devices.Report{Kind: devices.HelloReport, Sign: id, Pins: number, Hardware: devices.Hardware{Capabilities: devices.CanPin}}
	}
	store := &pinRecord{pins: map[devices.SignID]SignPins{}, signs: []Sign{{ID: id, Hardware: devices.Hardware{Capabilities: devices.CanPin}}}}
	core := pinCore(store, 0, a, b)
	steps := []struct {
		name   string
		core   *Core
		hello  devices.Report
		number uint32 // that it is told, 0: nothing
		knows  []devices.ServerKey
		writes int
	}{
		{"first contact", core, hello(0), 1, nil, 1},
		{"the same again", core, hello(0), 1, nil, 0},
		{"it knows", core, hello(1), 0, []devices.ServerKey{a, b}, 1},
		{"it knows, again", core, hello(1), 0, []devices.ServerKey{a, b}, 0},
		{"the key was changed", pinCore(store, 0, b, c), hello(1), 2, []devices.ServerKey{a, b}, 1},
		{"it forgot", pinCore(store, 0, b, c), hello(0), 2, nil, 1},
		{"it knows the new ones", pinCore(store, 0, b, c), hello(2), 0, []devices.ServerKey{b, c}, 1},
		{"it knows more than was given", pinCore(store, 0, b, c), hello(9), 10, nil, 1},
		{"and then this", pinCore(store, 0, b, c), hello(10), 0, []devices.ServerKey{b, c}, 1},
		{"restored", pinCore(store, 5000, b, c), hello(10), 5001, nil, 1},
		{"restored, and told", pinCore(store, 5000, b, c), hello(5001), 0, []devices.ServerKey{b, c}, 1},
		{"restored, the lost one's number is the same", pinCore(store, 6000, b, c), hello(5001), 6001, nil, 1},
		{"a liar", pinCore(store, 6000, b, c), hello(math.MaxUint32), 0, nil, 0},
		{"it may have the last number", pinCore(store, 6000, b, c), hello(math.MaxUint32 - 1), math.MaxUint32, nil, 1},
		{"after the last number there is none", pinCore(store, 6000, a, c), hello(math.MaxUint32), 0, []devices.ServerKey{b, c}, 1},
		{"no keys of ours", pinCore(store, 6000), hello(0), 0, []devices.ServerKey{b, c}, 0},
	}
	for _, s := range steps {
		before := store.writes
		set, ok, err := s.core.ServerKeys(t.Context(), s.hello)
		if err != nil || ok != (s.number != 0) || ok && set.Number != s.number {
			t.Errorf("%s: told set %d, %v, %v; want %d", s.name, set.Number, ok, err, s.number)
		}
		if ok && !slices.Equal(set.Keys, s.core.serverKeys) {
			t.Errorf("%s: told %x", s.name, set.Keys)
		}
		if d := cmp.Diff(s.knows, store.pins[id].Held.Keys); d != "" {
			t.Errorf("%s: it knows (-want +got)\n%s", s.name, d)
		}
		if got := store.writes - before; got != s.writes {
			t.Errorf("%s: %d writes, want %d", s.name, got, s.writes)
		}
	}
	silent := hello(0)
	silent.Hardware.Capabilities = 0
	if _, ok, err := core.ServerKeys(t.Context(), silent); ok || err != nil {
		t.Errorf("a sign that cannot be told is told: %v", err)
	}
}

// hello is that of a sign of which nothing matters.
func hello(id devices.SignID) devices.Report {
	return devices.Report{Kind: devices.HelloReport, Sign: id}
}

func TestWhoKnows(t *testing.T) {
	a, b := devices.ServerKey{1}, devices.ServerKey{2}
	can := devices.Hardware{Capabilities: devices.CanPin}
	held := func(floor uint32, keys ...devices.ServerKey) SignPins {
		return SignPins{Held: devices.ServerKeys{Number: 1, Keys: keys}, Floor: floor}
	}
	store := &pinRecord{
		signs: []Sign{{ID: "knows", Hardware: can}, {ID: "other", Hardware: can}, {ID: "new", Hardware: can}, {ID: "restored", Hardware: can}, {ID: "silent"}, {ID: "plain"}, {ID: "plain once"}, {ID: "plain before"}, {ID: "plain and can", Hardware: can}},
		plain: map[devices.SignID]bool{"plain before": true},
		pins:  map[devices.SignID]SignPins{"knows": held(7, a, b), "other": held(7, a), "restored": held(6, a, b), "silent": held(7, a, b)},
	}
	core := pinCore(store, 7, a, b)
	plain := map[devices.SignID]bool{"plain": true, "plain once": true, "plain and can": true}
	core.plain.now = func(id devices.SignID) bool { return plain[id] }
	core.connected = func(devices.SignID) bool { return true }
	for id := range plain {
		core.seePlain(t.Context(), hello(id))
	}
	plain["plain once"] = false // it calls over TLS now
	core.seePlain(t.Context(), hello("plain once"))
	k, err := core.WhoKnows(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	names := func(signs []Sign) (ids []devices.SignID) {
		for _, s := range signs {
			ids = append(ids, s.ID)
		}
		return ids
	}
	lacking, silent := []devices.SignID{"other", "new", "restored", "plain and can"}, []devices.SignID{"silent", "plain once"}
	if k.Know != 1 || k.Plain != 2 || !slices.Equal(names(k.Lacking), lacking) || !slices.Equal(names(k.Silent), silent) {
		t.Errorf("know %d, plain %d, lacking %v, silent %v", k.Know, k.Plain, names(k.Lacking), names(k.Silent))
	}
}
