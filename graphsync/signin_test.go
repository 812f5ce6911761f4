package graphsync

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/graphsync/graphtest"
)

func TestConnectURL(t *testing.T) {
	o := newOffice(t)
	to, err := o.service.Connect(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to.URL)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.Scheme+"://"+u.Host+u.Path, o.graph.LoginURL()+"/"+o.graph.TenantID()+"/oauth2/v2.0/authorize"; got != want {
		t.Errorf("address = %q, want %q", got, want)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"client_id": o.app.ClientID, "response_type": "code", "response_mode": "query",
		"redirect_uri": redirectURI, "code_challenge_method": "S256",
		"scope": "openid profile offline_access " + o.graph.GraphURL() + "/Calendars.Read.Shared " + o.graph.GraphURL() + "/Place.Read.All",
	} {
		if got := q.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) != 43 { // 32 bytes in base64url
			t.Errorf("%s = %q, want 43 characters", name, q.Get(name))
		}
	}
	if to.Cookie == "" || len(to.Cookie) > 128 || strings.Contains(to.URL, to.Cookie) {
		t.Errorf("cookie = %q", to.Cookie)
	}
	if strings.Contains(to.URL, o.app.Secret) {
		t.Error("the URL shows the client secret")
	}
}

func TestDelegatedThenAdminConsent(t *testing.T) {
	o := newOffice(t, "aspen", "birch")
	for _, r := range []string{"aspen", "birch"} {
		o.graph.Calendar(r).GrantFolder(o.address("admin"), false)
	}
	start := time.Now().Add(time.Hour).Truncate(time.Minute)
	o.graph.Calendar("aspen").Create(graphtest.Event{Subject: "Planning", Start: start, End: start.Add(time.Hour)})

	if err := o.signIn("admin", "pass-1", "accept"); err != nil {
		t.Fatal(err)
	}
	st := o.store.state()
	if st.Mode != connection.Delegated || st.TenantID != o.graph.TenantID() || st.Account != "admin@"+o.graph.Domain() ||
		st.AccountID == "" || st.ConnectedAt.IsZero() || st.Problem != nil {
		t.Errorf("state = %+v", st)
	}
	if want := []connection.Permission{connection.CalendarsRead}; !slices.Equal(st.Lost, want) {
		t.Errorf("Lost = %v, want %v", st.Lost, want)
	}
	if rooms, _ := o.store.Rooms(t.Context()); len(rooms) != 2 {
		t.Errorf("%d rooms are listed after an administrator signed in, want 2", len(rooms))
	}
	room := calendar.NewRoomID(o.address("aspen"))
	if err := o.service.Sync(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if got, want := subjects(o.store.agenda(string(room))), []string{"Planning"}; !slices.Equal(got, want) {
		t.Errorf("delegated agenda = %q, want %q", got, want)
	}
	if n := o.graph.Count("delta"); n != 0 {
		t.Errorf("%d delta queries in delegated mode, want 0", n)
	}

	// The administrator grants the application its own rights.
	to, err := o.service.AdminConsent(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	q, ok := o.browser("admin@"+o.graph.Domain(), "pass-1", "accept").visit(to.URL)
	if !ok {
		t.Fatal("the browser is stuck at the stand-in")
	}
	end, err := o.service.Answer(t.Context(), q, to.Cookie)
	if err != nil {
		t.Fatal(err)
	}
	if end != (connection.Redirect{}) {
		t.Errorf("redirect = %+v, want none", end)
	}
	st = o.store.state()
	if st.Mode != connection.AppOnly || len(st.Lost) != 0 {
		t.Errorf("state after admin consent = %+v", st)
	}
	rooms, _ := o.store.Rooms(t.Context())
	if len(rooms) != 2 || rooms[0].Name != "Room aspen" || rooms[0].Capacity != 8 || rooms[0].Floor != "2" || rooms[0].PlaceID == "" {
		t.Errorf("rooms = %+v", rooms)
	}
}

// A person who may not consent to the list of rooms is asked once more without
// it, and types the rooms.
func TestDelegatedWithoutRoomList(t *testing.T) {
	o := newOffice(t, "aspen", "birch")
	o.graph.Calendar("aspen").GrantFolder(o.address("user"), false)
	o.graph.AddUser(graphtest.User{Address: "user", Name: "Usual User", Password: "pass-2"})
	start := time.Now().Add(time.Hour).Truncate(time.Minute)
	o.graph.Calendar("aspen").Create(graphtest.Event{Subject: "Planning", Start: start, End: start.Add(time.Hour)})
	if err := o.signIn("user", "pass-2", "accept"); err != nil {
		t.Fatal(err)
	}
	st := o.store.state()
	for _, p := range []connection.Permission{connection.CalendarsRead, connection.PlaceReadAll} {
		if !slices.Contains(st.Lost, p) {
			t.Errorf("Lost = %v, want %s in it", st.Lost, p)
		}
	}
	wantKind(t, o.service.RefreshRooms(t.Context(), 1), connection.PlacesDenied)
	if err := o.service.AddRooms(t.Context(), 1, []string{" " + strings.ToUpper(o.address("aspen")) + " "}); err != nil {
		t.Fatal(err)
	}
	room := calendar.NewRoomID(o.address("aspen"))
	if err := o.service.Sync(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if got, want := subjects(o.store.agenda(string(room))), []string{"Planning"}; !slices.Equal(got, want) {
		t.Errorf("delegated agenda = %q, want %q", got, want)
	}
}

func TestAppOnlyAtOnce(t *testing.T) {
	o := newOffice(t, "aspen")
	o.connectAppOnly()
	st := o.store.state()
	if len(st.Lost) != 0 || st.Account == "" {
		t.Errorf("state = %+v", st)
	}
	checks, err := o.service.Probe(t.Context(), 1, connection.ProbeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []connection.Check{{Name: "token", OK: true}, {Name: "rights", OK: true}, {Name: "places", OK: true}, {Name: "calendar", Room: o.address("aspen"), OK: true}}
	if !slices.EqualFunc(checks, want, func(a, b connection.Check) bool { return a.Name == b.Name && a.Room == b.Room && a.OK == b.OK }) {
		t.Errorf("checks = %+v, want %+v", checks, want)
	}
}

// TestConsentArrivesLate: a grant reaches Graph seconds after the administrator
// gave it.
func TestConsentArrivesLate(t *testing.T) {
	o := newOffice(t, "aspen")
	if err := o.signIn("admin", "pass-1", "accept"); err != nil {
		t.Fatal(err)
	}
	to, err := o.service.AdminConsent(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	q, ok := o.browser("admin@"+o.graph.Domain(), "pass-1", "accept").visit(to.URL)
	if !ok {
		t.Fatal("the browser is stuck at the stand-in")
	}
	late := graphtest.AccessDenied()
	late.Path, late.Count = "/v1.0/", 2 // places and calendar of the first try
	o.graph.Inject(late)
	if _, err := o.service.Answer(t.Context(), q, to.Cookie); err != nil {
		t.Fatal(err)
	}
	if st := o.store.state(); st.Mode != connection.AppOnly || len(st.Lost) != 0 {
		t.Errorf("state = %+v", st)
	}
}

// TestRoomScope: rights limited to rooms in Exchange leave no trace in the
// token; a probe finds them.
func TestRoomScope(t *testing.T) {
	o := newOffice(t, "aspen")
	if err := o.graph.ScopeApp(o.app.ClientID, "Calendars.Read", o.address("aspen")); err != nil {
		t.Fatal(err)
	}
	if err := o.signIn("admin", "pass-1", "accept"); err != nil {
		t.Fatal(err)
	}
	if got := o.store.state().Mode; got != connection.Delegated {
		t.Fatalf("mode without any known room = %q, want %q", got, connection.Delegated)
	}
	if err := o.service.AddRooms(t.Context(), 1, []string{o.address("aspen")}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.service.Probe(t.Context(), 1, connection.ProbeOptions{}); err != nil {
		t.Fatal(err)
	}
	st := o.store.state()
	if st.Mode != connection.AppOnly || !slices.Equal(st.Lost, []connection.Permission{connection.PlaceReadAll}) {
		t.Errorf("state = %+v", st)
	}
}

// TestRefusedBeforeSignIn: what is wrong in the form is said before anybody is
// sent to Microsoft, and nothing stored changes.
func TestRefusedBeforeSignIn(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*office, *connection.Settings)
		want   connection.Kind
	}{
		{"wrong secret", func(_ *office, s *connection.Settings) { s.ClientSecret = "abc~wrong.secret.value.of.forty.characters" }, connection.BadSecret},
		{"secret ID", func(o *office, s *connection.Settings) { s.ClientSecret = o.app.SecretID }, connection.SecretIsID},
		{"no secret", func(_ *office, s *connection.Settings) { s.ClientSecret = "" }, connection.SecretMissing},
		{"secret expired", func(o *office, _ *connection.Settings) {
			_ = o.graph.SetSecretExpiry(o.app.ClientID, time.Now().Add(-time.Hour))
		}, connection.SecretExpired},
		{"unknown client id", func(_ *office, s *connection.Settings) { s.ClientID = "11111111-2222-3333-4444-555555555555" }, connection.BadClientID},
		{"client id not a GUID", func(_ *office, s *connection.Settings) { s.ClientID = "door signs" }, connection.BadClientID},
		{"unknown tenant", func(_ *office, s *connection.Settings) { s.Tenant = "11111111-2222-3333-4444-555555555555" }, connection.BadTenant},
		{"unknown domain", func(_ *office, s *connection.Settings) { s.Tenant = "elsewhere.example" }, connection.BadTenant},
		{"app disabled", func(o *office, _ *connection.Settings) { _ = o.graph.DisableApp(o.app.ClientID, true) }, connection.AppDisabled},
		{"redirect URI not registered", func(o *office, _ *connection.Settings) {
			_ = o.graph.SetRedirectURIs(o.app.ClientID, redirectURI+"/")
		}, connection.RedirectMismatch},
		{"no redirect URI", func(o *office, _ *connection.Settings) { _ = o.graph.SetRedirectURIs(o.app.ClientID) }, connection.RedirectMismatch},
		{"nobody there", func(_ *office, s *connection.Settings) { s.LoginURL = "https://127.0.0.1:1" }, connection.Unreachable},
		{"nothing entered", func(_ *office, s *connection.Settings) { *s = connection.Settings{Cloud: connection.Custom} }, connection.NotConfigured},
		{"no such cloud", func(_ *office, s *connection.Settings) { s.Cloud = "moon" }, connection.WrongCloud},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newOffice(t)
			o.store.settings(func(s *connection.Settings) { tc.change(o, s) })
			_, err := o.service.Connect(t.Context(), 1)
			wantKind(t, err, tc.want)
			if o.store.saves != 0 || o.store.tokens() != 0 {
				t.Errorf("%d states and %d tokens stored", o.store.saves, o.store.tokens())
			}
		})
	}
}

// TestUntrustedServer: a certificate that is not ours to trust has its own
// sentence.
func TestUntrustedServer(t *testing.T) {
	o := newOffice(t)
	o.options.RootCAs = nil
	o.open()
	_, err := o.service.Connect(t.Context(), 1)
	wantKind(t, err, connection.UntrustedServer)
}

// TestRefusedAtSignIn: what goes wrong at Microsoft comes back with a kind, and
// the connection that worked before goes on.
func TestRefusedAtSignIn(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  func(*office) error
		want connection.Kind
	}{
		{"consent declined", func(o *office) error { return o.signIn("admin", "pass-1", "cancel") }, connection.ConsentDeclined},
		{"another browser", func(o *office) error {
			to, err := o.service.Connect(t.Context(), 1)
			if err != nil {
				return err
			}
			q, _ := o.browser("admin@"+o.graph.Domain(), "pass-1", "accept").visit(to.URL)
			_, err = o.service.Answer(t.Context(), q, "stolen")
			return err
		}, connection.StateMismatch},
		{"state unknown", func(o *office) error {
			_, err := o.service.Answer(t.Context(), connection.Query{"code": "x", "state": "y"}, "z")
			return err
		}, connection.StateMismatch},
		{"answer used twice", func(o *office) error {
			to, err := o.service.Connect(t.Context(), 1)
			if err != nil {
				return err
			}
			q, _ := o.browser("admin@"+o.graph.Domain(), "pass-1", "accept").visit(to.URL)
			if _, err := o.service.Answer(t.Context(), q, to.Cookie); err != nil {
				return err
			}
			_, err = o.service.Answer(t.Context(), q, to.Cookie)
			return err
		}, connection.StateMismatch},
		{"code of another sign-in", func(o *office) error {
			first, err := o.service.Connect(t.Context(), 1)
			if err != nil {
				return err
			}
			q, _ := o.browser("admin@"+o.graph.Domain(), "pass-1", "accept").visit(first.URL)
			second, err := o.service.Connect(t.Context(), 1)
			if err != nil {
				return err
			}
			u, _ := url.Parse(second.URL)
			q["state"] = u.Query().Get("state")
			_, err = o.service.Answer(t.Context(), q, second.Cookie)
			return err
		}, connection.CodeReused},
		{"settings changed meanwhile", func(o *office) error {
			to, err := o.service.Connect(t.Context(), 1)
			if err != nil {
				return err
			}
			q, _ := o.browser("admin@"+o.graph.Domain(), "pass-1", "accept").visit(to.URL)
			o.store.settings(func(s *connection.Settings) { s.Tenant = o.graph.Domain() })
			_, err = o.service.Answer(t.Context(), q, to.Cookie)
			return err
		}, connection.StateMismatch},
		{"admin consent declined", func(o *office) error {
			to, err := o.service.AdminConsent(t.Context(), 1)
			if err != nil {
				return err
			}
			q, _ := o.browser("admin@"+o.graph.Domain(), "pass-1", "cancel").visit(to.URL)
			_, err = o.service.Answer(t.Context(), q, to.Cookie)
			return err
		}, connection.ConsentDeclined},
		{"admin consent asked of a reader", func(o *office) error {
			to, err := o.service.AdminConsent(t.Context(), 1)
			if err != nil {
				return err
			}
			q, _ := o.browser("robin@"+o.graph.Domain(), "pass-2", "accept").visit(to.URL)
			_, err = o.service.Answer(t.Context(), q, to.Cookie)
			return err
		}, connection.ConsentRequired},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newOffice(t, "aspen")
			before := connection.State{Mode: connection.AppOnly, TenantID: o.graph.TenantID(), Account: "earlier@practice.example"}
			if tc.name != "answer used twice" {
				if err := o.store.SaveState(t.Context(), 1, before); err != nil {
					t.Fatal(err)
				}
			}
			wantKind(t, tc.err(o), tc.want)
			if st := o.store.state(); tc.name != "answer used twice" && (st.Account != before.Account || o.store.tokens() != 0) {
				t.Errorf("state = %+v with %d tokens, want the one before", st, o.store.tokens())
			}
		})
	}
}

