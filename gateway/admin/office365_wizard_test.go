package admin

import (
	"crypto/x509"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

const (
	someClient = "0a1b2c3d-1111-2222-3333-444455556666"
	someObject = "9f8e7d6c-0000-1111-2222-333344445555"
)

func emptyOffice() *office {
	o := &office{core: &fakeCore{}, store: newFakeStore(), calendars: &fakeCalendars{}}
	o.calendars.store = o.store
	return o
}

// connectedOffice has an organisation and no doors, whose faces take long to draw.
func connectedOffice() *office {
	o := emptyOffice()
	o.store.accounts[1] = gateway.Account{ID: 1, Name: "admin"}
	o.store.conns[1] = connection.Connection{ID: 1, Settings: connection.Settings{Cloud: connection.Global, Tenant: "contoso.example", ClientID: someClient, ClientSecret: "very~secret~value"},
		State: connection.State{Mode: connection.AppOnly, Account: "facility@contoso.example"}}
	return o
}

func TestWizardStoresEveryChoice(t *testing.T) {
	o := emptyOffice()
	b := open(t, o).enter(o)
	ends := time.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	b.post(editPage, "client-id", someClient, "tenant", "contoso.example", "cloud", "usgov-l4", "proof", "secret", "client-secret", "v~1", "secret-expires", ends,
		"access", "delegated", "book", "on", "find", "on").want(t, http.StatusSeeOther, office365Page)
	want := connection.Settings{Cloud: connection.USGovL4, Tenant: "contoso.example", ClientID: someClient, ClientSecret: "v~1", SecretExpires: ends,
		Access: connection.Delegated, Book: true, Find: true}
	if got := o.store.conns[1].Settings; got != want {
		t.Errorf("stored %#v, want %#v", got, want)
	}
	// Other choices, the same secret.
	b.post(editPage, "client-id", someClient, "tenant", "contoso.example", "cloud", "global", "proof", "secret", "client-secret", "", "secret-expires", ends, "access", "app")
	want.Cloud, want.Access, want.Book, want.Find = connection.Global, connection.AppOnly, false, false
	if got := o.store.conns[1].Settings; got != want {
		t.Errorf("stored %#v, want %#v", got, want)
	}
}

func TestWizardRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, field, value, says string
		check                    error
	}{
		{"past end of the secret", "secret-expires", "2020-01-31", "it must not be past", nil},
		{"no date", "secret-expires", "soon", "it must not be past", nil},
		{"secret ID", "client-secret", someObject, "That is the Secret ID.", &connection.Error{Kind: connection.SecretIsID}},
		{"client id", "client-id", "x", "Microsoft does not know this Client ID", &connection.Error{Kind: connection.BadClientID}},
		{"tenant", "tenant", "common", "Microsoft does not know this Tenant", &connection.Error{Kind: connection.BadTenant}},
		{"cloud", "cloud", "moon", "in another Microsoft cloud", &connection.Error{Kind: connection.WrongCloud}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := emptyOffice()
			o.calendars.checkErr = tc.check
			b := open(t, o).enter(o)
			form := map[string]string{"client-id": someClient, "tenant": "contoso.example", "cloud": "global", "proof": "secret", "client-secret": "v~1", "access": "app"}
			form[tc.field] = tc.value
			var fields []string
			for k, v := range form {
				fields = append(fields, k, v)
			}
			got := b.post(editPage, fields...).want(t, http.StatusUnprocessableEntity, "").says(t, tc.says)
			if len(o.store.conns) != 0 || len(o.calendars.calls) != 0 {
				t.Error("something was stored or asked for")
			}
			if strings.Contains(got.body, "v~1") {
				t.Error("the secret is sent back")
			}
			if !strings.Contains(got.body, `value="`+form["client-id"]+`"`) {
				t.Error("what was typed is lost")
			}
		})
	}
	o := emptyOffice()
	b := open(t, o).enter(o)
	b.post(editPage, "client-id", someClient, "cloud", "global", "client-secret", "v", "access", "root").want(t, http.StatusBadRequest, "")
}

