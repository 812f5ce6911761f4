package msgraph

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/subscriptions"
)

// Bounds of the list of subscriptions.
const (
	maxSubscriptionPages = 100
	maxSubscriptionID    = 128
)

// Subscription is a change notification subscription as Graph gives it.
type Subscription struct {
	ID              string
	Resource        string
	NotificationURL string
	Expires         time.Time // zero when Graph gave none that can be read
}

// Watch is what a subscription is asked for with.
type Watch struct {
	Mailbox     string // address
	URL         string // receives change notifications and lifecycle events
	ClientState string // at most 128 bytes
	Expires     time.Time
}

// Resource is the resource path of a mailbox's events.
func Resource(mailbox string) string { return "/users/" + mailbox + "/events" }

// Subscribe asks for a subscription to every change of a mailbox's events.
// Graph calls the URL before it answers.
func (c *Client) Subscribe(ctx context.Context, w Watch) (Subscription, error) {
	resource, kinds, tls := Resource(w.Mailbox), "created,updated,deleted", "v1_2"
	expires := w.Expires.UTC()
	body := models.NewSubscription()
	body.SetResource(&resource)
	body.SetChangeType(&kinds)
	body.SetNotificationUrl(&w.URL)
	body.SetLifecycleNotificationUrl(&w.URL)
	body.SetClientState(&w.ClientState)
	body.SetExpirationDateTime(&expires)
	body.SetLatestSupportedTlsVersion(&tls)
	info, err := c.subscriptions().ToPostRequestInformation(ctx, body,
		&subscriptions.SubscriptionsRequestBuilderPostRequestConfiguration{Headers: immutable()})
	if err != nil {
		return Subscription{}, err
	}
	return c.subscription(ctx, info)
}

// Renew gives a subscription a later end; it also reauthorizes it.
func (c *Client) Renew(ctx context.Context, id string, expires time.Time) (Subscription, error) {
	expires = expires.UTC()
	body := models.NewSubscription()
	body.SetExpirationDateTime(&expires)
	info, err := c.subscriptions().BySubscriptionId(id).ToPatchRequestInformation(ctx, body,
		&subscriptions.SubscriptionItemRequestBuilderPatchRequestConfiguration{Headers: immutable()})
	if err != nil {
		return Subscription{}, err
	}
	return c.subscription(ctx, info)
}

// Unsubscribe ends a subscription; one that is not there is no error.
func (c *Client) Unsubscribe(ctx context.Context, id string) error {
	info, err := c.subscriptions().BySubscriptionId(id).ToDeleteRequestInformation(ctx,
		&subscriptions.SubscriptionItemRequestBuilderDeleteRequestConfiguration{Headers: immutable()})
	if err != nil {
		return err
	}
	err = c.perform(ctx, func(ctx context.Context, mapping abstractions.ErrorMappings) error {
		return c.adapter.SendNoContent(ctx, info, mapping)
	})
	if e, ok := err.(*Error); ok && e.Fault == Refused && (e.Status == http.StatusNotFound || e.Status == http.StatusGone) {
		return nil
	}
	return err
}

// Subscriptions lists the subscriptions of this application.
func (c *Client) Subscriptions(ctx context.Context) ([]Subscription, error) {
	b := c.subscriptions()
	config := &subscriptions.SubscriptionsRequestBuilderGetRequestConfiguration{Headers: immutable()}
	info, err := b.ToGetRequestInformation(ctx, config)
	if err != nil {
		return nil, err
	}
	var all []Subscription
	links := map[string]bool{}
	for range maxSubscriptionPages {
		p, err := collect(ctx, c, info, newSubscription, func(p serialization.Parsable) Subscription {
			return p.(*subscriptionItem).subscription
		})
		if err != nil {
			return nil, err
		}
		all = append(all, p.items...)
		if p.nextLink == "" {
			return all, nil
		}
		if err := c.checkNext(p.nextLink, links); err != nil {
			return nil, err
		}
		if info, err = b.WithUrl(p.nextLink).ToGetRequestInformation(ctx, config); err != nil {
			return nil, err
		}
	}
	return nil, &Error{Fault: Endless}
}

func (c *Client) subscriptions() *subscriptions.SubscriptionsRequestBuilder {
	return subscriptions.NewSubscriptionsRequestBuilderInternal(c.pathParameters(), c.adapter)
}

// subscription sends a request that is answered with a subscription.
func (c *Client) subscription(ctx context.Context, info *abstractions.RequestInformation) (Subscription, error) {
	res, err := c.send(ctx, info, newSubscription)
	if err != nil {
		return Subscription{}, err
	}
	item, ok := res.(*subscriptionItem)
	if !ok || item.subscription.ID == "" || len(item.subscription.ID) > maxSubscriptionID || item.subscription.Expires.IsZero() {
		return Subscription{}, &Error{Fault: Malformed, Status: http.StatusOK}
	}
	return item.subscription, nil
}

// subscriptionItem reads a subscription.
type subscriptionItem struct {
	readOnly
	subscription Subscription
}

func newSubscription(node) (serialization.Parsable, error) { return new(subscriptionItem), nil }

// GetFieldDeserializers implements serialization.Parsable.
func (s *subscriptionItem) GetFieldDeserializers() reader {
	return reader{
		"id":              func(n node) error { return strict(n, &s.subscription.ID) },
		"resource":        func(n node) error { return strict(n, &s.subscription.Resource) },
		"notificationUrl": func(n node) error { return strict(n, &s.subscription.NotificationURL) },
		"expirationDateTime": func(n node) error {
			var text string
			if err := strict(n, &text); err != nil {
				return err
			}
			if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
				s.subscription.Expires = t.UTC()
			}
			return nil
		},
	}
}

// Watches reports whether the subscription is about the events of a mailbox.
func (s Subscription) Watches(mailbox string) bool {
	return strings.EqualFold(strings.Trim(s.Resource, "/"), strings.Trim(Resource(mailbox), "/"))
}

// sized gives a request's body its length: without compression the SDK sends
// it in chunks, which some proxies refuse.
func sized(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody || req.ContentLength > 0 {
		return req, nil
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxRequestBytes))
	if err != nil {
		return nil, err
	}
	_ = req.Body.Close()
	out := req.Clone(req.Context())
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return out, nil
}

// maxRequestBytes bounds what is sent; no request of ours comes near.
const maxRequestBytes = 1 << 20
