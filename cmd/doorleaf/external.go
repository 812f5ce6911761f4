package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"

	"doorleaf/devices"
	"doorleaf/devices/mqttlink"
	"doorleaf/devices/provision"
	"doorleaf/gateway"
	"doorleaf/gateway/admin"
	"doorleaf/gateway/sqlite"
)

// outside is a broker that is not ours.
type outside struct {
	url     string // without user name and password
	account provision.Account
	door    mqttlink.Door
	tls     *tls.Config
	keeper  *provision.Keeper // nil: somebody keeps the signs' users by hand
}

// brokerSeed is the name of the secret from which come the marks of what this
// gateway made at a broker.
const brokerSeed = "broker-seed"

// openOutside prepares the way to an external broker. It does not connect.
func openOutside(ctx context.Context, c *config, store *sqlite.Store, log *slog.Logger) (*outside, error) {
	u, err := url.Parse(c.mqttURL)
	if err != nil {
		return nil, errors.New("DOORLEAF_MQTT_URL: not a URL")
	}
	u.User = nil
	pool, err := rootCAs(c.caFile)
	if err != nil {
		return nil, err
	}
	o := &outside{url: u.String(), tls: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	o.door = mqttlink.Door{URL: c.external.signURL, TLS: o.tls}
	gw, admin, err := c.external.accounts(c.mqttURL)
	if err != nil {
		return nil, err
	}
	o.account = gw
	kept, err := keptBroker(ctx, c, o, admin, store)
	if err != nil || kept == nil {
		return o, err
	}
	o.keeper = provision.NewKeeper(provision.Options{Broker: kept, Source: store, Logger: log, Prove: o.door.Admits})
	return o, nil
}

// keptBroker is the broker whose users this gateway keeps, nil for none.
func keptBroker(ctx context.Context, c *config, o *outside, admin provision.Account, store *sqlite.Store) (provision.Broker, error) {
	if c.external.provision == provisionNone {
		return nil, nil
	}
	seed, err := seedOf(ctx, store)
	if err != nil {
		return nil, err
	}
	switch c.external.provision {
	case provisionMosquitto:
		return &provision.Mosquitto{Server: o.url, TLS: o.tls, Admin: admin, Gateway: o.account, Seed: seed}, nil
	case provisionRabbitMQ:
		u, err := url.Parse(c.external.adminURL)
		if err != nil {
			return nil, errors.New("DOORLEAF_MQTT_ADMIN_URL: not a URL")
		}
		return &provision.RabbitMQ{URL: u.Scheme + "://" + u.Host, VHost: strings.Trim(u.Path, "/"), TLS: o.tls, Admin: admin,
			Gateway: o.account, ClientID: c.external.clientID, Seed: seed}, nil
	}
	return &provision.Files{Folder: c.external.files, Gateway: o.account, ClientID: c.external.clientID, Seed: seed, Load: store.Logins}, nil
}

// seedOf returns this gateway's seed, made at the first need.
func seedOf(ctx context.Context, store *sqlite.Store) (seed provision.Seed, err error) {
	b, err := store.Secret(ctx, brokerSeed)
	if errors.Is(err, gateway.ErrNotFound) {
		_, _ = rand.Read(seed[:]) // never fails since Go 1.24
		return seed, store.SetSecret(ctx, brokerSeed, seed[:])
	}
	if err == nil && len(b) != len(seed) {
		err = fmt.Errorf("stored seed of %d bytes", len(b))
	}
	copy(seed[:], b)
	return seed, err
}

// options are those of a link to this broker.
func (o *outside) options(c *config, l *mqttlink.Options) {
	l.ServerSPKI = [32]byte{} // not our certificate: the link looks at the broker's
	l.BrokerURL, l.TLS, l.Door, l.ClientID = o.url, o.tls, o.door, c.external.clientID
	l.Username, l.Password = o.account.User, o.account.Password
}

// alwaysOn reports whether a sign said that it stays connected.
func (h *house) alwaysOn(ctx context.Context, id devices.SignID) bool {
	s, err := h.store.Sign(ctx, id)
	return err == nil && s.Hardware.AlwaysOn
}

// newPassword tells the broker the password of a renewed secret. The sign is
// connected now: logging in as it would push it out, so the broker is believed.
func (h *house) newPassword(ctx context.Context, l devices.Login) error {
	return h.outside.keeper.Put(ctx, l)
}

// passwordHook is newPassword where the gateway keeps a broker's users.
func (h *house) passwordHook() func(context.Context, devices.Login) error {
	if h.conf.mqttURL == "" || h.conf.external.provision == provisionNone {
		return nil
	}
	return h.newPassword
}

// externalBroker says how the broker stands, for the pages.
func (h *house) externalBroker() admin.ExternalBroker {
	s := h.link.State()
	b := admin.ExternalBroker{Connected: s.Connected, Since: s.Since, Trouble: string(s.Trouble)}
	if h.outside.keeper == nil {
		return b
	}
	k := h.outside.keeper.Status()
	b.Kept, b.KeptSince, b.Unknown = true, k.Since, k.Unknown
	switch {
	case k.Err == nil:
	case errors.Is(k.Err, provision.ErrUnreachable):
		b.KeptWhy = "unreachable"
	case errors.Is(k.Err, provision.ErrRefused):
		b.KeptWhy = "refused"
	case errors.Is(k.Err, provision.ErrNoPlugin):
		b.KeptWhy = "plugin"
	default:
		b.KeptWhy = "other"
	}
	return b
}

// outsideWire is a link that keeps the broker's users: a sign is let in before
// it is told who it is, and shut out when it is not ours any more.
type outsideWire struct {
	*mqttlink.Link
	keeper *provision.Keeper
	log    *slog.Logger
}

// Claim implements gateway.Link.
func (w outsideWire) Claim(ctx context.Context, j devices.Joining, id devices.SignID, secret []byte) error {
	cred := w.Credential(id, secret)
	err := w.keeper.Admit(ctx, devices.Login{Sign: id, Password: cred.Password, PasswordHash: cred.PasswordHash})
	if err != nil {
		err = fmt.Errorf("%w: %w", devices.ErrNotAdmitted, err)
	} else {
		err = w.Link.Claim(ctx, j, id, secret)
	}
	if err != nil { // it stays unpaired
		w.expel(context.WithoutCancel(ctx), id)
	}
	return err
}

// Remove implements gateway.Link. The sign is told first: without its user it is
// cut off. What the broker does not do now it does later; nothing of the sign is
// answered meanwhile.
func (w outsideWire) Remove(ctx context.Context, c devices.Credential) error {
	err := w.Link.Remove(ctx, c)
	w.expel(ctx, c.Sign)
	return err
}

func (w outsideWire) expel(ctx context.Context, id devices.SignID) {
	if err := w.keeper.Expel(ctx, id); err != nil {
		w.log.Warn("broker: sign not shut out yet", "sign", id, "err", err)
	}
}

// lists takes many signs at once; a broker whose users are kept here learns of
// them at once.
type lists struct {
	*gateway.Core
	keeper *provision.Keeper // nil for none
}

// ImportFactory implements admin.Lists.
func (l lists) ImportFactory(ctx context.Context, r io.Reader) (int, []gateway.FactoryProblem, error) {
	n, problems, err := l.Core.ImportFactory(ctx, r)
	if n > 0 && l.keeper != nil {
		l.keeper.Wake()
	}
	return n, problems, err
}

func (h *house) lists() lists {
	l := lists{Core: h.core}
	if h.outside != nil {
		l.keeper = h.outside.keeper
	}
	return l
}

// wire is what the core delivers through.
func (h *house) wire() gateway.Wire {
	if h.outside == nil || h.outside.keeper == nil {
		return h.link
	}
	// A broker that lost its users has lost the gateway too.
	h.link.OnTry(func(s mqttlink.State) {
		if s.Connected || s.Trouble == mqttlink.TroubleLogin || s.Trouble == mqttlink.TroubleRights {
			h.outside.keeper.Wake()
		}
	})
	return outsideWire{h.link, h.outside.keeper, h.log}
}