func TestWizardTestsEachStep(t *testing.T) {
	for _, tc := range []struct{ step, call, says string }{
		{"app", "connect", "App and redirect URI"},
		{"proof", "probe", "Token from Microsoft"},
		{"rights", "probe", "have an administrator agree. Missing: Calendars.Read Not needed, remove: Mail.Read"},
	} {
		t.Run(tc.step, func(t *testing.T) {
			o := emptyOffice()
			o.calendars.checks = []connection.Check{{Name: connection.CheckToken, OK: true},
				{Name: connection.CheckRights, Missing: []connection.Permission{connection.CalendarsRead}, Excess: []connection.Permission{"Mail.Read"}}}
			b := open(t, o).enter(o)
			b.post(editPage, "client-id", someClient, "tenant", "contoso.example", "cloud", "global", "client-secret", "v~1", "access", "app", "test", tc.step).
				want(t, http.StatusSeeOther, editPage+"#step-"+tc.step)
			if !slices.Equal(o.calendars.calls, []string{tc.call}) {
				t.Errorf("calls = %v, want %s", o.calendars.calls, tc.call)
			}
			b.get(editPage).says(t, tc.says)
		})
	}
	t.Run("refused", func(t *testing.T) {
		o := newOffice(time.Now())
		o.calendars.err = &connection.Error{Kind: connection.RedirectMismatch, Code: "AADSTS50011"}
		b := open(t, o).enter(o)
		b.post(editPage, "client-id", someClient, "tenant", "contoso.example", "cloud", "global", "test", "app")
		b.get(editPage).says(t, "App and redirect URI The redirect URI is not registered.").says(t, "AADSTS50011")
	})
	t.Run("reach", func(t *testing.T) {
		o := newOffice(time.Now())
		b := open(t, o).enter(o)
		b.post(editPage+"/reach").want(t, http.StatusSeeOther, editPage+"#step-reach")
		b.get(editPage).says(t, "List of rooms Works Calendar of room0@contoso.example")
	})
}

// The list of permissions is exact for every choice, and says where the old
// manual was wrong.
func TestWizardPermissions(t *testing.T) {
	o := emptyOffice()
	b := open(t, o).enter(o)
	body := b.get(editPage).says(t, "Leave Access tokens and ID tokens unticked.").says(t, "Doorleaf door signs").body
	rows := map[string][]string{}
	for _, part := range strings.Split(body, `<li class="way-`)[1:] {
		class, rest, _ := strings.Cut(part, `"`)
		_, rest, _ = strings.Cut(rest, "<code")
		_, rest, _ = strings.Cut(rest, ">")
		name, _, _ := strings.Cut(rest, "<")
		rows[class] = append(rows[class], name)
	}
	for class, want := range map[string][]string{
		"app": {"Calendars.Read"}, "app when-book": {"Calendars.ReadWrite"}, "app when-find": {"Place.Read.All"},
		"delegated": {"Calendars.Read.Shared", "offline_access"}, "delegated when-book": {"Calendars.ReadWrite.Shared"}, "delegated when-find": {"Place.Read.All"},
	} {
		if !slices.Equal(rows[class], want) {
			t.Errorf("%s: got %v, want %v", class, rows[class], want)
		}
	}
	if len(rows) != 6 {
		t.Errorf("rows of %v", rows)
	}
	for _, want := range []string{`id="find" value="on" checked`, `id="access-app" value="app" checked`, `data-copy="redirect-uri"`, `data-copy="app-name"`, `data-copy="right-app-Calendars.Read"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// A certificate from nothing: saved without a secret, made, downloaded, tested
// and used, and its key is on no page.
func TestWizardCertificate(t *testing.T) {
	o := emptyOffice()
	b := open(t, o).enter(o)
	b.post(editPage, "client-id", someClient, "cloud", "global", "proof", "certificate", "access", "app").want(t, http.StatusUnprocessableEntity, "").says(t, "A certificate needs the Tenant.")
	b.post(editPage, "client-id", someClient, "tenant", "contoso.example", "cloud", "global", "proof", "certificate", "access", "app").want(t, http.StatusSeeOther, editPage+"#step-proof")
	if !slices.Equal(o.calendars.calls, []string{"certificate"}) || !o.store.conns[1].Settings.Credential().IsZero() {
		t.Fatalf("calls = %v, stored %v", o.calendars.calls, o.store.conns[1].Settings.Credential())
	}
	page := b.get(editPage).says(t, "Test and use").says(t, "Upload certificate")
	cer := b.get(office365Page+"/certificate.cer").want(t, http.StatusOK, "")
	if cert, err := x509.ParseCertificate([]byte(cer.body)); err != nil || cert.Subject.CommonName != "Doorleaf" {
		t.Errorf("the download is no certificate: %v", err)
	}
	if got := cer.Header.Get("Content-Disposition"); !strings.HasSuffix(got, `.cer"`) {
		t.Errorf("it is called %q", got)
	}
	o.calendars.spare = []connection.Check{{Name: connection.CheckToken, Problem: &connection.Problem{Kind: connection.BadSecret, Code: "AADSTS700027"}}}
	b.post(office365Page+"/spare/use", "back", "edit").want(t, http.StatusSeeOther, editPage+"#step-proof")
	page = b.get(editPage).says(t, "AADSTS700027")
	o.calendars.spare = []connection.Check{{Name: connection.CheckToken, OK: true}}
	b.post(office365Page+"/spare/use", "back", "edit")
	b.get(editPage).says(t, "The new credential is in use.")
	if o.store.conns[1].Settings.KeyPEM == "" {
		t.Error("the certificate is not in use")
	}
	// Saving again keeps it.
	b.post(editPage, "client-id", someClient, "tenant", "contoso.example", "cloud", "global", "proof", "certificate", "access", "app").want(t, http.StatusSeeOther, office365Page)
	if o.store.conns[1].Settings.KeyPEM == "" {
		t.Error("saving lost the certificate")
	}
	if strings.Contains(page.body, "PRIVATE KEY") {
		t.Error("a page holds the key")
	}
}

