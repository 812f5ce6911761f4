package graphsync

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// TestMalformedLogin: whatever the login server answers, Connect and Sync end
// with an error that has a kind.
func TestMalformedLogin(t *testing.T) {
	const deep = 20_000
	bodies := map[string]string{
		"nothing": "", "not JSON": "Topsecret", "HTML": "<html>Topsecret</html>", "null": "null", "a list": "[]", "a number": "7",
		"cut short":              `{"access_token":"a.b`,
		"an empty object":        `{}`,
		"token a number":         `{"token_type":"Bearer","access_token":7,"expires_in":3599}`,
		"token an object":        `{"token_type":"Bearer","access_token":{"a":"b"},"expires_in":3599}`,
		"life a word":            `{"token_type":"Bearer","access_token":"a.b.c","expires_in":"soon"}`,
		"life a list":            `{"token_type":"Bearer","access_token":"a.b.c","expires_in":[1]}`,
		"scope a number":         `{"token_type":"Bearer","access_token":"a.b.c","expires_in":3599,"scope":7}`,
		"id_token not one":       `{"token_type":"Bearer","access_token":"a.b.c","expires_in":3599,"id_token":"..","client_info":"!"}`,
		"error an object":        `{"error":{"code":"Topsecret"}}`,
		"deep":                   strings.Repeat(`{"a":`, deep) + "1" + strings.Repeat("}", deep),
		"nine megabytes":         `{"a":"` + strings.Repeat("x", 9<<20) + `"}`,
		"issuer a number":        `{"issuer":7,"token_endpoint":"https://login.example/t"}`,
		"issuer not a URL":       `{"issuer":"::","token_endpoint":"https://login.example/t"}`,
		"token endpoint a list":  `{"issuer":"https://login.example/t/v2.0","token_endpoint":[]}`,
		"token endpoint not URL": `{"issuer":"https://login.example/t/v2.0","token_endpoint":"https://login.example/%zz"}`,
	}
	for name, body := range bodies {
		for _, status := range []int{200, 400, 401, 500} {
			for _, spoiled := range []string{"/token", "openid-configuration"} {
				c := &clocked{perRoom: map[string]int{}, times: map[string][]time.Time{}}
				store := newMemory(connection.Settings{
					Cloud: connection.Custom, LoginURL: "https://login.example", GraphURL: "https://graph.example",
					Tenant: memoryTenant, ClientID: "11111111-2222-3333-4444-555555555555", ClientSecret: "practice",
				})
				_ = store.SaveState(t.Context(), 1, connection.State{Mode: connection.AppOnly})
				store.rooms["aspen@contoso.com"] = calendar.Room{ID: "aspen@contoso.com"}
				log := new(journal)
				s := newService(Options{Store: store, RedirectURI: redirectURI, Logger: logger(log)}, inMemory(func(r *http.Request) (int, string) {
					if strings.HasSuffix(r.URL.Path, spoiled) {
						return status, body
					}
					return c.answer(r)
				}))
				for _, err := range []error{second(s.Connect(t.Context(), 1)), s.Sync(t.Context(), "aspen@contoso.com")} {
					lenient := status == 200 && spoiled == "/token" // some of these are good enough
					if kindOf(err) == "" && (err != nil || !lenient) {
						t.Errorf("%s with %d for %s: err = %v, want a kind", name, status, spoiled, err)
					}
					if err != nil && strings.Contains(err.Error(), "Topsecret") {
						t.Errorf("%s with %d for %s: the text quotes the answer: %v", name, status, spoiled, err)
					}
				}
				if strings.Contains(log.String(), "Topsecret") {
					t.Errorf("%s with %d for %s: the log quotes the answer", name, status, spoiled)
				}
			}
		}
	}
}

func second(_ connection.Redirect, err error) error { return err }
