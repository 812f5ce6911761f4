package graphtest

import (
	"fmt"
	"net/http"
)

// aadsts is an error of the Entra side. Numbers and error words are those of
// learn.microsoft.com/entra/identity-platform/reference-error-codes and of the
// protocol pages beside it.
type aadsts struct {
	code     int
	err      string // OAuth error word
	suberror string
	status   int // HTTP status at the token endpoint
	text     string
}

// with returns a copy whose text has its verbs filled in.
func (e aadsts) with(args ...any) *aadsts {
	e.text = fmt.Sprintf(e.text, args...)
	return &e
}

// The errors this stand-in knows. Texts are our own wording of the meaning.
func errBadSecret(appID string) *aadsts {
	return aadsts{7000215, "invalid_client", "", 401, "Invalid client secret provided. The secret in the request has to be the client secret value, not the client secret ID, of a secret added to app '%s'."}.with(appID)
}

func errSecretExpired(appID string) *aadsts {
	return aadsts{7000222, "invalid_client", "", 401, "The provided client secret keys for app '%s' are expired. Create new keys for the app, or use certificate credentials."}.with(appID)
}

func errNoCredential() *aadsts {
	return aadsts{7000218, "invalid_client", "", 401, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}.with()
}

func errBadAssertion(appID string) *aadsts {
	return aadsts{50012, "invalid_client", "", 401, "Client assertion of application '%s' contains an invalid signature. [Reason - The provided signature value did not match the expected signature value.]"}.with(appID)
}

func errAssertionTime() *aadsts {
	return aadsts{700024, "invalid_client", "", 401, "Client assertion is not within its valid time range."}.with()
}

func errAssertionAudience() *aadsts {
	return aadsts{700023, "invalid_client", "", 401, "Client assertion audience claim does not match the token endpoint."}.with()
}

func errUnknownApp(id string) *aadsts {
	return aadsts{700016, "unauthorized_client", "", 400, "Application with identifier '%s' was not found in the directory 'Doorleaf practice tenant'. The application may not be installed in the tenant, or the request was sent to the wrong tenant."}.with(id)
}

func errAppDisabled(a *app) *aadsts {
	return aadsts{7000112, "unauthorized_client", "", 400, "Application '%s'(%s) is disabled."}.with(a.ClientID, a.Name)
}

func errUnknownTenant(tenant string) *aadsts {
	return aadsts{90002, "invalid_request", "", 400, "Tenant '%s' not found. Check that the tenant ID is right and that the sign-in goes to the right cloud."}.with(tenant)
}

func errSingleTenant(r *registration) *aadsts {
	return aadsts{50194, "invalid_request", "", 400, "Application '%s'(%s) is not configured as a multi-tenant application. Use the tenant's own endpoint instead of /common."}.with(r.clientID, r.Name)
}

func errWorkOnly(r *registration) *aadsts {
	return aadsts{9002332, "invalid_request", "", 400, "Application '%s'(%s) is for work and school accounts only. Do not use the /consumers endpoint for this request."}.with(r.clientID, r.Name)
}

func errPersonalAccount(address string) *aadsts {
	return aadsts{500200, "invalid_request", "", 400, "User account '%s' is a personal Microsoft account. Personal Microsoft accounts are not supported for this application unless explicitly invited to an organization."}.with(address)
}

func errNoTenant() *aadsts {
	return aadsts{9001023, "invalid_request", "", 400, "The grant type is not supported over the /common or /consumers endpoints. Use the tenant's own endpoint."}.with()
}

func errOtherTenant() *aadsts {
	return aadsts{700005, "invalid_grant", "", 400, "The provided authorization code or refresh token is intended for another tenant."}.with()
}

func errAssertionKey(appID, reason string) *aadsts {
	return aadsts{700027, "invalid_client", "", 401, "The certificate with identifier used to sign the client assertion is not registered on application '%s', or cannot be used. [Reason - %s]"}.with(appID, reason)
}

func errAssertionApp() *aadsts {
	return aadsts{700021, "invalid_client", "", 401, "The client assertion's issuer or subject does not match the 'client_id' parameter."}.with()
}

func errAssertionReplay() *aadsts {
	return aadsts{50013, "invalid_client", "", 401, "The client assertion is not valid. [Reason - an assertion with this jti was used before]"}.with()
}

func errRedirectMismatch(uri string, a *app) *aadsts {
	return aadsts{50011, "invalid_request", "", 400, "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'."}.with(uri, a.ClientID)
}

func errNoRedirect() *aadsts {
	return aadsts{500113, "invalid_request", "", 400, "No reply address is registered for the application."}.with()
}

func errReplyChanged() *aadsts {
	return aadsts{500112, "invalid_client", "", 401, "The reply address does not match the reply address provided when requesting the authorization code."}.with()
}

func errForeignAccount(address string) *aadsts {
	return aadsts{50020, "invalid_request", "", 400, "User account '%s' does not exist in the tenant 'Doorleaf practice tenant' and cannot access the application in that tenant. Sign in with an account of the tenant."}.with(address)
}

