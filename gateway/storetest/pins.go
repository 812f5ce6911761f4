package storetest

import (
	"math"

	"doorleaf/devices"
	"doorleaf/gateway"
)

func testPins(s *suite) {
	ctx := s.Context()
	id, other := s.pair("one"), s.pair("two")
	pins := func(what string, want gateway.SignPins) {
		s.Helper()
		got, err := s.SignPins(ctx, id)
		s.ok(err)
		s.equal(what, got, want)
	}
	pins("told nothing", gateway.SignPins{})
	a, b := devices.ServerKey(hash(1)), devices.ServerKey(hash(2))
	first := gateway.SignPins{Given: devices.ServerKeys{Number: 1, Keys: []devices.ServerKey{a, b}}, Floor: math.MaxUint32}
	s.ok(s.PutSignPins(ctx, id, first))
	pins("told", first)
	second := gateway.SignPins{Given: devices.ServerKeys{Number: math.MaxUint32, Keys: []devices.ServerKey{b, a, b, a}}, Held: first.Given, Floor: 7}
	s.ok(s.PutSignPins(ctx, id, second))
	pins("told anew", second)
	s.Store = s.reopen(s.T, s.Store)
	pins("reopened", second)
	all, err := s.AllSignPins(ctx)
	s.ok(err)
	s.equal("all", all, map[devices.SignID]gateway.SignPins{id: second})
	plain := func(what string, want map[devices.SignID]bool) {
		s.Helper()
		got, err := s.PlainSigns(ctx)
		s.ok(err)
		s.equal(what, got, want)
	}
	plain("plain at first", map[devices.SignID]bool{})
	s.ok(s.SetPlain(ctx, id, true))
	s.ok(s.SetPlain(ctx, id, true))
	s.ok(s.SetPlain(ctx, other, true))
	s.ok(s.SetPlain(ctx, other, false))
	s.Store = s.reopen(s.T, s.Store)
	plain("plain, reopened", map[devices.SignID]bool{id: true})
	five := devices.ServerKeys{Number: 9, Keys: make([]devices.ServerKey, 5)}
	s.fails("too many", s.PutSignPins(ctx, other, gateway.SignPins{Given: five}), gateway.ErrInvalid)
	s.ok(s.RemoveSign(ctx, id))
	_, err = s.SignPins(ctx, id)
	s.fails("removed sign", err, gateway.ErrNotFound)
	plain("plain, after it was removed", map[devices.SignID]bool{})
	s.fails("removed sign, plain", s.SetPlain(ctx, id, true), gateway.ErrNotFound)
	s.fails("set of a removed sign", s.PutSignPins(ctx, id, first), gateway.ErrNotFound)
	all, err = s.AllSignPins(ctx)
	s.ok(err)
	s.equal("all, after it was removed", all, map[devices.SignID]gateway.SignPins{})
}