// TestScopeSpelling: Entra may answer permissions with or without their
// resource.
func TestScopeSpelling(t *testing.T) {
	for _, on := range []bool{false, true} {
		o := newOffice(t, "aspen")
		o.graph.SpellScopesWithResource(on)
		if err := o.signIn("admin", "pass-1", "accept"); err != nil {
			t.Errorf("spelled with resource %v: %v", on, err)
		}
	}
}

// TestAnyTenant: without a tenant a multi-tenant application learns it from the
// sign-in; a single-tenant one is told what is missing.
func TestAnyTenant(t *testing.T) {
	o := newOffice(t, "aspen")
	o.store.settings(func(s *connection.Settings) { s.Tenant = "" })
	_, err := o.service.Connect(t.Context(), 1)
	wantKind(t, err, connection.BadTenant)

	app := o.graph.RegisterApp(graphtest.AppRegistration{Name: "Many", RedirectURIs: []string{redirectURI}, MultiTenant: true,
		Delegated: []string{"Calendars.Read", "Calendars.Read.Shared"}})
	o.store.settings(func(s *connection.Settings) { s.ClientID, s.ClientSecret = app.ClientID, app.Secret })
	o.graph.SetTokenLife(10 * time.Second) // so that the refresh token is needed
	if err := o.signIn("admin", "pass-1", "accept"); err != nil {
		t.Fatal(err)
	}
	if st := o.store.state(); st.TenantID != o.graph.TenantID() || st.Mode != connection.Delegated {
		t.Errorf("state = %+v", st)
	}
	// The tokens were given for any organization and serve the one that came.
	o.graph.Calendar("aspen").GrantFolder(o.address("admin"), false)
	if err := o.service.AddRooms(t.Context(), 1, []string{o.address("aspen")}); err != nil {
		t.Fatal(err)
	}
	o.open()
	tokens := o.graph.Count("token")
	if err := o.service.Sync(t.Context(), calendar.NewRoomID(o.address("aspen"))); err != nil {
		t.Fatal(err)
	}
	if o.graph.Count("token") == tokens {
		t.Error("the refresh token was not used")
	}
}

