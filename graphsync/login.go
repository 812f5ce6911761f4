package graphsync

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"doorleaf/gateway/connection"
)

// scopes names the permissions borrowed from the person who signs in, the way
// the token endpoint of any cloud reads them. Listing rooms (places) takes an
// administrator's consent; the calendars of rooms do not.
func scopes(graph string, places bool) []string {
	out := []string{graph + "/" + string(connection.CalendarsReadShared)}
	if places {
		out = append(out, graph+"/"+string(connection.PlaceReadAll))
	}
	return out
}

// loginClient speaks to the login server: bounded, no redirects.
func (s *Service) loginClient() *http.Client {
	return &http.Client{
		Transport:     s.transport,
		Timeout:       40 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// metadata is what the login server says about a tenant.
type metadata struct {
	issuer string
	tenant string // GUID; "" for organizations
}

// metadata reads a tenant's OpenID configuration. It is the check of tenant and
// cloud that needs no right at all.
func (s *Service) metadata(ctx context.Context, login, tenant string) (metadata, error) {
	const op = "find tenant"
	u := login + "/" + url.PathEscape(tenant) + "/v2.0/.well-known/openid-configuration"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return metadata{}, &connection.Error{Kind: connection.BadTenant, Op: op}
	}
	res, err := s.loginClient().Do(req)
	if err != nil {
		return metadata{}, tokenError(op, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		e := answerError(op, res).(*connection.Error)
		if e.Kind == connection.InternalFault || (e.Kind == connection.BadAnswer && res.StatusCode == http.StatusNotFound) {
			e.Kind = connection.BadTenant
		}
		return metadata{}, e
	}
	var doc struct {
		Issuer string `json:"issuer"`
		Token  string `json:"token_endpoint"`
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || doc.Issuer == "" {
		return metadata{}, &connection.Error{Kind: connection.BadAnswer, Op: op}
	}
	iss, err := url.Parse(doc.Issuer)
	if err != nil || !strings.HasPrefix(doc.Token, login+"/") {
		return metadata{}, &connection.Error{Kind: connection.WrongCloud, Op: op}
	}
	m := metadata{issuer: doc.Issuer}
	if first, _, _ := strings.Cut(strings.TrimPrefix(iss.Path, "/"), "/"); guid.MatchString(first) {
		m.tenant = strings.ToLower(first)
	} else if tenant != anyTenant {
		return metadata{}, &connection.Error{Kind: connection.BadAnswer, Op: op}
	}
	return m, nil
}

// msal makes a token client. Its cache is read and written through accessor.
func (s *Service) msal(ends connection.Endpoints, tenant string, set connection.Settings, accessor cache.ExportReplace) (confidential.Client, error) {
	cred, err := prove(set)
	if err != nil {
		return confidential.Client{}, err
	}
	client := s.loginClient()
	client.Transport = bothSpellings{next: client.Transport, graph: ends.Graph}
	c, err := confidential.New(ends.Login+"/"+tenant, set.ClientID, cred,
		confidential.WithHTTPClient(client),
		confidential.WithInstanceDiscovery(false),            // the address is configuration
		confidential.WithClientCapabilities([]string{"CP1"}), // claims challenges are answered
		confidential.WithCache(accessor))
	if err != nil {
		return confidential.Client{}, &connection.Error{Kind: connection.WrongCloud, Op: "token"}
	}
	return c, nil
}

// unshaken runs a call of MSAL and turns a panic of it into a bad answer: it
// parses what a server sent, and no server may stop the gateway.
func unshaken(call func() (confidential.AuthResult, error)) (res confidential.AuthResult, err error) {
	defer func() {
		if recover() != nil {
			res, err = confidential.AuthResult{}, &connection.Error{Kind: connection.BadAnswer, Op: tokenOp}
		}
	}()
	return call()
}

// bothSpellings adds to the scope member of a token answer the other spelling
// of each Graph permission. Entra ID may answer "Calendars.Read" to
// "https://graph.microsoft.com/Calendars.Read" and the reverse; MSAL compares
// literally and would call the permission declined.
type bothSpellings struct {
	next  http.RoundTripper
	graph string
}

// RoundTrip implements http.RoundTripper.
func (b bothSpellings) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(req)
	if err != nil || req.Method != http.MethodPost || res.StatusCode != http.StatusOK {
		return res, err
	}
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	var granted string
	if json.Unmarshal(raw, &members) == nil && json.Unmarshal(members["scope"], &granted) == nil {
		all := strings.Fields(granted)
		for _, g := range strings.Fields(granted) {
			if short, ok := strings.CutPrefix(g, b.graph+"/"); ok {
				all = append(all, short)
			} else if !strings.Contains(g, "/") && strings.Contains(g, ".") {
				all = append(all, b.graph+"/"+g)
			}
		}
		if members["scope"], err = json.Marshal(strings.Join(all, " ")); err == nil {
			if changed, err := json.Marshal(members); err == nil {
				raw = changed
			}
		}
	}
	res.Body = io.NopCloser(bytes.NewReader(raw))
	res.ContentLength = int64(len(raw))
	return res, nil
}

// held is a token cache in memory: for clients whose tokens must not outlive
// them, and for a sign-in until it is accepted.
type held struct {
	mu    sync.Mutex
	blobs map[string][]byte // guarded by mu; by partition
}

func newHeld() *held { return &held{blobs: map[string][]byte{}} }

// Replace implements cache.ExportReplace.
func (h *held) Replace(_ context.Context, c cache.Unmarshaler, hints cache.ReplaceHints) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if blob := h.blobs[hints.PartitionKey]; len(blob) > 0 {
		return c.Unmarshal(blob)
	}
	return nil
}

// Export implements cache.ExportReplace.
func (h *held) Export(_ context.Context, c cache.Marshaler, hints cache.ExportHints) error {
	blob, err := c.Marshal()
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.blobs[hints.PartitionKey] = blob
	return nil
}

// sealed is a token cache in the store; the store seals it. It writes only what
// changed, because MSAL exports also what it only read.
type sealed struct {
	s  *Service
	id connection.ID

	mu     sync.Mutex
	last   map[string][]byte // guarded by mu; by partition
	closed bool              // guarded by mu; nothing is written any more
}

// close returns when nothing more will be written.
func (c *sealed) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
}

