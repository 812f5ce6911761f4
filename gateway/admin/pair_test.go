package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
)

const scanned = "/m/pair?c=K7F39Q2M"

// Who scans the QR code of a sign without being signed in signs in and is led
// back to the sign.
func TestScannedSignIn(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o)
	at := "/m/sign-in?next=" + url.QueryEscape(scanned)
	b.get(scanned).want(t, http.StatusSeeOther, at)
	hash, err := HashPassword("tram lemon cellar")
	if err != nil {
		t.Fatal(err)
	}
	o.store.accounts[1] = gateway.Account{ID: 1, Name: "anna", PasswordHash: hash}
	field := `value="` + scanned + `"`
	if got := b.get(at).want(t, http.StatusOK, ""); !strings.Contains(got.body, field) {
		t.Error("the form to sign in has lost the code")
	}
	if got := b.post("/m/sign-in", "name", "anna", "password", "wrong", "next", scanned).want(t, http.StatusUnauthorized, ""); !strings.Contains(got.body, field) {
		t.Error("a wrong password has lost the code")
	}
	b.post("/m/sign-in", "name", "anna", "password", "tram lemon cellar", "next", scanned).want(t, http.StatusSeeOther, scanned)
	b.get(scanned).want(t, http.StatusOK, "").says(t, "This sign shows the code")
}

func TestScanned(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	writes := o.core.writes
	got := b.get(scanned).want(t, http.StatusOK, "")
	for _, want := range []string{"This sign shows the code", "K7F3", "9Q2M", "Serial …A41C", "DL-4200-A41C", "400x300", "10.1.7.33", "dBm", "No other sign", `name="code" value="K7F39Q2M"`, `name="room"`} {
		if strings.HasPrefix(want, "name=") && !strings.Contains(got.body, want) {
			t.Errorf("the page has no %s", want)
		} else if !strings.HasPrefix(want, "name=") {
			got.says(t, want)
		}
	}
	if o.core.writes != writes {
		t.Error("looking at a sign changed something")
	}
	b.post("/m/pair", "code", "K7F39Q2M", "room", "room9@contoso.example").want(t, http.StatusSeeOther, "/m/doors/pppppppppppppppp")
}

func TestScannedInVain(t *testing.T) {
	o := newOffice(time.Now())
	known := o.core.signs()[0].ID
	for _, c := range []struct {
		name, code string
		err        error
		status     int
		says       string
	}{
		{"of nobody", "AAAAAAAA", nil, http.StatusUnprocessableEntity, "No waiting sign shows this code"},
		{"of another gateway", "BBBBBBBB", nil, http.StatusUnprocessableEntity, "several gateways"},
		{"cut short", "K7F3", nil, http.StatusUnprocessableEntity, "A code has eight characters"},
		{"far too long", strings.Repeat("K7F3", 500), nil, http.StatusUnprocessableEntity, "A code has eight characters"},
		{"markup", "<b>K7F39</b>", nil, http.StatusUnprocessableEntity, "A code has eight characters"},
		{"too late", "K7F39Q2M", &gateway.SpentCodeError{}, http.StatusUnprocessableEntity, "has run out"},
		{"twice", "K7F39Q2M", &gateway.SpentCodeError{Sign: known}, http.StatusUnprocessableEntity, "paired already"},
		{"paired and removed since", "K7F39Q2M", &gateway.SpentCodeError{Sign: "nobody"}, http.StatusUnprocessableEntity, "has run out"},
		{"guessed", "K7F39Q2M", gateway.ErrTooMany, http.StatusTooManyRequests, "Too many wrong codes"},
		{"store fails", "K7F39Q2M", errors.New("disk"), http.StatusInternalServerError, "fault of its own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o.core.pairErr = c.err
			b := open(t, o).enter(o)
			got := b.get("/m/pair?c="+url.QueryEscape(c.code)).want(t, c.status, "").says(t, c.says)
			link := `href="/m/doors/` + string(known) + `"`
			if got, want := strings.Contains(got.body, link), c.says == "paired already"; got != want {
				t.Errorf("leads to the sign: %t, want %t", got, want)
			}
			if len(c.code) == codeLength {
				b.post("/m/pair", "code", c.code).want(t, c.status, "").says(t, c.says)
			}
		})
	}
}

// A code is read as people type it.
func TestCleanCode(t *testing.T) {
	for typed, want := range map[string]string{" k7f3-9q2m ": "K7F39Q2M", "K7F3 9Q21": "K7F39Q2L", "k7f39q2i": "K7F39Q2L", "": ""} {
		if got := cleanCode(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

// Several signs with the same face are told apart by what else is known of them.
func TestScannedAmongOthers(t *testing.T) {
	o := newOffice(time.Now())
	o.core.joinings = append(o.core.joinings, devices.Joining{Nonce: "m", Code: "22223333", Hardware: devices.Hardware{Model: "other", Serial: "SN-2"}, Expires: time.Now().Add(time.Minute)})
	b := open(t, o).enter(o)
	got := b.get(scanned).want(t, http.StatusOK, "").says(t, "Other signs that show a code now").says(t, "SN-2")
	if strings.Contains(got.body, "2222") || strings.Count(got.body, "DL-4200-A41C") != 1 {
		t.Error("the page tells the code of another sign, or shows the sign twice")
	}
}
