package main

import (
	"testing"

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

	mistakes := []struct {
		name   string
		make   func()
		want   string
		repair func()
	}{
		{"wrong client secret", func() { registerValues(b, o, "8Q~AbCdEfGhIjKlMnOpQrStUvWxYz0123456789~", o.graph.TenantID()) },
			"Microsoft refused the Client Secret. Copy the Value of the secret", func() { registerValues(b, o, o.app.Secret, o.graph.TenantID()) }},
		{"unknown tenant", func() { registerValues(b, o, o.app.Secret, "0f3a1d5e-7c52-4d0b-9a52-6f1f7c1f9f11") },
			"Microsoft does not know this Tenant. Enter the Directory (tenant) ID", func() { registerValues(b, o, o.app.Secret, o.graph.TenantID()) }},
		{"redirect URI not registered", func() { registerRedirect(t, o, "https://elsewhere.example/m") },
			"The redirect URI is not registered.", func() { registerRedirect(t, o, o.base+"/m") }},
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
