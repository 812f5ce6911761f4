package house

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed is what one package may import, beside the standard library.
type allowed struct {
	ours    []string // packages of this module
	outside []string // import paths of other modules, or their prefixes
	inTests []string // of this module, only in test files
}

// importTable is the import table of ARCHITECTURE.md. A package that is not in
// it may not exist: adding one means deciding what it may know.
func importTable() map[string]allowed {
	return map[string]allowed{
		"gateway/calendar":   {},
		"gateway/connection": {},
		"gateway/rollout":    {ours: []string{"devices"}},
		"render/mono":        {outside: []string{"golang.org/x/sys/cpu"}},
		"render/memo":        {},
		"render/lang":        {ours: []string{"render/memo"}, outside: []string{"golang.org/x/text/", "github.com/go-playground/locales"}},
		"firmware-protocol/wire": {outside: []string{"github.com/fxamacker/cbor/v2", "github.com/klauspost/compress/flate"},
			inTests: []string{"render/mono"}},
		"firmware-protocol/measure": {ours: []string{"render/dither", "render/mono", "render/typeset"},
			inTests: []string{"firmware-protocol/wire", "devices", "devices/mqttlink", "render", "render/lang"}},
		"graphsync/graphtest": {},
		"graphsync/internal/msgraph": {outside: []string{"github.com/microsoftgraph/", "github.com/microsoft/kiota-"},
			inTests: []string{"graphsync/graphtest"}},
		"devices":                  {ours: []string{"render/mono", "devices/catalogue", "devices/refresh"}},
		"devices/catalogue":        {ours: []string{"render/mono"}},
		"devices/refresh":          {ours: []string{"devices/catalogue", "render/mono"}},
		"devices/energy":           {},
		"devices/health":           {ours: []string{"devices", "devices/energy"}},
		"render/typeset/strikegen": {},
		"render/typeset":           {ours: []string{"render/mono"}, outside: textLibraries()},
		"render/dither":            {ours: []string{"render/mono"}, outside: []string{"golang.org/x/sys/cpu"}},
		"render/picture":           {ours: []string{"render/dither", "render/mono"}, outside: []string{"golang.org/x/image/"}},
		"render/vectorgen":         {outside: []string{"github.com/mmcloughlin/avo/"}},
		"render": {ours: []string{"render/mono", "render/typeset", "render/dither", "render/picture", "render/lang", "render/memo"},
			outside: append(textLibraries(), "github.com/boombuler/barcode")},
		"gateway": {ours: []string{"gateway/calendar", "gateway/connection", "gateway/rollout", "render", "render/mono", "render/lang", "render/picture", "render/dither", "devices",
			"devices/catalogue", "devices/energy", "devices/health", "devices/refresh"}, inTests: []string{"gateway/sqlite", "gateway/storetest"}},
		"gateway/sqlite": {ours: []string{"gateway", "gateway/calendar", "gateway/connection", "gateway/rollout", "devices", "devices/refresh", "render/mono"},
			outside: []string{"github.com/mattn/go-sqlite3", "golang.org/x/crypto/"}, inTests: []string{"gateway/storetest"}},
		"gateway/storetest": {ours: []string{"gateway", "gateway/calendar", "gateway/connection", "gateway/rollout", "devices", "devices/refresh", "render/mono"},
			outside: []string{"github.com/google/go-cmp/"}, inTests: []string{"gateway/sqlite"}},
		"gateway/admin": {ours: []string{"gateway", "gateway/calendar", "gateway/connection", "gateway/rollout", "devices", "devices/energy", "devices/health", "render/lang"},
			outside: []string{"golang.org/x/crypto/argon2", "github.com/boombuler/barcode"},
			inTests: []string{"gateway/sqlite", "render", "render/mono", "render/picture"}},
		"graphsync": {ours: []string{"gateway/calendar", "gateway/connection", "graphsync/internal/msgraph"},
			outside: []string{"github.com/AzureAD/microsoft-authentication-library-for-go/"}, inTests: []string{"graphsync/graphtest"}},
		"devices/mqttlink": {ours: []string{"devices", "devices/refresh", "render/mono", "firmware-protocol/wire"},
			outside: []string{"github.com/eclipse/paho.mqtt.golang"}, inTests: []string{"devices/broker"}},
		"devices/simsign": {ours: []string{"devices", "devices/refresh", "render/mono", "firmware-protocol/wire"},
			outside: []string{"github.com/eclipse/paho.mqtt.golang", "github.com/boombuler/barcode"}, inTests: []string{"devices/broker", "devices/mqttlink"}},
		"devices/provision": {ours: []string{"devices"}, outside: []string{"github.com/eclipse/paho.mqtt.golang"}},
		"devices/broker":    {ours: []string{"devices"}, outside: []string{"github.com/mochi-mqtt/server/v2"}},
		"devices/simfleet": {inTests: []string{"devices", "devices/mqttlink", "devices/simsign", "firmware-protocol/wire", "gateway", "gateway/rollout",
			"gateway/calendar", "gateway/connection", "gateway/sqlite", "render", "render/mono"}},
		"cmd/doorleaf": {ours: []string{"devices", "devices/broker", "devices/mqttlink", "devices/provision", "devices/simsign", "firmware-protocol/wire",
			"gateway", "gateway/admin", "gateway/calendar", "gateway/connection", "gateway/rollout", "gateway/sqlite", "graphsync", "graphsync/graphtest",
			"render", "render/dither", "render/lang", "render/mono", "render/picture", "render/typeset"}, outside: []string{"golang.org/x/image/", "golang.org/x/crypto/acme", "golang.org/x/crypto/acme/"}},
		"internal/house":       {},
		"internal/house/check": {},
	}
}

