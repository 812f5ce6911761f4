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

func TestEveryRouteNeedsASession(t *testing.T) {
	o := newOffice(time.Now())
	o.store.accounts[1] = gateway.Account{ID: 1, Name: "admin"}
	b := open(t, o)
	strangers := []string{"GET /", "GET /m/sign-in", "POST /m/sign-in", "GET /m/setup", "POST /m/setup"}
	for _, r := range routesOf(t) {
		if r.open != slices.Contains(strangers, r.method+" "+r.path) {
			t.Errorf("%s %s: open to strangers = %v", r.method, r.path, r.open)
		}
		if r.open {
			continue
		}
		var form url.Values
		if r.method == http.MethodPost {
			form = url.Values{}
		}
		got := b.do(r.method, r.path, form)
		switch {
		case got.StatusCode == http.StatusUnauthorized:
		case got.StatusCode == http.StatusSeeOther && strings.HasPrefix(got.Header.Get("Location"), "/m/sign-in"):
		default:
			t.Errorf("%s %s without a session = %d %s", r.method, r.path, got.StatusCode, got.Header.Get("Location"))
		}
		if strings.Contains(got.body, "Aalto") {
			t.Errorf("%s %s shows a door to strangers", r.method, r.path)
		}
	}
	if o.core.writes+o.store.writes+len(o.calendars.calls) != 0 {
		t.Error("a stranger changed something")
	}
}

func TestExpiredSessionIsNone(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	for k, s := range o.store.sessions {
		s.Expires = time.Now().Add(-time.Second)
		o.store.sessions[k] = s
	}
	b.get("/m/doors").want(t, http.StatusSeeOther, "/m/sign-in?next=%2Fm%2Fdoors")
}

func TestGetChangesNothing(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	for _, r := range routesOf(t) {
		if r.method != http.MethodGet || r.path == "/m/events" {
			continue
		}
		if got := b.get(r.path); got.StatusCode >= 500 {
			t.Errorf("GET %s = %d", r.path, got.StatusCode)
		}
	}
	if n := o.core.writes + o.store.writes + len(o.calendars.calls); n != 0 {
		t.Errorf("reading pages made %d changes", n)
	}
}

func TestOtherSitesAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		header http.Header
	}{
		{"another site", http.Header{"Sec-Fetch-Site": {"cross-site"}}},
		{"a sibling host", http.Header{"Sec-Fetch-Site": {"same-site"}}},
		{"an old browser, other origin", http.Header{"Origin": {"https://evil.example"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newOffice(time.Now())
			b := open(t, o).enter(o)
			b.header = tc.header
			for _, r := range routesOf(t) {
				if r.method == http.MethodPost {
					b.post(r.path).want(t, http.StatusForbidden, "").says(t, "came from another site")
				}
			}
			if n := o.core.writes + o.store.writes + len(o.calendars.calls); n != 0 {
				t.Errorf("%d changes were made", n)
			}
		})
	}
}

func TestSecurityHeaders(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	for _, path := range []string{"/m", "/m/doors/abcdefghijklmna2", "/m/doors/abcdefghijklmna2/glass.png", "/m/nowhere", "/m/sign-in"} {
		h := b.get(path).Header
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", path, name, got, want)
			}
		}
	}
	if got := b.get(office365Page).Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'self';") || strings.Contains(got, "unsafe") {
		t.Errorf("policy of the connection page = %q", got)
	}
}

func TestPagesHoldNothingInline(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	for _, r := range routesOf(t) {
		if r.method != http.MethodGet || r.path == "/m/events" {
			continue
		}
		body := b.get(r.path).body
		for _, bad := range []string{" style=", "<style", " onclick=", "javascript:", "http://www", "https://cdn"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s holds %q", r.path, bad)
			}
		}
		if n := strings.Count(body, "<script"); n > 1 {
			t.Errorf("%s has %d scripts", r.path, n)
		}
	}
}

