package graphtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// pair is a key with its certificate.
type pair struct {
	key *rsa.PrivateKey
	der []byte
}

func newPair(t *testing.T, bits int, from, to time.Time) pair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{key, der}
}

// assertion signs a header and claims; alg of the header says how.
func (p pair) assertion(t *testing.T, head, body map[string]any) string {
	t.Helper()
	h, err1 := json.Marshal(head)
	b, err2 := json.Marshal(body)
	text := encode(h) + "." + encode(b)
	sum := sha256.Sum256([]byte(text))
	var sig []byte
	var err error
	if head["alg"] == "PS256" {
		sig, err = rsa.SignPSS(rand.Reader, p.key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		sig, err = rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	}
	if err := errors.Join(err, err1, err2); err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(sig)
}

func (w *world) assertionForm(clientID, assertion string) url.Values {
	form := w.appForm()
	form.Del("client_secret")
	form.Set("client_id", clientID)
	form.Set("client_assertion", assertion)
	form.Set("client_assertion_type", assertionType)
	return form
}

func TestClientAssertion(t *testing.T) {
	w := newWorld(t, false)
	at := w.clock.now()
	good, other := newPair(t, 2048, at, at.Add(time.Hour)), newPair(t, 2048, at, at.Add(time.Hour))
	ended := newPair(t, 2048, at.Add(-2*time.Hour), at.Add(-time.Hour))
	app := w.s.RegisterApp(AppRegistration{Name: "With certificate", Certificates: [][]byte{good.der, ended.der}})
	sum := func(p pair) string { s := sha256.Sum256(p.der); return encode(s[:]) }
	old := sha1.Sum(good.der)
	plain := sha256.Sum256(good.der)
	now := at.Unix()
	for _, c := range []struct {
		name       string
		by         pair
		head, body map[string]any
		spoil      bool
		status     int
		code       string
	}{
		{name: "PS256", by: good, status: 200, code: "<nil>"},
		{name: "plain base64", by: good, head: map[string]any{"x5t#S256": base64.StdEncoding.EncodeToString(plain[:])}, status: 200, code: "<nil>"},
		{name: "RS256 and SHA-1", by: good, head: map[string]any{"alg": "RS256", "x5t#S256": nil, "x5t": encode(old[:])}, status: 200, code: "<nil>"},
		{name: "issuer as audience", by: good, body: map[string]any{"aud": w.s.LoginURL() + "/" + w.s.TenantID() + "/v2.0"}, status: 200, code: "<nil>"},
		{name: "signature of another key", by: other, status: 401, code: "[50012]"},
		{name: "certificate not registered", by: other, head: map[string]any{"x5t#S256": sum(other)}, status: 401, code: "[700027]"},
		{name: "certificate has ended", by: ended, head: map[string]any{"x5t#S256": sum(ended)}, status: 401, code: "[700027]"},
		{name: "no thumbprint", by: good, head: map[string]any{"x5t#S256": nil}, status: 401, code: "[700027]"},
		{name: "algorithm none", by: good, head: map[string]any{"alg": "none"}, status: 401, code: "[50012]"},
		{name: "expired", by: good, body: map[string]any{"exp": now - 3600}, status: 401, code: "[700024]"},
		{name: "not yet", by: good, body: map[string]any{"nbf": now + 3600, "exp": now + 7200}, status: 401, code: "[700024]"},
		{name: "no end", by: good, body: map[string]any{"exp": nil}, status: 401, code: "[700024]"},
		{name: "wrong audience", by: good, body: map[string]any{"aud": "https://login.other.example"}, status: 401, code: "[700023]"},
		{name: "wrong subject", by: good, body: map[string]any{"sub": newID()}, status: 401, code: "[700021]"},
		{name: "wrong issuer", by: good, body: map[string]any{"iss": newID()}, status: 401, code: "[700021]"},
		{name: "no jti", by: good, body: map[string]any{"jti": nil}, status: 400, code: "[9002313]"},
		{name: "jti", by: good, body: map[string]any{"jti": "once"}, status: 200, code: "<nil>"},
		{name: "jti again", by: good, body: map[string]any{"jti": "once"}, status: 401, code: "[50013]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			head := map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": sum(good)}
			body := map[string]any{"aud": w.tokenURL(), "iss": app.ClientID, "sub": app.ClientID, "jti": newID(), "nbf": now, "iat": now, "exp": now + 300}
			for to, from := range map[*map[string]any]map[string]any{&head: c.head, &body: c.body} {
				for k, v := range from {
					if (*to)[k] = v; v == nil {
						delete(*to, k)
					}
				}
			}
			r := w.post(w.client, w.tokenURL(), w.assertionForm(app.ClientID, c.by.assertion(t, head, body)))
			if got := numbers(t, r); r.status != c.status || got != c.code {
				t.Errorf("got %d %s, want %d %s", r.status, got, c.status, c.code)
			}
		})
	}
	if err := w.s.AddCertificate(app.ClientID, newPair(t, 1024, at, at.Add(time.Hour)).der); !errors.Is(err, ErrBadCertificate) {
		t.Errorf("a short key: %v", err)
	}
	if err := w.s.AddCertificate(app.ClientID, []byte("text")); !errors.Is(err, ErrBadCertificate) {
		t.Errorf("no certificate: %v", err)
	}
}

