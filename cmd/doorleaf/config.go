package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"doorleaf/gateway/connection"
)

// config is what the process needs to start; everything else is set in /m and
// stored. Each field has a flag and a DOORLEAF_ variable; a flag wins.
type config struct {
	data              string
	listen            string
	publicURL         string
	mqttListen        []string // mqtt:// or mqtts:// HOST:PORT
	mqttURL           string   // an external broker instead of the embedded one
	external          externalConf
	certificates      certificateConf
	adminPasswordFile string
	loginURL          string
	graphURL          string
	caFile            string
	tlsCertFile       string
	tlsKeyFile        string
	masterKeyFile     string
	behindProxy       bool
	plainMQTT         bool
	mqttTLSMin        uint16 // oldest version of signs at the embedded broker
	brokerInside      bool   // the embedded broker runs in this process, for demo and tests
	pollInterval      time.Duration
	notify            string // "", notifyOff, or the absolute URL Microsoft notifies
	logLevel          string
}

// setting is one line of the table that makes flags, variables and the
// documentation agree.
type setting struct {
	env, flag, fallback, help string
	set                       func(c *config, value string) error
}

func text(dst func(*config) *string) func(*config, string) error {
	return func(c *config, v string) error { *dst(c) = v; return nil }
}

func settings() []setting {
	return append([]setting{
		{"DOORLEAF_DATA", "data", "doorleaf-data", "data folder: database, keys; one gateway per folder", text(func(c *config) *string { return &c.data })},
		{"DOORLEAF_LISTEN", "listen", "127.0.0.1:8080", "HOST:PORT of /m; plain HTTP only on loopback", text(func(c *config) *string { return &c.listen })},
		{"DOORLEAF_PUBLIC_URL", "public-url", "", "address people open, without path (https://signs.example.com); default http://localhost:PORT", setPublicURL},
		{"DOORLEAF_MQTT_LISTEN", "mqtt-listen", "mqtts://:8883,mqtt://127.0.0.1:1883", "listeners of the embedded broker, separated by commas: mqtts://HOST:PORT, mqtt://HOST:PORT, or HOST:PORT (plain on loopback, else TLS)", setMQTTListen},
		{"DOORLEAF_MQTT_URL", "mqtt-url", "", "an external MQTT 3.1.1 broker instead of the embedded one: mqtt[s]://[USER:PASSWORD@]HOST:PORT or ws[s]://", setMQTTURL},
		{"DOORLEAF_MQTT_PLAIN", "mqtt-plain", "false", "allow unencrypted MQTT listeners beyond loopback", flagValue(func(c *config) *bool { return &c.plainMQTT })},
		{"DOORLEAF_ADMIN_PASSWORD_FILE", "admin-password-file", "", "creates the first administrator \"admin\" with the password in this file", text(func(c *config) *string { return &c.adminPasswordFile })},
		{"DOORLEAF_LOGIN_URL", "login-url", "", "login address of the custom cloud: scheme, host and port", setBase(func(c *config) *string { return &c.loginURL })},
		{"DOORLEAF_GRAPH_URL", "graph-url", "", "Graph address of the custom cloud: scheme, host and port, no version", setBase(func(c *config) *string { return &c.graphURL })},
		{"DOORLEAF_CA_FILE", "ca-file", "", "PEM file of further certificate authorities to trust for outgoing connections", text(func(c *config) *string { return &c.caFile })},
		{"DOORLEAF_TLS_CERT_FILE", "tls-cert-file", "", "PEM certificate chain for HTTPS of /m", text(func(c *config) *string { return &c.tlsCertFile })},
		{"DOORLEAF_TLS_KEY_FILE", "tls-key-file", "", "PEM key for HTTPS of /m", text(func(c *config) *string { return &c.tlsKeyFile })},
		{"DOORLEAF_BEHIND_PROXY", "behind-proxy", "false", "a proxy in front ends TLS: plain HTTP is allowed beyond loopback", flagValue(func(c *config) *bool { return &c.behindProxy })},
		{"DOORLEAF_MASTER_KEY_FILE", "master-key-file", "", "key that seals stored secrets; default DATA/master.key", text(func(c *config) *string { return &c.masterKeyFile })},
		{"DOORLEAF_POLL_INTERVAL", "poll-interval", "45s", "how often each room's calendar is asked for changes, 1s to 1h", setPoll},
		{"DOORLEAF_NOTIFY_URL", "notify-url", "", "https URL at which Microsoft reaches /graph/notifications of this gateway, or off; default PUBLIC_URL/graph/notifications when that is https and not loopback", setNotify},
		{"DOORLEAF_LOG_LEVEL", "log-level", "info", "debug, info, warn or error", text(func(c *config) *string { return &c.logLevel })},
	}, slices.Concat(tlsSettings(), externalSettings(), certificateSettings())...)
}

