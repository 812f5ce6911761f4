package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/broker"
	"doorleaf/devices/mqttlink"
	"doorleaf/gateway"
	"doorleaf/gateway/admin"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/gateway/sqlite"
	"doorleaf/graphsync"
	"doorleaf/render"
	"doorleaf/render/lang"
)

// house holds the parts of one running gateway, opened in one straight line and
// closed in reverse order.
type house struct {
	conf      *config
	log       *slog.Logger
	store     *sqlite.Store
	watched   gateway.Watched // the store that tells the core what changed about rooms
	core      *gateway.Core
	broker    signBroker        // nil with an external broker
	incidents devices.Incidents // seen by the link and the pages
	authority *authority
	outside   *outside // nil with the embedded one
	link      *mqttlink.Link
	calendars *graphsync.Service
	admin     http.Handler
	web       net.Listener
	webFiles  *fileCertificate // of the pages; nil for plain HTTP and ACME
	setupURL  string           // one-time link for the first administrator, "" when there is one

	changeKey sync.Mutex    // held while the broker's key is changed
	changing  atomic.Bool   // it was, and the house is opened anew
	changed   chan struct{} // closed then

	closers []func() error
}

func (h *house) onClose(f func() error) { h.closers = append(h.closers, f) }

// close closes what was opened, last first.
func (h *house) close() {
	for _, f := range slices.Backward(h.closers) {
		if err := f(); err != nil {
			h.log.Error("close", "err", err)
		}
	}
}

func openHouse(ctx context.Context, c *config, log *slog.Logger) (*house, error) {
	h := &house{conf: c, log: log, changed: make(chan struct{})}
	for _, open := range []func(context.Context) error{
		h.openWeb, h.openStore, h.openAuthority, h.openCore, h.openBroker, h.openLink, h.openCalendars, h.openAdmin,
	} {
		if err := open(ctx); err != nil {
			h.close()
			return nil, err
		}
	}
	return h, nil
}