func TestCookiesOverHTTPS(t *testing.T) {
	o := newOffice(time.Now())
	hash, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	o.store.accounts[1] = gateway.Account{ID: 1, Name: "admin", PasswordHash: hash}
	b := openWith(t, o.options(texts(t), "https://signs.example"))
	got := b.post("/m/sign-in", "name", "admin", "password", "correct horse").want(t, http.StatusSeeOther, "/m")
	c := got.Header.Get("Set-Cookie")
	for _, want := range []string{"__Host-doorleaf-session=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(c, want) {
			t.Errorf("cookie %q lacks %q", c, want)
		}
	}
	if got.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security over HTTPS")
	}
}

func TestLargeBodiesAreRefused(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	big := strings.Repeat("x", maxBody+1)
	for _, path := range []string{"/m/pair", "/m/rooms/add", "/m/settings/site", "/m/sign-in", "/m/settings/integration/settings/office365"} {
		b.post(path, "name", big, "addresses", big).want(t, http.StatusRequestEntityTooLarge, "").says(t, "too much text")
	}
	if o.core.writes+o.store.writes != 0 {
		t.Error("a large body changed something")
	}
}

// Whatever outsiders can name reaches pages as text.
func TestNamesCannotBecomeMarkup(t *testing.T) {
	const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>"'>`
	o := newOffice(time.Now())
	for i := range o.store.rooms {
		o.store.rooms[i].Name, o.store.rooms[i].Building, o.store.rooms[i].Floor = evil, evil+string(rune('a'+i%2)), evil
	}
	for i := range o.core.doors {
		d := &o.core.doors[i]
		d.Sign.Name, d.Room.Name, d.Room.Building = evil, evil, evil+string(rune('a'+i%2))
		d.Sign.Hardware.Serial, d.Sign.Hardware.Firmware, d.Sign.Hardware.Model = evil, evil, evil
		d.Chain[1].Args = []any{evil, evil}
		if d.Want != nil {
			for j := range d.Want.Steps {
				d.Want.Steps[j].Summary = evil
			}
		}
	}
	o.core.joinings[0].Hardware.Serial, o.core.joinings[0].Address = evil, evil
	c := o.store.conns[1]
	c.State.Account, c.State.TenantID, c.Settings.Tenant, c.Settings.ClientID = evil, evil, evil, evil
	c.State.Problem = &connection.Problem{Kind: connection.BadSecret, Code: evil}
	c.State.Lost = []connection.Permission{evil}
	o.store.conns[1] = c
	b := open(t, o)
	o.store.accounts[1] = gateway.Account{ID: 1, Name: evil}
	b.enter(o)
	for _, r := range routesOf(t) {
		if r.method != http.MethodGet || r.path == "/m/events" {
			continue
		}
		got := b.get(r.path + "?q=" + url.QueryEscape(evil) + "&c=" + url.QueryEscape(evil))
		if strings.Contains(got.body, "<script>alert") || strings.Contains(got.body, "<img src=x") {
			t.Errorf("%s lets a name become markup", r.path)
		}
	}
}

func TestLocal(t *testing.T) {
	for _, tc := range []struct {
		path string
		want bool
	}{
		{"/m", true}, {"/m/doors?q=a", true}, {"/m/pair?c=K7F39Q2M", true},
		{"", false}, {"/", false}, {"/max", false}, {"//evil.example/m", false}, {"https://evil.example/m", false},
		{`/m\..\evil`, false}, {"/m/../../evil", false}, {"/m/a\r\nSet-Cookie: x", false}, {"javascript:alert(1)", false},
	} {
		if got := local(tc.path); got != tc.want {
			t.Errorf("local(%q) = %v, want %v", tc.path, got, tc.want)
		}
	}
}

func FuzzLocal(f *testing.F) {
	f.Add("/m/doors")
	f.Add("//evil/m/")
	f.Fuzz(func(t *testing.T, path string) {
		if !local(path) {
			return
		}
		base, err := url.Parse("https://signs.example/m/sign-in")
		if err != nil {
			t.Fatal(err)
		}
		to, err := base.Parse(path)
		if err != nil || to.Host != base.Host || to.Scheme != base.Scheme {
			t.Errorf("local(%q) leads to %v", path, to)
		}
	})
}