func textLibraries() []string {
	return []string{"github.com/go-text/typesetting/", "github.com/golang/freetype/", "github.com/klauspost/compress/zstd", "golang.org/x/image/", "golang.org/x/text/"}
}

// testLibraries may be imported by every test file: other implementations to
// check ours against, and a browser. Nothing here asserts: tests compare got
// with want, go-cmp shows the difference of large values.
func testLibraries() []string {
	return append(textLibraries(), "github.com/google/go-cmp/", "github.com/chromedp/", "github.com/eclipse/paho.mqtt.golang",
		"github.com/mochi-mqtt/server/v2", "github.com/fxamacker/cbor/v2", "github.com/klauspost/compress/",
		"github.com/letsencrypt/pebble/v2/", "github.com/miekg/dns")
}

func TestImportTable(t *testing.T) {
	table := importTable()
	seen := map[string]bool{}
	for _, f := range tree(t) {
		seen[f.dir] = true
		rule, ok := table[f.dir]
		if !ok {
			t.Errorf("%s: package %s is not in the import table", f.path, f.dir)
			continue
		}
		for _, problem := range judge(f, rule) {
			t.Error(problem)
		}
	}
	for dir := range table {
		if !seen[dir] {
			t.Errorf("the import table has %s, which holds no Go file", dir)
		}
	}
}

// judge returns one sentence for each import of a file that its rule forbids.
func judge(f sourceFile, rule allowed) []string {
	packages, libraries := slices.Clone(rule.ours), slices.Clone(rule.outside)
	if f.test {
		packages = append(packages, f.dir)
		packages = append(packages, rule.inTests...)
		libraries = append(libraries, testLibraries()...)
	}
	ours, outside, _ := f.imports()
	var problems []string
	for _, p := range ours {
		if !slices.Contains(packages, p) {
			problems = append(problems, f.path+": may not import "+module+"/"+p)
		}
	}
	for _, p := range outside {
		if !slices.ContainsFunc(libraries, func(l string) bool { return below(p, l) }) {
			problems = append(problems, f.path+": may not import "+p)
		}
	}
	return problems
}

// below reports whether an import path is a library's or that of a package in
// it; a library that ends in "/" or "-" stands for all that begin so.
func below(p, library string) bool {
	if strings.HasSuffix(library, "-") {
		return strings.HasPrefix(p, library)
	}
	library = strings.TrimSuffix(library, "/")
	return p == library || strings.HasPrefix(p, library+"/")
}

// TestCoreKnowsNoTransport holds the core to its own small interfaces.
func TestCoreKnowsNoTransport(t *testing.T) {
	for _, f := range tree(t) {
		if f.dir != "gateway" || f.test {
			continue
		}
		_, _, std := f.imports()
		for _, p := range std {
			if p == "net" || strings.HasPrefix(p, "net/http") || strings.HasPrefix(p, "database/") {
				t.Errorf("%s: the core may not import %s", f.path, p)
			}
		}
	}
}

// TestNoCycleInTable keeps the table itself a flow in one direction.
func TestNoCycleInTable(t *testing.T) {
	table := importTable()
	const unseen, open, done = 0, 1, 2
	state := map[string]int{}
	var walk func(string) bool
	walk = func(p string) bool {
		switch state[p] {
		case open:
			return false
		case done:
			return true
		}
		state[p] = open
		for _, next := range table[p].ours {
			if !walk(next) {
				t.Errorf("%s and %s import each other", p, next)
			}
		}
		state[p] = done
		return true
	}
	for _, p := range slices.Sorted(maps.Keys(table)) {
		walk(p)
		for _, next := range slices.Concat(table[p].ours, table[p].inTests) {
			if _, ok := table[next]; !ok {
				t.Errorf("%s may import %s, which is not in the table", p, next)
			}
		}
	}
}

// TestProgramLinksNoTests keeps the testing package and the conformance suite
// out of the program.
func TestProgramLinksNoTests(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./cmd/doorleaf")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"/gateway") {
		t.Fatalf("go list named %d packages, the core not among them", len(deps))
	}
	for _, p := range deps {
		if p == "testing" || strings.HasPrefix(p, "testing/") || p == module+"/gateway/storetest" || strings.HasPrefix(p, module+"/internal/house") {
			t.Errorf("cmd/doorleaf links %s", p)
		}
	}
}
