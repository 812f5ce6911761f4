package graphsync

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"doorleaf/gateway/connection"
	"doorleaf/graphsync/internal/msgraph"
)

func refusedToken(status int, body string, header http.Header) error {
	return msalerrors.CallErr{Err: errors.New("Topsecret " + body), Resp: &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)),
	}}
}

func TestTokenErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want connection.Error
	}{
		{"wrong secret", refusedToken(401, `{"error":"invalid_client","error_description":"AADSTS7000215: Topsecret","error_codes":[7000215]}`, nil),
			connection.Error{Kind: connection.BadSecret, Code: "AADSTS7000215", Status: 401}},
		{"number only in the text", refusedToken(400, `{"error":"invalid_grant","error_description":"AADSTS700082: Topsecret"}`, nil),
			connection.Error{Kind: connection.SignInAgain, Code: "AADSTS700082", Status: 400}},
		{"unknown number", refusedToken(400, `{"error":"invalid_grant","error_codes":[123456]}`, nil),
			connection.Error{Kind: connection.SignInAgain, Code: "AADSTS123456", Status: 400}},
		{"no number", refusedToken(400, `{"error":"interaction_required"}`, nil),
			connection.Error{Kind: connection.SignInAgain, Code: "interaction_required", Status: 400}},
		{"an error that is prose", refusedToken(400, `{"error":"Topsecret plan at nine"}`, nil),
			connection.Error{Kind: connection.InternalFault, Code: "HTTP 400", Status: 400}},
		{"too many", refusedToken(429, ``, http.Header{"Retry-After": {"7"}}),
			connection.Error{Kind: connection.Throttled, Code: "HTTP 429", Status: 429, RetryAfter: 7 * time.Second}},
		{"HTML with 502", refusedToken(502, `<html>Topsecret`, nil),
			connection.Error{Kind: connection.ServerFault, Code: "HTTP 502", Status: 502}},
		{"HTML with 403", refusedToken(403, `<html>Topsecret`, nil),
			connection.Error{Kind: connection.BadAnswer, Code: "HTTP 403", Status: 403}},
		{"not JSON with 200", errors.New("invalid character Topsecret"), connection.Error{Kind: connection.BadAnswer}},
		{"declined scopes", errors.New("token response failed because declined scopes are present: Topsecret"), connection.Error{Kind: connection.ConsentDeclined}},
		{"no such host", &url.Error{Op: "Post", URL: "https://login/Topsecret", Err: &net.DNSError{Err: "no such host"}}, connection.Error{Kind: connection.Unreachable}},
		{"unknown authority", &url.Error{Op: "Post", URL: "https://login/Topsecret", Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}},
			connection.Error{Kind: connection.UntrustedServer}},
		{"answer too large", &url.Error{Op: "Post", URL: "x", Err: &msgraph.Error{Fault: msgraph.TooLarge, Status: 200}},
			connection.Error{Kind: connection.BadAnswer, Status: 200}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tokenError("token", tc.err)
			var got *connection.Error
			if !errors.As(err, &got) {
				t.Fatalf("err = %v, want *connection.Error", err)
			}
			tc.want.Op = "token"
			if *got != tc.want {
				t.Errorf("err = %+v, want %+v", *got, tc.want)
			}
			if strings.Contains(err.Error(), "Topsecret") {
				t.Errorf("the text quotes the answer: %q", err)
			}
		})
	}
}

func TestGraphErrors(t *testing.T) {
	refused := func(status int, code string) *msgraph.Error {
		return &msgraph.Error{Fault: msgraph.Refused, Status: status, Code: code}
	}
	for _, tc := range []struct {
		err  error
		want connection.Kind
	}{
		{refused(401, "InvalidAuthenticationToken"), connection.SignInAgain},
		{refused(403, "ErrorAccessDenied"), connection.AccessDenied},
		{refused(404, "ErrorItemNotFound"), connection.NotFound},
		{refused(400, "ErrorInvalidUser"), connection.NotFound},
		{refused(410, "SyncStateNotFound"), connection.SyncReset},
		{refused(400, "syncStateInvalid"), connection.SyncReset},
		{refused(410, ""), connection.SyncReset},
		{refused(429, "ApplicationThrottled"), connection.Throttled},
		{refused(503, ""), connection.ServerFault},
		{&msgraph.Error{Fault: msgraph.Refused, Status: 503, RetryAfter: time.Second}, connection.Throttled},
		{refused(500, ""), connection.ServerFault},
		{refused(400, "BadRequest"), connection.InternalFault},
		{&msgraph.Error{Fault: msgraph.Malformed, Status: 200}, connection.BadAnswer},
		{&msgraph.Error{Fault: msgraph.Endless}, connection.BadAnswer},
		{&msgraph.Error{Fault: msgraph.BadLink}, connection.BadAnswer},
		{&msgraph.Error{Fault: msgraph.Unreachable, Err: io.EOF}, connection.Unreachable},
		{&msgraph.Error{Fault: msgraph.Unreachable, Err: x509.UnknownAuthorityError{}}, connection.UntrustedServer},
		{&connection.Error{Kind: connection.BadSecret, Op: "token"}, connection.BadSecret},
		{io.EOF, connection.InternalFault},
	} {
		err := graphError("read calendar", "room@contoso.com", tc.err)
		if got := kindOf(err); got != tc.want {
			t.Errorf("%v: kind = %q, want %q", tc.err, got, tc.want)
		}
		if !strings.Contains(err.Error(), "room room@contoso.com") {
			t.Errorf("%v: no room in %q", tc.err, err)
		}
	}
	if err := graphError("", "", nil); err != nil {
		t.Errorf("nil became %v", err)
	}
}

// TestEntraKinds holds the table against the list of numbers that people meet.
func TestEntraKinds(t *testing.T) {
	for kind, codes := range map[connection.Kind][]int{
		connection.RedirectMismatch: {50011, 500113, 900971},
		connection.BadSecret:        {7000215},
		connection.SecretExpired:    {7000222},
		connection.SecretMissing:    {7000218},
		connection.BadClientID:      {700016},
		connection.BadTenant:        {90002, 50194},
		connection.WrongCloud:       {90038, 900382, 900432},
		connection.WrongAccount:     {50020, 90072},
		connection.ConsentDeclined:  {65004},
		connection.ConsentRequired:  {65001, 90094},
		connection.CodeReused:       {54005, 9002313, 501481},
		connection.SignInAgain:      {70008, 700082, 50173, 70043},
		connection.NeedsMFA:         {50076, 50079},
		connection.BlockedByPolicy:  {53003, 53000},
		connection.AppDisabled:      {7000112},
		connection.ServerFault:      {90033, 50087},
	} {
		for _, code := range codes {
			if got, ok := entraKind(code); got != kind || !ok {
				t.Errorf("entraKind(%d) = %q, want %q", code, got, kind)
			}
		}
	}
	if _, ok := entraKind(1); ok {
		t.Error("an unknown number has a kind")
	}
}
