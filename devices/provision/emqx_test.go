package provision

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// erlang reads a file of Erlang terms, each ended by a period: tuples and lists
// as []any, strings and atoms as string, atoms with a colon in front. It knows what
// EMQX's acl.conf is documented to hold and nothing else.
type erlang struct{ text string }

func (e *erlang) space() {
	for {
		e.text = strings.TrimLeft(e.text, " \t\n")
		if !strings.HasPrefix(e.text, "%") {
			return
		}
		_, e.text, _ = strings.Cut(e.text, "\n")
	}
}

func (e *erlang) take(s string) bool {
	e.space()
	rest, ok := strings.CutPrefix(e.text, s)
	if ok {
		e.text = rest
	}
	return ok
}

func (e *erlang) term() (any, error) {
	e.space()
	for open, shut := range map[string]string{"{": "}", "[": "]"} {
		if !e.take(open) {
			continue
		}
		list := []any{}
		for first := true; !e.take(shut); first = false {
			if !first && !e.take(",") {
				return nil, fmt.Errorf("no comma before %.20q", e.text)
			}
			x, err := e.term()
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		return list, nil
	}
	if e.take(`"`) {
		var b strings.Builder
		for i := 0; i < len(e.text); i++ {
			switch c := e.text[i]; c {
			case '"':
				e.text = e.text[i+1:]
				return b.String(), nil
			case '\\':
				i++
				b.WriteByte(e.text[i])
			case '\n':
				return nil, fmt.Errorf("string without end")
			default:
				b.WriteByte(c)
			}
		}
	}
	if atom := regexp.MustCompile(`^[a-z][a-zA-Z0-9_@]*`).FindString(e.text); atom != "" {
		e.text = e.text[len(atom):]
		return ":" + atom, nil
	}
	return nil, fmt.Errorf("no term at %.20q", e.text)
}

// emqx judges as EMQX 5 is documented to ("Use ACL File"): the first rule counts
// that has the client, the action and the topic, and with no_match = deny none of
// them is a refusal.
type emqx struct{ rules [][]any }

func readEMQX(text string) (*emqx, error) {
	e, a := &erlang{text}, &emqx{}
	for e.space(); e.text != ""; e.space() {
		x, err := e.term()
		if err != nil {
			return nil, err
		}
		rule, ok := x.([]any)
		if !ok || !e.take(".") || (len(rule) != 2 && len(rule) != 4) || (rule[0] != ":allow" && rule[0] != ":deny") {
			return nil, fmt.Errorf("rule %v", x)
		}
		if len(rule) == 2 {
			if rule[1] != ":all" {
				return nil, fmt.Errorf("rule %v", x)
			}
			rule = append(rule, ":all", []any{"#"})
		}
		a.rules = append(a.rules, rule)
	}
	return a, nil
}

func (a *emqx) may(t *testing.T, user, action, topic string) bool {
	t.Helper()
	if shared, ok := strings.CutPrefix(topic, "$share/"); ok { // judged by the real filter
		_, topic, _ = strings.Cut(shared, "/")
	}
	for _, r := range a.rules {
		if r[2] != ":all" && r[2] != ":"+action {
			continue
		}
		if r[1] != ":all" {
			who := r[1].([]any)
			if who[0] != ":username" {
				t.Fatalf("client %v", who)
			}
			switch name := who[1].(type) {
			case string:
				if name != user {
					continue
				}
			case []any:
				if name[0] != ":re" {
					t.Fatalf("client %v", who)
				}
				if !regexp.MustCompile(name[1].(string)).MatchString(user) {
					continue
				}
			}
		}
		if slices.ContainsFunc(r[3].([]any), func(f any) bool {
			switch f := f.(type) {
			case []any:
				return f[0] == ":eq" && f[1] == topic
			case string:
				return emqxMatch(strings.Split(topic, "/"), strings.Split(strings.ReplaceAll(f, "${username}", user), "/"))
			}
			return false
		}) {
			return r[0] == ":allow"
		}
	}
	return false
}

// emqxMatch compares level by level: those of the filter may be wildcards, those
// of what is asked for are only letters here, also when they look like one.
func emqxMatch(topic, filter []string) bool {
	switch {
	case len(filter) == 1 && filter[0] == "#":
		return true
	case len(topic) == 0 || len(filter) == 0:
		return len(topic) == len(filter)
	}
	return (filter[0] == "+" || filter[0] == topic[0]) && emqxMatch(topic[1:], filter[1:])
}

// Every topic of the protocol, of a sign's own, of another sign and of a pairing
// attempt, is allowed to whom SPEC.md [DL-TOP-3] gives it and to nobody else, and so
// is every wildcard that somebody may try.
func TestEMQXRights(t *testing.T) {
	const gateway = `gate"way\`
	a, err := readEMQX(string(emqxRights(gateway)))
	if err != nil {
		t.Fatal(err)
	}
	up := []string{"hello", "shown", "ev", "get", "key"}
	down := []string{"ack", "want", "blk", "key", "fw", "pins", "gone"}
	type question struct{ user, action, topic string }
	want := map[question]bool{}
	users := []string{gateway, "pair", signA, signB, "root", "", "aaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAA", "+", "#", "pair-" + signA, "gateway", signA + "x"}
	ask := func(topic string, action string, allowed ...string) {
		for _, u := range users {
			want[question{u, action, topic}] = slices.Contains(allowed, u)
		}
	}
	for _, id := range []string{signA, signB} {
		for _, n := range up {
			ask("dl/1/"+id+"/u/"+n, "publish", id)
			ask("dl/1/"+id+"/u/"+n, "subscribe")
		}
		for _, n := range down {
			ask("dl/1/"+id+"/d/"+n, "publish", gateway)
			ask("dl/1/"+id+"/d/"+n, "subscribe", id)
		}
		ask("dl/1/"+id+"/d/+", "subscribe", id)
		ask("$share/x/dl/1/"+id+"/d/+", "subscribe", id)
		ask("dl/1/"+id+"/d/#", "subscribe", id)
		for _, f := range []string{"dl/1/" + id + "/#", "dl/1/" + id + "/+/+", "dl/1/" + id + "/+", "dl/1/" + id} {
			ask(f, "subscribe")
		}
		ask("dl/1/"+id+"/u/hello/x", "publish")
		ask("dl/1/"+id+"/x/hello", "publish")
	}
	const nonce = "nnnnnnnnnnnnnnnn"
	for _, n := range []string{"commit", "reveal"} {
		ask("dl/1/pair/"+nonce+"/u/"+n, "publish", "pair")
		ask("dl/1/pair/"+nonce+"/u/"+n, "subscribe")
	}
	ask("dl/1/pair/"+nonce+"/u/hello", "publish")
	for _, n := range []string{"challenge", "identity"} {
		ask("dl/1/pair/"+nonce+"/d/"+n, "publish", gateway)
		ask("dl/1/pair/"+nonce+"/d/"+n, "subscribe", "pair")
	}
	ask("dl/1/pair/"+nonce+"/d/+", "subscribe", "pair")
	for _, f := range []string{"dl/1/+/u/+", "dl/1/pair/+/u/+"} {
		ask(f, "subscribe", gateway)
		ask("$share/x/"+f, "subscribe", gateway)
	}
	for _, f := range []string{"#", "+", "+/#", "dl/#", "dl/1/#", "dl/+/+/+/+", "dl/1/+/d/+", "dl/1/+/+/+", "dl/1/+/d/want", "dl/1/+/d/#", "dl/1/+/#",
		"dl/1/pair/#", "dl/1/pair/+/#", "dl/1/pair/+/d/+", "dl/1/pair/+/d/#", "dl/1/pair/+/d/challenge", "dl/1/pair/+/d/identity", "dl/1/pair/+/+/+",
		"$share/x/dl/1/pair/+/d/+", "$share/x/dl/1/pair/+/d/#", "$share/x/#", "dl/1/+/+/d/+", "$SYS/#", "$SYS/brokers", "dl/1/+/u/#", "dl/1/+/u/hello"} {
		ask(f, "subscribe")
	}
	for _, f := range []string{"dl/1", "dl/2/" + signA + "/u/hello", "$SYS/x", "dl/1//u/hello", "dl/1/pair/u/commit", "x"} {
		ask(f, "publish")
	}
	for q, allowed := range want {
		if got := a.may(t, q.user, q.action, q.topic); got != allowed {
			t.Errorf("user %q may %s %s: got %v, want %v", q.user, q.action, q.topic, got, allowed)
		}
	}
	if len(want) < 500 {
		t.Errorf("only %d questions", len(want))
	}
}

// EMQX's import reads user_id, password_hash, salt and is_superuser from a CSV file
// with a header. With sha256 and salt position "disable" the hash is that of the
// password alone, in hexadecimal: OpenSSL judges.
func TestEMQXUsers(t *testing.T) {
	dir := t.TempDir()
	f := &Files{Folder: dir, Gateway: Account{"gateway", "gateway password"}, Seed: Seed{9}}
	logins := toList(signLogin(signA, "secretofA"), signLogin(signB, "secretofB"))
	if _, err := f.Reconcile(context.Background(), logins); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(contents(t, dir)[EMQXUsers].text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"user_id", "password_hash", "salt", "is_superuser"}; !slices.Equal(rows[0], want) {
		t.Errorf("header %q, want %q", rows[0], want)
	}
	if filepath.Ext(EMQXUsers) != ".csv" {
		t.Errorf("EMQX tells the format by the name's end, %s", EMQXUsers)
	}
	passwords := map[string]string{"pair": "pair", signA: "secretofA", signB: "secretofB"}
	for _, r := range rows[1:] {
		password, ok := passwords[r[0]]
		if !ok || r[2] != "" || r[3] != "false" {
			t.Errorf("user %q", r)
		}
		delete(passwords, r[0])
		if got, want := r[1], opensslHash(t, password); got != want {
			t.Errorf("hash of %s: got %s, want %s", r[0], got, want)
		}
	}
	if len(passwords) > 0 {
		t.Errorf("%d users are missing", len(passwords))
	}
	if strings.Contains(contents(t, dir)[EMQXUsers].text, "gateway") { // people's passwords want another hash
		t.Error("the gateway's user is exported")
	}
}

func opensslHash(t *testing.T, s string) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	c := exec.Command(path, "dgst", "-sha256", "-r")
	c.Stdin = strings.NewReader(s)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	hash, _, _ := bytes.Cut(out, []byte(" "))
	return string(hash)
}