func errDeclined() *aadsts {
	return aadsts{65004, "access_denied", "", 400, "User declined to consent to access the app."}.with()
}

func errNoConsent(a *app) *aadsts {
	return aadsts{65001, "invalid_grant", "consent_required", 400, "The user or administrator has not consented to use the application with ID '%s' named '%s'. Send an interactive authorization request for this user and resource."}.with(a.ClientID, a.Name)
}

func errAdminNeeded() *aadsts {
	return aadsts{90094, "consent_required", "", 400, "The grant requires admin permission."}.with()
}

func errCodeUsed() *aadsts {
	return aadsts{54005, "invalid_grant", "", 400, "OAuth2 Authorization code was already redeemed. Retry with a new valid code or use an existing refresh token."}.with()
}

func errBadVerifier() *aadsts {
	return aadsts{501481, "invalid_grant", "", 400, "The Code_Verifier does not match the code_challenge supplied in the authorization request."}.with()
}

func errMalformed() *aadsts {
	return aadsts{9002313, "invalid_request", "", 400, "Invalid request. Request is malformed or invalid."}.with()
}

func errMalformedGrant() *aadsts {
	return aadsts{9002313, "invalid_grant", "", 400, "Invalid request. Request is malformed or invalid."}.with()
}

func errGrantExpired() *aadsts {
	return aadsts{70008, "invalid_grant", "", 400, "The provided authorization code or refresh token has expired. Send a new interactive authorization request for this user and resource."}.with()
}

func errGrantUnused() *aadsts {
	return aadsts{700082, "invalid_grant", "", 400, "The refresh token has expired due to inactivity. It was inactive for 90 days."}.with()
}

func errRevoked() *aadsts {
	return aadsts{50173, "invalid_grant", "bad_token", 400, "The provided grant has expired due to it being revoked, a fresh auth token is needed."}.with()
}

func errMissing(parameter string) *aadsts {
	return aadsts{900144, "invalid_request", "", 400, "The request body must contain the following parameter: '%s'."}.with(parameter)
}

func errPostOnly(method string) *aadsts {
	return aadsts{900561, "invalid_request", "", 400, "The endpoint only accepts POST requests. Received a %s request."}.with(method)
}

func errGrantType(kind string) *aadsts {
	return aadsts{70003, "unsupported_grant_type", "", 400, "The app requested an unsupported grant type '%s'."}.with(kind)
}

func errResponseType(kind string) *aadsts {
	if kind == "id_token" || kind == "token" || kind == "code id_token" || kind == "code id_token token" {
		return aadsts{700054, "unsupported_response_type", "", 400, "response_type '%s' is not enabled for the application."}.with(kind)
	}
	return aadsts{70005, "unsupported_response_type", "", 400, "The response_type '%s' is not supported."}.with(kind)
}

func errBadScope(scope string) *aadsts {
	return aadsts{70011, "invalid_scope", "", 400, "The provided request must include a valid 'scope' input parameter. The scope '%s' is not valid."}.with(scope)
}

func errDefaultScope(scope string) *aadsts {
	return aadsts{1002012, "invalid_scope", "", 400, "The provided value for scope '%s' is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier."}.with(scope)
}

func errNoSuchScope(a *app, scope string) *aadsts {
	return aadsts{650053, "invalid_client", "", 400, "The application '%s' asked for scope '%s' that doesn't exist on the resource '" + graphAppID + "'."}.with(a.Name, scope)
}

func errUnknownResource(resource string) *aadsts {
	return aadsts{500011, "invalid_resource", "", 400, "The resource principal named '%s' was not found in the tenant named 'Doorleaf practice tenant'."}.with(resource)
}

func errSignInNeeded() *aadsts {
	return aadsts{50058, "login_required", "", 400, "A silent sign-in request was sent but no user is signed in."}.with()
}

func errConsentNeeded(a *app) *aadsts {
	e := errNoConsent(a)
	e.err = "interaction_required"
	return e
}

// describe gives the error_description: number, text and the trace lines that
// Entra adds.
func (s *Server) describe(e *aadsts, trace, correlation string) string {
	return fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
		e.code, e.text, trace, correlation, s.clock().UTC().Format(stampLayout))
}

const stampLayout = "2006-01-02 15:04:05Z"

// refuse answers with the error document of the token endpoint.
func (s *Server) refuse(a *answer, r *http.Request, e *aadsts) {
	trace, correlation := newID(), r.Header.Get("client-request-id")
	if correlation == "" {
		correlation = newID()
	}
	doc := map[string]any{
		"error": e.err, "error_description": s.describe(e, trace, correlation),
		"error_codes": []int{e.code}, "timestamp": s.clock().UTC().Format(stampLayout),
		"trace_id": trace, "correlation_id": correlation,
		"error_uri": fmt.Sprintf("%s/error?code=%d", s.base, e.code),
	}
	if e.suberror != "" {
		doc["suberror"] = e.suberror
	}
	a.header.Set("Cache-Control", "no-store, no-cache")
	a.json(e.status, doc)
}
