package provision

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"doorleaf/devices"
)

// RabbitMQ keeps signs at a RabbitMQ with the MQTT plugin, through its
// management API, 3.10 or later. The plugin's exchange is amq.topic, as it is
// by default. A sign's permissions name the queues of its own client id alone,
// so that it is served under no other.
type RabbitMQ struct {
	// URL is https://HOST:PORT of the management API; http on loopback only.
	URL string
	// VHost is the virtual host of the MQTT plugin, "/" by default.
	VHost   string
	TLS     *tls.Config
	Admin   Account // needs the tag administrator
	Gateway Account // made unless it is the administrator
	// ClientID is the first part of the gateway's client id, "gateway" by default.
	ClientID string
	Seed     Seed

	once   sync.Once
	client *http.Client
}

// Limits of talking to the management API.
const (
	apiTimeout  = 30 * time.Second
	maxAPIReply = 64 << 20 // bytes; 100,000 users are some 25 MB
	importSize  = 200      // users an import
)

// rabbitUser is a user as the API shows and takes it.
type rabbitUser struct {
	Name      string   `json:"name"`
	Hash      string   `json:"password_hash"`
	Algorithm string   `json:"hashing_algorithm"`
	Tags      tagList  `json:"tags"`
	Limits    struct{} `json:"limits"`
}

// tagList reads both forms: a list, and before 3.9 a text with commas.
type tagList []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *tagList) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*t = strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

