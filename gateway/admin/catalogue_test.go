package admin

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
	"doorleaf/render/lang"
)

// families are the keys that are put together from a word of the domain.
func families() []string {
	keys := []string{"lost.other", "cloud.", "trust.right.sentence"}
	for _, t := range trusts() {
		keys = append(keys, "mark."+t, "help.mark."+t)
	}
	for _, m := range []string{"ok", "bad", "limited", "done", "todo", "new", "link-ok", "link-wait", "link-bad", "link-unknown"} {
		keys = append(keys, "mark."+m)
	}
	for _, c := range connection.Clouds() {
		keys = append(keys, "cloud."+string(c))
	}
	for _, p := range []connection.Permission{connection.PlaceReadAll, connection.CalendarsRead, connection.CalendarsReadShared, connection.CalendarsReadWrite} {
		keys = append(keys, "lost."+string(p))
	}
	for _, c := range []string{"token", "places", "calendar"} {
		keys = append(keys, "check."+c, "check."+c+".room")
	}
	for _, r := range []gateway.Reason{gateway.First, gateway.Changed, gateway.TimelineStep, gateway.DigestMismatch, gateway.NothingToDo} {
		keys = append(keys, "reason."+strings.ReplaceAll(string(r), " ", "-"))
	}
	for _, l := range []string{"calendar", "decision", "picture", "delivery", "glass"} {
		keys = append(keys, "chain."+l)
	}
	for _, s := range []string{"account", "register", "connect", "rooms", "pair", "live"} {
		keys = append(keys, "checklist."+s, "checklist."+s+".text", "checklist."+s+".do")
	}
	for n := '1'; n <= '9'; n++ {
		keys = append(keys, "sign-error."+string(n))
	}
	keys = append(keys, "sign-error.10", "sign-error.11", "sign-error.12")
	for _, d := range []string{"saved", "password", "bound", "renamed", "refreshed", "unpaired", "paired", "office-saved", "connected", "disconnected", "rooms-refreshed", "rooms-added"} {
		keys = append(keys, "done."+d)
	}
	return append(keys, kinds()...)
}

// kinds are the keys of every error of a connection.
func kinds() []string {
	var keys []string
	for _, k := range []connection.Kind{
		connection.BadClientID, connection.BadSecret, connection.SecretIsID, connection.SecretExpired, connection.SecretMissing, connection.BadTenant,
		connection.WrongCloud, connection.RedirectMismatch, connection.ConsentDeclined, connection.ConsentRequired, connection.WrongAccount,
		connection.CodeReused, connection.SignInAgain, connection.NeedsMFA, connection.BlockedByPolicy, connection.AppDisabled, connection.AccessDenied,
		connection.PlacesDenied, connection.NotFound, connection.SyncReset, connection.Throttled, connection.ServerFault, connection.BadAnswer,
		connection.Unreachable, connection.UntrustedServer, connection.StateMismatch, connection.NotConfigured, connection.InternalFault,
	} {
		keys = append(keys, "error."+string(k))
	}
	return keys
}

// chainKeys are the sentences that the gateway's chain names.
func chainKeys(t *testing.T) []string {
	t.Helper()
	src, err := os.ReadFile("../chain.go")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, m := range regexp.MustCompile(`"(chain\.[a-z.-]+)"`).FindAllStringSubmatch(string(src), -1) {
		keys = append(keys, m[1])
	}
	if len(keys) < 15 {
		t.Fatalf("only %d keys found in the chain", len(keys))
	}
	return keys
}

// usedKeys are all keys the pages name.
func usedKeys(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	for _, k := range append(families(), chainKeys(t)...) {
		used[k] = true
	}
	var files []string
	for _, pattern := range []string{"*.go", "templates/*.html", "templates/frame/*.html"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	key := regexp.MustCompile(`"([a-z][a-z0-9-]*(?:\.[A-Za-z0-9-]+)+)"`)
	call := regexp.MustCompile(`\b[TN] "([^"]+)"`)
	catalogue := texts(t)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(src), -1) {
			used[m[1]] = true
		}
		for _, m := range key.FindAllStringSubmatch(string(src), -1) {
			if catalogue.Has(m[1]) {
				used[m[1]] = true
			}
		}
		for _, m := range regexp.MustCompile(`\b[TN]\("([a-z][a-z0-9-]*(?:\.[A-Za-z0-9-]+)+)"[,)]`).FindAllStringSubmatch(string(src), -1) {
			used[m[1]] = true
		}
	}
	return used
}

