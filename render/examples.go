package render

// Example is a named Door for the sheet and the tests.
type Example struct {
	Name string
	Door Door
}

// Examples returns one Door per state and per case worth looking at, without
// language: the caller sets it. The meetings are invented.
func Examples() []Example {
	at := func(h, m int) Clock { return Clock(h*60 + m) }
	ptr := func(c Clock) *Clock { return &c }
	span := func(h, m, h2, m2 int) Span { return Span{at(h, m), at(h2, m2)} }
	base := Door{Room: "Aalto 2.14", Date: Date{2026, 11, 23}, Day: &DayBar{Span: span(8, 0, 18, 0), Blocks: []Block{
		{Span: span(9, 0, 10, 30)}, {Span: span(11, 0, 12, 30)}, {Span: span(13, 0, 14, 0)}, {Span: span(14, 30, 15, 0), Tentative: true}, {Span: span(15, 30, 17, 0)},
	}}}
	rows := []Row{
		{Span: span(13, 0, 14, 0), Title: "Architekturrunde Plattform", Organizer: "Mikko Järvinen"},
		{Span: span(14, 30, 15, 0), Private: true, Tentative: true},
		{Span: span(15, 30, 17, 0), Title: "Haushaltsausschusssitzung"},
		{Span: span(17, 0, 17, 30), Title: "1:1"},
	}
	with := func(name string, edit func(*Door)) Example {
		d := base
		edit(&d)
		return Example{name, d}
	}
	meeting := func(d *Door, r Row) {
		d.Title, d.Organizer, d.Private, d.Span = r.Title, r.Organizer, r.Private, &r.Span
	}
	planning := Row{Span: span(11, 0, 12, 30), Title: "Quarterly planning with the finance team", Organizer: "Anna Schmidt"}
	return []Example{
		with("free", func(d *Door) { d.State, d.Until = Free, ptr(at(13, 0)); meeting(d, rows[0]); d.Next = rows[1:] }),
		with("free-all-day", func(d *Door) {
			d.State, d.AllDay, d.Capacity, d.Features = Free, true, 12, []string{"Surface Hub", "Whiteboard"}
			d.Accessible = true
			d.Day = &DayBar{Span: base.Day.Span}
		}),
		with("free-book", func(d *Door) {
			d.State, d.Until, d.QR, d.QRCaption = Free, ptr(at(13, 0)), "HTTPS://SIGN.EXAMPLE.COM/R/7K3F", "sign.book"
			meeting(d, rows[0])
		}),
		with("soon", func(d *Door) { d.State, d.Until = Soon, ptr(at(13, 0)); meeting(d, rows[0]); d.Next = rows[1:] }),
		with("booked", func(d *Door) { d.State, d.Until = Booked, ptr(at(12, 30)); meeting(d, planning); d.Next = rows }),
		with("booked-private", func(d *Door) {
			d.State, d.Until, d.Private, d.Next = Booked, ptr(at(12, 30)), true, rows
			s := planning.Span
			d.Span = &s
		}),
		with("booked-all-day", func(d *Door) {
			d.State, d.AllDay, d.Until = Booked, true, ptr(at(18, 0))
			meeting(d, Row{Span: span(8, 0, 18, 0), Title: "Wirtschaftsprüfungsgesellschaft Nord: Jahresabschluss", Organizer: "Katharina Hohenstein-Lindqvist"})
		}),
		with("booked-overlap", func(d *Door) {
			d.State, d.Until, d.More, d.LowBattery = Booked, ptr(at(12, 30)), 1, true
			meeting(d, planning)
			d.Next = rows[:1]
		}),
		with("booked-other-day", func(d *Door) {
			d.State, d.Until, d.UntilDate = Booked, ptr(at(12, 0)), &Date{2026, 11, 25}
			meeting(d, Row{Span: span(11, 0, 24, 0), Title: "Обучение новых сотрудников", Organizer: "Ольга Ким"})
		}),
		with("free-sample", func(d *Door) {
			d.State, d.Until, d.Sample, d.LowBattery = Free, ptr(at(13, 0)), true, true
			meeting(d, rows[0])
		}),
		with("check-in", func(d *Door) { d.State, d.Until = CheckIn, ptr(at(13, 10)); meeting(d, rows[0]); d.Next = rows[1:] }),
		with("closed", func(d *Door) { d.State, d.Until, d.Day = Closed, ptr(at(8, 0)), nil }),
		with("out-of-order", func(d *Door) {
			d.State, d.Until, d.Note, d.Day = OutOfOrder, ptr(at(16, 0)), "The projector is being repaired", nil
		}),
		with("stale", func(d *Door) {
			d.State, d.Since, d.LastKnown = Stale, ptr(at(10, 42)), &Fact{State: Booked, Until: ptr(at(12, 30))}
		}),
		with("offline", func(d *Door) { d.State, d.Since, d.Day = Offline, ptr(at(22, 0)), nil }),
		with("pairing", func(d *Door) {
			d.State, d.Room, d.Date, d.Day, d.Code, d.SignID = Pairing, "Doorleaf", Date{}, nil, "K7QF2M9P", "a41c"
		}),
		with("ready", func(d *Door) { d.State, d.Room, d.Day, d.SignID = Ready, "Sign a41c", nil, "a41c" }),
		with("released", func(d *Door) {
			d.State, d.Until, d.Released = Free, ptr(at(13, 0)), ptr(at(11, 52))
			meeting(d, rows[0])
			d.Next = rows[1:]
		}),
		with("buttons", func(d *Door) {
			d.State, d.Until, d.Buttons = CheckIn, ptr(at(13, 10)), []string{"Check in", "Release"}
			meeting(d, rows[0])
		}),
		with("updating", func(d *Door) { d.State, d.AllDay, d.Updating = Free, true, true }),
		with("identify", func(d *Door) { d.State, d.SignID = Identify, "a41c" }),
		with("not-set-up", func(d *Door) { d.State, d.Day = NotSetUp, nil }),
		with("battery-empty", func(d *Door) { d.State, d.Day = BatteryEmpty, nil }),
	}
}
