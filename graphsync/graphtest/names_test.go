package graphtest

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/graph/names.json from the vocabulary beside the repository")

const (
	namesFile      = "../../testdata/graph/names.json"
	samplesFolder  = "../../testdata/graph/samples"
	vocabularyFile = "../../../shared/graph/vocab.json"
)

// vocabulary is the trimmed schema: what Graph calls things.
type vocabulary struct {
	Source string                  `json:"source"`
	Enums  map[string][]string     `json:"enums"`
	Types  map[string]namedMembers `json:"types"`
}

type namedMembers struct {
	Base       string            `json:"base,omitempty"`
	Properties map[string]string `json:"properties"`
}

func readVocabulary(t *testing.T, file string) vocabulary {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v vocabulary
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// trim keeps the types and enumerations reachable from what the stand-in
// serves, without links to entities of their own.
func (v vocabulary) trim() vocabulary {
	out := vocabulary{Source: v.Source, Enums: map[string][]string{}, Types: map[string]namedMembers{}}
	todo := []string{
		"microsoft.graph.event", "microsoft.graph.room", "microsoft.graph.roomList", "microsoft.graph.subscription",
		"microsoft.graph.changeNotificationCollection", "microsoft.graph.changeType", "microsoft.graph.lifecycleEventType",
		"microsoft.graph.scheduleInformation", "microsoft.graph.user",
	}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if members, ok := v.Enums[name]; ok {
			out.Enums[name] = members
			continue
		}
		from, ok := v.Types[name]
		if _, done := out.Types[name]; !ok || done {
			continue
		}
		kept := namedMembers{Base: from.Base, Properties: map[string]string{}}
		if name == "microsoft.graph.user" { // has well over a hundred
			from.Base, kept.Base = "", "microsoft.graph.entity"
			maps.DeleteFunc(from.Properties, func(p, _ string) bool { return !slices.Contains(userNames(), p) })
		}
		if from.Base != "" {
			todo = append(todo, from.Base)
		}
		for property, kind := range from.Properties {
			kept.Properties[property] = kind
			switch property {
			case "attachments", "calendar", "extensions", "singleValueExtendedProperties", "multiValueExtendedProperties",
				"instances", "exceptionOccurrences", "checkIns", "rooms", "workspaces":
			default:
				todo = append(todo, typeName(kind))
			}
		}
		out.Types[name] = kept
	}
	return out
}

// userNames are the properties of a user that Graph serves unasked and the
// stand-in knows.
func userNames() []string {
	return []string{
		"businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
		"preferredLanguage", "surname", "userPrincipalName",
	}
}

// typeName is "microsoft.graph.x" of "Collection(graph.x)" or "graph.x".
func typeName(kind string) string {
	kind = strings.TrimSuffix(strings.TrimPrefix(kind, "Collection("), ")")
	return "microsoft." + strings.TrimPrefix(kind, "microsoft.")
}

// property finds the kind of a property in a type or its bases.
func (v vocabulary) property(typ, name string) (string, bool) {
	for typ != "" {
		if kind, ok := v.Types[typ].Properties[name]; ok {
			return kind, true
		}
		typ = v.Types[typ].Base
	}
	return "", false
}

// check walks a served entity and reports every name the schema lacks.
func (v vocabulary) check(t *testing.T, where, typ string, doc map[string]any) {
	t.Helper()
	if typ == "microsoft.graph.resourceData" {
		return // an open type: it has no names of its own
	}
	for name, value := range doc {
		if strings.HasPrefix(name, "@odata.") || name == "@removed" {
			continue
		}
		kind, ok := v.property(typ, name)
		if !ok {
			t.Errorf("%s: %s has no property %q", where, typ, name)
			continue
		}
		v.checkValue(t, where+"."+name, kind, value)
	}
}

