// Package msgraph calls the few operations of Microsoft Graph v1.0 that the
// gateway needs: rooms, calendar view and its delta, subscriptions. It is the only importer of
// msgraph-sdk-go, because that module takes minutes to compile; it imports the
// sub-package of each operation and never the root package.
//
// The SDK builds the requests, adds the token and takes apart errors. Answers
// are read into types of this package through the SDK's parse nodes, member by
// member: the generated models fail a whole page for one member that Microsoft
// documents with the wrong type, and keep meeting bodies in memory that nobody
// here needs. It knows no calendar vocabulary, keeps nothing, retries nothing
// and writes no log; a Client is safe for concurrent use.
package msgraph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	khttp "github.com/microsoft/kiota-http-go"
	kjson "github.com/microsoft/kiota-serialization-json-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

// sdkVersion is told to Microsoft in the SdkVersion header; it follows go.mod.
const sdkVersion = "1.89.0"

// apiPath is the version prefix of every request and every link.
const apiPath = "/v1.0"

// Bounds of one call. Pages are bounded in number so that a server that always
// names a next page cannot hold a room for ever.
const (
	callTimeout   = 30 * time.Second
	maxRoomPages  = 200
	maxViewPages  = 60
	maxDeltaPages = 400
	roomPageSize  = 100
	viewPageSize  = 100

	maxLinkBytes = 16 << 10
)

// Options set up a Client.
type Options struct {
	// BaseURL is Graph's scheme, host and port, without version:
	// "https://graph.microsoft.com".
	BaseURL string
	// Transport carries the requests; wrap it in a Guard.
	Transport http.RoundTripper
	// Token returns a bearer token. claims is empty, or the base64 claims
	// challenge of a 401 that the token must answer.
	Token func(ctx context.Context, claims string) (string, error)
	// Pace, when not nil, waits until one more request may be sent. The wait
	// does not count against the time of the call.
	Pace func(ctx context.Context) error
}

// Client calls one Graph endpoint.
type Client struct {
	base    *url.URL
	adapter *core.GraphRequestAdapterBase
	pace    func(ctx context.Context) error
}

// New returns a client. It opens no connection.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "https" {
		return nil, errors.New("msgraph: base URL must be https://host[:port]")
	}
	if o.Transport == nil || o.Token == nil {
		return nil, errors.New("msgraph: transport and token source are required")
	}
	auth := authentication.NewBaseBearerTokenAuthenticationProvider(tokenSource{get: o.Token, base: base})
	opts := core.GraphClientOptions{GraphServiceLibraryVersion: sdkVersion}
	// An explicit list: the SDK's default one comes in random order and brings
	// compression, redirects and a retry policy that are not wanted here.
	transport := khttp.NewCustomTransportWithParentTransport(o.Transport,
		core.NewGraphTelemetryHandler(&opts),
		khttp.NewUserAgentHandler(),
	)
	client := &http.Client{
		Transport:     noted{transport},
		Timeout:       callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	adapter, err := core.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		auth, opts, kjson.NewJsonParseNodeFactory(), kjson.NewJsonSerializationWriterFactory(), client)
	if err != nil {
		return nil, fmt.Errorf("msgraph: request adapter: %w", err)
	}
	adapter.SetBaseUrl(base.Scheme + "://" + base.Host + apiPath)
	pace := o.Pace
	if pace == nil {
		pace = func(context.Context) error { return nil }
	}
	return &Client{base: base, adapter: adapter, pace: pace}, nil
}

// pathParameters are what the SDK's root request builder would hand down.
func (c *Client) pathParameters() map[string]string {
	return map[string]string{"baseurl": c.adapter.GetBaseUrl()}
}

// immutable asks for ids that survive a move between folders; every call says
// it, also those that follow a link.
func immutable(prefer ...string) *abstractions.RequestHeaders {
	h := abstractions.NewRequestHeaders()
	h.Add("Prefer", `IdType="ImmutableId"`)
	for _, p := range prefer {
		h.Add("Prefer", p)
	}
	return h
}

// send performs one request and reads the answer into the value that factory
// makes. Errors are *Error or come from the token source. The SDK panics on
// some malformed headers and error bodies; that is a bad answer like others.
func (c *Client) send(ctx context.Context, info *abstractions.RequestInformation, factory serialization.ParsableFactory) (res serialization.Parsable, err error) {
	err = c.perform(ctx, func(ctx context.Context, mapping abstractions.ErrorMappings) error {
		if res, err = c.adapter.Send(ctx, info, factory, mapping); err == nil && res == nil {
			return &Error{Fault: Malformed}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// perform waits for its turn and makes a call within its time.
func (c *Client) perform(ctx context.Context, call func(context.Context, abstractions.ErrorMappings) error) (err error) {
	if err := c.pace(ctx); err != nil {
		return &Error{Fault: Unreachable, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var seen note
	ctx = context.WithValue(ctx, noteKey{}, &seen)
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Fault: Malformed, Status: seen.status}
		}
	}()
	if err := call(ctx, abstractions.ErrorMappings{"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue}); err != nil {
		return explain(ctx, err, seen)
	}
	return nil
}

// tokenSource gives the SDK tokens for one host only.
type tokenSource struct {
	get  func(ctx context.Context, claims string) (string, error)
	base *url.URL
}

// GetAuthorizationToken implements authentication.AccessTokenProvider.
func (t tokenSource) GetAuthorizationToken(ctx context.Context, u *url.URL, extra map[string]any) (string, error) {
	if u.Scheme != t.base.Scheme || u.Host != t.base.Host {
		return "", &Error{Fault: BadLink}
	}
	claims, _ := extra["claims"].(string)
	return t.get(ctx, claims)
}

// GetAllowedHostsValidator implements authentication.AccessTokenProvider; the
// host is checked in GetAuthorizationToken, port included.
func (t tokenSource) GetAllowedHostsValidator() *authentication.AllowedHostsValidator { return nil }