func TestSecrets(t *testing.T) {
	w := newWorld(t, false)
	second, id, err := w.s.AddSecret(w.app.ClientID, w.clock.now().Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	try := func(name, value string, status int, code string) {
		t.Helper()
		form := w.appForm()
		form.Set("client_secret", value)
		r := w.post(w.client, w.tokenURL(), form)
		if got := numbers(t, r); r.status != status || got != code {
			t.Errorf("%s: %d %s, want %d %s", name, r.status, got, status, code)
		}
	}
	try("first", w.app.Secret, 200, "<nil>")
	try("second", second, 200, "<nil>")
	try("secret id", w.app.SecretID, 401, "[7000215]")
	w.clock.add(24 * time.Hour)
	try("second after its end", second, 401, "[7000222]")
	try("first beside it", w.app.Secret, 200, "<nil>")
	if err := w.s.RemoveSecret(w.app.ClientID, id); err != nil {
		t.Fatal(err)
	}
	try("removed", second, 401, "[7000215]")
}

func TestClaimsChallenge(t *testing.T) {
	w := newWorld(t, true)
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	token := func(claims string) string {
		t.Helper()
		form := w.appForm()
		if claims != "" {
			form.Set("claims", claims)
		}
		r := w.post(w.client, w.tokenURL(), form)
		if r.status != http.StatusOK {
			t.Fatalf("token: %d %s", r.status, r.body)
		}
		return r.doc(t)["access_token"].(string)
	}
	const capable = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`
	plain, bound := token(""), token(capable)
	ask := func(token string) reply { return w.as(token, http.MethodGet, "/places/microsoft.graph.room", nil) }
	if err := w.s.ChallengeApp(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	if r := ask(plain); r.status != http.StatusOK {
		t.Errorf("a client without cp1: %d", r.status)
	}
	r := ask(bound)
	header := r.header.Get("WWW-Authenticate")
	_, rest, found := strings.Cut(header, `claims="`)
	if r.status != http.StatusUnauthorized || !found {
		t.Fatalf("no challenge: %d %q", r.status, header)
	}
	text, err := base64.StdEncoding.DecodeString(rest[:len(rest)-1])
	if err != nil {
		t.Fatal(err)
	}
	if r := ask(token(capable)); r.status != http.StatusUnauthorized {
		t.Errorf("a new token without the claims: %d", r.status)
	}
	var asked map[string]map[string]any
	if err := json.Unmarshal(text, &asked); err != nil {
		t.Fatal(err)
	}
	asked["access_token"]["xms_cc"] = map[string]any{"values": []string{"cp1"}}
	merged, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	if r := ask(token(string(merged))); r.status != http.StatusOK {
		t.Errorf("a token with the claims: %d %s", r.status, r.body)
	}
}