func (v vocabulary) checkValue(t *testing.T, where, kind string, value any) {
	t.Helper()
	list, isList := value.([]any)
	if isList != strings.HasPrefix(kind, "Collection(") && value != nil {
		t.Errorf("%s: %v is not a %s", where, value, kind)
		return
	}
	if isList {
		for _, e := range list {
			v.checkValue(t, where+"[]", strings.TrimSuffix(strings.TrimPrefix(kind, "Collection("), ")"), e)
		}
		return
	}
	name := typeName(kind)
	switch x := value.(type) {
	case nil:
	case map[string]any:
		if _, known := v.Types[name]; !known {
			t.Errorf("%s: an object where %s belongs", where, kind)
			return
		}
		v.check(t, where, name, x)
	case string:
		if members, isEnum := v.Enums[name]; isEnum && !slices.Contains(members, x) {
			t.Errorf("%s: %q is no member of %s", where, x, name)
		} else if _, isType := v.Types[name]; isType || oneOf(kind, "Edm.Boolean", "Edm.Int32", "Edm.Double") {
			t.Errorf("%s: text where %s belongs", where, kind)
		}
	case float64:
		if !oneOf(kind, "Edm.Int32", "Edm.Int64", "Edm.Double") {
			t.Errorf("%s: a number where %s belongs", where, kind)
		}
	case bool:
		if kind != "Edm.Boolean" {
			t.Errorf("%s: true or false where %s belongs", where, kind)
		}
	}
}

// TestNames holds every name and enumeration member that is served against
// Microsoft's schema.
func TestNames(t *testing.T) {
	if *update {
		out, err := json.MarshalIndent(readVocabulary(t, vocabularyFile).trim(), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(namesFile, append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	v := readVocabulary(t, namesFile)
	w := newWorld(t, true)
	for kind, path := range map[string]string{
		"microsoft.graph.room": "/places/microsoft.graph.room", "microsoft.graph.roomList": "/places/microsoft.graph.roomlist",
	} {
		for _, p := range list(t, w.graph(path)) {
			v.check(t, kind, kind, p)
		}
	}
	w.s.SetPermissions(w.app.ClientID, nil, []string{"User.Read.All", "Place.Read.All", "Calendars.Read"})
	person := w.graph("/users/" + AdminName + "@" + domainName).doc(t)
	if v.check(t, "user", "microsoft.graph.user", person); person["displayName"] == nil {
		t.Errorf("no user was served: %v", person)
	}
	window := "startDateTime=2026-11-23T00:00:00Z&endDateTime=2026-12-03T00:00:00Z"
	seen := map[string]bool{}
	for _, r := range w.s.Rooms() {
		for _, e := range list(t, w.graph("/users/"+r.Email+"/calendarView?$top=500&"+window)) {
			v.check(t, "calendarView", "microsoft.graph.event", e)
			seen["type "+e["type"].(string)] = true
			seen["showAs "+e["showAs"].(string)] = true
			seen["sensitivity "+e["sensitivity"].(string)] = true
		}
		page := w.graph("/users/"+r.Email+"/calendarView/delta?"+window, "Prefer", "odata.maxpagesize=500")
		for _, e := range list(t, page) {
			v.check(t, "delta", "microsoft.graph.event", e)
			seen["type "+e["type"].(string)] = true
		}
	}
	for _, want := range []string{"type singleInstance", "type occurrence", "type seriesMaster", "showAs tentative", "showAs free", "sensitivity private"} {
		if !seen[want] {
			t.Errorf("the office served no event with %s: this test looks at too little", want)
		}
	}
	for _, name := range eventNames() {
		if _, ok := v.property("microsoft.graph.event", name); !ok {
			t.Errorf("selectable name %q is not in the schema", name)
		}
	}
}

// TestVocabularyIsCurrent compares the trimmed list with the vocabulary where
// that lies beside the repository.
func TestVocabularyIsCurrent(t *testing.T) {
	if _, err := os.Stat(filepath.FromSlash(vocabularyFile)); err != nil {
		t.Log("the vocabulary is not beside the repository; names.json stands as it is")
		return
	}
	want, err := json.MarshalIndent(readVocabulary(t, vocabularyFile).trim(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(namesFile)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(got)) != string(want) {
		t.Error("testdata/graph/names.json is out of date; run the test with -update")
	}
}

// sample reads one of Microsoft's documented payloads.
func sample(t *testing.T, name string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(samplesFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return doc
}

// utc is a moment of a sample or test.
func utc(t *testing.T, text string) time.Time {
	t.Helper()
	at, ok := instant(text)
	if !ok {
		t.Fatalf("not a time: %q", text)
	}
	return at
}
