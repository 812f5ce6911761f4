package health

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/energy"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// well is a sign with nothing wrong.
func well(n int) Sign {
	return Sign{ID: devices.SignID(fmt.Sprintf("sign%02d", n)), Name: fmt.Sprintf("Door %02d", n), Model: "800x480", Firmware: "1.4.0",
		LastSeen: noon().Add(-10 * time.Minute), LateSince: noon().Add(20 * time.Minute), SignalDBm: -60}
}

func house(signs ...Sign) House {
	return House{Now: noon(), Started: noon().Add(-time.Hour), Signs: signs}
}

// with changes a sign.
func with(n int, change func(*Sign)) Sign {
	s := well(n)
	change(&s)
	return s
}

func TestOneSign(t *testing.T) {
	low := energy.Forecast{Left: 0.12, LeftError: 0.03, Days: 40, DaysLow: 21, DaysHigh: 60, Known: true}
	for _, tc := range []struct {
		name string
		sign Sign
		want string // kind, variant and severity of each condition
	}{
		{"well", well(1), ""},
		{"never heard of", Sign{ID: "a", Model: "x"}, ""},
		{"always on, connected", with(1, func(s *Sign) { s.AlwaysOn, s.Connected = true, true }), ""},
		{"always on, gone", with(1, func(s *Sign) { s.AlwaysOn = true }), "offline 3"},
		{"missed its call", with(1, func(s *Sign) { s.LateSince = noon().Add(-time.Minute) }), "late 2"},
		{"silent for two days", with(1, func(s *Sign) { s.LateSince = noon().Add(-48 * time.Hour) }), "offline 3"},
		{"late and connected at this moment", with(1, func(s *Sign) { s.LateSince, s.Connected = noon().Add(-time.Hour), true }), ""},
		{"silent with an empty battery", with(1, func(s *Sign) {
			s.LateSince = noon().Add(-time.Hour)
			s.Battery = energy.Forecast{Left: 0.01, LeftError: 0.01, Known: true}
		}), "empty silent 3"},
		{"what a silent sign said before is old", with(1, func(s *Sign) { s.LateSince, s.Wrong, s.SignalDBm = noon().Add(-time.Hour), true, -90 }), "late 2"},
		{"wrong picture", with(1, func(s *Sign) { s.Wrong = true }), "wrong 3"},
		{"never the right picture", with(1, func(s *Sign) { s.Wrong, s.Mismatches = true, 5 }), "panel 3"},
		{"panel reports an error", with(1, func(s *Sign) { s.Error = devices.ErrPanel }), "panel 3"},
		{"clock late", with(1, func(s *Sign) { s.ClockOff = 4 * time.Minute }), "clock 2"},
		{"clock early", with(1, func(s *Sign) { s.ClockOff = -4 * time.Minute }), "clock early 2"},
		{"weak signal", with(1, func(s *Sign) { s.SignalDBm = -84 }), "signal 1"},
		{"signal not known", with(1, func(s *Sign) { s.SignalDBm = 0 }), ""},
		{"battery for three weeks", with(1, func(s *Sign) { s.Battery = low }), "battery 2"},
		{"battery for a week", with(1, func(s *Sign) {
			s.Battery = energy.Forecast{Left: 0.06, LeftError: 0.02, DaysLow: 5, DaysHigh: 12, Known: true}
		}), "battery now 3"},
		{"battery at its end", with(1, func(s *Sign) { s.Battery = energy.Forecast{Left: 0.01, LeftError: 0.01, Known: true} }), "empty 3"},
		{"battery low, days not known", with(1, func(s *Sign) { s.Battery = energy.Forecast{Left: 0.1, LeftError: 0.05} }), "battery unknown 2"},
		{"no battery", with(1, func(s *Sign) { s.Battery, s.AlwaysOn, s.Connected = low, true, true }), ""},
		{"several things", with(1, func(s *Sign) { s.Wrong, s.SignalDBm, s.ClockOff = true, -90, time.Hour }), "wrong 3, clock 2, signal 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, c := range Examine(house(tc.sign), nil).Conditions {
				got = append(got, strings.Join(strings.Fields(fmt.Sprint(string(c.Kind), " ", c.Variant, " ", c.Severity)), " "))
				if c.Name != tc.sign.Name || c.Sign != tc.sign.ID {
					t.Errorf("condition of %q", c.Name)
				}
			}
			if s := strings.Join(got, ", "); s != tc.want {
				t.Errorf("got %q, want %q", s, tc.want)
			}
		})
	}
}

