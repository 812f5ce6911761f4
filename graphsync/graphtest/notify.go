package graphtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	handshakeTime  = 10 * time.Second
	deliveryTime   = 10 * time.Second // an answer later than this is none
	deliveryTries  = 4 * time.Hour    // waits of one notification together
	deliveryBatch  = 100
	keptDeliveries = 5000
	keptRings      = 50000 // more that wait are lost
)

// The lifecycle events of a subscription
// (learn.microsoft.com/graph/change-notifications-lifecycle-events).
const (
	LifecycleReauthorize = "reauthorizationRequired"
	LifecycleRemoved     = "subscriptionRemoved"
	LifecycleMissed      = "missed"
)

// Delivery says how change notifications travel. The zero value sends each one
// once, in order, as soon as the one before is answered.
type Delivery struct {
	Delay   time.Duration // waits this long after the first of a batch
	Spread  time.Duration // and up to this much longer at random
	Batch   int           // notifications in one POST at most; 0: 100
	Copies  int           // each notification is sent this many times more
	Shuffle bool          // mixes the order of what waits together
	Lose    int           // every n-th notification is lost without a word; 0: none
	Hold    bool          // nothing is sent until it is switched off again
	Retry   time.Duration // first wait after a failure, doubled each time; 0: 10 s
	Seed    uint64        // of Spread and Shuffle
}

// Delivered is one POST to a client.
type Delivered struct {
	At            time.Time
	URL           string // without its query
	Subscriptions []string
	Changes       []string // changeType or lifecycleEvent of each entry
	Status        int      // 0: no answer
	Took          time.Duration
}

// ring is a notification that waits.
type ring struct {
	url       string
	sub       *subscription
	change    string // changeType, or lifecycleEvent
	lifecycle bool
	doc       map[string]any
	due       time.Time // of the machine's clock; zero: at once
	wait      time.Duration
	waited    time.Duration
}

// SetDelivery changes how notifications travel, those that wait included.
func (s *Server) SetDelivery(d Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delivery, s.dice = d, rand.New(rand.NewPCG(d.Seed, 11))
	s.wake()
}

// Deliveries returns the newest 5000 notifications sent, oldest first.
func (s *Server) Deliveries() []Delivered {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deliveries)
}

// Lifecycle sends a lifecycle event for a subscription, by id. With
// LifecycleReauthorize the subscription holds its notifications back until it is
// renewed or reauthorized, with LifecycleRemoved it is gone. Without a lifecycle
// address the client is not told.
func (s *Server) Lifecycle(id, event string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireSubscriptions()
	at := slices.IndexFunc(s.subscriptions, func(x *subscription) bool { return x.ID == id })
	if at < 0 {
		return fmt.Errorf("%w: subscription %s", ErrUnknown, id)
	}
	sub := s.subscriptions[at]
	switch event {
	case LifecycleReauthorize:
		sub.waiting = true
	case LifecycleRemoved:
		s.subscriptions = slices.Delete(s.subscriptions, at, at+1)
		s.rings = slices.DeleteFunc(s.rings, func(r *ring) bool { return r.sub == sub && !r.lifecycle })
	case LifecycleMissed:
	default:
		return fmt.Errorf("%w: lifecycle event %s", ErrUnknown, event)
	}
	s.lifecycle(sub, event)
	return nil
}

// lifecycle puts a lifecycle event among the notifications.
func (s *Server) lifecycle(sub *subscription, event string) {
	if sub.LifecycleURL == "" {
		return
	}
	s.rings = append(s.rings, &ring{url: sub.LifecycleURL, sub: sub, change: event, lifecycle: true, doc: map[string]any{
		"subscriptionId": sub.ID, "subscriptionExpirationDateTime": sub.Expires.UTC().Format(stampTime),
		"tenantId": sub.TenantID, "clientState": orNull(sub.ClientState), "lifecycleEvent": event,
	}})
	s.wake()
}

