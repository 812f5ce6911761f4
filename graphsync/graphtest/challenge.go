package graphtest

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// wanted is the claims parameter of a token request
// (learn.microsoft.com/entra/identity-platform/claims-challenge).
type wanted struct {
	capable bool   // the client declared cp1: it can answer challenges
	nbf     string // the challenge it answers, "" for none
}

// claimAnswered names the challenge a token was issued for. Access tokens are
// opaque to clients, so the name is ours.
const claimAnswered = "practice_nbf"

// readClaims reads the parameter; it is JSON, 8 KiB at most.
func readClaims(text string) (wanted, *aadsts) {
	var doc struct {
		AccessToken map[string]*struct {
			Value  string   `json:"value"`
			Values []string `json:"values"`
		} `json:"access_token"`
	}
	if text == "" {
		return wanted{}, nil
	}
	if len(text) > 8<<10 || json.Unmarshal([]byte(text), &doc) != nil {
		return wanted{}, errMalformed()
	}
	var w wanted
	if cc := doc.AccessToken["xms_cc"]; cc != nil {
		w.capable = slices.ContainsFunc(cc.Values, func(v string) bool { return v == "cp1" || v == "CP1" })
	}
	if nbf := doc.AccessToken["nbf"]; nbf != nil {
		w.nbf = nbf.Value
	}
	return w, nil
}

// add puts what was asked into an access token.
func (w wanted) add(c claims) claims {
	if w.capable {
		c["xms_cc"] = []string{"cp1"}
	}
	if w.nbf != "" {
		c[claimAnswered] = w.nbf
	}
	return c
}

// life is how long the next access token lives: 60 to 90 minutes at random, or
// 24 to 28 hours where it can be challenged.
func (s *Server) life(w wanted) time.Duration {
	switch {
	case s.signIns.life > 0:
		return s.signIns.life
	case w.capable:
		return 24*time.Hour + time.Duration(rand.IntN(4*60*60))*time.Second
	}
	return 60*time.Minute + time.Duration(rand.IntN(30*60))*time.Second
}

// ChallengeApp makes Graph refuse the application's tokens of clients that
// declared the capability cp1, with a claims challenge, until they come with a
// token that was asked for with those claims. Clients that declared nothing are
// left alone until their tokens expire.
func (t *Tenant) ChallengeApp(clientID string) error {
	return t.changeApp(clientID, func(a *app) {
		a.challenge = strconv.FormatInt(t.s.clock().Unix(), 10)
		if a.challenged++; a.challenged > 1 {
			a.challenge += "." + strconv.Itoa(a.challenged) // several within a second
		}
	})
}

// challenges tells whether a token has to be renewed, and the claims to ask for.
func (a *app) challenges(t *jwt) (claims string, yes bool) {
	if a.challenge == "" || t.claims.text(claimAnswered) == a.challenge || !slices.Contains(t.claims.texts("xms_cc"), "cp1") {
		return "", false
	}
	text := `{"access_token":{"nbf":{"essential":true,"value":"` + a.challenge + `"}}}`
	return base64.StdEncoding.EncodeToString([]byte(text)), true
}

// ClaimsNeeded makes the token endpoint refuse with claims that only a new
// sign-in can satisfy, as Conditional Access does for people.
func ClaimsNeeded() Fault {
	f := EntraError(50076, "interaction_required")
	var doc map[string]any
	if err := json.Unmarshal(f.Body, &doc); err != nil {
		panic(err) // written by EntraError
	}
	doc["suberror"], doc["claims"] = "basic_action", `{"access_token":{"polids":{"essential":true,"values":["`+newID()+`"]}}}`
	body, err := json.Marshal(doc)
	if err != nil {
		panic(err) // plain values only
	}
	f.Body = body
	return f
}
