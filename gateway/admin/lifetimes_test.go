package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway/connection"
)

func TestLifetimesSayWhoActs(t *testing.T) {
	o := newOffice(time.Now())
	options := o.options(texts(t), "http://localhost:8080")
	options.TLS = func() []connection.Lifetime {
		return []connection.Lifetime{{What: connection.LifeTLS, Label: "CN=broker", Ends: time.Now().Add(400*24*time.Hour + time.Hour), Count: 1}}
	}
	o.calendars.lifetimes = append(o.calendars.lifetimes, connection.Lifetime{What: connection.LifeSecret, Spare: true, Count: 1})
	b := openWith(t, options).enter(o)
	page := b.get(lifetimesPage)
	for _, want := range []string{
		"Ended Certificate of this server CN=signs.contoso.example", "ended 2 days ago",
		"Ends soon Client secret", "20 days You: make a new one at Microsoft",
		"Lasts 10 change notifications", "30 hours Nobody: renewed by itself.",
		"Lasts App certificate (second slot) CN=Doorleaf", "CN=broker", "400 days",
		"End unknown Client secret (second slot) – unknown",
	} {
		page.says(t, want)
	}
	text := plain(page.body)
	if strings.Index(text, "CN=signs") > strings.Index(text, "CN=broker") || strings.Index(text, "End unknown") < strings.Index(text, "CN=broker") {
		t.Error("what ends first must stand first, what has no end last")
	}
}

func TestLifetimesWithoutMicrosoft(t *testing.T) {
	o := emptyOffice()
	b := open(t, o).enter(o)
	for _, path := range []string{lifetimesPage, checkPage, office365Page + "/limit", office365Page + "/traffic"} {
		b.get(path).want(t, http.StatusSeeOther, office365Page)
	}
	b.get(office365Page+"/remove").want(t, http.StatusNotFound, "")
	b.get(office365Page+"/certificate.cer").want(t, http.StatusNotFound, "")
}

// A second secret is kept, tested, and takes over only when it works.
func TestSpareSecret(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get(lifetimesPage).says(t, "Make a certificate").says(t, "Keep for the test")
	ends := time.Now().AddDate(0, 6, 0).Format(time.DateOnly)
	b.post(office365Page+"/spare", "client-secret", "next~value", "secret-expires", ends).want(t, http.StatusSeeOther, lifetimesPage+"#spare")
	if want := (connection.Credential{Secret: "next~value", Expires: ends}); o.store.conns[1].Spare != want {
		t.Errorf("spare = %v", o.store.conns[1].Spare)
	}
	if o.store.conns[1].Settings.ClientSecret != "very~secret~value" {
		t.Error("the secret in use was changed")
	}
	o.calendars.spare = []connection.Check{{Name: connection.CheckToken, Problem: &connection.Problem{Kind: connection.BadSecret, Code: "AADSTS7000215"}}}
	b.post(office365Page + "/spare/test")
	b.get(lifetimesPage).says(t, "Token from Microsoft Microsoft refused the Client Secret.").says(t, "AADSTS7000215")
	b.post(office365Page + "/spare/use")
	if o.store.conns[1].Settings.ClientSecret != "very~secret~value" {
		t.Error("a secret that does not work took over")
	}
	o.calendars.spare = []connection.Check{{Name: connection.CheckToken, OK: true}}
	b.post(office365Page+"/spare/use").want(t, http.StatusSeeOther, lifetimesPage+"#spare")
	b.get(lifetimesPage).says(t, "The new credential is in use. The old one waits in the second slot.")
	if got := o.store.conns[1]; got.Settings.ClientSecret != "next~value" || got.Spare.Secret != "very~secret~value" {
		t.Error("the secrets were not swapped")
	}
	b.post(office365Page + "/spare/clear")
	if !o.store.conns[1].Spare.IsZero() {
		t.Error("the slot is not empty")
	}
	if want := []string{"test spare", "use spare", "use spare"}; !slices.Equal(o.calendars.calls, want) {
		t.Errorf("calls = %v, want %v", o.calendars.calls, want)
	}
}

func TestSpareSecretIsChecked(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	o.calendars.checkErr = &connection.Error{Kind: connection.SecretIsID}
	b.post(office365Page+"/spare", "client-secret", someObject).want(t, http.StatusUnprocessableEntity, "").says(t, "That is the Secret ID.")
	if o.calendars.checked.ClientSecret != someObject || o.calendars.checked.ClientID != someClient {
		t.Errorf("checked %v", o.calendars.checked)
	}
	o.calendars.checkErr = nil
	b.post(office365Page+"/spare", "client-secret", "v", "secret-expires", "yesterday").want(t, http.StatusUnprocessableEntity, "").says(t, "must not be past")
	if !o.store.conns[1].Spare.IsZero() || o.store.writes != 0 {
		t.Error("something was stored")
	}
	o.calendars.err = errors.New("disk full")
	b.post(office365Page+"/certificate").want(t, http.StatusInternalServerError, "")
}

func TestTrafficIsNumbersOnly(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	page := b.get(office365Page + "/traffic")
	for _, want := range []string{"Requests to Microsoft 18234", "Times Microsoft asked for a pause 3", "Damaged answers 1", "Wirtschaftsprüfungsgesellschaftszimmer Since"} {
		page.says(t, want)
	}
	if strings.Contains(page.body, "Anna Schmidt") || strings.Contains(page.body, "Quarterly") {
		t.Error("the page shows meetings")
	}
}