func TestCatalogueHasEveryTextInEveryLanguage(t *testing.T) {
	c := texts(t)
	for _, l := range c.Languages() {
		keys := c.Keys(l)
		for key := range usedKeys(t) {
			if !slices.Contains(keys, key) {
				t.Errorf("%s lacks %q", l, key)
			}
		}
	}
}

func TestCatalogueHasNoUnusedTexts(t *testing.T) {
	used := usedKeys(t)
	for _, name := range []string{"admin", "errors"} {
		raw, err := os.ReadFile("../../render/lang/text/en/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]any
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
		for key := range all {
			if !used[key] {
				t.Errorf("nobody uses %q", key)
			}
		}
	}
}

// A translation names the same arguments as the English text.
func TestCataloguePlaceholdersAgree(t *testing.T) {
	c := texts(t)
	place := regexp.MustCompile(`\{\d+\}`)
	for key := range usedKeys(t) {
		want := place.FindAllString(c.Text("en", key), -1)
		slices.Sort(want)
		for _, l := range c.Languages() {
			got := place.FindAllString(c.Text(l, key), -1)
			slices.Sort(got)
			if !slices.Equal(slices.Compact(got), slices.Compact(slices.Clone(want))) {
				t.Errorf("%s %q has %v, want %v", l, key, got, want)
			}
		}
	}
}

func TestEveryErrorSaysWhatToDo(t *testing.T) {
	c := texts(t)
	for _, l := range c.Languages() {
		for _, key := range kinds() {
			if text := c.Text(l, key); strings.Count(text, ".")+strings.Count(text, ";") < 2 || len(text) < 40 {
				t.Errorf("%s %s is too short to say what happened and what to do: %q", l, key, text)
			}
		}
	}
}

var looksLikeKey = regexp.MustCompile(`>\s*((?:nav|door|doors|mark|trust|chain|reason|pair|display|displays|rooms|settings|integration|office|site|network|account|problem|done|help|failure|error|checklist|overview|need|time|setup|signin|check|lost|right|cloud|history|unpair|picture|sign-error)\.[a-z0-9.-]+)`)

func TestEveryPageInEveryLanguage(t *testing.T) {
	catalogue := texts(t)
	for _, language := range catalogue.Languages() {
		for _, state := range []string{"full", "empty"} {
			t.Run(language+" "+state, func(t *testing.T) {
				o := newOffice(time.Now())
				if state == "empty" {
					o = &office{core: &fakeCore{}, store: newFakeStore(), calendars: &fakeCalendars{}}
				}
				b := open(t, o).enter(o)
				b.header.Set("Accept-Language", language)
				for _, r := range routesOf(t) {
					if r.method != http.MethodGet || r.path == "/m/events" || strings.HasSuffix(r.path, ".png") || strings.HasSuffix(r.path, ".pem") {
						continue
					}
					got := b.get(r.path)
					if got.StatusCode == http.StatusSeeOther || state == "empty" && got.StatusCode == http.StatusNotFound {
						continue
					}
					if got.StatusCode != http.StatusOK {
						t.Errorf("%s = %d", r.path, got.StatusCode)
						continue
					}
					if !strings.Contains(got.body, `<html lang="`+language+`">`) || !strings.HasSuffix(strings.TrimSpace(got.body), "</html>") {
						t.Errorf("%s is not a whole page in %s", r.path, language)
					}
					if strings.Count(got.body, "<h1") != 1 {
						t.Errorf("%s has %d main headings", r.path, strings.Count(got.body, "<h1"))
					}
					if m := looksLikeKey.FindStringSubmatch(got.body); m != nil {
						t.Errorf("%s shows the bare key %q", r.path, m[1])
					}
					if strings.Contains(got.body, "{0}") || strings.Contains(got.body, "{1}") || strings.Contains(got.body, "%!") {
						t.Errorf("%s shows an unfilled text", r.path)
					}
				}
			})
		}
	}
	if catalogue.Languages()[0] != lang.Fallback {
		t.Error("the fallback language is not first")
	}
}
