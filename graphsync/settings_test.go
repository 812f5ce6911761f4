package graphsync

import (
	"strings"
	"testing"

	"doorleaf/gateway/connection"
)

func TestCheckSettings(t *testing.T) {
	good := connection.Settings{
		Cloud: connection.Global, Tenant: "contoso.onmicrosoft.com",
		ClientID: "0f4e7a56-43e1-4c3b-9a35-31f7ad1f6a63", ClientSecret: "q1W8Q~practice.value.of-forty_characters0",
	}
	for _, tc := range []struct {
		name   string
		change func(*connection.Settings)
		want   connection.Kind // "" when accepted
	}{
		{"good", func(*connection.Settings) {}, ""},
		{"tenant by GUID", func(s *connection.Settings) { s.Tenant = "1F4E7A56-43E1-4C3B-9A35-31F7AD1F6A63" }, ""},
		{"client id pasted as tenant", func(s *connection.Settings) { s.Tenant = "0F4E7A56-43E1-4C3B-9A35-31F7AD1F6A63" }, connection.BadClientID},
		{"no tenant yet", func(s *connection.Settings) { s.Tenant = "" }, ""},
		{"tenant common", func(s *connection.Settings) { s.Tenant = "common" }, connection.BadTenant},
		{"tenant of personal accounts", func(s *connection.Settings) { s.Tenant = consumers }, connection.BadTenant},
		{"tenant with a path", func(s *connection.Settings) { s.Tenant = "contoso.com/x" }, connection.BadTenant},
		{"tenant with a space", func(s *connection.Settings) { s.Tenant = "contoso .com" }, connection.BadTenant},
		{"tenant a URL", func(s *connection.Settings) { s.Tenant = "https://contoso.com" }, connection.BadTenant},
		{"client id with a space", func(s *connection.Settings) { s.ClientID += " " }, connection.BadClientID},
		{"client id empty", func(s *connection.Settings) { s.ClientID = "" }, connection.BadClientID},
		{"secret empty", func(s *connection.Settings) { s.ClientSecret = "" }, connection.SecretMissing},
		{"secret ID", func(s *connection.Settings) { s.ClientSecret = "3b1a5d1e-2f6b-4a1e-9f57-8f0f6a7e1c2d" }, connection.SecretIsID},
		{"secret ID with spaces", func(s *connection.Settings) { s.ClientSecret = " 3b1a5d1e-2f6b-4a1e-9f57-8f0f6a7e1c2d\n" }, connection.SecretIsID},
		{"secret with a space", func(s *connection.Settings) { s.ClientSecret += " " }, connection.BadSecret},
		{"secret too long", func(s *connection.Settings) { s.ClientSecret = strings.Repeat("x", 2000) }, connection.BadSecret},
		{"no cloud", func(s *connection.Settings) { s.Cloud = "" }, connection.WrongCloud},
		{"custom cloud", func(s *connection.Settings) {
			s.Cloud, s.LoginURL, s.GraphURL = connection.Custom, "https://login.example:8443", "https://graph.example/"
		}, ""},
		{"custom cloud of the process", func(s *connection.Settings) { s.Cloud = connection.Custom }, ""},
		{"custom cloud over HTTP", func(s *connection.Settings) {
			s.Cloud, s.LoginURL, s.GraphURL = connection.Custom, "http://login.example", "https://graph.example"
		}, connection.WrongCloud},
		{"custom cloud with a version", func(s *connection.Settings) {
			s.Cloud, s.LoginURL, s.GraphURL = connection.Custom, "https://login.example", "https://graph.example/v1.0"
		}, connection.WrongCloud},
		{"custom cloud with a query", func(s *connection.Settings) {
			s.Cloud, s.LoginURL = connection.Custom, "https://login.example?x"
		}, connection.WrongCloud},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := good
			tc.change(&s)
			err := CheckSettings(s)
			if got := kindOf(err); got != tc.want || (err == nil) != (tc.want == "") {
				t.Errorf("err = %v, want kind %q", err, tc.want)
			}
			if err != nil && s.ClientSecret != "" && strings.Contains(err.Error(), s.ClientSecret) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	store := newMemory(connection.Settings{})
	for _, tc := range []struct {
		name string
		o    Options
	}{
		{"no store", Options{RedirectURI: redirectURI}},
		{"no redirect URI", Options{Store: store}},
		{"a relative redirect URI", Options{Store: store, RedirectURI: "/m"}},
		{"login over HTTP", Options{Store: store, RedirectURI: redirectURI, LoginURL: "http://login.example"}},
		{"Graph with a version", Options{Store: store, RedirectURI: redirectURI, GraphURL: "https://graph.example/v1.0"}},
	} {
		if _, err := New(tc.o); err == nil {
			t.Errorf("%s: no error", tc.name)
		}
	}
}
