package admin

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/gateway"
)

func TestPasswordHash(t *testing.T) {
	hash, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash = %q, want PHC form", hash)
	}
	for _, tc := range []struct {
		name, hash, password string
		want                 bool
	}{
		{"right", hash, "correct horse", true},
		{"wrong", hash, "correct horsf", false},
		{"empty", hash, "", false},
		{"no hash", "", "correct horse", false},
		{"cut hash", hash[:len(hash)-30], "correct horse", false},
		{"huge cost", strings.Replace(hash, "m=19456", "m=99999999", 1), "correct horse", false},
		{"other method", strings.Replace(hash, "argon2id", "argon2i", 1), "correct horse", false},
		{"too long", hash, strings.Repeat("x", maxPassword+1), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := matches(tc.hash, tc.password); got != tc.want {
				t.Errorf("matches = %v, want %v", got, tc.want)
			}
		})
	}
	if again, _ := HashPassword("correct horse"); again == hash {
		t.Error("two hashes of a password are equal: no salt")
	}
	for _, weak := range []string{"", "short", strings.Repeat("x", maxPassword+1)} {
		if _, err := HashPassword(weak); err == nil {
			t.Errorf("a password of %d bytes was accepted", len(weak))
		}
	}
}

func TestTriesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTries(time.Now)
		for i := range maxPerPair {
			if !tr.begin("Anna", "10.0.0.1") {
				t.Fatalf("try %d was refused", i+1)
			}
		}
		if tr.begin("anna", "10.0.0.1") {
			t.Error("a seventh try was allowed")
		}
		if !tr.begin("anna", "10.0.0.2") {
			t.Error("another address is locked out with the first")
		}
		time.Sleep(tryWindow + time.Second)
		if !tr.begin("anna", "10.0.0.1") {
			t.Error("still refused after the window")
		}
		tr.succeeded("anna", "10.0.0.1")
		for i := range maxPerPair {
			if !tr.begin("anna", "10.0.0.1") {
				t.Fatalf("after a success try %d was refused", i+1)
			}
		}
	})
}

func TestFirstAdministrator(t *testing.T) {
	o := &office{core: &fakeCore{}, store: newFakeStore(), calendars: &fakeCalendars{}}
	b := open(t, o)
	good := []string{"token", "one-time", "name", "Maija", "password", "correct horse", "language", "de", "zone", "Europe/Helsinki"}
	b.get("/m").want(t, http.StatusSeeOther, "/m/sign-in")
	b.get("/m/sign-in").want(t, http.StatusOK, "").says(t, "one-time link")
	b.get("/m/setup").want(t, http.StatusSeeOther, "/m/sign-in")
	b.get("/m/setup?token=guess").want(t, http.StatusSeeOther, "/m/sign-in")
	b.get("/m/setup?token=one-time").want(t, http.StatusOK, "").says(t, "Welcome to Doorleaf")

	for _, tc := range []struct{ name, field, value, says string }{
		{"no name", "name", "", "Enter a name"},
		{"short password", "password", "short", "at least 8 characters"},
		{"zone of nowhere", "zone", "Europe/Nowhere", "time zone is unknown"},
		{"the machine's zone", "zone", "Local", "time zone is unknown"},
		{"language of nobody", "language", "xx", "Choose one of the languages"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			form := append([]string{}, good...)
			b.post("/m/setup", append(form, tc.field, tc.value)...).want(t, http.StatusUnprocessableEntity, "").says(t, tc.says)
		})
	}
	b.post("/m/setup", append(append([]string{}, good...), "token", "guess")...).want(t, http.StatusSeeOther, "/m/sign-in")
	if len(o.store.accounts) != 0 {
		t.Fatal("an account was made from bad values")
	}
	b.post("/m/setup", good...).want(t, http.StatusSeeOther, "/m/setup")
	b.get("/m/setup").want(t, http.StatusOK, "").says(t, "Einrichten")
	if o.store.site.Zone != "Europe/Helsinki" || o.store.site.Language != "de" {
		t.Errorf("site = %+v", o.store.site)
	}
	second := open(t, o)
	second.get("/m/setup?token=one-time").want(t, http.StatusSeeOther, "/m/sign-in")
	second.post("/m/setup", good...).want(t, http.StatusSeeOther, "/m/sign-in")
	if len(o.store.accounts) != 1 {
		t.Error("the one-time link worked twice")
	}
}

