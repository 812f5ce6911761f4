package connection

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestSettingsNeverShowTheSecret(t *testing.T) {
	s := Settings{Cloud: Global, Tenant: "contoso.com", ClientID: "id", ClientSecret: "Topsecret"}
	c := Connection{ID: 1, Settings: s}
	for _, text := range []string{
		s.String(), fmt.Sprint(s), fmt.Sprintf("%v", &s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s),
		fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c),
	} {
		if strings.Contains(text, "Topsecret") {
			t.Errorf("the secret is in %q", text)
		}
		if !strings.Contains(text, "contoso.com") {
			t.Errorf("no tenant in %q", text)
		}
	}
}

func TestEndpoints(t *testing.T) {
	for _, c := range Clouds() {
		e, ok := c.Endpoints()
		if ok != (c != Custom) {
			t.Errorf("%s: known %v", c, ok)
		}
		for _, u := range []string{e.Login, e.Graph} {
			if ok && (!strings.HasPrefix(u, "https://") || strings.HasSuffix(u, "/") || strings.Count(u, "/") != 2) {
				t.Errorf("%s: %q is not scheme, host and port", c, u)
			}
		}
	}
	if _, ok := Cloud("moon").Endpoints(); ok {
		t.Error("an unknown cloud has endpoints")
	}
}

func TestErrorText(t *testing.T) {
	cause := errors.New("store closed")
	for _, tc := range []struct {
		err  Error
		want string
	}{
		{Error{Kind: BadSecret, Op: "token"}, "token: bad-secret"},
		{Error{Kind: BadSecret, Op: "token", Code: "AADSTS7000215", Status: 401}, "token: bad-secret (AADSTS7000215)"},
		{Error{Kind: AccessDenied, Op: "read calendar", Code: "ErrorAccessDenied", Room: "a@b.c"}, "read calendar: access-denied (ErrorAccessDenied) room a@b.c"},
		{Error{Kind: InternalFault, Op: "x", Err: cause}, "x: internal-fault: store closed"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
	if err := error(&Error{Err: cause}); !errors.Is(err, cause) {
		t.Error("the cause is not wrapped")
	}
}
