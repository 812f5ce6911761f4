package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

// The steps of the manual, by the words on the page.
func TestManualSteps(t *testing.T) {
	o := &office{core: &fakeCore{}, store: newFakeStore(), calendars: &fakeCalendars{}}
	b := open(t, o).enter(o)
	follow := func(path, word string) string {
		t.Helper()
		body := b.get(path).want(t, http.StatusOK, "").body
		for part := range strings.SplitSeq(body, "<a ") {
			tag, rest, _ := strings.Cut(part, ">")
			text, _, _ := strings.Cut(rest, "</a>")
			_, href, ok := strings.Cut(tag, `href="`)
			href, _, _ = strings.Cut(href, `"`)
			if ok && strings.TrimSpace(tags.ReplaceAllString(text, " ")) == word && href != path && href != "/m/settings" == (path != "/m") {
				return href
			}
		}
		t.Fatalf("%s has no link %q", path, word)
		return ""
	}
	settings := follow("/m", "Settings")
	if !strings.Contains(b.get(settings).body, `href="/m/settings/integration"`) {
		t.Fatalf("%s does not lead to Integration", settings)
	}
	integrationSettings := follow("/m/settings/integration", "Settings")
	edit := follow(integrationSettings, "Edit")
	if edit != editPage {
		t.Fatalf("Edit leads to %s", edit)
	}
	b.get(edit).says(t, "http://localhost:8080/m").says(t, "Client ID").says(t, "Client Secret").says(t, "Tenant").says(t, "Cloud").says(t, "Save")
	b.post(edit, "client-id", " 0a1b2c3d-1111-2222-3333-444455556666 ", "client-secret", "v~1", "tenant", "contoso.example", "cloud", "global").
		want(t, http.StatusSeeOther, office365Page)
	b.get(office365Page).says(t, "Saved. Now connect.").says(t, "Connect")
	want := connection.Settings{Cloud: connection.Global, Tenant: "contoso.example", ClientID: "0a1b2c3d-1111-2222-3333-444455556666", ClientSecret: "v~1"}
	if got := o.store.conns[1].Settings; got != want {
		t.Errorf("stored %#v, want %#v", got, want)
	}
	if office := follow("/m/settings/integration", "Office 365"); office != office365Page {
		t.Errorf("Office 365 leads to %s", office)
	}

	gone := b.post(office365Page+"/connect").want(t, http.StatusSeeOther, "https://login.example/authorize?x=1")
	if c := gone.Header.Get("Set-Cookie"); !strings.Contains(c, "doorleaf-connect=attempt;") || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") {
		t.Errorf("cookie of the attempt = %q", c)
	}
	o.calendars.connected = func() {
		c := o.store.conns[1]
		c.State = connection.State{Mode: connection.AppOnly, Account: "facility@contoso.example"}
		o.store.conns[1] = c
	}
	b.header.Set("Sec-Fetch-Site", "cross-site") // it comes from Microsoft
	b.get("/m?code=abc&state=xyz&session_state=1").want(t, http.StatusSeeOther, office365Page)
	if o.calendars.cookie != "attempt" || o.calendars.answered["code"] != "abc" || o.calendars.answered["state"] != "xyz" || len(o.calendars.answered) != 2 {
		t.Errorf("answer = %v with cookie %q", o.calendars.answered, o.calendars.cookie)
	}
	b.get(office365Page).says(t, "Connected. Your rooms are being read.").says(t, "facility@contoso.example")
}

