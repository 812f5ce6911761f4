package provision

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"doorleaf/devices"
)

// Mosquitto keeps signs at a mosquitto with the dynamic-security plugin, 2.0.11
// or later. The plugin wants passwords as they are and tells nothing of them
// afterwards; so the mark of the newest one stands in the user's description.
// Roles hold full topics, because the plugin knows no patterns with user names
// before version 2.1: one role a sign.
type Mosquitto struct {
	// Server is mqtt://HOST:PORT or mqtts://HOST:PORT; TLS is for mqtts.
	Server string
	TLS    *tls.Config
	Admin  Account
	// Gateway is what the gateway itself logs in with; it is given its rights,
	// and made unless it is the administrator.
	Gateway Account
	Seed    Seed
}

// Names of roles. Everything of ours has a name of these or a sign's.
const (
	signRole    = "doorleaf-sign-"
	pairRole    = "doorleaf-pair"
	gatewayRole = "doorleaf-gateway"
	described   = "doorleaf "
)

// What the plugin says when a command finds things as they should be, or gone.
const (
	clientExists   = "Client already exists"
	clientNotFound = "Client not found"
	roleExists     = "Role already exists"
	roleNotFound   = "Role not found"
	roleInUse      = "Client is already in this role"
)

// denyRest closes what a rule before it does not open, whatever the plugin's
// own default is.
func denyRest(rules []rule) []rule {
	for _, kind := range []string{"publishClientSend", "publishClientReceive", "subscribePattern"} {
		rules = append(rules, rule{Type: kind, Topic: "#", Priority: -1})
	}
	return rules
}

func allow(kind string, topics ...string) (rules []rule) {
	for _, t := range topics {
		rules = append(rules, rule{Type: kind, Topic: t, Allow: true})
	}
	return rules
}

// signRules let a sign use its own topics and no others (SPEC.md, DL-TOP-3).
func signRules(id string) []rule {
	own := "dl/1/" + id
	return denyRest(slices.Concat(allow("publishClientSend", own+"/u/+"), allow("subscribeLiteral", own+"/d/+"),
		allow("publishClientReceive", own+"/d/+"), allow("unsubscribeLiteral", own+"/d/+")))
}

// pairRules let signs that pair use the topics of their attempt. They cannot be
// tied to the nonce, which is as good as a password; so a filter that would
// match every nonce is refused.
func pairRules() []rule {
	rules := slices.Concat(allow("publishClientSend", "dl/1/pair/+/u/commit", "dl/1/pair/+/u/reveal"),
		allow("subscribePattern", "dl/1/pair/+/d/+"), allow("publishClientReceive", "dl/1/pair/+/d/+"))
	for _, leaf := range []string{"+", "challenge", "identity"} {
		rules = append(rules, rule{Type: "subscribeLiteral", Topic: "dl/1/pair/+/d/" + leaf})
	}
	return denyRest(rules)
}

// gatewayRules is everything the gateway does. It denies nothing, because the
// gateway may be the administrator.
func gatewayRules() []rule {
	up := []string{"dl/1/+/u/+", "dl/1/pair/+/u/+"}
	return slices.Concat(allow("publishClientSend", "dl/1/+/d/+", "dl/1/pair/+/d/+"),
		allow("subscribeLiteral", up...), allow("publishClientReceive", up...))
}

// work connects, works and disconnects.
func (m *Mosquitto) work(ctx context.Context, f func(*control) error) error {
	c, err := dialControl(ctx, m.Server, m.TLS, m.Admin)
	if err != nil {
		return err
	}
	defer c.close()
	return f(c)
}

// site is the description of what this gateway made, before the mark.
func (m *Mosquitto) site() string { return described + m.Seed.site() }

func (m *Mosquitto) description(user, password string) string {
	return m.site() + " " + m.Seed.mark(user, password)
}

// Reconcile implements Broker.
func (m *Mosquitto) Reconcile(ctx context.Context, logins []devices.Login) (ch Changes, err error) {
	want, err := byID(logins)
	if err != nil {
		return ch, err
	}
	err = m.work(ctx, func(c *control) error {
		clients, err := list[client](ctx, c, "listClients", func(a answer) json.RawMessage { return a.Data.Clients })
		if err != nil {
			return err
		}
		roles, err := list[role](ctx, c, "listRoles", func(a answer) json.RawMessage { return a.Data.Roles })
		if err != nil {
			return err
		}
		have := map[string]client{}
		for _, x := range clients {
			have[x.Username] = x
		}
		known := map[string]role{}
		for _, r := range roles {
			known[r.RoleName] = r
		}
		if err := m.fixed(ctx, c, have, known); err != nil {
			return err
		}
		ch, err = m.signs(ctx, c, want, have, known)
		return err
	})
	return ch, err
}

// fixed keeps the gateway's rights and the pairing user.
func (m *Mosquitto) fixed(ctx context.Context, c *control, have map[string]client, known map[string]role) error {
	commands := m.roleCommands(known, gatewayRole, gatewayRules())
	commands = append(commands, m.roleCommands(known, pairRole, pairRules())...)
	commands = append(commands, m.userCommands(have, pairUser, pairPassword, "", pairRole)...)
	if m.Gateway.User != m.Admin.User {
		commands = append(commands, m.userCommands(have, m.Gateway.User, m.Gateway.Password, "", gatewayRole)...)
	} else if !slices.Contains(have[m.Admin.User].Roles, roleRef{gatewayRole}) {
		commands = append(commands, command{Command: "addClientRole", Username: m.Admin.User, RoleName: gatewayRole})
	}
	_, err := c.do(ctx, []string{roleExists, clientExists, roleInUse}, commands...)
	return err
}

