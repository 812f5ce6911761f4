package graphtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Limits of subscriptions for Outlook events
// (learn.microsoft.com/graph/api/resources/subscription).
const (
	subscriptionLife    = 10080 * time.Minute
	subscriptionShort   = 45 * time.Minute // shorter lives are raised to this
	subscriptionQuota   = 1000             // active ones of a mailbox over all applications
	clientStateMax      = 128
	notificationURLMax  = 2048
	subscriptionPageMax = 1000
)

// Subscription is a change notification subscription as the stand-in holds it.
type Subscription struct {
	ID              string
	AppID           string // client id of the application
	TenantID        string
	Mailbox         string // address, lower case
	Resource        string // as the client spelled it
	ChangeType      string
	NotificationURL string
	LifecycleURL    string // "" when none was given
	ClientState     string
	Expires         time.Time
	Created         time.Time
}

// subscription is one with its inner state.
type subscription struct {
	Subscription
	owner     *app
	creator   string // object id of who made it
	box       *Calendar
	immutable bool // ids in notifications
	tls       string
	waiting   bool // holds back until it is reauthorized
}

// subscriptionNames are the members a client may send.
func subscriptionNames() []string {
	return []string{
		"id", "applicationId", "changeType", "clientState", "creatorId", "encryptionCertificate", "encryptionCertificateId",
		"expirationDateTime", "includeResourceData", "latestSupportedTlsVersion", "lifecycleNotificationUrl",
		"notificationQueryOptions", "notificationUrl", "notificationUrlAppId", "resource",
	}
}

// wireSubscription is a subscription as clients send it.
type wireSubscription struct {
	ChangeType      *string `json:"changeType"`
	NotificationURL *string `json:"notificationUrl"`
	LifecycleURL    *string `json:"lifecycleNotificationUrl"`
	Resource        *string `json:"resource"`
	Expiration      *string `json:"expirationDateTime"`
	ClientState     *string `json:"clientState"`
	TLS             *string `json:"latestSupportedTlsVersion"`
	ResourceData    *bool   `json:"includeResourceData"`
}

// Subscriptions lists the subscriptions that have not expired, oldest first.
func (s *Server) Subscriptions() []Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireSubscriptions()
	list := make([]Subscription, len(s.subscriptions))
	for i, sub := range s.subscriptions {
		list[i] = sub.Subscription
	}
	return list
}

// LimitSubscriptionLife sets the longest life a subscription may be given, as
// older texts of Microsoft say 4230 minutes; 0 brings the 10080 minutes back.
func (s *Server) LimitSubscriptionLife(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscriptionLife = d
}

// SubscribeWithScope makes subscriptions work also for applications that have
// only a scoped role in Exchange (see ScopeApp) and no role in the token. Whether
// Microsoft allows that is not documented; the start is that it does not.
func (s *Server) SubscribeWithScope(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopedSubscriptions = on
}

// expireSubscriptions drops what has run out.
func (s *Server) expireSubscriptions() {
	now := s.clock()
	s.subscriptions = slices.DeleteFunc(s.subscriptions, func(x *subscription) bool { return !now.Before(x.Expires) })
}

// subscriptionsOf answers under /subscriptions.
func (c *call) subscriptionsOf(parts []string) {
	c.expireSubscriptions()
	if len(parts) == 0 {
		switch c.r.Method {
		case http.MethodGet:
			c.listSubscriptions()
		case http.MethodPost:
			c.createSubscription()
		default:
			c.fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
		}
		return
	}
	at := slices.IndexFunc(c.Server.subscriptions, func(x *subscription) bool {
		return x.owner == c.caller.app && strings.EqualFold(x.ID, parts[0])
	})
	if at < 0 {
		c.fail(http.StatusNotFound, "ResourceNotFound", "The object was not found.")
		return
	}
	sub := c.Server.subscriptions[at]
	switch method := c.r.Method; {
	case len(parts) == 2 && strings.EqualFold(cast(parts[1]), "reauthorize") && method == http.MethodPost:
		sub.waiting = false
		c.Server.wake()
		c.a.status = http.StatusNoContent
	case len(parts) > 1:
		c.noSegment(parts[1])
	case method == http.MethodGet:
		c.oneSubscription(http.StatusOK, sub)
	case method == http.MethodPatch:
		c.updateSubscription(sub)
	case method == http.MethodDelete:
		c.Server.subscriptions = slices.Delete(c.Server.subscriptions, at, at+1)
		c.a.status = http.StatusNoContent
	default:
		c.fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
	}
}

