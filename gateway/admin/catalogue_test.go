package admin

import (
	"cmp"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/gateway/rollout"
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
	for _, m := range []string{"skipped", "lasting", "ends-soon", "ends-close", "ended", "unknown-end"} {
		keys = append(keys, "mark."+m)
	}
	for _, c := range connection.Clouds() {
		keys = append(keys, "cloud."+string(c))
	}
	for _, p := range constants("../connection", "Permission") {
		keys = append(keys, "lost."+p)
	}
	for _, c := range constants("../connection", "") {
		keys = append(keys, "check."+c, "check."+c+".room", "check."+c+".bad")
	}
	for _, state := range constants("../rollout", "State") {
		keys = append(keys, "mark.rollout-"+state)
	}
	for _, state := range []string{"waiting", "paused", "done"} {
		keys = append(keys, "firmware.state."+state)
	}
	for _, why := range constants("../rollout", "Why") {
		keys = append(keys, "firmware.why."+why)
	}
	for stage := range rollout.Stages {
		keys = append(keys, "firmware.stage."+strconv.Itoa(stage))
	}
	for _, fault := range constants("..", "PairFault") {
		keys = append(keys, "pair-many.fault."+fault)
	}
	for _, fault := range constants("..", "FactoryFault") {
		keys = append(keys, "factory.fault."+fault)
	}
	for _, pace := range paces() {
		keys = append(keys, "firmware.pace."+pace.name)
	}
	for _, n := range []string{"runs", "offered", "failed", "silent", "refused", "signs"} {
		keys = append(keys, "firmware.count."+n)
	}
	keys = append(keys, "check.app", "check.app.bad")
	for _, l := range constants("../connection", "LifetimeKind") {
		keys = append(keys, "lifetime."+l, "lifetime."+l+".who")
	}
	for _, f := range constants("../calendar", "FindingKind") {
		keys = append(keys, "doctor."+f, "doctor."+f+".text", "doctor."+f+".meanwhile", "doctor."+f+".note")
	}
	for _, r := range (&page{srv: &server{texts: &lang.Catalogue{}}, v: &visit{}}).rights() {
		way := "app"
		if r.Delegated {
			way = "delegated"
		}
		keys = append(keys, "right."+way+"."+r.Copy.Value)
	}
	for _, c := range counterNames() {
		keys = append(keys, "counter."+strings.ReplaceAll(c, "_", "-"))
	}
	for _, s := range roomStates() {
		keys = append(keys, "rooms.state."+cmp.Or(s, "all"))
	}
	for n := range privacyNames() {
		keys = append(keys, "privacy."+n, "privacy."+n+".hint")
	}
	for _, n := range []string{"connection", "check", "limit", "lifetimes", "traffic"} {
		keys = append(keys, "tab."+n)
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
	return append(keys, kinds()...)
}

// kinds are the keys of every error of a connection.
func kinds() []string {
	var keys []string
	for _, k := range constants("../connection", "Kind") {
		keys = append(keys, "error."+k)
	}
	return keys
}

// constants are the values of all constants of a text type in a package of the
// domain, so that a new one without its sentence fails; type "" stands for the
// names of checks.
func constants(folder, typeName string) []string {
	files, err := filepath.Glob(folder + "/*.go")
	if err != nil {
		panic(err)
	}
	var list []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			panic(err)
		}
		for _, d := range file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				v := spec.(*ast.ValueSpec)
				named, _ := v.Type.(*ast.Ident)
				if typeName == "" && (v.Type != nil || !strings.HasPrefix(v.Names[0].Name, "Check")) || typeName != "" && (named == nil || named.Name != typeName) {
					continue
				}
				for _, value := range v.Values {
					text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
					if err != nil {
						panic(err)
					}
					list = append(list, text)
				}
			}
		}
	}
	return list
}

// The tests above mean nothing unless the constants are found.
func TestConstantsAreFound(t *testing.T) {
	for _, tc := range []struct {
		folder, typeName, one string
		atLeast               int
	}{
		{"../connection", "Kind", string(connection.BadSecret), 28},
		{"../connection", "Permission", string(connection.CalendarsRead), 4},
		{"../connection", "LifetimeKind", string(connection.LifeTLS), 5},
		{"../connection", "", connection.CheckForbidden, 6},
		{"../calendar", "FindingKind", string(calendar.PrivateStripped), 4},
	} {
		if got := constants(tc.folder, tc.typeName); len(got) < tc.atLeast || !slices.Contains(got, tc.one) {
			t.Errorf("constants of %s %q: got %q", tc.folder, tc.typeName, got)
		}
	}
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
	flashed := regexp.MustCompile(`(?:s\.done\(w, |done, err = |onDoor\(w, v, |onOffice365\(w, v, [^,]+, )"([a-z-]+)"`)
	catalogue := texts(t)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range flashed.FindAllStringSubmatch(string(src), -1) {
			used["done."+m[1]] = true
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
	for _, name := range []string{"admin", "errors", "pairing", "firmware"} {
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

var looksLikeKey = regexp.MustCompile(`>\s*((?:nav|door|doors|mark|trust|chain|reason|pair|display|displays|rooms|settings|integration|office|site|network|account|problem|done|help|failure|error|checklist|overview|need|time|setup|signin|check|lost|right|cloud|history|unpair|picture|sign-error|org|wizard|tab|limit|lifetime|lifetimes|spare|slot|traffic|counter|doctor|privacy|mail|consented)\.[a-z0-9.-]+)`)

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
					if r.method != http.MethodGet || r.path == "/m/events" || strings.HasPrefix(r.path, "/m/choices/") || strings.HasSuffix(r.path, ".png") || strings.HasSuffix(r.path, ".pem") || strings.HasSuffix(r.path, ".cer") {
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
