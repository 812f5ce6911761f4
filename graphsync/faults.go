package graphsync

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"doorleaf/gateway/connection"
	"doorleaf/graphsync/internal/msgraph"
)

// entraKind maps Entra ID's error numbers (AADSTS...) to kinds, after
// learn.microsoft.com/entra/identity-platform/reference-error-codes.
func entraKind(code int) (connection.Kind, bool) {
	switch code {
	case 50011, 500112, 500113, 900971:
		return connection.RedirectMismatch, true
	case 700027, 50012, 700030, 700021, 700023, 700024:
		return connection.BadCertificate, true
	case 500200, 9002332:
		return connection.ConsumerAccount, true
	case 7000215:
		return connection.BadSecret, true
	case 7000222:
		return connection.SecretExpired, true
	case 7000218, 7000216, 700025:
		return connection.SecretMissing, true
	case 700016:
		return connection.BadClientID, true
	case 90002, 50194, 9001023, 90124, 900023, 50059:
		return connection.BadTenant, true
	case 90038, 900382, 900432, 500011:
		return connection.WrongCloud, true
	case 50105:
		return connection.NotAssigned, true
	case 50020, 90072, 50034, 16000, 51004:
		return connection.WrongAccount, true
	case 65004:
		return connection.ConsentDeclined, true
	case 65001, 90094, 90095, 65005, 650056, 650057, 650052:
		return connection.ConsentRequired, true
	case 70011, 28002, 700054:
		return connection.InternalFault, true
	case 54005, 70000, 9002313, 501481:
		return connection.CodeReused, true
	case 70008, 700082, 50173, 50089, 70043, 50133, 50058:
		return connection.SignInAgain, true
	case 50076, 50079, 50072, 50074, 50158:
		return connection.NeedsMFA, true
	case 53000, 53001, 53003, 530032, 530035, 50005, 50131, 500021, 500022, 500212, 500213:
		return connection.BlockedByPolicy, true
	case 7000112, 70001:
		return connection.AppDisabled, true
	case 50196, 90055:
		return connection.Throttled, true
	case 90033, 90006, 90024, 50033, 50087:
		return connection.ServerFault, true
	}
	return "", false
}

// oauthKind maps the error member of RFC 6749 for numbers that are not known.
func oauthKind(name string) connection.Kind {
	switch name {
	case "access_denied":
		return connection.ConsentDeclined
	case "consent_required", "admin_consent_required":
		return connection.ConsentRequired
	case "invalid_grant", "login_required", "interaction_required":
		return connection.SignInAgain
	case "invalid_client":
		return connection.BadSecret
	case "unauthorized_client":
		return connection.BadClientID
	case "invalid_tenant":
		return connection.BadTenant
	case "temporarily_unavailable", "server_error":
		return connection.ServerFault
	}
	return connection.InternalFault
}

var aadsts = regexp.MustCompile(`AADSTS(\d{4,8})\b`)

// oauthError explains an error that Entra ID names, in a token answer or in the
// query of /m. description is searched for the number and dropped.
func oauthError(op, name, description string, codes []int) *connection.Error {
	e := &connection.Error{Op: op, Kind: oauthKind(name)}
	if len(codes) == 0 {
		if m := aadsts.FindStringSubmatch(description); m != nil {
			n, _ := strconv.Atoi(m[1])
			codes = []int{n}
		}
	}
	if len(codes) > 0 && codes[0] > 0 {
		e.Code = "AADSTS" + strconv.Itoa(codes[0])
		if k, ok := entraKind(codes[0]); ok {
			e.Kind = k
		}
		return e
	}
	if len(name) <= 40 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == "" {
		e.Code = name
	}
	return e
}

// tokenError explains what MSAL or the login server's metadata gave. MSAL's
// texts quote the answer, so none of them is kept.
func tokenError(op string, err error) error {
	var known *connection.Error
	if errors.As(err, &known) {
		return known
	}
	var call msalerrors.CallErr
	if errors.As(err, &call) && call.Resp != nil {
		return answerError(op, call.Resp)
	}
	if t := transportError(op, err); t != nil {
		return t
	}
	if strings.Contains(err.Error(), "declined scopes") {
		return &connection.Error{Kind: connection.ConsentDeclined, Op: op}
	}
	return &connection.Error{Kind: connection.BadAnswer, Op: op}
}