// Replace implements cache.ExportReplace.
func (c *sealed) Replace(ctx context.Context, to cache.Unmarshaler, hints cache.ReplaceHints) error {
	blob, err := c.s.store.TokenCache(ctx, c.id, hints.PartitionKey)
	if err != nil && !c.s.missing(err) {
		return cacheError(err)
	}
	if len(blob) == 0 {
		return nil
	}
	c.mu.Lock()
	known := bytes.Equal(blob, c.last[hints.PartitionKey])
	c.last[hints.PartitionKey] = blob
	c.mu.Unlock()
	if err := to.Unmarshal(blob); err != nil && !known {
		// As good as none: a new token, or a new sign-in, replaces it.
		c.s.log.Warn("stored tokens not readable", "connection", c.id)
	}
	return nil
}

// cacheError marks an error of the store, which MSAL passes through, as none of
// the login server's.
func cacheError(err error) error {
	return &connection.Error{Kind: connection.InternalFault, Op: tokenOp, Code: "store", Err: err}
}

// Export implements cache.ExportReplace.
func (c *sealed) Export(ctx context.Context, from cache.Marshaler, hints cache.ExportHints) error {
	blob, err := from.Marshal()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || bytes.Equal(blob, c.last[hints.PartitionKey]) {
		return nil
	}
	if err := c.s.store.SetTokenCache(ctx, c.id, hints.PartitionKey, blob); err != nil {
		return cacheError(err)
	}
	c.last[hints.PartitionKey] = blob
	return nil
}