// ring tells the subscriptions of a mailbox about a change.
func (c *Calendar) ring(it *item, day, change string) {
	s := c.s
	if len(s.subscriptions) == 0 {
		return
	}
	s.expireSubscriptions()
	for _, sub := range s.subscriptions {
		if sub.box != c || !sub.wants(change) {
			continue
		}
		if s.rung++; s.delivery.Lose > 0 && s.rung%s.delivery.Lose == 0 {
			continue
		}
		owner := c.id
		if c.person != nil {
			owner = c.person.id
		}
		id := idOf(it.key, day, sub.immutable)
		path := "Users/" + owner + "/Events/" + id
		for range 1 + s.delivery.Copies {
			if len(s.rings) >= keptRings {
				break
			}
			s.rings = append(s.rings, &ring{url: sub.NotificationURL, sub: sub, change: change, doc: map[string]any{
				"subscriptionId": sub.ID, "subscriptionExpirationDateTime": sub.Expires.UTC().Format(stampTime),
				"clientState": orNull(sub.ClientState), "changeType": change, "resource": path, "tenantId": sub.TenantID,
				"resourceData": map[string]any{
					"@odata.type": "#Microsoft.Graph.Event", "@odata.id": path, "@odata.etag": etag(it), "id": id,
				},
			}})
		}
	}
	s.wake()
}

func (sub *subscription) wants(change string) bool {
	for _, t := range strings.Split(sub.ChangeType, ",") {
		if strings.EqualFold(strings.TrimSpace(t), change) {
			return true
		}
	}
	return false
}

// wake tells the courier to look again; s.mu is held.
func (s *Server) wake() {
	select {
	case s.awake <- struct{}{}:
	default:
	}
}

// courier delivers notifications until the server closes.
func (s *Server) courier(ctx context.Context) {
	for {
		post, wait := s.nextPost()
		if post != nil {
			s.deliver(ctx, post)
			if ctx.Err() != nil {
				return
			}
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.awake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// nextPost takes what goes to one address out of the queue, or tells how long
// there is nothing to do.
func (s *Server) nextPost() ([]*ring, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const idle = time.Hour
	now, wait := time.Now(), idle
	if s.delivery.Hold {
		return nil, idle
	}
	batch := s.delivery.Batch
	if batch <= 0 {
		batch = deliveryBatch
	}
	pause := s.delivery.Delay
	if s.delivery.Spread > 0 {
		pause += time.Duration(s.dice.Int64N(int64(s.delivery.Spread)))
	}
	if s.delivery.Shuffle {
		s.dice.Shuffle(len(s.rings), func(i, j int) { s.rings[i], s.rings[j] = s.rings[j], s.rings[i] })
	}
	var post []*ring
	for _, r := range s.rings {
		if r.due.IsZero() {
			r.due = now.Add(pause)
		}
		if r.sub.waiting && !r.lifecycle {
			continue
		}
		if left := r.due.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		if len(post) < batch && (len(post) == 0 || post[0].url == r.url) {
			post = append(post, r)
		}
	}
	s.rings = slices.DeleteFunc(s.rings, func(r *ring) bool { return slices.Contains(post, r) })
	return post, wait
}

// deliver sends one POST; what fails is tried again, later and later.
func (s *Server) deliver(ctx context.Context, post []*ring) {
	value, d := []any{}, Delivered{At: s.clock(), URL: withoutQuery(post[0].url)}
	for _, r := range post {
		doc := map[string]any{"id": newID()}
		if r.lifecycle {
			doc = map[string]any{}
		}
		for k, v := range r.doc {
			doc[k] = v
		}
		value = append(value, doc)
		d.Subscriptions, d.Changes = append(d.Subscriptions, r.sub.ID), append(d.Changes, r.change)
	}
	body, err := json.Marshal(map[string]any{"value": value})
	if err != nil {
		panic("graphtest: a notification does not encode: " + err.Error())
	}
	began := time.Now()
	d.Status, _, _ = s.send(ctx, deliveryTime, post[0].url, "application/json; charset=utf-8", body)
	d.Took = time.Since(began)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries = append(s.deliveries, d)
	if n := len(s.deliveries); n > keptDeliveries+500 {
		s.deliveries = slices.Clone(s.deliveries[n-keptDeliveries:])
	}
	s.log.Debug("notification", "entries", len(post), "status", d.Status)
	if d.Status >= 200 && d.Status < 300 || ctx.Err() != nil {
		return
	}
	for _, r := range post {
		s.again(r)
	}
}

// again puts a notification back, or gives it up and says so.
func (s *Server) again(r *ring) {
	if r.wait *= 2; r.wait == 0 {
		if r.wait = s.delivery.Retry; r.wait == 0 {
			r.wait = 10 * time.Second
		}
	}
	if r.waited += r.wait; r.waited > deliveryTries {
		if !r.lifecycle {
			s.lifecycle(r.sub, LifecycleMissed)
		}
		return
	}
	r.due = time.Now().Add(r.wait)
	s.rings = append(s.rings, r)
}

var errNoAnswer = errors.New("graphtest: no answer")

// send posts to a client; redirects are not followed.
func (s *Server) send(ctx context.Context, limit time.Duration, address, kind string, body []byte) (status int, header http.Header, got []byte) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil
	}
	req.Header.Set("Content-Type", kind)
	res, err := s.outward.Load().Do(req)
	if err != nil {
		s.log.Debug("notification not delivered", "error", errNoAnswer)
		return 0, nil, nil
	}
	defer res.Body.Close()
	got, err = io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return 0, nil, nil
	}
	return res.StatusCode, res.Header, got
}

