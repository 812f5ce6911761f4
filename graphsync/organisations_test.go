package graphsync

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/graphtest"
)

// names are the lines of a test with what became of them.
func names(checks []connection.Check) (out []string) {
	for _, c := range checks {
		word := "bad"
		switch {
		case c.OK:
			word = "ok"
		case c.Skipped:
			word = "skipped"
		}
		out = append(out, c.Name+" "+word)
	}
	return out
}

// A certificate that the gateway makes is uploaded, tested, and takes over; the
// secret before it can be thrown away.
func TestCertificateTakesOver(t *testing.T) {
	o := newOffice(t, "aspen")
	o.connectAppOnly()
	made, err := o.service.NewCertificate(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	checks, err := o.service.UseSpare(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(checks); !slices.Equal(got, []string{"token bad"}) || checks[0].Problem.Kind != connection.BadCertificate {
		t.Errorf("before the upload: %v, %+v", got, checks[0].Problem)
	}
	if o.store.conns[1].Settings.CertPEM != "" {
		t.Error("a certificate that does not work was taken into use")
	}
	block, _ := pem.Decode([]byte(made.CertPEM))
	if err := o.graph.AddCertificate(o.app.ClientID, block.Bytes); err != nil {
		t.Fatal(err)
	}
	if checks, err = o.service.UseSpare(t.Context(), 1); err != nil || !checks[0].OK {
		t.Fatalf("after the upload: %v, error %v", names(checks), err)
	}
	now := o.store.conns[1]
	if now.Settings.CertPEM != made.CertPEM || now.Spare.Secret != o.app.Secret {
		t.Errorf("in use %v, second %v", now.Settings.Credential(), now.Spare)
	}
	for range 2 { // no secret is left at Microsoft
		if _, err := o.graph.NewSecret(o.app.ClientID); err != nil {
			t.Fatal(err)
		}
	}
	o.open()
	if checks, err := o.service.Probe(t.Context(), 1, connection.ProbeOptions{}); err != nil || slices.ContainsFunc(checks, func(c connection.Check) bool { return !c.OK }) {
		t.Errorf("%v, error %v", names(checks), err)
	}
	list, err := o.service.Lifetimes(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].What != connection.LifeCertificate || list[0].Spare || time.Until(list[0].Ends) < 700*24*time.Hour || list[1].What != connection.LifeSecret || !list[1].Spare {
		t.Errorf("lifetimes %+v", list)
	}
}

func TestSpareSlotEmpty(t *testing.T) {
	o := newOffice(t)
	if _, err := o.service.UseSpare(t.Context(), 1); kindOf(err) != connection.SecretMissing {
		t.Errorf("error %v", err)
	}
}

// A link mailed to an administrator connects without a sign-in of anybody here,
// over a restart; who alters it, or comes a week late, connects nothing.
func TestMailedConsent(t *testing.T) {
	o := newOffice(t, "aspen")
	link, err := o.service.ConsentLink(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	o.open() // a restart
	q, ok := o.browser("admin@"+o.graph.Domain(), "pass-1", "accept").visit(link)
	if !ok {
		t.Fatal("the browser is stuck at the stand-in")
	}
	forged := connection.Query{"state": q["state"] + "x", "admin_consent": "True"}
	if to, err := o.service.Answer(t.Context(), forged, ""); kindOf(err) != connection.StateMismatch || !to.Mailed {
		t.Errorf("forged: %+v, error %v", to, err)
	}
	declined := connection.Query{"state": q["state"], "admin_consent": "True", "error": "consent_required", "error_description": "AADSTS65004: declined"}
	if to, err := o.service.Answer(t.Context(), declined, ""); kindOf(err) != connection.ConsentDeclined || !to.Mailed {
		t.Errorf("declined: %+v, error %v", to, err)
	}
	if o.store.state().Mode != connection.NotConnected {
		t.Fatal("connected by a refusal")
	}
	to, err := o.service.Answer(t.Context(), q, "")
	if err != nil || !to.Mailed {
		t.Fatalf("%+v, error %v", to, err)
	}
	st := o.store.state()
	if st.Mode != connection.AppOnly || !strings.EqualFold(st.TenantID, o.graph.TenantID()) || len(st.Lost) != 0 {
		t.Errorf("state %+v", st)
	}
	if got := o.listed(); !slices.Contains(got, "aspen") {
		t.Errorf("rooms %v", got)
	}
	late := o.options
	late.Now = func() time.Time { return time.Now().Add(consentLife + time.Minute) }
	o.options = late
	o.open()
	if _, err := o.service.Answer(t.Context(), q, ""); kindOf(err) != connection.StateMismatch {
		t.Errorf("a week late: %v", err)
	}
}

// What is claimed in a mailed answer is not believed: without a grant nothing is
// connected.
func TestMailedAnswerIsNoProof(t *testing.T) {
	o := newOffice(t, "aspen")
	link, err := o.service.ConsentLink(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	q := connection.Query{"state": u.Query().Get("state"), "admin_consent": "True", "tenant": o.graph.TenantID()}
	if _, err := o.service.Answer(t.Context(), q, ""); kindOf(err) != connection.ConsentRequired {
		t.Errorf("error %v", err)
	}
	if o.store.state().Mode != connection.NotConnected {
		t.Error("connected")
	}
}

// Rights beyond the need are named, and so is a mailbox that opens although it
// must not.
func TestExcessAndForbidden(t *testing.T) {
	o := newOffice(t, "aspen")
	if err := o.graph.SetPermissions(o.app.ClientID, []string{"Calendars.Read", "Calendars.Read.Shared"}, []string{"Calendars.Read", "Calendars.ReadWrite", "Mail.Read", "Place.Read.All"}); err != nil {
		t.Fatal(err)
	}
	o.connectAppOnly()
	find := func(o *office, name string, options connection.ProbeOptions) connection.Check {
		checks, err := o.service.Probe(t.Context(), 1, options)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(checks, func(c connection.Check) bool { return c.Name == name })
		if i < 0 {
			t.Fatalf("no line %q in %v", name, names(checks))
		}
		return checks[i]
	}
	rights := find(o, connection.CheckRights, connection.ProbeOptions{})
	slices.Sort(rights.Excess)
	if rights.OK || !slices.Equal(rights.Excess, []connection.Permission{"Calendars.ReadWrite", "Mail.Read"}) || len(rights.Missing) != 0 {
		t.Errorf("%+v", rights)
	}
	boss := "robin@" + o.graph.Domain()
	if c := find(o, connection.CheckForbidden, connection.ProbeOptions{Forbidden: boss}); c.OK || c.Skipped {
		t.Errorf("a mailbox that opens: %+v", c)
	}
	if c := find(o, connection.CheckForbidden, connection.ProbeOptions{Forbidden: "nobody@" + o.graph.Domain()}); c.OK || !c.Skipped {
		t.Errorf("a mailbox that does not exist proves nothing: %+v", c)
	}
	if c := find(o, connection.CheckSubscription, connection.ProbeOptions{Subscription: true}); !c.Skipped || c.Problem.Kind != connection.NotConfigured {
		t.Errorf("without an endpoint: %+v", c)
	}

	limited := newOffice(t, "birch")
	limited.connectAppOnly()
	if err := limited.graph.RevokeConsent(limited.app.ClientID); err != nil {
		t.Fatal(err)
	}
	if err := limited.graph.ScopeAppToRooms(limited.app.ClientID, "Calendars.Read"); err != nil {
		t.Fatal(err)
	}
	if c := find(limited, connection.CheckForbidden, connection.ProbeOptions{Forbidden: "robin@" + limited.graph.Domain()}); !c.OK {
		t.Errorf("limited to rooms: %+v", c)
	}
	if c := find(limited, connection.CheckCalendar, connection.ProbeOptions{}); !c.OK {
		t.Errorf("a room, limited to rooms: %+v", c)
	}
}

// Where nothing can be read, a refusal proves nothing.
func TestForbiddenNeedsAReadableRoom(t *testing.T) {
	o := newOffice(t, "aspen")
	o.connectAppOnly()
	if err := o.graph.RevokeConsent(o.app.ClientID); err != nil {
		t.Fatal(err)
	}
	checks, err := o.service.Probe(t.Context(), 1, connection.ProbeOptions{Forbidden: "robin@" + o.graph.Domain()})
	if err != nil {
		t.Fatal(err)
	}
	last := checks[len(checks)-1]
	if last.Name != connection.CheckForbidden || last.OK || !last.Skipped {
		t.Errorf("%v", names(checks))
	}
}

// Who chose to read as a person stays with it, whatever the application may.
func TestDelegatedIsAChoice(t *testing.T) {
	o := newOffice(t, "aspen")
	c := o.store.conns[1]
	c.Settings.Access = connection.Delegated
	o.store.conns[1] = c
	if err := o.graph.Home().Consent(o.app.ClientID); err != nil {
		t.Fatal(err)
	}
	if err := o.signIn("admin", "pass-1", "accept"); err != nil {
		t.Fatal(err)
	}
	if st := o.store.state(); st.Mode != connection.Delegated || st.RefreshedAt.IsZero() {
		t.Errorf("state %+v", st)
	}
	checks, err := o.service.Probe(t.Context(), 1, connection.ProbeOptions{})
	if err != nil || o.store.state().Mode != connection.Delegated {
		t.Errorf("mode %q, error %v", o.store.state().Mode, err)
	}
	for _, ch := range checks {
		if ch.Name == connection.CheckRights && !ch.OK {
			t.Errorf("%+v", ch)
		}
	}
}

// A tenant that is taken off the list is not read any more.
func TestTenantLosesItsPlace(t *testing.T) {
	o := newOffice(t, "aspen")
	o.connectAppOnly()
	o.options.Tenants = func() []string { return []string{"11111111-2222-3333-4444-555555555555"} }
	o.open()
	if err := o.service.RefreshRooms(t.Context(), 1); kindOf(err) != connection.TenantNotAllowed {
		t.Errorf("error %v", err)
	}
}

// Shared calendars of people are rooms of their own kind and stay when the list
// is read again; what cannot be read is not added.
func TestPersonalCalendars(t *testing.T) {
	o := newOffice(t, "aspen")
	o.connectAppOnly()
	robin := "robin@" + o.graph.Domain()
	if err := o.service.AddPersonal(t.Context(), 1, []string{" Robin@" + o.graph.Domain(), ""}); err != nil {
		t.Fatal(err)
	}
	if err := o.service.RefreshRooms(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	r, err := o.store.Room(t.Context(), calendar.RoomID(robin))
	if err != nil || r.Kind != calendar.PersonalMailbox || r.Gone {
		t.Errorf("%+v, error %v", r, err)
	}
	ada := "admin@" + o.graph.Domain()
	if err := o.service.AddRooms(t.Context(), 1, []string{ada}); err != nil {
		t.Fatal(err)
	}
	if err := o.service.AddPersonal(t.Context(), 1, []string{ada}); err != nil {
		t.Fatal(err)
	}
	if r, err := o.store.Room(t.Context(), calendar.RoomID(ada)); err != nil || r.Kind != calendar.PersonalMailbox {
		t.Errorf("typed as a room first: %+v, error %v", r, err)
	}
	err = o.service.AddPersonal(t.Context(), 1, []string{"nobody@" + o.graph.Domain()})
	var fault *connection.Error
	if !errors.As(err, &fault) || fault.Room != "nobody@"+o.graph.Domain() {
		t.Errorf("error %v", err)
	}
	if err := o.service.AddPersonal(t.Context(), 1, []string{"no address"}); kindOf(err) != connection.NotFound {
		t.Errorf("error %v", err)
	}
	if _, err := o.store.Room(t.Context(), calendar.RoomID("nobody@"+o.graph.Domain())); err == nil {
		t.Error("added")
	}
}

// Two organisations in one gateway see nothing of each other.
func TestOrganisationsAreApart(t *testing.T) {
	o := newOffice(t, "aspen")
	o.connectAppOnly()
	other := o.graph.AddTenant("Fabrikam", "fabrikam.example")
	other.AddUser(graphtest.User{Address: "admin", Name: "Fay Admin", Password: "pass-3", Admin: true})
	other.AddRoom(graphtest.Room{Email: "cedar", Name: "Cedar", TimeZone: "UTC"})
	app := other.RegisterApp(graphtest.AppRegistration{Name: "Door signs", RedirectURIs: []string{redirectURI},
		Delegated: []string{"Calendars.Read", "Calendars.Read.Shared"}, Application: []string{"Calendars.Read", "Place.Read.All"}})
	first := o.store.conns[1]
	o.store.conns[2] = connection.Connection{ID: 2, Settings: connection.Settings{Cloud: connection.Custom, LoginURL: first.Settings.LoginURL, GraphURL: first.Settings.GraphURL,
		Tenant: other.ID(), ClientID: app.ClientID, ClientSecret: app.Secret, Find: true}}
	link, err := o.service.ConsentLink(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	q, ok := o.browser("admin@fabrikam.example", "pass-3", "accept").visit(link)
	if !ok {
		t.Fatal("the browser is stuck at the stand-in")
	}
	if _, err := o.service.Answer(t.Context(), q, ""); err != nil {
		t.Fatal(err)
	}
	if st := o.store.conns[2].State; st.Mode != connection.AppOnly || !strings.EqualFold(st.TenantID, other.ID()) {
		t.Fatalf("state %+v", st)
	}
	for id, want := range map[connection.ID]string{1: o.address("aspen"), 2: "cedar@fabrikam.example"} {
		rooms, err := o.service.roomsOf(t.Context(), id)
		if err != nil || len(rooms) != 1 || string(rooms[0].ID) != want {
			t.Errorf("connection %d has %+v, error %v", id, rooms, err)
		}
	}
	stop := o.run()
	o.soon("both rooms read", func() bool {
		a, b := o.store.agenda(o.address("aspen")), o.store.agenda("cedar@fabrikam.example")
		return !a.AsOf.IsZero() && !b.AsOf.IsZero()
	})
	stop()
	if err := o.service.Remove(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if _, ok := o.store.conns[2]; ok || o.store.state().Mode != connection.AppOnly {
		t.Error("removing one touched the other, or did not remove")
	}
}

func TestTenantAllowList(t *testing.T) {
	o := newOffice(t, "aspen")
	o.options.Tenants = func() []string { return []string{"11111111-2222-3333-4444-555555555555"} }
	o.open()
	if _, err := o.service.Connect(t.Context(), 1); kindOf(err) != connection.TenantNotAllowed {
		t.Errorf("error %v", err)
	}
	o.options.Tenants = func() []string { return []string{strings.ToUpper(o.graph.TenantID())} }
	o.open()
	o.connectAppOnly()
}

func TestRoomLists(t *testing.T) {
	o := newOffice(t, "aspen")
	o.graph.AddRoom(graphtest.Room{Email: "elm", Name: "Elm", RoomList: "North building"})
	o.connectAppOnly()
	o.graph.Home().AddRooms(130, func(i int) graphtest.Room {
		return graphtest.Room{Email: fmt.Sprintf("tower%d", i), Name: fmt.Sprintf("Tower %d", i), RoomList: "Tower"}
	})
	lists, err := o.service.RoomLists(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		if l.Name == "Tower" && len(l.Rooms) != 130 {
			t.Errorf("%d rooms in the tower", len(l.Rooms))
		}
	}
	lists = slices.DeleteFunc(lists, func(l connection.RoomList) bool { return l.Name == "Tower" })
	if len(lists) != 1 || !slices.Contains(lists[0].Rooms, o.address("elm")) || slices.Contains(lists[0].Rooms, o.address("aspen")) {
		t.Errorf("%+v", lists)
	}
}

// A claims challenge ends the use of a person's grant, and the next sign-in
// carries what Microsoft asked for.
func TestClaimsReachTheNextSignIn(t *testing.T) {
	o := newOffice(t, "aspen")
	c := o.store.conns[1]
	c.Settings.Access = connection.Delegated
	o.store.conns[1] = c
	if err := o.signIn("admin", "pass-1", "accept"); err != nil {
		t.Fatal(err)
	}
	ses, err := o.service.session(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`
	if _, err := ses.tokens.get(t.Context(), base64.StdEncoding.EncodeToString([]byte(claims))); kindOf(err) != connection.SignInAgain {
		t.Errorf("error %v", err)
	}
	to, err := o.service.Connect(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to.URL)
	if err != nil || u.Query().Get("claims") != claims {
		t.Errorf("the sign-in asks for %q, error %v", u.Query().Get("claims"), err)
	}
}