// signs lets the wanted signs in and takes away those of ours that are not
// wanted.
func (m *Mosquitto) signs(ctx context.Context, c *control, want map[string]devices.Login, have map[string]client, known map[string]role) (ch Changes, err error) {
	var commands []command
	for _, id := range slices.Sorted(maps.Keys(want)) {
		_, there := have[id]
		if want[id].Password == "" {
			if !there {
				ch.Unknown++
			}
			continue
		}
		more := m.put(want[id], have, known)
		switch {
		case len(more) == 0:
		case there:
			ch.Updated++
		default:
			ch.Added++
		}
		commands = append(commands, more...)
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, wanted := want[name]; wanted || !isID(name) || !strings.HasPrefix(have[name].TextDescription, m.site()+" ") {
			continue
		}
		ch.Removed++
		commands = append(commands, remove(name)...)
	}
	for _, name := range slices.Sorted(maps.Keys(known)) { // left by an interrupted removal
		id, ours := strings.CutPrefix(name, signRole)
		_, wanted := want[id]
		_, there := have[id]
		if ours && !wanted && !there && known[name].TextDescription == m.site() {
			commands = append(commands, command{Command: "deleteRole", RoleName: name})
		}
	}
	_, err = c.do(ctx, []string{clientNotFound, roleNotFound, roleExists, clientExists}, commands...)
	return ch, err
}

// put returns the commands that make the broker know a sign, none when it does.
func (m *Mosquitto) put(l devices.Login, have map[string]client, known map[string]role) []command {
	id := string(l.Sign)
	commands := m.roleCommands(known, signRole+id, signRules(id))
	return append(commands, m.userCommands(have, id, l.Password, id, signRole+id)...)
}

// roleCommands makes a role, or makes it anew when its rules differ.
func (m *Mosquitto) roleCommands(known map[string]role, name string, rules []rule) []command {
	r, there := known[name]
	switch {
	case !there:
		return []command{{Command: "createRole", RoleName: name, TextDescription: m.site(), ACLs: rules}}
	case !sameRules(r.ACLs, rules):
		return []command{{Command: "modifyRole", RoleName: name, TextDescription: m.site(), ACLs: rules}}
	}
	return nil
}

// userCommands makes a user, or mends what differs: password, client id, role.
func (m *Mosquitto) userCommands(have map[string]client, user, password, clientID, role string) []command {
	x, there := have[user]
	text := m.description(user, password)
	if !there {
		return []command{{Command: "createClient", Username: user, ClientID: clientID, Password: password,
			TextDescription: text, Roles: []roleRef{{role}}}}
	}
	var commands []command
	if x.TextDescription != text || x.Disabled || x.ClientID != clientID || !x.has(role) {
		// The password first: the mark says that it was set.
		commands = append(commands, command{Command: "setClientPassword", Username: user, Password: password})
		if x.ClientID != clientID {
			commands = append(commands, command{Command: "setClientId", Username: user, ClientID: clientID})
		}
		if x.Disabled {
			commands = append(commands, command{Command: "enableClient", Username: user})
		}
		commands = append(commands, command{Command: "modifyClient", Username: user, TextDescription: text, Roles: []roleRef{{role}}})
	}
	return commands
}

func remove(id string) []command {
	return []command{{Command: "deleteClient", Username: id}, {Command: "deleteRole", RoleName: signRole + id}}
}

// sameRules compares as sets: the plugin has an order of its own.
func sameRules(a, b []rule) bool {
	order := func(x, y rule) int {
		return strings.Compare(fmt.Sprint(x.Type, x.Topic, x.Priority, x.Allow), fmt.Sprint(y.Type, y.Topic, y.Priority, y.Allow))
	}
	return slices.Equal(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order))
}

// Put implements Broker.
func (m *Mosquitto) Put(ctx context.Context, l devices.Login) error {
	if err := checkLogin(l); err != nil {
		return err
	}
	if l.Password == "" {
		return ErrNoPassword
	}
	return m.work(ctx, func(c *control) error {
		id := string(l.Sign)
		a, err := c.do(ctx, []string{clientNotFound}, command{Command: "getClient", Username: id})
		if err != nil {
			return err
		}
		have := map[string]client{}
		if x := a[0].Data.Client; x != nil {
			have[id] = *x
		}
		// A role of that name can only be one that was left here: made anew.
		commands := append([]command{{Command: "createRole", RoleName: signRole + id, TextDescription: m.site(), ACLs: signRules(id)},
			{Command: "modifyRole", RoleName: signRole + id, TextDescription: m.site(), ACLs: signRules(id)}},
			m.userCommands(have, id, l.Password, id, signRole+id)...)
		_, err = c.do(ctx, []string{roleExists}, commands...)
		return err
	})
}

// Remove implements Broker; the plugin closes the session.
func (m *Mosquitto) Remove(ctx context.Context, id devices.SignID) error {
	if !isID(string(id)) {
		return nil
	}
	return m.work(ctx, func(c *control) error {
		_, err := c.do(ctx, []string{clientNotFound, roleNotFound}, remove(string(id))...)
		return err
	})
}
