package admin

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// twoOrganisations is an office with a second, unconnected organisation.
func twoOrganisations() *office { return addOrganisation(newOffice(time.Now())) }

func addOrganisation(o *office) *office {
	o.store.conns[2] = connection.Connection{ID: 2, Settings: connection.Settings{Cloud: connection.Global, Tenant: "fabrikam.example", ClientID: someObject, ClientSecret: "other~secret"}}
	o.store.rooms = append(o.store.rooms, calendar.Room{ID: "north@fabrikam.example", Name: "North", Source: 2})
	return o
}

func TestAddOrganisation(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get("/m/settings/integration").says(t, "Add an organisation")
	body := b.get(editPage+"?org=new").says(t, "Organisation").body
	for _, leak := range []string{"contoso.example", someClient} {
		if strings.Contains(body, leak) {
			t.Errorf("the form of a new organisation holds %q of another", leak)
		}
	}
	b.post(editPage+"?org=new", "name", "Fabrikam", "client-id", someObject, "tenant", "fabrikam.example", "cloud", "global", "client-secret", "v~2", "access", "app").
		want(t, http.StatusSeeOther, office365Page+"?org=2")
	if got := o.store.conns[2].Settings; got.Name != "Fabrikam" || got.ClientSecret != "v~2" {
		t.Errorf("stored %v", got)
	}
	if o.store.conns[1].Settings.Tenant != "contoso.example" {
		t.Error("the first organisation was changed")
	}
	b.get("/m/settings/integration").says(t, "Office 365 · contoso.example").says(t, "Office 365 · Fabrikam")
	b.get(office365Page+"?org=2").says(t, "Office 365 Fabrikam").says(t, "Ready to connect")
}

// Every action on an organisation reaches that one and comes back to it.
func TestOrganisationsAreApart(t *testing.T) {
	for _, tc := range []struct {
		path, call, to string
		fields         []string
	}{
		{office365Page + "/check?org=2", "probe 2", checkPage + "?org=2", nil},
		{office365Page + "/check?org=2", "probe 2 boss@fabrikam.example true", office365Page + "/limit?org=2#proof", []string{"forbidden", "Boss@fabrikam.example", "subscription", "on", "back", "limit"}},
		{office365Page + "/remove?org=2", "remove 2", "/m/settings/integration", nil},
		{"/m/rooms/add", "add personal 2 anna@fabrikam.example", "/m/rooms", []string{"org", "2", "kind", "personal", "addresses", "anna@fabrikam.example"}},
		{office365Page + "/connect?org=2", "connect", "https://login.example/authorize?x=1", nil},
	} {
		o := addOrganisation(connectedOffice())
		b := open(t, o).enter(o)
		b.post(tc.path, tc.fields...).want(t, http.StatusSeeOther, tc.to)
		if !slices.Equal(o.calendars.calls, []string{tc.call}) {
			t.Errorf("%s: calls = %v, want %s", tc.path, o.calendars.calls, tc.call)
		}
	}
	o := addOrganisation(connectedOffice())
	b := open(t, o).enter(o)
	for _, path := range []string{office365Page, editPage, checkPage, lifetimesPage, office365Page + "/limit", office365Page + "/traffic", office365Page + "/remove"} {
		b.get(path+"?org=7").want(t, http.StatusNotFound, "")
		b.get(path+"?org=x").want(t, http.StatusNotFound, "")
		body := b.get(path+"?org=2").want(t, http.StatusOK, "").says(t, "fabrikam.example").body
		for part := range strings.SplitSeq(body, `"`) {
			if strings.HasPrefix(part, office365Page) && !strings.HasSuffix(part, "?org=2") {
				t.Errorf("%s: %s leaves the organisation", path, part)
			}
		}
	}
}

// After a sign-in elsewhere the browser comes back to the organisation it left.
func TestSignInReturnsToItsOrganisation(t *testing.T) {
	o := twoOrganisations()
	b := open(t, o).enter(o)
	b.post(office365Page + "/connect?org=2")
	b.get("/m?code=c&state=s").want(t, http.StatusSeeOther, office365Page+"?org=2")
	b.post(office365Page + "/connect")
	b.get("/m?code=c&state=s").want(t, http.StatusSeeOther, office365Page)
}

func TestRenameOrganisation(t *testing.T) {
	o := twoOrganisations()
	b := open(t, o).enter(o)
	b.post(office365Page+"/rename?org=2", "name", " Fabrikam North ").want(t, http.StatusSeeOther, office365Page+"?org=2")
	if got := o.store.conns[2].Settings; got.Name != "Fabrikam North" || got.ClientSecret != "other~secret" {
		t.Errorf("stored %v", got)
	}
	b.post(office365Page+"/rename", "name", "a\nb").want(t, http.StatusBadRequest, "")
	b.post(office365Page+"/rename", "name", strings.Repeat("x", 81)).want(t, http.StatusBadRequest, "")
}

func TestRemoveOrganisationAsksFirst(t *testing.T) {
	o := twoOrganisations()
	b := open(t, o).enter(o)
	b.get(office365Page+"/remove").says(t, "Remove “contoso.example”?").says(t, "7 signs then have no calendar.")
	b.post(office365Page + "/remove")
	b.get("/m/settings/integration").says(t, "Organisation removed.")
	if len(o.store.conns) != 1 {
		t.Errorf("%d organisations are left", len(o.store.conns))
	}
}

func TestAllowedTenants(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.post("/m/settings/integration/tenants", "tenants", strings.ToUpper(someObject)+"\r\n "+someClient).want(t, http.StatusSeeOther, "/m/settings/integration")
	if want := []string{someObject, someClient}; !slices.Equal(o.store.site.Tenants, want) {
		t.Errorf("tenants = %v, want %v", o.store.site.Tenants, want)
	}
	b.post("/m/settings/integration/tenants", "tenants", "contoso.example").want(t, http.StatusUnprocessableEntity, "").says(t, "Enter tenant IDs").says(t, "contoso.example")
	b.post("/m/settings/integration/tenants", "tenants", "")
	if len(o.store.site.Tenants) != 0 {
		t.Errorf("tenants = %v, want none", o.store.site.Tenants)
	}
}

// No page holds a secret or a key, whatever is stored.
func TestNoPageHoldsASecret(t *testing.T) {
	o := twoOrganisations()
	c := o.store.conns[1]
	c.Settings.CertPEM, c.Settings.KeyPEM = selfSigned(time.Hour), "-----BEGIN PRIVATE KEY-----\nvery~secret~key\n-----END PRIVATE KEY-----\n"
	c.Spare = connection.Credential{Secret: "spare~secret~value", Expires: "2030-01-01"}
	o.store.conns[1] = c
	b := open(t, o).enter(o)
	b.post(office365Page + "/check")
	b.post(office365Page + "/spare/test")
	for _, r := range routesOf(t) {
		if r.method != http.MethodGet || r.path == "/m/events" {
			continue
		}
		for _, org := range []string{"", "1", "2"} {
			path := r.path
			if org != "" && !strings.Contains(path, "?") {
				path += "?org=" + org
			}
			body := b.get(path).body
			for _, secret := range []string{"very~secret", "spare~secret", "other~secret", "PRIVATE KEY"} {
				if strings.Contains(body, secret) {
					t.Errorf("%s holds %q", path, secret)
				}
			}
		}
	}
}