func TestConsentLinkIsMailed(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	if body := b.get(office365Page).body; strings.Contains(body, "mailto:") {
		t.Error("a link is there before one was made")
	}
	b.post(office365Page+"/consent-link").want(t, http.StatusSeeOther, office365Page+"#mail")
	const link = "https://login.example/1/adminconsent?state=mail&x=a+b"
	body := b.get(office365Page).says(t, link).body
	_, href, _ := strings.Cut(body, `href="mailto:?`)
	href, _, _ = strings.Cut(href, `"`)
	q, err := url.ParseQuery(strings.ReplaceAll(href, "&amp;", "&"))
	if err != nil || !strings.Contains(q.Get("body"), link) || !strings.Contains(q.Get("body"), "localhost:8080") || q.Get("subject") == "" {
		t.Errorf("the mail is %q (%v)", q, err)
	}
	if strings.Contains(href, "+") {
		t.Error("mail programs would show plus signs")
	}
	b.post(office365Page+"/consent-link", "back", "edit").want(t, http.StatusSeeOther, editPage+"#mail")
	b.get(editPage).says(t, link)
}

// The administrator who follows a mailed link has no account here.
func TestMailedConsent(t *testing.T) {
	const answer = "/m?admin_consent=True&tenant=x&state=s"
	for _, tc := range []struct {
		name   string
		mailed bool
		err    error
		query  string
		status int
		to     string
		says   []string
		calls  int
	}{
		{"agreed", true, nil, answer, http.StatusOK, "", []string{"Thank you", "close this page"}, 1},
		{"with a slash", true, nil, "/m/?admin_consent=True&state=s", http.StatusOK, "", []string{"Thank you"}, 1},
		{"declined", true, &connection.Error{Kind: connection.ConsentDeclined, Code: "AADSTS65004"}, answer + "&error=access_denied", http.StatusUnprocessableEntity, "", []string{"Not approved", "declined at Microsoft", "AADSTS65004"}, 1},
		{"old link", false, &connection.Error{Kind: connection.StateMismatch}, answer, http.StatusUnprocessableEntity, "", []string{"older than seven days"}, 1},
		{"somebody's own consent", false, nil, answer, http.StatusSeeOther, "/m/sign-in", nil, 1},
		{"no state", true, nil, "/m?admin_consent=True", http.StatusSeeOther, "/m/sign-in", nil, 0},
		{"a sign-in", true, nil, "/m?code=c&state=s", http.StatusSeeOther, "/m/sign-in", nil, 0},
		{"elsewhere", true, nil, "/m/rooms?admin_consent=True&state=s", http.StatusSeeOther, "/m/sign-in?next=%2Fm%2Frooms%3Fadmin_consent%3DTrue%26state%3Ds", nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := connectedOffice()
			o.calendars.mailed, o.calendars.err = tc.mailed, tc.err
			b := open(t, o)
			got := b.get(tc.query)
			if got.StatusCode != tc.status || tc.name != "elsewhere" && got.Header.Get("Location") != tc.to {
				t.Fatalf("%d to %q, want %d to %q", got.StatusCode, got.Header.Get("Location"), tc.status, tc.to)
			}
			for _, s := range tc.says {
				got.says(t, s)
			}
			if len(o.calendars.calls) != tc.calls {
				t.Errorf("calls = %v", o.calendars.calls)
			}
			for _, secret := range []string{"contoso", "Aalto", `class="rail"`} {
				if strings.Contains(got.body, secret) {
					t.Errorf("a stranger sees %q", secret)
				}
			}
		})
	}
	t.Run("by somebody who is signed in", func(t *testing.T) {
		o := connectedOffice()
		o.calendars.mailed = true
		open(t, o).enter(o).get(answer).want(t, http.StatusOK, "").says(t, "Thank you")
	})
	t.Run("a session that ended meanwhile", func(t *testing.T) {
		o := connectedOffice()
		b := open(t, o)
		b.client.Jar.SetCookies(b.base, []*http.Cookie{{Name: "doorleaf-connect", Value: "attempt", Path: "/"}})
		b.get(answer).want(t, http.StatusSeeOther, "/m/sign-in")
		if len(o.calendars.calls) != 0 {
			t.Errorf("calls = %v", o.calendars.calls)
		}
	})
}