// listSubscriptions lists those of the application; a signed-in person sees
// their own alone.
func (c *call) listSubscriptions() {
	value := []any{}
	for _, sub := range c.Server.subscriptions {
		if sub.owner == c.caller.app && (c.caller.user == nil || c.caller.user.id == sub.creator) && len(value) < subscriptionPageMax {
			value = append(value, sub.document(false))
		}
	}
	c.ok(http.StatusOK, map[string]any{"@odata.context": c.base + "/v1.0/$metadata#subscriptions", "value": value})
}

func (c *call) oneSubscription(status int, sub *subscription) {
	doc := sub.document(true)
	doc["@odata.context"] = c.base + "/v1.0/$metadata#subscriptions/$entity"
	c.ok(status, doc)
}

// document is the subscription in Graph's shape. Lists leave the client state
// out (whole is false).
func (sub *subscription) document(whole bool) map[string]any {
	doc := map[string]any{
		"id": sub.ID, "resource": sub.Resource, "applicationId": sub.AppID, "changeType": sub.ChangeType,
		"clientState": nil, "notificationUrl": sub.NotificationURL, "notificationQueryOptions": nil,
		"lifecycleNotificationUrl": orNull(sub.LifecycleURL), "expirationDateTime": sub.Expires.UTC().Format(stampTime),
		"creatorId": sub.creator, "includeResourceData": nil, "latestSupportedTlsVersion": sub.tls,
		"encryptionCertificate": nil, "encryptionCertificateId": nil, "notificationUrlAppId": nil,
	}
	if whole {
		doc["clientState"] = orNull(sub.ClientState)
	}
	return doc
}

// createSubscription checks the request, calls the client's address and then
// asks the mailbox, in this order, as Microsoft does.
func (c *call) createSubscription() {
	w, ok := c.wireSubscription()
	if !ok {
		return
	}
	sub := &subscription{owner: c.caller.app, creator: c.caller.app.ObjectID, immutable: c.immutable(), tls: "v1_2"}
	sub.ID, sub.AppID, sub.TenantID, sub.Created = newID(), c.caller.app.ClientID, c.caller.app.tenant.id, c.clock().UTC()
	if c.caller.user != nil {
		sub.creator = c.caller.user.id
	}
	for _, need := range []struct {
		name  string
		value *string
		at    *string
	}{
		{"changeType", w.ChangeType, &sub.ChangeType}, {"notificationUrl", w.NotificationURL, &sub.NotificationURL},
		{"resource", w.Resource, &sub.Resource}, {"expirationDateTime", w.Expiration, nil},
	} {
		if need.value == nil || *need.value == "" {
			c.invalid(need.name + " is a required property for subscription creation")
			return
		}
		if need.at != nil {
			*need.at = *need.value
		}
	}
	set(&sub.LifecycleURL, w.LifecycleURL)
	set(&sub.ClientState, w.ClientState)
	set(&sub.tls, w.TLS)
	name, ok := c.checkSubscription(sub, w)
	if !ok || !c.handshake(sub.NotificationURL) {
		return
	}
	if sub.LifecycleURL != "" && !c.handshake(sub.LifecycleURL) {
		return
	}
	if sub.box, ok = c.subscribable(name); !ok {
		return
	}
	sub.Mailbox = strings.ToLower(sub.box.room.Email)
	if !c.roomForSubscription(sub) {
		return
	}
	c.Server.subscriptions = append(c.Server.subscriptions, sub)
	c.oneSubscription(http.StatusCreated, sub)
}

