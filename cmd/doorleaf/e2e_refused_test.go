package main

import (
	"net/http"
	"testing"
	"time"

	"doorleaf/graphsync/graphtest"
)

// TestRefused makes the mistakes people make while connecting Office 365. Each
// has to give a sentence that says what to do and to leave what is stored as it
// was.
func TestRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	b := openBrowser(t, o.graph)
	createAdministrator(b, o)
	registerValues(b, o, o.app.Secret, o.graph.TenantID())

	// Declined consent comes first: later there is nothing left to consent to.
	signIn(b, o)
	b.press("#cancel")
	refusal(b, "The permissions were declined at Microsoft. Connect again and accept")
	connect(b, o)

	registered := o.app
	again := func() { registerValues(b, o, o.app.Secret, o.graph.TenantID()) }
	// fault lets Microsoft answer with an error of its own until it is repaired.
	var mend func()
	fault := func(number int, word string) func() {
		return func() { mend = o.graph.Inject(graphtest.EntraError(number, word)) }
	}
	mended := func() { mend() }
	mistakes := []struct {
		name   string
		make   func()
		want   string
		repair func()
	}{
		{"wrong client secret", func() { registerValues(b, o, "8Q~AbCdEfGhIjKlMnOpQrStUvWxYz0123456789~", o.graph.TenantID()) },
			"Microsoft refused the Client Secret. Copy the Value of the secret", again},
		{"expired client secret", func() { expireSecret(t, o, time.Now().Add(-time.Hour)) },
			"The Client Secret has expired. Create a new one", func() { expireSecret(t, o, time.Now().AddDate(1, 0, 0)) }},
		{"unknown tenant", func() { registerValues(b, o, o.app.Secret, "0f3a1d5e-7c52-4d0b-9a52-6f1f7c1f9f11") },
			"Microsoft does not know this Tenant. Enter the Directory (tenant) ID", again},
		{"unknown client ID", func() { o.app.ClientID = "5b0c6a5e-1f0e-4c7b-8e51-92d3a1b7c0aa"; again() },
			"Microsoft does not know this Client ID in this tenant. Copy Overview > Application (client) ID", func() { o.app = registered; again() }},
		{"redirect URI not registered", func() { registerRedirect(t, o, "https://elsewhere.example/m") },
			"The redirect URI is not registered. Open App registration > Authentication > Web", func() { registerRedirect(t, o, o.base+"/m") }},
		{"an administrator must agree", fault(90094, "consent_required"),
			"An administrator of Microsoft 365 must agree first. Ask one to connect here", mended},
		{"blocked by Conditional Access", fault(53003, "access_denied"),
			"A rule of your organization (Conditional Access) blocks this sign-in. Ask your administrator", mended},
		{"a second factor is needed", fault(50076, "interaction_required"),
			"Microsoft asks for a second factor. Connect again and confirm it", mended},
		{"the grant was revoked", fault(50173, "invalid_grant"), "The sign-in has expired or was revoked. Press Connect again", mended},
		{"the app is disabled", fault(7000112, "unauthorized_client"), "The app is disabled in your organization. Enable sign-in for it", mended},
	}
	for _, m := range mistakes {
		m.make()
		b.click("nav", "Settings")
		b.click("main", "Integration")
		b.click("main", "Office 365")
		b.press("#connect")
		refusal(b, m.want)
		listRooms(b)
		m.repair()
		reconnect(b, o)
		t.Logf("%s: refused and repaired", m.name)
	}
	secretID(b, o)
	reconnect(b, o)
	checkConnection(b, o)
}

// expireSecret sets when the app's secret ends at Microsoft.
func expireSecret(t *testing.T, o *office, at time.Time) {
	t.Helper()
	if err := o.graph.SetSecretExpiry(o.app.ClientID, at); err != nil {
		t.Fatal(err)
	}
}

// checkConnection takes single rights away and lets the check say which line
// fails and what to do.
func checkConnection(b *browser, o *office) {
	b.t.Helper()
	for _, c := range []struct {
		name  string
		fault graphtest.Fault
		want  string
	}{
		{"rooms may not be listed", graphtest.Fault{Path: "/places", Status: http.StatusForbidden, Code: "Authorization_RequestDenied", Text: "Insufficient privileges to complete the operation."},
			"Microsoft refuses to list the rooms. Grant Place.Read.All to the application, or add rooms by e-mail address"},
		{"a calendar may not be opened", graphtest.Fault{Path: "/calendarView", Status: http.StatusForbidden, Code: "ErrorAccessDenied", Text: "Access is denied."},
			"Microsoft refuses to open the calendar. Grant Calendars.Read to the application"},
	} {
		mend := o.graph.Inject(c.fault)
		b.open(o.base + "/m/settings/integration/office365")
		b.click("main", "Check now")
		b.shows("main", c.want)
		mend()
		b.t.Logf("%s: explained", c.name)
	}
}

func registerRedirect(t *testing.T, o *office, uri string) {
	t.Helper()
	if err := o.graph.SetRedirectURIs(o.app.ClientID, uri); err != nil {
		t.Fatal(err)
	}
}

// refusal is back at /m with a sentence.
func refusal(b *browser, want string) {
	b.t.Helper()
	if got, want := b.path(), "/m/settings/integration/office365"; got != want {
		b.t.Errorf("refused at %s, want %s", got, want)
	}
	b.shows(".note--bad", want)
}

// reconnect connects with what is stored; consent was given before.
func reconnect(b *browser, o *office) {
	b.t.Helper()
	signIn(b, o)
	b.shows("main .head__state", "Works")
	b.shows("main .head__state", "with application permissions")
	listRooms(b)
}

// secretID pastes the ID of the secret in place of its value: that is refused
// while saving, and the stored value stays.
func secretID(b *browser, o *office) {
	b.t.Helper()
	registerValues(b, o, o.app.SecretID, o.graph.TenantID())
	b.shows(".problem", "That is the Secret ID. Copy the Value beside it")
	if got, want := b.value("#client-id"), o.app.ClientID; got != want {
		b.t.Errorf("client ID after the refusal: got %q, want %q", got, want)
	}
}

// TestSetupLinkOnce shows that the link of the log makes one administrator only
// and that the pages are closed to everybody else.
func TestSetupLinkOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	b := openBrowser(t, o.graph)
	b.open(o.base + "/m/rooms")
	if got, want := b.path(), "/m/sign-in"; got != want {
		t.Errorf("without a session: got %s, want %s", got, want)
	}
	link := o.setupURL()
	createAdministrator(b, o)
	b.click("nav", "Sign out")
	b.open(link)
	if got, want := b.path(), "/m/sign-in"; got != want {
		t.Errorf("the link again: got %s, want %s", got, want)
	}
	b.fill("#name", "office")
	b.fill("#password", graphtest.AdminPassword)
	b.press("main button.button--main")
	b.shows(".note--bad", "Name or password is wrong.")
	if got, want := b.path(), "/m/sign-in"; got != want {
		t.Errorf("wrong password: got %s, want %s", got, want)
	}
	b.fill("#password", "correct horse battery")
	b.press("main button.button--main")
	b.shows("nav", "Settings")
}
