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
	"strings"
	"time"
)

var (
	errTokenShape     = errors.New("graphtest: not a JSON web token")
	errTokenSignature = errors.New("graphtest: signature does not verify")
)

// assertionLeeway is how far the clocks of client and server may differ.
const assertionLeeway = 5 * time.Minute

// claims are the members of a token's payload.
type claims map[string]any

func (c claims) text(name string) string { v, _ := c[name].(string); return v }

func (c claims) number(name string) int64 { v, _ := c[name].(float64); return int64(v) }

// texts returns the words of a claim that is a list of strings.
func (c claims) texts(name string) []string {
	list, _ := c[name].([]any)
	var words []string
	for _, v := range list {
		if w, ok := v.(string); ok {
			words = append(words, w)
		}
	}
	return words
}

// sign makes an RS256 token (RFC 7515) of the claims.
func (s *Server) sign(c claims) string {
	head, _ := json.Marshal(map[string]string{"typ": "JWT", "alg": "RS256", "kid": s.keyID, "x5t": s.keyID})
	body, _ := json.Marshal(c) // plain values only
	text := encode(head) + "." + encode(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		panic("graphtest: signing with an RSA key cannot fail: " + err.Error())
	}
	return text + "." + encode(sig)
}

// jwt is a parsed but not yet trusted token.
type jwt struct {
	header map[string]any
	claims claims
	signed string
	sig    []byte
}

func parseJWT(token string) (*jwt, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > 32<<10 {
		return nil, errTokenShape
	}
	t := &jwt{signed: parts[0] + "." + parts[1]}
	head, err1 := base64.RawURLEncoding.DecodeString(parts[0])
	body, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	sig, err3 := base64.RawURLEncoding.DecodeString(parts[2])
	if err1 != nil || err2 != nil || err3 != nil {
		return nil, errTokenShape
	}
	if json.Unmarshal(head, &t.header) != nil || json.Unmarshal(body, &t.claims) != nil {
		return nil, errTokenShape
	}
	t.sig = sig
	return t, nil
}

// verify checks the signature against a key; RS256 and PS256 only.
func (t *jwt) verify(key *rsa.PublicKey) error {
	sum := sha256.Sum256([]byte(t.signed))
	var err error
	switch t.header["alg"] {
	case "RS256":
		err = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], t.sig)
	case "PS256":
		err = rsa.VerifyPSS(key, crypto.SHA256, sum[:], t.sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	default:
		return errTokenSignature
	}
	if err != nil {
		return errTokenSignature
	}
	return nil
}

// matches tells whether the header's thumbprint names the certificate.
// Both alphabets of base64 are taken: Microsoft's own libraries write the plain
// one.
func (t *jwt) matches(c *x509.Certificate) bool {
	name, sum := "x5t#S256", sha256.Sum256(c.Raw)
	want, ok := t.header[name].(string)
	have := sum[:]
	if !ok {
		old := sha1.Sum(c.Raw)
		want, _ = t.header["x5t"].(string)
		have = old[:]
	}
	return strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(want) == encode(have)
}

// within tells whether a moment lies in nbf..exp, five minutes of leeway.
func (c claims) within(now time.Time) bool {
	exp, nbf := c.number("exp"), c.number("nbf")
	return exp != 0 && now.Before(time.Unix(exp, 0).Add(assertionLeeway)) && !now.Before(time.Unix(nbf, 0).Add(-assertionLeeway))
}

// keySet is the answer of the discovery/v2.0/keys address (RFC 7517).
func (s *Server) keySet() any {
	pub := s.key.PublicKey
	return map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "kid": s.keyID, "x5t": s.keyID,
		"n": encode(pub.N.Bytes()), "e": encode(big.NewInt(int64(pub.E)).Bytes()),
		"issuer": s.base + "/{tenantid}/v2.0",
	}}}
}

func (s *Server) issuer(tenant string) string { return s.base + "/" + tenant + "/v2.0" }

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
