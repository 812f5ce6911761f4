package graphtest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// tokenOf asks for a token of the application in a tenant.
func (w *world) tokenOf(app App, tenant string) reply {
	w.Helper()
	form := w.appForm()
	form.Set("client_id", app.ClientID)
	form.Set("client_secret", app.Secret)
	return w.post(w.client, w.s.LoginURL()+"/"+tenant+"/oauth2/v2.0/token", form)
}

func TestTenantsApart(t *testing.T) {
	w := newWorld(t, false)
	other := w.s.AddTenant("Harbour Ltd", "harbour.example")
	w.s.AddRoom(Room{Email: "oak", Name: "Oak"})
	other.AddRoom(Room{Email: "oak", Name: "Their Oak"})
	app := w.s.RegisterApp(AppRegistration{Name: "Signs", MultiTenant: true, Application: []string{"Place.Read.All", "Calendars.Read"}})

	if got := numbers(t, w.tokenOf(app, other.ID())); got != "[700016]" {
		t.Errorf("before consent: %s, want 700016", got)
	}
	if got := numbers(t, w.tokenOf(w.app, other.ID())); got != "[700016]" {
		t.Errorf("an application of one tenant in another: %s, want 700016", got)
	}
	if got := numbers(t, w.tokenOf(app, "organizations")); got != "[9001023]" {
		t.Errorf("for all tenants: %s, want 9001023", got)
	}
	if err := other.Consent(app.ClientID); err != nil {
		t.Fatal(err)
	}
	theirs, err := other.Enterprise(app.ClientID)
	if err != nil || theirs.ObjectID == app.ObjectID {
		t.Errorf("enterprise application %v, %v: want an object id of its own", theirs, err)
	}
	token := w.tokenOf(app, "harbour.example").doc(t)["access_token"].(string)
	rooms := list(t, w.as(token, http.MethodGet, "/places/microsoft.graph.room", nil))
	if len(rooms) != 1 || rooms[0]["emailAddress"] != "oak@harbour.example" {
		t.Errorf("rooms %v", rooms)
	}
	window := "/calendarView?startDateTime=2026-11-23T00:00:00Z&endDateTime=2026-12-03T00:00:00Z"
	for address, want := range map[string]int{"oak@harbour.example": 200, "oak@practice.example": 404, "oak": 200} {
		if r := w.as(token, http.MethodGet, "/users/"+address+window, nil); r.status != want {
			t.Errorf("%s: %d, want %d", address, r.status, want)
		}
	}
	// Consent in one tenant is none in the other.
	home := w.tokenOf(app, w.s.TenantID()).doc(t)["access_token"].(string)
	if status, code := failure(t, w.as(home, http.MethodGet, "/users/oak@practice.example"+window, nil)); status != 403 || code != "ErrorAccessDenied" {
		t.Errorf("home without consent: %d %s", status, code)
	}
}

func TestAdminConsentOfAnotherTenant(t *testing.T) {
	w := newWorld(t, false)
	other := w.s.AddTenant("Harbour Ltd", "harbour.example")
	other.AddUser(User{Address: "chief", Name: "Chief", Password: "Harbour-1", Admin: true})
	app := w.s.RegisterApp(AppRegistration{Name: "Signs", MultiTenant: true, RedirectURIs: []string{redirect}, Application: []string{"Calendars.Read"}})
	browser := w.browser()
	at := w.s.LoginURL() + "/organizations/v2.0/adminconsent?client_id=" + app.ClientID + "&redirect_uri=" + redirect + "&state=s&scope=" + w.s.GraphURL() + "/.default"
	page := w.signIn(browser, w.do(browser, http.MethodGet, at, nil), "chief@harbour.example", "Harbour-1")
	back := w.back(w.decide(browser, page, "accept"))
	if back.Get("tenant") != other.ID() || back.Get("admin_consent") != "True" {
		t.Errorf("back with %v, want tenant %s", back, other.ID())
	}
	if r := w.tokenOf(app, other.ID()); r.status != http.StatusOK {
		t.Errorf("token: %d %s", r.status, r.body)
	}
	if r := w.tokenOf(app, w.s.TenantID()); r.status != http.StatusOK || strings.Contains(string(r.body), "roles") {
		t.Errorf("home: %d %s", r.status, r.body)
	}
}

func TestPersonalAccounts(t *testing.T) {
	w := newWorld(t, false)
	w.s.AddUser(User{Address: "kim@mail.example", Name: "Kim", Password: "Kim-1", Personal: true})
	for _, c := range []struct {
		name   string
		reg    AppRegistration
		tenant string
		want   string // on the page, "" when it works
	}{
		{"work accounts only", AppRegistration{MultiTenant: true}, "common", "AADSTS500200"},
		{"organizations", AppRegistration{MultiTenant: true, Personal: true}, "organizations", "AADSTS500200"},
		{"tenant", AppRegistration{MultiTenant: true, Personal: true}, "", "AADSTS50020"},
		{"taken", AppRegistration{MultiTenant: true, Personal: true}, "common", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.reg.Name, c.reg.RedirectURIs, c.reg.Delegated = "Signs", []string{redirect}, []string{"Calendars.Read"}
			app := w.s.RegisterApp(c.reg)
			q := w.authorizeQuery()
			q.Set("client_id", app.ClientID)
			q.Set("scope", "openid profile offline_access Calendars.Read")
			tenant := c.tenant
			if tenant == "" {
				tenant = w.s.TenantID()
			}
			browser := w.browser()
			page := w.do(browser, http.MethodGet, w.s.LoginURL()+"/"+tenant+"/oauth2/v2.0/authorize?"+q.Encode(), nil)
			page = w.signIn(browser, page, "kim@mail.example", "Kim-1")
			if c.want != "" {
				if !strings.Contains(string(page.body), c.want) {
					t.Errorf("no %s on the page: %d %.300s", c.want, page.status, page.body)
				}
				return
			}
			form := w.codeForm(w.back(w.decide(browser, page, "accept")).Get("code"))
			form.Set("client_id", app.ClientID)
			form.Set("client_secret", app.Secret)
			form.Del("scope")
			r := w.post(w.client, w.s.LoginURL()+"/common/oauth2/v2.0/token", form)
			id, err := parseJWT(fmt.Sprint(r.doc(t)["id_token"]))
			if err != nil {
				t.Fatalf("%d %s", r.status, r.body)
			}
			if id.claims.text("tid") != consumerTenant || id.claims.text("iss") != w.s.issuer(consumerTenant) {
				t.Errorf("claims %v", id.claims)
			}
		})
	}
}