// answerError explains a refusing answer of the login server.
func answerError(op string, res *http.Response) error {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err == nil {
		err = json.Unmarshal(raw, &body)
	}
	var e *connection.Error
	switch {
	case err == nil && body.Error != "":
		e = oauthError(op, body.Error, body.Description, body.Codes)
		if e.Kind == connection.InternalFault && res.StatusCode >= 500 {
			e.Kind = connection.ServerFault
		}
	case res.StatusCode >= 500:
		e = &connection.Error{Kind: connection.ServerFault, Op: op}
	default:
		e = &connection.Error{Kind: connection.BadAnswer, Op: op}
	}
	e.Status = res.StatusCode
	if res.StatusCode == http.StatusTooManyRequests {
		e.Kind = connection.Throttled
	}
	e.RetryAfter = msgraph.RetryAfter(res.Header)
	if e.Code == "" {
		e.Code = "HTTP " + strconv.Itoa(res.StatusCode)
	}
	return e
}

// transportError explains failures below HTTP and answers that the guard
// refused; nil when err is neither.
func transportError(op string, err error) error {
	var guard *msgraph.Error
	if errors.As(err, &guard) && guard.Fault != msgraph.Unreachable {
		return &connection.Error{Kind: connection.BadAnswer, Op: op, Status: guard.Status}
	}
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	if errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) {
		return &connection.Error{Kind: connection.UntrustedServer, Op: op}
	}
	var temporary interface{ Timeout() bool } // url.Error, net.Error, context errors
	if errors.As(err, &temporary) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || guard != nil {
		return &connection.Error{Kind: connection.Unreachable, Op: op}
	}
	return nil
}

// graphError explains a failed call of Graph. room may be empty.
func graphError(op string, room string, err error) error {
	if err == nil {
		return nil
	}
	var known *connection.Error
	if errors.As(err, &known) {
		e := *known
		e.Room = room
		return &e
	}
	var g *msgraph.Error
	if !errors.As(err, &g) {
		return &connection.Error{Kind: connection.InternalFault, Op: op, Room: room}
	}
	e := &connection.Error{Op: op, Room: room, Code: g.Code, Status: g.Status, RetryAfter: g.RetryAfter}
	switch g.Fault {
	case msgraph.Refused:
		e.Kind = refusal(g.Status, g.Code, g.RetryAfter > 0)
	case msgraph.Unreachable:
		e.Kind = connection.Unreachable
		var t *connection.Error
		if errors.As(transportError(op, g), &t) {
			e.Kind = t.Kind
		}
	default:
		e.Kind = connection.BadAnswer
	}
	if e.Code == "" && g.Fault == msgraph.Refused {
		e.Code = "HTTP " + strconv.Itoa(g.Status)
	}
	return e
}

// refusal is the kind of an HTTP status with Graph's error code.
func refusal(status int, code string, named bool) connection.Kind {
	switch strings.ToLower(code) {
	case "syncstatenotfound", "syncstateinvalid", "resyncrequired":
		return connection.SyncReset
	case "erroritemnotfound", "mailboxnotenabledforrestapi", "resourcenotfound", "errorinvaliduser", "request_resourcenotfound":
		return connection.NotFound
	}
	switch {
	case status == http.StatusUnauthorized:
		return connection.SignInAgain
	case status == http.StatusForbidden:
		return connection.AccessDenied
	case status == http.StatusNotFound:
		return connection.NotFound
	case status == http.StatusGone:
		return connection.SyncReset
	case status == http.StatusTooManyRequests,
		(status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout) && named:
		return connection.Throttled
	case status >= http.StatusInternalServerError:
		return connection.ServerFault
	case status == http.StatusRequestTimeout:
		return connection.Unreachable
	}
	return connection.InternalFault
}

// kindOf returns the kind of an error of this package; "" for others, which are
// the store's.
func kindOf(err error) connection.Kind {
	var e *connection.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}