func TestDisconnect(t *testing.T) {
	o := newOffice(t, "aspen")
	o.connectAppOnly()
	if o.store.tokens() == 0 {
		t.Fatal("no token stored")
	}
	if err := o.service.Disconnect(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if st := o.store.state(); st.Mode != connection.NotConnected || o.store.tokens() != 0 {
		t.Errorf("state = %+v with %d tokens", st, o.store.tokens())
	}
	wantKind(t, o.service.Sync(t.Context(), calendar.NewRoomID(o.address("aspen"))), connection.NotConfigured)
	if rooms, _ := o.store.Rooms(t.Context()); len(rooms) != 1 || rooms[0].Gone {
		t.Errorf("rooms = %+v, want them kept", rooms)
	}
}

// TestReconnectAsAnother: the tokens of the person before are dropped.
func TestReconnectAsAnother(t *testing.T) {
	o := newOffice(t)
	if err := o.signIn("robin", "pass-2", "accept"); err != nil {
		t.Fatal(err)
	}
	first := o.store.state().AccountID
	if err := o.signIn("admin", "pass-1", "accept"); err != nil {
		t.Fatal(err)
	}
	if o.store.state().AccountID == first || len(o.store.blobs[first]) != 0 {
		t.Errorf("tokens of %q are still there", first)
	}
}