func TestFirstAdministratorIsOneOfManyAtOnce(t *testing.T) {
	o := &office{core: &fakeCore{}, store: newFakeStore(), calendars: &fakeCalendars{}}
	b := open(t, o)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			b.post("/m/setup", "token", "one-time", "name", "Maija", "password", "correct horse", "language", "en", "zone", "UTC")
		})
	}
	wg.Wait()
	if n := len(o.store.accounts); n != 1 {
		t.Errorf("%d first administrators", n)
	}
}

func TestSignIn(t *testing.T) {
	o := newOffice(time.Now())
	hash, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	o.store.accounts[1] = gateway.Account{ID: 1, Name: "admin", PasswordHash: hash}
	b := open(t, o)
	b.get("/m/doors?state=late").want(t, http.StatusSeeOther, "/m/sign-in?next=%2Fm%2Fdoors%3Fstate%3Dlate")
	b.get("/m/sign-in?next=%2Fm%2Fdoors").want(t, http.StatusOK, "")
	b.post("/m/sign-in", "name", "admin", "password", "wrong horse").want(t, http.StatusUnauthorized, "").says(t, "Name or password is wrong")
	b.post("/m/sign-in", "name", "nobody", "password", "correct horse").want(t, http.StatusUnauthorized, "").says(t, "Name or password is wrong")
	b.post("/m/sign-in", "name", "Admin", "password", "correct horse", "next", "https://evil.example/m").want(t, http.StatusSeeOther, "/m")
	b.get("/m/doors").want(t, http.StatusOK, "").says(t, "Aalto 2.14")
	b.post("/m/sign-out").want(t, http.StatusSeeOther, "/m/sign-in")
	b.get("/m/doors").want(t, http.StatusSeeOther, "/m/sign-in?next=%2Fm%2Fdoors")
	if len(o.store.sessions) != 0 {
		t.Error("the session outlived signing out")
	}
	b.post("/m/sign-in", "name", "admin", "password", "correct horse", "next", "/m/rooms").want(t, http.StatusSeeOther, "/m/rooms")
}

func TestSignInIsSlowedDown(t *testing.T) {
	o := newOffice(time.Now())
	hash, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	o.store.accounts[1] = gateway.Account{ID: 1, Name: "admin", PasswordHash: hash}
	b := open(t, o)
	for range maxPerPair {
		b.post("/m/sign-in", "name", "admin", "password", "guess guess").want(t, http.StatusUnauthorized, "")
	}
	b.post("/m/sign-in", "name", "admin", "password", "correct horse").want(t, http.StatusTooManyRequests, "").says(t, "Wait ten minutes")
}

func TestChangePasswordAndLanguage(t *testing.T) {
	o := newOffice(time.Now())
	hash, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	o.store.accounts[1] = gateway.Account{ID: 1, Name: "admin", PasswordHash: hash}
	b := open(t, o).enter(o)
	const path = "/m/settings/account"
	b.post(path+"/password", "current", "wrong horse", "password", "battery staple").want(t, http.StatusUnprocessableEntity, "").says(t, "not your present password")
	b.post(path+"/password", "current", "correct horse", "password", "short").want(t, http.StatusUnprocessableEntity, "").says(t, "at least 8 characters")
	b.post(path+"/password", "current", "correct horse", "password", "battery staple").want(t, http.StatusSeeOther, path)
	if !matches(o.store.accounts[1].PasswordHash, "battery staple") {
		t.Error("the new password does not match")
	}
	b.get(path).says(t, "Password changed.")
	b.post(path+"/language", "language", "xx").want(t, http.StatusBadRequest, "")
	b.post(path+"/language", "language", "ru").want(t, http.StatusSeeOther, path)
	b.get(path).says(t, "Сохранено.")
	if got := b.get(path); strings.Contains(plain(got.body), "Сохранено.") {
		t.Error("a sentence was shown twice")
	}
}