func TestSettingsErrorsStandAtTheirField(t *testing.T) {
	for _, tc := range []struct {
		kind  connection.Kind
		field string
		says  string
	}{
		{connection.BadClientID, "client-id", "Copy Overview > Application (client) ID again"},
		{connection.SecretIsID, "client-secret", "That is the Secret ID. Copy the Value"},
		{connection.SecretMissing, "client-secret", "The Client Secret is missing"},
		{connection.BadSecret, "client-secret", "Copy the Value of the secret"},
		{connection.BadTenant, "tenant", "Directory (tenant) ID"},
		{connection.WrongCloud, "cloud", "Choose the right Cloud"},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			o := newOffice(time.Now())
			o.calendars.checkErr = &connection.Error{Kind: tc.kind, Op: "settings"}
			before := o.store.conns[1]
			b := open(t, o).enter(o)
			got := b.post(editPage, "client-id", "typed-id", "client-secret", "typed-secret", "tenant", "typed-tenant", "cloud", "global").
				want(t, http.StatusUnprocessableEntity, "").says(t, tc.says).says(t, "Nothing was saved yet")
			if !strings.Contains(got.body, `id="`+tc.field+`-problem"`) {
				t.Errorf("no sentence at field %s", tc.field)
			}
			if !strings.Contains(got.body, `value="typed-id"`) || !strings.Contains(got.body, `value="typed-tenant"`) {
				t.Error("what was typed is lost")
			}
			if strings.Contains(got.body, "typed-secret") {
				t.Error("the page sends a secret back")
			}
			if after := o.store.conns[1]; after.Settings != before.Settings {
				t.Error("stored settings changed")
			}
		})
	}
}

func TestSecretIsWriteOnly(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	for _, path := range []string{editPage, office365Page, "/m/settings/integration", "/m/settings/integration/settings"} {
		if strings.Contains(b.get(path).body, "very~secret~value") {
			t.Errorf("%s shows the secret", path)
		}
	}
	b.post(editPage, "client-id", "0a1b2c3d-1111-2222-3333-444455556666", "tenant", "other.example", "cloud", "global").want(t, http.StatusSeeOther, office365Page)
	if got := o.store.conns[1].Settings; got.ClientSecret != "very~secret~value" || got.Tenant != "other.example" {
		t.Errorf("an empty secret did not keep the stored one: tenant %q", got.Tenant)
	}
}