// handshake asks the client's address to repeat a token
// (learn.microsoft.com/graph/change-notifications-delivery-webhooks). The server
// is not locked meanwhile: the client may well ask Graph something.
func (c *call) handshake(address string) bool {
	token := "Validation: Testing client application reachability for subscription Request-Id: " + c.id
	u, err := url.Parse(address)
	if err != nil {
		c.invalid("The notificationUrl is not an address.")
		return false
	}
	q := "validationToken=" + url.QueryEscape(token)
	if u.RawQuery != "" {
		q = u.RawQuery + "&" + q
	}
	u.RawQuery = q
	status, header, got := c.ask(u.String())
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case status == 0:
		c.fail(http.StatusBadRequest, "ValidationError", "Subscription validation request timed out or the notification endpoint could not be reached.")
	case status != http.StatusOK:
		c.fail(http.StatusBadRequest, "ValidationError", "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request.")
	case kind != "text/plain":
		c.fail(http.StatusBadRequest, "ValidationError", "Subscription validation request failed. The response of the notification endpoint must have the content type text/plain.")
	case string(got) != token:
		c.fail(http.StatusBadRequest, "ValidationError", "Subscription validation request failed. Must respond with 200 OK and the validation token in the body.")
	default:
		return true
	}
	return false
}

// ask sends the handshake without the lock.
func (c *call) ask(address string) (int, http.Header, []byte) {
	c.mu.Unlock()
	defer c.mu.Lock()
	return c.send(c.r.Context(), handshakeTime, address, "text/plain; charset=utf-8", nil)
}

// TrustNotifications adds certificates, in PEM, to those trusted when change
// notifications are sent (Options.NotificationCA). It does nothing where
// Options.NotificationTransport carries them.
func (s *Server) TrustNotifications(caPEM []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	roots := s.roots.Clone()
	if !roots.AppendCertsFromPEM(caPEM) {
		return errNoCertificate
	}
	if s.carrier == nil {
		s.roots = roots
		s.outward.Swap(outwardClient(roots, nil)).CloseIdleConnections()
	}
	return nil
}

var errNoCertificate = errors.New("graphtest: there is no certificate in PEM")

// notificationRoots are the system's authorities and those of the options.
func notificationRoots(caPEM []byte) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if len(caPEM) > 0 && !roots.AppendCertsFromPEM(caPEM) {
		return nil, errNoCertificate
	}
	return roots, nil
}

// outwardClient is what calls clients, over the network unless there is a
// carrier. It follows no redirect.
func outwardClient(roots *x509.CertPool, carrier http.RoundTripper) *http.Client {
	if carrier == nil {
		carrier = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 2}
	}
	return &http.Client{Transport: carrier, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func withoutQuery(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.RawQuery = ""
	return u.String()
}