// checkSubscription looks at the members; it returns the mailbox's name.
func (c *call) checkSubscription(sub *subscription, w wireSubscription) (name string, ok bool) {
	name, known := eventsResource(sub.Resource)
	types := strings.Split(sub.ChangeType, ",")
	for i, t := range types {
		types[i] = strings.ToLower(strings.TrimSpace(t))
	}
	switch {
	case !known:
		c.invalid("Resource '" + sub.Resource + "' is not supported for change notifications.")
	case slices.ContainsFunc(types, func(t string) bool { return !slices.Contains(changeTypes(), t) }):
		c.invalid("The value of changeType is not valid.")
	case len(sub.ClientState) > clientStateMax:
		c.invalid(fmt.Sprintf("clientState is longer than %d characters.", clientStateMax))
	case !secureAddress(sub.NotificationURL):
		c.invalid("The notificationUrl has to be an absolute https address.")
	case sub.LifecycleURL != "" && !secureAddress(sub.LifecycleURL):
		c.invalid("The lifecycleNotificationUrl has to be an absolute https address.")
	case !slices.Contains([]string{"v1_0", "v1_1", "v1_2", "v1_3"}, sub.tls):
		c.invalid("The value of latestSupportedTlsVersion is not valid.")
	case w.ResourceData != nil && *w.ResourceData:
		c.invalid("The encryptionCertificate property is required when includeResourceData is set.")
	case name == "" && c.caller.user == nil:
		c.fail(http.StatusBadRequest, "BadRequest", "/me request is only valid with delegated authentication flow.")
	default:
		return name, c.setExpiry(sub, *w.Expiration)
	}
	return "", false
}

func changeTypes() []string { return []string{"created", "updated", "deleted"} }

// setExpiry reads an expirationDateTime and holds it to the limits.
func (c *call) setExpiry(sub *subscription, text string) bool {
	at, err := time.Parse(time.RFC3339Nano, text)
	now, most := c.clock(), c.Server.subscriptionLife
	if most == 0 {
		most = subscriptionLife
	}
	switch {
	case err != nil:
		c.invalid("Could not process subscription payload. The expirationDateTime is not a date and time with an offset.")
	case !at.After(now):
		c.invalid("Subscription expiration has to be in the future.")
	case at.After(now.Add(most)):
		c.fail(http.StatusBadRequest, "ExtensionError", fmt.Sprintf("Subscription expiration can only be %d minutes in the future.", int(most.Minutes())))
	default:
		if least := now.Add(subscriptionShort); at.Before(least) {
			at = least
		}
		sub.Expires = at.UTC()
		return true
	}
	return false
}

// eventsResource reads "users/{id}/events" and "me/events" ("" is the name
// then), also through the default calendar. Views of a calendar, single events
// and queries cannot be subscribed to.
func eventsResource(resource string) (name string, ok bool) {
	path := strings.TrimPrefix(strings.TrimPrefix(strings.Trim(resource, "/"), "v1.0/"), "/")
	parts := strings.Split(path, "/")
	if n := len(parts); n > 2 && strings.EqualFold(parts[n-2], "calendar") {
		parts = slices.Delete(parts, n-2, n-1)
	}
	switch {
	case len(parts) == 2 && strings.EqualFold(parts[0], "me") && strings.EqualFold(parts[1], "events"):
		return "", true
	case len(parts) == 3 && strings.EqualFold(parts[0], "users") && parts[1] != "" && strings.EqualFold(parts[2], "events"):
		name, err := url.PathUnescape(parts[1])
		return name, err == nil && name != ""
	}
	return "", false
}

// secureAddress tells whether Graph would send notifications to an address.
func secureAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.Fragment == "" && len(text) <= notificationURLMax
}

