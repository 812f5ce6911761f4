package storetest

import (
	"errors"
	"math"

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

// proven is a hello with a right MAC, claim one without.
func proven(boot, counter, seq uint32) devices.Report {
	return devices.Report{Kind: devices.HelloReport, Boot: boot, Counter: counter, Epoch: min(seq, 1), Seq: seq, Proven: true}
}

func claim(boot, counter, seq uint32) devices.Report {
	r := proven(boot, counter, seq)
	r.Proven = false
	return r
}

func glass(boot, counter, seq uint32) devices.Report {
	r := claim(boot, counter, seq)
	r.Kind = devices.ShownReport
	return r
}

func press(boot, counter uint32) devices.Report {
	return devices.Report{Kind: devices.EventReport, Boot: boot, Counter: counter, Button: 1}
}

// brought is a press that a hello brings.
func brought(boot, counter uint32, h devices.Report) devices.Report {
	r := press(boot, counter)
	r.InHello, r.HelloBoot, r.HelloCounter, r.Epoch, r.Seq, r.Proven = true, h.Boot, h.Counter, h.Epoch, h.Seq, h.Proven
	return r
}

// What somebody else says with a sign's password does not make the sign's own
// hellos old.
func testProven(s *suite) {
	id := s.pair("one")
	s.send(id, 8, 1)
	const top = math.MaxUint32
	replayed := devices.ErrReplayed
	s.hear(id, []said{
		{"hello", proven(1, 1, 5), true, nil, 1},
		{"said again", proven(1, 1, 5), false, nil, 1},
		{"shown", glass(1, 2, 5), true, nil, 2},
		{"the hello that shown has overtaken", proven(1, 1, 5), false, replayed, 2},
		{"a stranger's shown far ahead", glass(1, top, 7), true, nil, top},
		{"the sign's shown does not count now", glass(1, 3, 5), false, replayed, top},
		{"its hello does, and takes back what was claimed", proven(1, 4, 5), true, nil, 4},
		{"so its shown counts again", glass(1, 5, 5), true, nil, 5},
		{"a recorded hello stays old", proven(1, 1, 5), false, replayed, 5},
		{"the newest as well, once overtaken", proven(1, 4, 5), false, replayed, 5},
		{"a stranger's hello far ahead", claim(1, top, 8), true, nil, top},
		{"said by the stranger again", claim(1, top, 8), false, nil, top},
		{"a press of the stranger", press(1, top-1), true, nil, top},
		{"the hello before, said again", proven(1, 4, 5), false, replayed, top},
		{"the sign's next hello", proven(1, 6, 5), true, nil, 6},
		{"the press of the stranger is forgotten", press(1, top-1), true, nil, top - 1},
		{"a boot that a stranger made up, with all manifests given", claim(9, 1, 8), true, nil, 1},
		{"the sign goes on in its own", proven(1, 7, 5), true, nil, 7},
		{"a new boot with the manifest that the sign proved", proven(2, 1, 5), true, nil, 1},
		{"an unknown boot with an older one", proven(3, 1, 4), false, replayed, 1},
		{"the boot before", proven(1, 7, 5), false, replayed, 1},
		{"storage lost", proven(4, 1, 0), true, nil, 1},
	})
}

// Many boots that strangers make up do not wash out what the sign proved.
func testProvenBoots(s *suite) {
	id := s.pair("one")
	s.send(id, 8, 1)
	s.hear(id, []said{{"hello", proven(1, 10, 8), true, nil, 10}})
	for boot := uint32(100); boot < 300; boot++ {
		s.hear(id, []said{{"made up", claim(boot, 1, 8), true, nil, 1}})
	}
	s.hear(id, []said{
		{"recorded", proven(1, 10, 8), false, devices.ErrReplayed, 1},
		{"recorded before", proven(1, 3, 8), false, devices.ErrReplayed, 1},
		{"the sign", proven(1, 11, 8), true, nil, 11},
	})
	for boot := uint32(300); boot < 400; boot++ {
		s.hear(id, []said{{"boots of the sign itself", proven(boot, 1, 8), true, nil, 1}})
	}
	s.hear(id, []said{{"the last of them again", proven(398, 1, 8), false, devices.ErrReplayed, 1}})
}

// A press is acted on once, in whatever order it comes.
func testPresses(s *suite) {
	id := s.pair("one")
	s.send(id, 8, 1)
	replayed := devices.ErrReplayed
	four, late, later := proven(1, 4, 5), proven(1, 3, 5), proven(2, 1, 5)
	wrong := claim(1, 2, 5)
	s.hear(id, []said{
		{"hello", proven(1, 1, 5), true, nil, 1},
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
		{"a hello without a MAC, old, with one", brought(1, 31, wrong), false, replayed, 8},
		{"a press before the battery was changed", brought(1, 9, later), true, nil, 8},
		{"the hello of the new boot", later, true, nil, 1},
		{"that press by itself", press(1, 9), false, replayed, 1},
		{"one of the old boot that came before others", press(1, 7), false, replayed, 1},
		{"of a boot that never was", press(77, 1), false, replayed, 1},
		{"a stranger's boot", claim(9, 1, 8), true, nil, 1},
		{"a press of the boot that the sign proved", press(2, 2), true, nil, 2},
		{"once more", press(2, 2), false, nil, 2},
	})
}

// Of very many presses the earliest are forgotten, and stay old.
func testManyPresses(s *suite) {
	id := s.pair("one")
	s.hear(id, []said{{"hello", proven(1, 1, 0), true, nil, 1}})
	for n := uint32(2); n < 202; n++ {
		s.hear(id, []said{{"press", press(1, n), true, nil, n}})
	}
	for _, n := range []uint32{2, 100, 137, 138, 200} {
		s.hear(id, []said{{"recorded", press(1, n), false, devices.ErrReplayed, 201}})
	}
	s.hear(id, []said{{"and one that was lost", press(1, 203), true, nil, 203}})
}