func (h *house) openStore(ctx context.Context) error {
	if err := os.MkdirAll(h.conf.data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	path := filepath.Join(h.conf.data, "doorleaf.db")
	key, err := sqlite.LoadKey(h.conf.masterKeyFile)
	if err != nil {
		return err
	}
	h.store, err = sqlite.Open(ctx, sqlite.Options{Path: path, Key: key, Logger: h.log, Fault: faultHook(ctx)})
	if err != nil {
		return err
	}
	h.onClose(h.store.Close)
	return nil
}

func (h *house) openCore(ctx context.Context) error {
	texts, err := lang.Load()
	if err != nil {
		return err
	}
	renderer, err := render.NewRenderer(texts)
	if err != nil {
		return err
	}
	floor, err := epochFloor(ctx, h.store)
	if err != nil {
		return err
	}
	keys, err := h.serverKeys()
	if err != nil {
		return err
	}
	h.core = gateway.New(gateway.Options{ServerKeys: keys, NextKey: h.nextKey(), Store: h.store, Renderer: renderer, Logger: h.log, Connected: h.connected, Address: h.place, Plain: h.plain, Around: h.around, EpochFloor: floor, ReadRelease: mqttlink.ReadRelease,
		NewPassword: h.passwordHook(), PasswordEnded: h.passwordEnded, FixedPasswords: h.conf.mqttURL != "" && h.conf.external.provision == provisionNone})
	h.watched = gateway.Watched{Store: h.store, Changed: h.core.AgendaChanged}
	return nil
}

// connected asks the embedded broker; with an external one nobody knows.
func (h *house) connected(id devices.SignID) bool {
	if h.broker == nil {
		return h.link.Connected(id)
	}
	return h.broker.Connected(id)
}

func (h *house) openBroker(ctx context.Context) error {
	var err error
	a := h.authority
	if h.conf.mqttURL != "" {
		h.outside, err = openOutside(ctx, h.conf, h.store, h.log)
		return err
	}
	if err := os.WriteFile(filepath.Join(h.conf.data, "ca.pem"), a.PEM(), 0o644); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	h.broker, err = openSignBroker(h.conf, broker.Options{Listen: h.conf.mqttListen, TLS: a.tlsConfig(),
		AllowPlain: h.conf.plainMQTT, Auth: h.core, Logger: h.log, Tickets: ticketStore{h.store}})
	if err != nil {
		h.broker = nil
		return fmt.Errorf("DOORLEAF_MQTT_LISTEN: %w", err)
	}
	h.onClose(h.broker.Close)
	return nil
}

// hostNames are the names and addresses under which signs may know this
// machine.
func (h *house) hostNames() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if u, err := url.Parse(h.conf.publicURL); err == nil {
		names = append(names, u.Hostname())
	}
	if n, err := os.Hostname(); err == nil {
		names = append(names, n)
	}
	for _, l := range h.conf.mqttListen {
		if u, err := url.Parse(l); err == nil && u.Hostname() != "" {
			names = append(names, u.Hostname())
		}
	}
	if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() {
				names = append(names, n.IP.String())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (h *house) openLink(ctx context.Context) error {
	o := mqttlink.Options{Gateway: h.core, Keys: h.core, Firmware: h.core, Pins: h.core, Logger: h.log, Fault: faultHook(ctx), PairPage: h.conf.pairPage()}
	var err error
	if o.ServerSPKI, err = h.authority.spki(); err != nil {
		return err
	}
	if h.broker != nil {
		o.Username, o.Password = h.broker.GatewayCredential()
		o.Dial = h.broker.GatewayConn
		o.Connected = h.broker.Connected
		o.Address = h.broker.Address
		o.Secure = h.broker.Secure
		o.KickSession = h.broker.Kick
	} else {
		h.outside.options(h.conf, &o)
		o.AlwaysOn = h.alwaysOn
	}
	o.Incident = h.incidents.Add
	h.link, err = mqttlink.New(o)
	if err != nil {
		return err
	}
	h.core.SetWire(h.wire())
	return nil
}

func (h *house) openCalendars(context.Context) error {
	pool, err := rootCAs(h.conf.caFile)
	if err != nil {
		return err
	}
	h.calendars, err = graphsync.New(graphsync.Options{
		Store: h.watched, Logger: h.log, RedirectURI: h.conf.publicURL + "/m", RootCAs: pool, NotificationURL: h.conf.notificationURL(),
		PollInterval: h.conf.pollInterval, Changed: h.core.AgendaChanged, Refreshed: h.agendaConfirmed,
		LoginURL: h.conf.loginURL, GraphURL: h.conf.graphURL, NotFound: gateway.ErrNotFound,
		SiteZone: h.siteZone, Tenants: h.tenants,
	})
	return err
}

func (h *house) agendaConfirmed(room calendar.RoomID) { h.core.AgendaConfirmed(room, time.Now()) }

// siteZone is the zone of rooms that name none.
func (h *house) siteZone() *time.Location {
	site, err := h.store.Site(context.Background())
	if err != nil {
		return time.UTC
	}
	return site.Location()
}

// tenants are the tenants that may be connected, none means any. While the
// database does not answer, nobody may connect.
func (h *house) tenants() []string {
	site, err := h.store.Site(context.Background())
	if err != nil {
		h.log.Error("read the allowed tenants", "err", err)
		return []string{"none"}
	}
	return site.Tenants
}

func (h *house) openAdmin(ctx context.Context) error {
	token, err := h.firstAccount(ctx)
	if err != nil {
		return err
	}
	texts, err := lang.Load()
	if err != nil {
		return err
	}
	info := admin.MQTTInfo{URLs: h.conf.mqttListen, CAFingerprint: h.authority.fingerprint(), CAPEM: h.authority.PEM(), OldTLS: h.conf.mqttTLSMin == tls.VersionTLS12}
	if h.outside != nil {
		info = admin.MQTTInfo{URLs: []string{h.outside.door.URL}, External: h.externalBroker}
	}
	h.admin, err = admin.New(admin.Options{
		Core: h.core, Firmware: h.core, Health: h.core, Lists: h.lists(), Calendars: calendars{h.calendars}, Store: h.watched, Catalogue: texts, Logger: h.log,
		PublicURL: h.conf.publicURL, Version: version(), SetupToken: token,
		CustomCloud: h.conf.customCloud(), MQTT: info, TLS: h.tlsLifetimes, ServerKeys: h.pinKeeper(),
	})
	if err == nil && token != "" {
		h.setupURL = h.conf.publicURL + "/m/setup?token=" + token
	}
	return err
}

// calendars adds the check of settings, which needs no service, to the service.
type calendars struct{ *graphsync.Service }

func (calendars) CheckSettings(s connection.Settings) error { return graphsync.CheckSettings(s) }

// firstAccount makes the first administrator from the password file, or
// returns a one-time token for making it in the browser.
func (h *house) firstAccount(ctx context.Context) (token string, err error) {
	n, err := h.store.CountAccounts(ctx)
	if err != nil || n > 0 {
		return "", err
	}
	if h.conf.adminPasswordFile == "" {
		return admin.NewToken(), nil
	}
	password, err := readPassword(h.conf.adminPasswordFile)
	if err != nil {
		return "", err
	}
	hash, err := admin.HashPassword(password)
	if err != nil {
		return "", err
	}
	_, err = h.store.AddFirstAccount(ctx, gateway.Account{Name: "admin", PasswordHash: hash})
	return "", err
}

// openWeb listens for the pages; nothing is answered before everything is open.
func (h *house) openWeb(context.Context) error {
	if h.conf.tlsCertFile != "" {
		files, err := openFileCertificate(h.conf.tlsCertFile, h.conf.tlsKeyFile, false, h.log)
		if err != nil {
			return fmt.Errorf("DOORLEAF_TLS_CERT_FILE, DOORLEAF_TLS_KEY_FILE: %w", err)
		}
		h.webFiles = files
	}
	l, err := net.Listen("tcp", h.conf.listen)
	if err != nil {
		return fmt.Errorf("DOORLEAF_LISTEN: %w", err)
	}
	h.web = l
	h.onClose(func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	if base, ok := strings.CutSuffix(h.conf.publicURL, ":0"); ok { // any free port
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return err
		}
		h.conf.publicURL = base + ":" + port
	}
	return nil
}

// announce logs where the gateway can be reached.
func (h *house) announce() {
	signs := h.conf.mqttURL
	if h.broker != nil {
		signs = strings.Join(h.broker.Addrs(), " ")
	} else if u, err := url.Parse(signs); err == nil {
		signs = u.Redacted()
	}
	h.log.Info("listening", "web", h.conf.publicURL+"/m", "mqtt", signs)
	if h.setupURL != "" {
		h.log.Info("create the first administrator", "open", h.setupURL)
	}
}
