package storetest

import (
	"errors"

	"doorleaf/devices"
)

// said is one report of a sequence, and what the store makes of it.
type said struct {
	name    string
	report  devices.Report
	fresh   bool
	err     error
	counter uint32 // in the status afterwards
}

// hear commits the reports in turn.
func (s *suite) hear(id devices.SignID, all []said) {
	s.Helper()
	for i, st := range all {
		r := st.report
		r.Sign, r.Received = id, noon
		fresh, err := s.CommitReport(s.Context(), r)
		if !errors.Is(err, st.err) || fresh != st.fresh {
			s.Errorf("%d, %s: got fresh %t and error %v, want %t and %v", i, st.name, fresh, err, st.fresh, st.err)
		}
		after, err := s.Status(s.Context(), id)
		s.ok(err)
		if after.Counter != st.counter {
			s.Errorf("%d, %s: got counter %d, want %d", i, st.name, after.Counter, st.counter)
		}
	}
}

func greeting(boot, counter, seq uint32) devices.Report {
	return devices.Report{Kind: devices.HelloReport, Boot: boot, Counter: counter, Epoch: min(seq, 1), Seq: seq}
}

func glass(boot, counter, seq uint32) devices.Report {
	r := greeting(boot, counter, seq)
	r.Kind = devices.ShownReport
	return r
}

func press(boot, counter uint32) devices.Report {
	return devices.Report{Kind: devices.EventReport, Boot: boot, Counter: counter, Button: 1}
}

// brought is a press that a hello brings.
func brought(boot, counter uint32, h devices.Report) devices.Report {
	r := press(boot, counter)
	r.InHello, r.HelloBoot, r.HelloCounter, r.Epoch, r.Seq = true, h.Boot, h.Counter, h.Epoch, h.Seq
	return r
}

// Reports are judged by what came before them, whatever their kind: those that
// somebody recorded or held back are old.
func testOrder(s *suite) {
	id := s.pair("one")
	s.send(id, 8, 1)
	replayed := devices.ErrReplayed
	s.hear(id, []said{
		{"hello", greeting(1, 1, 5), true, nil, 1},
		{"said again", greeting(1, 1, 5), false, nil, 1},
		{"shown", glass(1, 2, 5), true, nil, 2},
		{"the hello that shown has overtaken", greeting(1, 1, 5), false, replayed, 2},
		{"shown, before a hello that was held back", glass(1, 5, 5), true, nil, 5},
		{"that hello", greeting(1, 4, 5), false, replayed, 5},
		{"the next hello", greeting(1, 6, 5), true, nil, 6},
		{"a new boot with a newer manifest", greeting(2, 1, 6), true, nil, 1},
		{"held back from the boot before", glass(1, 7, 5), false, replayed, 1},
		{"a hello held back from it", greeting(1, 8, 5), false, replayed, 1},
		{"the boot before goes on", glass(1, 8, 6), true, nil, 8},
		{"and the new one", greeting(2, 2, 6), true, nil, 2},
		{"the boot before, recorded", glass(1, 8, 6), false, replayed, 2},
		{"an unknown boot with an older manifest", greeting(3, 1, 5), false, replayed, 2},
		{"storage lost", greeting(4, 1, 0), true, nil, 1},
		{"a boot with a manifest that was never given", greeting(5, 1, 9), true, nil, 1},
		{"the one that was", greeting(6, 1, 8), true, nil, 1},
	})
}

// How far the last 64 boots came is known.
func testManyBoots(s *suite) {
	id := s.pair("one")
	s.send(id, 8, 1)
	for boot := uint32(300); boot < 400; boot++ {
		s.hear(id, []said{{"another boot", greeting(boot, 3, 8), true, nil, 3}})
	}
	for _, boot := range []uint32{337, 370, 398} {
		s.hear(id, []said{{"recorded", greeting(boot, 3, 8), false, devices.ErrReplayed, 3}})
	}
}

// A press is acted on once, in whatever order it comes.
func testPresses(s *suite) {
	id := s.pair("one")
	s.send(id, 8, 1)
	replayed := devices.ErrReplayed
	four, late, later := greeting(1, 4, 5), greeting(1, 3, 5), greeting(2, 1, 5)
	s.hear(id, []said{
		{"hello", greeting(1, 1, 5), true, nil, 1},
		{"shown, before the press that it follows", glass(1, 3, 5), true, nil, 3},
		{"the press, in the next hello", brought(1, 2, four), true, nil, 3},
		{"once more", brought(1, 2, four), false, nil, 3},
		{"that hello", four, true, nil, 4},
		{"the press by itself", press(1, 2), false, replayed, 4},
		{"shown", glass(1, 7, 5), true, nil, 7},
		{"a press that it has overtaken", press(1, 6), true, nil, 7},
		{"once more", press(1, 6), false, replayed, 7},
		{"one more of them", press(1, 5), true, nil, 7},
		{"the newest", press(1, 8), true, nil, 8},
		{"and again", press(1, 8), false, nil, 8},
		{"a recorded hello with a press made up", brought(1, 30, late), false, replayed, 8},
		{"a press before the battery was changed", brought(1, 9, later), true, nil, 8},
		{"the hello of the new boot", later, true, nil, 1},
		{"that press by itself", press(1, 9), false, replayed, 1},
		{"one of the old boot that came before others", press(1, 7), false, replayed, 1},
		{"of a boot that never was", press(77, 1), false, replayed, 1},
		{"one of the new boot", press(2, 2), true, nil, 2},
		{"once more", press(2, 2), false, nil, 2},
	})
}

// Of very many presses the earliest are forgotten, and stay old.
func testManyPresses(s *suite) {
	id := s.pair("one")
	s.hear(id, []said{{"hello", greeting(1, 1, 0), true, nil, 1}})
	for n := uint32(2); n < 202; n++ {
		s.hear(id, []said{{"press", press(1, n), true, nil, n}})
	}
	for _, n := range []uint32{2, 100, 137, 138, 200} {
		s.hear(id, []said{{"recorded", press(1, n), false, devices.ErrReplayed, 201}})
	}
	s.hear(id, []said{{"and one that was lost", press(1, 203), true, nil, 203}})
}