func TestRoomsAlone(t *testing.T) {
	w := newWorld(t, true)
	if err := w.s.ScopeAppToRooms(w.app.ClientID, "Calendars.Read"); err != nil {
		t.Fatal(err)
	}
	token := w.appToken()
	parsed, err := parseJWT(token)
	if err != nil || parsed.claims["roles"] != nil {
		t.Errorf("roles %v in the token (%v)", parsed.claims["roles"], err)
	}
	window := "/calendarView?startDateTime=2026-11-23T00:00:00Z&endDateTime=2026-12-03T00:00:00Z"
	if r := w.as(token, http.MethodGet, "/users/hel-kaisla@practice.example"+window, nil); r.status != http.StatusOK {
		t.Errorf("a room: %d %s", r.status, r.body)
	}
	address, _ := robin()
	if status, code := failure(t, w.as(token, http.MethodGet, "/users/"+address+window, nil)); status != 403 || code != "ErrorAccessDenied" {
		t.Errorf("a person: %d %s", status, code)
	}
	w.s.RestrictApp(w.app.ClientID, "ber-ahorn@practice.example")
	if r := w.as(token, http.MethodGet, "/users/hel-kaisla@practice.example"+window, nil); r.status != 403 || !strings.Contains(string(r.body), "Access to OData is disabled.") {
		t.Errorf("under a policy: %d %s", r.status, r.body)
	}
}

func TestRoomsChange(t *testing.T) {
	w, b, room, token := subscriber(t)
	at := w.clock.now()
	room.Create(Event{Subject: "Plan", Start: at, End: at.Add(time.Hour)})
	if r := w.as(token, http.MethodPost, "/subscriptions", w.subscription(b)); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if err := w.s.ChangeRoom("oak", func(r *Room) { r.Name, r.Email = "Great Oak", "great-oak" }); err != nil {
		t.Fatal(err)
	}
	places := list(t, w.as(token, http.MethodGet, "/places/microsoft.graph.room", nil))
	if len(places) != 1 || places[0]["displayName"] != "Great Oak" || places[0]["emailAddress"] != "great-oak@practice.example" {
		t.Errorf("places %v", places)
	}
	for _, name := range []string{"oak", "great-oak"} {
		if got := list(t, w.as(token, http.MethodGet, "/users/"+name+"@practice.example"+someWindow, nil)); len(got) != 1 {
			t.Errorf("%s shows %d events", name, len(got))
		}
	}
	if err := w.s.RemoveRoom("great-oak"); err != nil {
		t.Fatal(err)
	}
	if got := b.wait(t, 1); got[0]["lifecycleEvent"] != LifecycleRemoved {
		t.Errorf("the client is told %v", got)
	}
	if status, code := failure(t, w.as(token, http.MethodGet, "/users/oak@practice.example"+someWindow, nil)); status != 404 || code != "ErrorInvalidUser" {
		t.Errorf("a removed room: %d %s", status, code)
	}
	if places := list(t, w.as(token, http.MethodGet, "/places/microsoft.graph.room", nil)); len(places) != 0 {
		t.Errorf("places %v", places)
	}
}

// TestExcessPermissions finds what nobody needs in the token's roles.
func TestExcessPermissions(t *testing.T) {
	w := newWorld(t, false)
	if err := w.s.SetPermissions(w.app.ClientID, nil, []string{"Mail.Read", "Calendars.Read", "Calendars.Read.Shared"}); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	token, err := parseJWT(w.appToken())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(token.claims.texts("roles")), "[Calendars.Read Mail.Read]"; got != want {
		t.Errorf("roles %s, want %s", got, want)
	}
}

// TestSharedCalendars reads an ordinary mailbox, with and without being allowed.
func TestSharedCalendars(t *testing.T) {
	w := newWorld(t, false)
	w.s.AddUser(User{Address: "kim", Name: "Kim Berg", Password: "Kim-1"})
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	address, password := robin()
	token := w.personToken(address, password)["access_token"].(string)
	ask := func() int {
		return w.as(token, http.MethodGet, "/users/kim@practice.example"+someWindow, nil).status
	}
	desk := w.s.Calendar("kim")
	if got := ask(); got != http.StatusForbidden {
		t.Errorf("not shared: %d", got)
	}
	desk.GrantFolder(address, false)
	if got := ask(); got != http.StatusOK {
		t.Errorf("shared: %d", got)
	}
	desk.RevokeFolder(address)
	if got := ask(); got != http.StatusForbidden {
		t.Errorf("shared no longer: %d", got)
	}
}