func TestFirmware(t *testing.T) {
	runs := func(n int, no uint32, text string) Sign {
		return with(n, func(s *Sign) { s.FirmwareNo, s.Firmware = no, text })
	}
	for _, tc := range []struct {
		name   string
		signs  []Sign
		target map[string]uint32
		want   []string // signs with old firmware
	}{
		{"all alike", []Sign{runs(1, 4, "1.4"), runs(2, 4, "1.4")}, nil, nil},
		{"one is older", []Sign{runs(1, 4, "1.4"), runs(2, 4, "1.4"), runs(3, 3, "1.3")}, nil, []string{"sign03"}},
		{"one says that it is from the future", []Sign{runs(1, 4, "1.4"), runs(2, 4, "1.4"), runs(3, 4294967295, "9")}, nil, nil},
		{"what is rolled out counts", []Sign{runs(1, 4, "1.4"), runs(2, 5, "1.5"), runs(3, 4, "1.4")}, map[string]uint32{"800x480": 5}, []string{"sign01", "sign03"}},
		{"rolled out, nobody runs it yet", []Sign{runs(1, 4, "1.4")}, map[string]uint32{"800x480": 5}, []string{"sign01"}},
		{"by text where there is no number", []Sign{runs(1, 0, "1.10.0"), runs(2, 0, "1.10.0"), runs(3, 0, "v1.9.2")}, nil, []string{"sign03"}},
		{"texts that are no versions", []Sign{runs(1, 0, "blue"), runs(2, 0, "blue"), runs(3, 0, "red")}, nil, nil},
		{"another model", []Sign{runs(1, 4, "1.4"), runs(2, 4, "1.4"), with(3, func(s *Sign) { s.Model, s.FirmwareNo = "400x300", 1 })}, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := house(tc.signs...)
			h.Target = tc.target
			var got []string
			for _, c := range Examine(h, nil).Conditions {
				if c.Kind == OldFirmware {
					got = append(got, c.Subject)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// gone is a sign that is always on and not connected.
func gone(n int, address, floor string) Sign {
	return with(n, func(s *Sign) { s.AlwaysOn, s.Address, s.Floor = true, address, floor })
}

func late(n int, address, floor string) Sign {
	return with(n, func(s *Sign) {
		s.LateSince, s.Address, s.Floor = noon().Add(-time.Duration(n)*time.Minute), address, floor
	})
}

func fine(n int, address, floor string) Sign {
	return with(n, func(s *Sign) { s.Address, s.Floor = address, floor })
}

func TestGroups(t *testing.T) {
	for _, tc := range []struct {
		name   string
		signs  []Sign
		broker bool
		known  map[Key]time.Time
		want   string // cause, what, members of how many; then how many are alone
	}{
		{"two are no group", []Sign{gone(1, "10.0.1.1", ""), gone(2, "10.0.1.2", ""), fine(3, "10.0.1.3", ""), fine(4, "10.0.2.1", "")}, false, nil, "; 2 alone"},
		{"everything is silent", []Sign{gone(1, "10.0.1.1", ""), late(2, "10.0.2.2", ""), late(3, "", "")}, false, nil, "house  3/3; 0 alone"},
		{"nearly everything", []Sign{late(1, "", ""), late(2, "", ""), late(3, "", ""), late(4, "", ""), fine(5, "", "")}, false, nil, "house  4/5; 0 alone"},
		{"one access point", []Sign{late(1, "10.0.1.1", "1"), gone(2, "10.0.1.2", "2"), late(3, "10.0.1.3", "3"), fine(4, "10.0.2.4", ""), fine(5, "10.0.2.5", ""), late(6, "10.0.2.6", "")},
			false, nil, "network 10.0.1.0/24 3/3; 1 alone"},
		{"IPv6", []Sign{late(1, "2001:db8:1::1", ""), late(2, "2001:db8:1::2", ""), late(3, "2001:db8:1::3", ""), fine(4, "2001:db8:2::4", ""), fine(5, "2001:db8:2::4", "")},
			false, nil, "network 2001:db8:1::/64 3/3; 0 alone"},
		{"one floor", []Sign{late(1, "10.0.1.1", "North 2"), late(2, "10.0.1.2", "North 2"), late(3, "10.0.1.3", "North 2"), fine(4, "10.0.1.4", "North 3"), fine(5, "10.0.1.5", "North 3")},
			false, nil, "floor North 2 3/3; 0 alone"},
		{"part of a floor", []Sign{late(1, "", "2"), late(2, "", "2"), late(3, "", "2"), fine(4, "", "2"), fine(5, "", "2")}, false, nil, "; 3 alone"},
		{"at one moment", []Sign{gone(1, "", ""), gone(2, "", ""), gone(3, "", ""), fine(4, "", ""), fine(5, "", "")}, false, nil, "moment  3/3; 0 alone"},
		{"at different moments", []Sign{gone(1, "", ""), gone(2, "", ""), gone(3, "", ""), fine(4, "", ""), fine(5, "", "")}, false,
			map[Key]time.Time{{Offline, "sign01"}: noon().Add(-time.Hour), {Offline, "sign02"}: noon().Add(-2 * time.Hour)}, "; 3 alone"},
		{"the broker", []Sign{late(1, "", ""), fine(2, "", "")}, true, nil, "broker  1/2; 0 alone"},
		{"the broker, nobody is late yet", []Sign{fine(1, "", "")}, true, nil, "; 1 alone"},
		{"an address that is none", []Sign{late(1, "x", ""), late(2, "x", ""), late(3, "x", ""), fine(4, "", ""), fine(5, "", "")}, false, nil, "; 3 alone"},
		{"dead batteries have their own reason", []Sign{
			with(1, func(s *Sign) {
				s.LateSince, s.Battery = noon().Add(-time.Hour), energy.Forecast{Left: 0.01, LeftError: 0.01}
			}),
			late(2, "", ""), late(3, "", ""), fine(4, "", ""), fine(5, "", "")}, false, nil, "; 3 alone"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := house(tc.signs...)
			h.Broker = tc.broker
			r := Examine(h, tc.known)
			var got []string
			for _, g := range r.Groups {
				got = append(got, fmt.Sprintf("%s %s %d/%d", g.Cause, g.What, len(g.Members), g.Of))
			}
			if s := fmt.Sprintf("%s; %d alone", strings.Join(got, ", "), len(r.Conditions)); s != tc.want {
				t.Errorf("got %q, want %q", s, tc.want)
			}
			if len(r.All()) != len(r.Conditions)+members(r) {
				t.Error("All loses conditions")
			}
		})
	}
}

func members(r Report) (n int) {
	for _, g := range r.Groups {
		n += len(g.Members)
	}
	return n
}

// After a start signs are given time to come back.
func TestNobodyIsSilentAtOnce(t *testing.T) {
	h := house(gone(1, "", ""), late(2, "", ""), late(3, "", ""))
	h.Started = noon().Add(-time.Minute)
	if r := Examine(h, nil); r.Count(Note) != 0 {
		t.Errorf("a minute after the start: %+v", r)
	}
}

func TestSince(t *testing.T) {
	wrong := with(1, func(s *Sign) { s.Wrong = true })
	key := Key{WrongPicture, "sign01"}
	for _, tc := range []struct {
		name  string
		known map[Key]time.Time
		want  time.Time
	}{
		{"new", nil, noon()},
		{"known", map[Key]time.Time{key: noon().Add(-time.Hour)}, noon().Add(-time.Hour)},
		{"another kind was known", map[Key]time.Time{{Late, "sign01"}: noon().Add(-time.Hour)}, noon()},
		{"known from the future: the clock was set back", map[Key]time.Time{key: noon().Add(time.Hour)}, noon()},
	} {
		if got := Examine(house(wrong), tc.known).Conditions[0].Since; !got.Equal(tc.want) {
			t.Errorf("%s: since %v, want %v", tc.name, got, tc.want)
		}
	}
	if got := Examine(house(late(7, "", "")), nil).Conditions[0].Since; !got.Equal(noon().Add(-7 * time.Minute)) {
		t.Errorf("late since %v", got)
	}
}

// A signal around the limit does not come and go.
func TestWeakSignalHasAMargin(t *testing.T) {
	known := map[Key]time.Time{{WeakSignal, "sign01"}: noon().Add(-time.Hour)}
	for _, tc := range []struct {
		dbm   int
		known map[Key]time.Time
		want  int
	}{{-79, nil, 0}, {-79, known, 1}, {-76, known, 0}, {-81, nil, 1}, {0, known, 0}} {
		s := with(1, func(s *Sign) { s.SignalDBm = tc.dbm })
		if got := len(Examine(house(s), tc.known).Conditions); got != tc.want {
			t.Errorf("%d dBm, known %v: %d conditions, want %d", tc.dbm, tc.known != nil, got, tc.want)
		}
	}
}

func TestAttacks(t *testing.T) {
	h := house(well(1))
	at := func(minutes int) time.Time { return noon().Add(-time.Duration(minutes) * time.Minute) }
	h.Incidents = []devices.Incident{
		{Kind: devices.RefusedPassword, Address: "10.0.0.5", Count: 40, First: at(50), Last: at(1)},
		{Kind: devices.RefusedPassword, Address: "10.0.0.6", Count: 2, First: at(60), Last: at(55)},
		{Kind: devices.ClonedCredential, Sign: "sign01", Address: "10.0.0.9", Count: 3, First: at(5), Last: at(2)},
		{Kind: devices.ClonedCredential, Sign: "nobody", Address: "10.0.0.9", Count: 1, First: at(5), Last: at(2)},
	}
	r := Examine(h, nil)
	if len(r.Conditions) != 3 {
		t.Fatalf("got %+v", r.Conditions)
	}
	cloned, stranger, password := r.Conditions[0], r.Conditions[1], r.Conditions[2]
	if cloned.Kind != Cloned || cloned.Name != "Door 01" || cloned.Number != 3 || cloned.Severity != Alarm {
		t.Errorf("cloned: %+v", cloned)
	}
	if stranger.Kind != Attack || stranger.Variant != string(devices.ClonedCredential) {
		t.Errorf("a sign that is not ours: %+v", stranger)
	}
	if password.Number != 42 || password.Text != "10.0.0.5" || !password.Since.Equal(at(60)) || password.Severity != Warning {
		t.Errorf("passwords: %+v", password)
	}
}

func TestCalendars(t *testing.T) {
	h := house()
	h.Calendars = []Calendar{{Subject: "1", Name: "Contoso", Problem: "unreachable", Since: noon().Add(-time.Hour)}}
	r := Examine(h, nil)
	if c := r.Conditions[0]; c.Kind != CalendarFailing || c.Name != "Contoso" || c.Variant != "unreachable" || r.Count(Alarm) != 1 || r.Count(Note) != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestKindsAreOrdered(t *testing.T) {
	last := Alarm
	for _, k := range Kinds() {
		if s := k.Severity(); s > last {
			t.Errorf("%s is out of order", k)
		} else {
			last = s
		}
	}
}