func TestCustomCloudIsPrefilled(t *testing.T) {
	o := &office{core: &fakeCore{}, store: newFakeStore(), calendars: &fakeCalendars{}}
	options := o.options(texts(t), "http://localhost:8080")
	options.CustomCloud = connection.Endpoints{Login: "https://127.0.0.1:9443", Graph: "https://127.0.0.1:9444"}
	b := openWith(t, options).enter(o)
	body := b.get(editPage).body
	for _, want := range []string{`<option value="custom" selected>`, `value="https://127.0.0.1:9443"`, `value="https://127.0.0.1:9444"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
}

func TestAnswerThatFails(t *testing.T) {
	for _, tc := range []struct {
		name, query string
		err         error
		says        []string
	}{
		{"declined", "error=access_denied&error_description=AADSTS65004&state=s", &connection.Error{Kind: connection.ConsentDeclined, Code: "AADSTS65004"}, []string{"declined at Microsoft", "AADSTS65004"}},
		{"reused", "code=c&state=s", &connection.Error{Kind: connection.CodeReused, Code: "AADSTS54005"}, []string{"do not use the Back button"}},
		{"not ours", "code=c", &connection.Error{Kind: connection.StateMismatch}, []string{"was not started here"}},
		{"redirect", "error=invalid_request&state=s", &connection.Error{Kind: connection.RedirectMismatch, Code: "AADSTS50011"}, []string{"exactly the redirect URI", "AADSTS50011"}},
		{"odd code", "error=x&state=s", &connection.Error{Kind: connection.BadSecret, Code: "<b>~~\n"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newOffice(time.Now())
			o.calendars.err = tc.err
			b := open(t, o).enter(o)
			got := b.get("/m?"+tc.query).want(t, http.StatusSeeOther, office365Page)
			if !slices.ContainsFunc(got.Cookies(), func(c *http.Cookie) bool { return c.Name == "doorleaf-connect" && c.MaxAge < 0 }) {
				t.Error("the cookie of the attempt stays")
			}
			page := b.get(office365Page)
			for _, s := range tc.says {
				page.says(t, s)
			}
		})
	}
}

func TestAnswerWithoutSession(t *testing.T) {
	o := newOffice(time.Now())
	o.store.accounts[1] = gateway.Account{ID: 1, Name: "admin"}
	b := open(t, o)
	got := b.get("/m?code=secret-code&state=s").want(t, http.StatusSeeOther, "/m/sign-in")
	if strings.Contains(got.Header.Get("Location"), "secret-code") || len(o.calendars.calls) != 0 {
		t.Error("a stranger's answer was used or kept")
	}
}

func TestLongAnswerIsCut(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get("/m?state=s&code="+strings.Repeat("x", 8<<10+1)).want(t, http.StatusSeeOther, office365Page)
	if _, ok := o.calendars.answered["code"]; ok {
		t.Error("an oversized member was handed on")
	}
}

func TestConnectionActions(t *testing.T) {
	for _, tc := range []struct{ action, call, to, says string }{
		{"consent", "consent", "https://login.example/adminconsent", ""},
		{"disconnect", "disconnect", office365Page, "Disconnected."},
		{"check", "probe", checkPage, "Calendar of room7@contoso.example Microsoft refuses to open the calendar"},
	} {
		t.Run(tc.action, func(t *testing.T) {
			o := newOffice(time.Now())
			b := open(t, o).enter(o)
			b.post(office365Page+"/"+tc.action).want(t, http.StatusSeeOther, tc.to)
			if !slices.Equal(o.calendars.calls, []string{tc.call}) {
				t.Errorf("calls = %v, want %s", o.calendars.calls, tc.call)
			}
			if tc.says != "" {
				b.get(office365Page).says(t, tc.says)
			}
		})
		t.Run(tc.action+" fails", func(t *testing.T) {
			o := newOffice(time.Now())
			o.calendars.err = &connection.Error{Kind: connection.Unreachable, Op: "token"}
			b := open(t, o).enter(o)
			b.post(office365Page + "/" + tc.action)
			b.get(office365Page).says(t, "Microsoft cannot be reached")
		})
		t.Run(tc.action+" before anything is entered", func(t *testing.T) {
			o := &office{core: &fakeCore{}, store: newFakeStore(), calendars: &fakeCalendars{}}
			b := open(t, o).enter(o)
			b.post(office365Page + "/" + tc.action)
			b.get(office365Page).says(t, "No app is entered yet")
			if len(o.calendars.calls) != 0 {
				t.Errorf("calls = %v", o.calendars.calls)
			}
		})
	}
}

func TestDelegatedModeSaysWhatIsLost(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get(office365Page).says(t, "borrows the permissions of the person").says(t, "Calendars.Read").says(t, "Grant application permissions")
}

func TestAddRooms(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.post("/m/rooms/add", "addresses", "A@contoso.example\r\n b@contoso.example; c@contoso.example").want(t, http.StatusSeeOther, "/m/rooms")
	if want := "add a@contoso.example,b@contoso.example,c@contoso.example"; !slices.Equal(o.calendars.calls, []string{want}) {
		t.Errorf("calls = %v, want %s", o.calendars.calls, want)
	}
	for _, bad := range []string{"", "no address", "Name <a@b.example>", "a@b@c", strings.Repeat("a@b.example\n", maxAddresses+1)} {
		b.post("/m/rooms/add", "addresses", bad).want(t, http.StatusUnprocessableEntity, "").says(t, "Enter 1 to 100 e-mail addresses")
	}
}

func FuzzAddresses(f *testing.F) {
	f.Add("a@b.example\nc@d.example")
	f.Add("\"a b\"@c.example")
	f.Fuzz(func(t *testing.T, text string) {
		list, ok := addresses(text)
		if ok && (len(list) == 0 || len(list) > maxAddresses) {
			t.Errorf("%d addresses", len(list))
		}
		for _, a := range list {
			if strings.ContainsAny(a, "\r\n ,;") {
				t.Errorf("address %q", a)
			}
		}
	})
}

func TestIsAnswer(t *testing.T) {
	for _, tc := range []struct {
		query string
		want  bool
	}{
		{"code=c&state=s", true}, {"error=e&error_description=d", true}, {"admin_consent=True&tenant=t&state=s", true}, {"state=late", false}, {"", false},
	} {
		q, err := url.ParseQuery(tc.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := isAnswer(q); got != tc.want {
			t.Errorf("isAnswer(%s) = %v, want %v", tc.query, got, tc.want)
		}
	}
}