// readConfig reads flags and environment (lines NAME=value). Unknown DOORLEAF_
// variables are refused: a misspelt one would silently do nothing.
func readConfig(name string, args, environ []string, std stdio) (*config, error) {
	c := &config{}
	table := settings()
	env := map[string]string{}
	for _, line := range environ {
		key, value, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(key, "DOORLEAF_") || key == reservedVariable {
			continue
		}
		if !slices.ContainsFunc(table, func(s setting) bool { return s.env == key }) {
			return nil, fmt.Errorf("unknown variable %s; \"doorleaf %s -h\" lists the known ones", key, name)
		}
		env[key] = value
	}
	fs := flag.NewFlagSet("doorleaf "+name, flag.ContinueOnError)
	fs.SetOutput(std.err)
	values := make([]*string, len(table))
	for i, s := range table {
		values[i] = fs.String(s.flag, s.fallback, s.help+" ("+s.env+")")
	}
	if err := fs.Parse(args); err != nil {
		return nil, flag.ErrHelp
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for i, s := range table {
		if v := env[s.env]; v != "" && !given[s.flag] {
			*values[i] = v
		}
		if err := s.set(c, *values[i]); err != nil {
			return nil, fmt.Errorf("%s (flag -%s): %w", s.env, s.flag, err)
		}
	}
	return c, c.complete()
}

// reservedVariable is read by the tests of this program only.
const reservedVariable = "DOORLEAF_TEST_MAIN"

// complete fills what follows from other settings and checks what must agree.
func (c *config) complete() error {
	host, port, err := net.SplitHostPort(c.listen)
	if err != nil {
		return fmt.Errorf("DOORLEAF_LISTEN (flag -listen): want HOST:PORT, got %q", c.listen)
	}
	if (c.tlsCertFile == "") != (c.tlsKeyFile == "") {
		return errors.New("DOORLEAF_TLS_CERT_FILE and DOORLEAF_TLS_KEY_FILE belong together: set both or none")
	}
	if c.tlsCertFile == "" && !isLoopback(host) && !c.behindProxy && !c.certificates.acme {
		return fmt.Errorf("DOORLEAF_LISTEN=%s would serve /m unencrypted beyond this machine: set DOORLEAF_TLS_CERT_FILE and DOORLEAF_TLS_KEY_FILE, DOORLEAF_ACME=true, or DOORLEAF_BEHIND_PROXY=true when a proxy in front ends TLS", c.listen)
	}
	if c.behindProxy && c.tlsCertFile == "" && !isLoopback(host) && !strings.HasPrefix(c.publicURL, "https://") {
		return errors.New("DOORLEAF_BEHIND_PROXY needs DOORLEAF_PUBLIC_URL with https")
	}
	if c.publicURL == "" {
		scheme, name := "http", "localhost"
		if c.tlsCertFile != "" {
			scheme = "https"
			if !isLoopback(host) {
				if h, err := os.Hostname(); err == nil {
					name = h
				}
			}
		}
		c.publicURL = scheme + "://" + net.JoinHostPort(name, port)
	}
	if (c.loginURL == "") != (c.graphURL == "") {
		return errors.New("DOORLEAF_LOGIN_URL and DOORLEAF_GRAPH_URL belong together: set both or none")
	}
	for _, l := range c.mqttListen {
		u, _ := url.Parse(l)
		if c.mqttURL == "" && u.Scheme == "mqtt" && !isLoopback(u.Hostname()) && !c.plainMQTT {
			return fmt.Errorf("DOORLEAF_MQTT_LISTEN: %s would carry sign credentials unencrypted: use mqtts://, or DOORLEAF_MQTT_PLAIN=true", l)
		}
	}
	if err := c.external.complete(c); err != nil {
		return err
	}
	if err := c.certificates.complete(c); err != nil {
		return err
	}
	if c.masterKeyFile == "" {
		c.masterKeyFile = filepath.Join(c.data, "master.key")
	}
	return nil
}

// customCloud are the addresses of cloud "custom" from the environment.
func (c *config) customCloud() connection.Endpoints {
	return connection.Endpoints{Login: c.loginURL, Graph: c.graphURL}
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func setPublicURL(c *config, v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("want https://HOST[:PORT] without path, got %q", withoutPassword(v))
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return fmt.Errorf("%q: plain http is for localhost only", v) // holds no password: refused above
	}
	c.publicURL = u.Scheme + "://" + u.Host
	return nil
}

// withoutPassword is an address as an error may repeat it: what comes before
// the host is left out, also when the rest cannot be read.
func withoutPassword(v string) string {
	scheme, rest, ok := strings.Cut(v, "://")
	if !ok {
		scheme, rest = "", v
	}
	i := strings.LastIndexByte(rest, '@')
	if i < 0 {
		return v
	}
	if rest = "..." + rest[i:]; ok {
		return scheme + "://" + rest
	}
	return rest
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

func setMQTTListen(c *config, v string) error {
	for part := range strings.SplitSeq(v, ",") {
		part = strings.TrimSpace(part)
		if !strings.Contains(part, "://") {
			host, _, err := net.SplitHostPort(part)
			if err != nil {
				return fmt.Errorf("want mqtt[s]://HOST:PORT, got %q", withoutPassword(part))
			}
			if isLoopback(host) {
				part = "mqtt://" + part
			} else {
				part = "mqtts://" + part
			}
		}
		u, err := url.Parse(part)
		if err != nil || (u.Scheme != "mqtt" && u.Scheme != "mqtts") || u.Port() == "" || strings.Trim(u.Path, "/") != "" || u.User != nil {
			return fmt.Errorf("want mqtt[s]://HOST:PORT, got %q", withoutPassword(part))
		}
		c.mqttListen = append(c.mqttListen, u.Scheme+"://"+u.Host)
	}
	return nil
}

func setMQTTURL(c *config, v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	ok := err == nil && u.Hostname() != "" && isPort(u.Port()) && u.RawQuery == "" && u.Fragment == ""
	if ok {
		switch u.Scheme {
		case "mqtt", "mqtts":
			ok = strings.Trim(u.Path, "/") == ""
		case "ws", "wss":
		default:
			ok = false
		}
	}
	if !ok {
		return errors.New("want mqtt[s]://[USER:PASSWORD@]HOST:PORT or ws[s]://[USER:PASSWORD@]HOST:PORT/PATH")
	}
	c.mqttURL = v
	return nil
}

func setBase(dst func(*config) *string) func(*config, string) error {
	return func(c *config, v string) error {
		if v == "" {
			return nil
		}
		u, err := url.Parse(v)
		if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			return fmt.Errorf("want https://HOST[:PORT] without path, got %q", withoutPassword(v))
		}
		*dst(c) = u.Scheme + "://" + u.Host
		return nil
	}
}

func setPoll(c *config, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < time.Second || d > time.Hour {
		return fmt.Errorf("want a duration from 1s to 1h, got %q", v)
	}
	c.pollInterval = d
	return nil
}

// notifyOff as DOORLEAF_NOTIFY_URL turns change notifications off.
const notifyOff = "off"

// notificationPath is where Microsoft's change notifications arrive.
const notificationPath = "/graph/notifications"

func setNotify(c *config, v string) error {
	if v == "" || v == notifyOff {
		c.notify = v
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("want off or https://HOST[:PORT]/PATH, got %q", withoutPassword(v))
	}
	c.notify = v
	return nil
}

// notificationURL is where Microsoft may ring, "" when it cannot or must not.
// Microsoft notifies https addresses only, and none of this machine's own.
func (c *config) notificationURL() string {
	switch c.notify {
	case notifyOff:
		return ""
	case "":
		u, err := url.Parse(c.publicURL)
		if err != nil || u.Scheme != "https" || isLoopback(u.Hostname()) {
			return ""
		}
		return c.publicURL + notificationPath
	}
	return c.notify
}

func flagValue(dst func(*config) *bool) func(*config, string) error {
	return func(c *config, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("want true or false, got %q", v)
		}
		*dst(c) = b
		return nil
	}
}