type permission struct {
	User      string `json:"user"`
	VHost     string `json:"vhost"`
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

type topicPermission struct {
	User     string `json:"user"`
	VHost    string `json:"vhost"`
	Exchange string `json:"exchange"`
	Write    string `json:"write"`
	Read     string `json:"read"`
}

// rights is what one user may do, and its password.
type rights struct {
	user, password string
	permission     permission
	topics         topicPermission
}

// definitions is what RabbitMQ imports.
type definitions struct {
	Users       []rabbitUser      `json:"users"`
	Permissions []permission      `json:"permissions"`
	Topics      []topicPermission `json:"topic_permissions"`
}

const exchange = "amq.topic"

// rabbitRights gives a user its queues and topics. queues, write and read are
// regular expressions without anchors; topics have dots for slashes.
func rabbitRights(vhost, user, password, queues, write, read string) rights {
	own := "mqtt-subscription-" + queues + "qos[01]"
	return rights{user, password,
		permission{user, vhost, "^" + own + "$", "^(" + own + `|amq\.topic)$`, "^(" + own + `|amq\.topic)$`},
		topicPermission{user, vhost, exchange, "^" + write + "$", "^" + read + "$"}}
}

const anyName = "[a-z2-7]{16}"

func rabbitSign(vhost string, l devices.Login) rights {
	id := string(l.Sign)
	return rabbitRights(vhost, id, l.Password, id, `dl\.1\.`+id+`\.u\.[a-z]+`, `dl\.1\.`+id+`\.d\.(\*|[a-z]+)`)
}

// rabbitFixed are the pairing user and the gateway.
func rabbitFixed(vhost string, gateway Account, clientID string) []rights {
	all := []rights{rabbitRights(vhost, pairUser, pairPassword, "pair-"+anyName,
		`dl\.1\.pair\.`+anyName+`\.u\.(commit|reveal)`, `dl\.1\.pair\.`+anyName+`\.d\.(\*|[a-z]+)`)}
	if gateway.User != "" {
		all = append(all, rabbitRights(vhost, gateway.User, gateway.Password, cmp.Or(clientID, "gateway")+"-"+anyName,
			`dl\.1\.(pair\.)?`+anyName+`\.d\.[a-z]+`, `dl\.1\.(pair\.)?(\*|`+anyName+`)\.u\.(\*|[a-z]+)`))
	}
	return all
}

func (r *RabbitMQ) vhost() string {
	if r.VHost == "" {
		return "/"
	}
	return r.VHost
}

// fixed returns the rights of the users that are there whatever signs there are.
func (r *RabbitMQ) fixed() []rights {
	g := r.Gateway
	if g.User == r.Admin.User {
		g.User = ""
	}
	return rabbitFixed(r.vhost(), g, r.ClientID)
}

// Reconcile implements Broker.
func (r *RabbitMQ) Reconcile(ctx context.Context, logins []devices.Login) (ch Changes, err error) {
	want, err := byID(logins)
	if err != nil {
		return ch, err
	}
	have, err := r.read(ctx)
	if err != nil {
		return ch, err
	}
	var d definitions
	for _, f := range r.fixed() {
		if !have.agrees(f) {
			r.add(&d, f)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		_, there := have.users[id]
		f := rabbitSign(r.vhost(), want[id])
		switch {
		case f.password == "":
			if !there {
				ch.Unknown++
			}
			continue
		case have.agrees(f):
			continue
		case there:
			ch.Updated++
		default:
			ch.Added++
		}
		r.add(&d, f)
	}
	if err := r.load(ctx, d); err != nil {
		return ch, err
	}
	for _, name := range slices.Sorted(maps.Keys(have.users)) {
		if _, wanted := want[name]; wanted || !isID(name) || !slices.Contains(have.users[name].Tags, r.tag()) {
			continue
		}
		if err := r.Remove(ctx, devices.SignID(name)); err != nil {
			return ch, err
		}
		ch.Removed++
	}
	return ch, nil
}

// tag marks the users that this gateway made; RabbitMQ gives it no meaning.
func (r *RabbitMQ) tag() string { return "doorleaf-" + r.Seed.site() }

// add adds a user to what is imported.
func (r *RabbitMQ) add(d *definitions, f rights) {
	salt := [4]byte(r.Seed.salt("rabbitmq", f.user, f.password, 4))
	tags := tagList{r.tag()}
	d.Users = append(d.Users, rabbitUser{Name: f.user, Hash: rabbitHash(f.password, salt), Algorithm: rabbitAlgorithm, Tags: tags})
	d.Permissions = append(d.Permissions, f.permission)
	d.Topics = append(d.Topics, f.topics)
}

// load imports definitions, a part at a time.
func (r *RabbitMQ) load(ctx context.Context, d definitions) error {
	for len(d.Users) > 0 {
		n := min(len(d.Users), importSize)
		part := definitions{d.Users[:n], d.Permissions[:n], d.Topics[:n]}
		if err := r.call(ctx, http.MethodPost, "/api/definitions", part, nil); err != nil {
			return err
		}
		d = definitions{d.Users[n:], d.Permissions[n:], d.Topics[n:]}
	}
	return nil
}

// rabbitState is what the broker has.
type rabbitState struct {
	users       map[string]rabbitUser
	permissions map[string]permission
	topics      map[string]topicPermission
}

// agrees reports whether the broker has exactly this.
func (s rabbitState) agrees(f rights) bool {
	u, ok := s.users[f.user]
	return ok && isRabbitHash(u.Hash, u.Algorithm, f.password) && s.permissions[f.user] == f.permission && s.topics[f.user] == f.topics
}

func (r *RabbitMQ) read(ctx context.Context) (s rabbitState, err error) {
	var d definitions
	err = errors.Join(
		r.call(ctx, http.MethodGet, "/api/users", nil, &d.Users),
		r.call(ctx, http.MethodGet, "/api/vhosts/"+url.PathEscape(r.vhost())+"/permissions", nil, &d.Permissions),
		r.call(ctx, http.MethodGet, "/api/vhosts/"+url.PathEscape(r.vhost())+"/topic-permissions", nil, &d.Topics))
	if err != nil {
		return s, err
	}
	s = rabbitState{map[string]rabbitUser{}, map[string]permission{}, map[string]topicPermission{}}
	for _, u := range d.Users {
		s.users[u.Name] = u
	}
	for _, p := range d.Permissions {
		s.permissions[p.User] = p
	}
	for _, p := range d.Topics {
		if p.Exchange == exchange {
			s.topics[p.User] = p
		}
	}
	return s, nil
}

// Put implements Broker.
func (r *RabbitMQ) Put(ctx context.Context, l devices.Login) error {
	if err := checkLogin(l); err != nil {
		return err
	}
	if l.Password == "" {
		return ErrNoPassword
	}
	var d definitions
	r.add(&d, rabbitSign(r.vhost(), l))
	return r.load(ctx, d)
}

// Remove implements Broker. The user goes first, so that it cannot come back.
func (r *RabbitMQ) Remove(ctx context.Context, id devices.SignID) error {
	if !isID(string(id)) {
		return nil
	}
	err := r.call(ctx, http.MethodDelete, "/api/users/"+string(id), nil, nil)
	if err != nil && !errors.Is(err, errGone) {
		return err
	}
	err = r.call(ctx, http.MethodDelete, "/api/connections/username/"+string(id), nil, nil)
	if err != nil && !errors.Is(err, errGone) {
		return err
	}
	return nil
}

var errGone = errors.New("not there")

// call calls the API. in and out are JSON, nil for none. Nothing of the broker's
// answer but its status gets into an error: it may repeat what was sent.
func (r *RabbitMQ) call(ctx context.Context, method, path string, in, out any) error {
	r.once.Do(func() {
		r.client = &http.Client{Timeout: apiTimeout, Transport: &http.Transport{TLSClientConfig: r.TLS, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	})
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(r.URL, "/")+path, body)
	if err != nil {
		return fmt.Errorf("%w: the address cannot be used", ErrUnreachable)
	}
	req.SetBasicAuth(r.Admin.User, r.Admin.Password)
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address
		}
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer resp.Body.Close()
	return answered(resp, path, out)
}

// answered reads an answer of the API.
func answered(resp *http.Response, path string, out any) error {
	limited := io.LimitReader(resp.Body, maxAPIReply)
	switch {
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return ErrRefused
	case resp.StatusCode == http.StatusNotFound && out == nil:
		return errGone
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w: no management API or no such virtual host", ErrAnswer)
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("%w: status %d from %s", ErrAnswer, resp.StatusCode, strings.SplitN(path, "/", 4)[2])
	case out == nil:
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) // keeps the connection
		return nil
	}
	if err := json.NewDecoder(limited).Decode(out); err != nil {
		return fmt.Errorf("%w: not as expected", ErrAnswer)
	}
	return nil
}