// subscribable finds the mailbox and asks whether the caller may watch it. A
// signed-in person may watch their own calendar alone, whatever was shared
// (learn.microsoft.com/graph/outlook-change-notifications-overview).
func (c *call) subscribable(name string) (*Calendar, bool) {
	refused := func(status int, reason string) (*Calendar, bool) {
		c.fail(status, "ExtensionError", fmt.Sprintf("Operation: Create; Exception: [Status Code: %s; Reason: %s]",
			strings.ReplaceAll(http.StatusText(status), " ", ""), reason))
		return nil, false
	}
	if name == "" {
		name = c.caller.user.Address
	}
	box := c.caller.app.tenant.mailbox(name)
	who := c.caller
	switch {
	case box == nil:
		return refused(http.StatusNotFound, "The requested user is invalid.")
	case who.user != nil && box.person != who.user:
		return refused(http.StatusForbidden, "Access is denied. Check credentials and try again.")
	case who.user != nil:
		if !who.may("Calendars.Read", "Calendars.ReadWrite") {
			return refused(http.StatusForbidden, "Access is denied. Check credentials and try again.")
		}
	default:
		scoped := c.scopedSubscriptions && who.app.scopedTo(box, "Calendars.Read", "Calendars.ReadWrite")
		if !who.may("Calendars.Read", "Calendars.ReadWrite") && !scoped {
			return refused(http.StatusForbidden, "Access is denied. Check credentials and try again.")
		}
		if who.app.restricted != nil && !who.app.restricted[strings.ToLower(box.room.Email)] {
			return refused(http.StatusForbidden, "Access to OData is disabled.")
		}
	}
	if box.room.NoMailbox {
		return refused(http.StatusNotFound, "REST API is not yet supported for this mailbox.")
	}
	return box, true
}

// roomForSubscription refuses a second one of the same kind and more than the
// mailbox takes.
func (c *call) roomForSubscription(sub *subscription) bool {
	count := 0
	for _, x := range c.Server.subscriptions {
		if x.box != sub.box {
			continue
		}
		count++
		if x.owner == sub.owner && x.creator == sub.creator && sameWords(x.ChangeType, sub.ChangeType) {
			c.fail(http.StatusConflict, "Conflict", "Subscription Id "+x.ID+" already exists for the requested combination")
			return false
		}
	}
	if count >= subscriptionQuota {
		c.fail(http.StatusForbidden, "ExtensionError", "Operation: Create; Exception: [Status Code: Forbidden; Reason: The mailbox has reached its limit of subscriptions.]")
		return false
	}
	return true
}

func sameWords(a, b string) bool {
	words := func(s string) []string {
		list := strings.Split(strings.ToLower(strings.ReplaceAll(s, " ", "")), ",")
		slices.Sort(list)
		return list
	}
	return slices.Equal(words(a), words(b))
}

// updateSubscription renews: the expiry, and the address if a new one is given.
// That also reauthorizes. The lifecycle address cannot be changed.
func (c *call) updateSubscription(sub *subscription) {
	w, ok := c.wireSubscription()
	if !ok {
		return
	}
	if w.LifecycleURL != nil || w.Resource != nil || w.ChangeType != nil || w.ClientState != nil {
		c.invalid("Only expirationDateTime and notificationUrl of a subscription can be changed.")
		return
	}
	next := *sub
	if w.NotificationURL != nil {
		next.NotificationURL = *w.NotificationURL
		if !secureAddress(next.NotificationURL) {
			c.invalid("The notificationUrl has to be an absolute https address.")
			return
		}
	}
	if w.Expiration != nil && !c.setExpiry(&next, *w.Expiration) {
		return
	}
	if next.NotificationURL != sub.NotificationURL && !c.handshake(next.NotificationURL) {
		return
	}
	sub.NotificationURL, sub.Expires = next.NotificationURL, next.Expires
	sub.waiting = false
	c.Server.wake()
	c.oneSubscription(http.StatusOK, sub)
}

// wireSubscription reads the body; names the type does not have are refused.
func (c *call) wireSubscription() (w wireSubscription, ok bool) {
	var raw json.RawMessage
	if !c.body(&raw) {
		return w, false
	}
	var members map[string]json.RawMessage
	bad := json.Unmarshal(raw, &members) != nil || json.Unmarshal(raw, &w) != nil
	for name := range members {
		bad = bad || (!strings.Contains(name, "@") && !slices.Contains(subscriptionNames(), name))
	}
	if bad {
		c.invalid("Could not process subscription creation payload. Are all property names spelled and camelCased properly?")
		return w, false
	}
	return w, true
}

func (c *call) invalid(message string) { c.fail(http.StatusBadRequest, "InvalidRequest", message) }
