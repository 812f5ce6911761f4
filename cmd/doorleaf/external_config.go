package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"doorleaf/devices/provision"
)

// externalConf is about a broker that is not ours.
type externalConf struct {
	user          string
	passwordFile  string
	clientID      string
	signURL       string // where signs connect, when that differs from mqttURL
	provision     string // provisionNone, ...
	adminURL      string
	adminUser     string
	adminPassword string // file
	files         string // folder
}

// How the users of signs get to an external broker.
const (
	provisionNone      = ""          // by hand
	provisionMosquitto = "mosquitto" // dynamic security
	provisionRabbitMQ  = "rabbitmq"  // management API
	provisionFiles     = "files"
)

func externalSettings() []setting {
	ext := func(dst func(*externalConf) *string) func(*config, string) error {
		return text(func(c *config) *string { return dst(&c.external) })
	}
	return []setting{
		{"DOORLEAF_MQTT_USER", "mqtt-user", "", "user name at the external broker, instead of the one in its URL", ext(func(e *externalConf) *string { return &e.user })},
		{"DOORLEAF_MQTT_PASSWORD_FILE", "mqtt-password-file", "", "file with the password for it", ext(func(e *externalConf) *string { return &e.passwordFile })},
		{"DOORLEAF_MQTT_CLIENT_ID", "mqtt-client-id", "gateway", "first part of the client id at the external broker: a-z, 0-9 and hyphens", setClientID},
		{"DOORLEAF_MQTT_SIGN_URL", "mqtt-sign-url", "", "where signs reach the external broker, mqtt[s]://HOST:PORT, when that is not DOORLEAF_MQTT_URL", setSignURL},
		{"DOORLEAF_MQTT_PROVISION", "mqtt-provision", "", "who keeps the signs' users at the external broker: mosquitto (its dynamic-security plugin), rabbitmq (its management API), files, or nobody", setProvision},
		{"DOORLEAF_MQTT_ADMIN_URL", "mqtt-admin-url", "", "management API of RabbitMQ: https://HOST:PORT[/VHOST]; http on loopback only", setAdminURL},
		{"DOORLEAF_MQTT_ADMIN_USER", "mqtt-admin-user", "", "administrator of the external broker; default its user", ext(func(e *externalConf) *string { return &e.adminUser })},
		{"DOORLEAF_MQTT_ADMIN_PASSWORD_FILE", "mqtt-admin-password-file", "", "file with the administrator's password", ext(func(e *externalConf) *string { return &e.adminPassword })},
		{"DOORLEAF_MQTT_FILES", "mqtt-files", "", "folder for the broker's files; default DATA/broker", ext(func(e *externalConf) *string { return &e.files })},
	}
}

func setClientID(c *config, v string) error {
	if !regexp.MustCompile(`^[a-z0-9-]{1,20}$`).MatchString(v) {
		return fmt.Errorf("want 1 to 20 of a-z, 0-9 and hyphens, got %q", v)
	}
	c.external.clientID = v
	return nil
}

func setSignURL(c *config, v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "mqtt" && u.Scheme != "mqtts") || u.Hostname() == "" || !isPort(u.Port()) || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("want mqtt[s]://HOST:PORT, got %q", withoutPassword(v))
	}
	c.external.signURL = u.Scheme + "://" + u.Host
	return nil
}

func setProvision(c *config, v string) error {
	switch v {
	case provisionNone, provisionMosquitto, provisionRabbitMQ, provisionFiles:
		c.external.provision = v
		return nil
	}
	return fmt.Errorf("want mosquitto, rabbitmq, files or nothing, got %q", v)
}

func setAdminURL(c *config, v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.User != nil || strings.Count(strings.Trim(u.EscapedPath(), "/"), "/") > 0 {
		return fmt.Errorf("want https://HOST:PORT[/VHOST], got %q", withoutPassword(v))
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return fmt.Errorf("%q would carry the administrator's password unencrypted: use https", withoutPassword(v))
	}
	c.external.adminURL = v
	return nil
}

// complete fills what follows from other settings and checks what must agree.
func (e *externalConf) complete(c *config) error {
	if c.mqttURL == "" {
		for name, v := range map[string]string{"DOORLEAF_MQTT_PROVISION": e.provision, "DOORLEAF_MQTT_SIGN_URL": e.signURL, "DOORLEAF_MQTT_USER": e.user} {
			if v != "" {
				return fmt.Errorf("%s is about an external broker: set DOORLEAF_MQTT_URL too", name)
			}
		}
		return nil
	}
	u, err := url.Parse(c.mqttURL)
	if err != nil {
		return errors.New("DOORLEAF_MQTT_URL: not a URL")
	}
	_, inURL := u.User.Password()
	switch {
	case e.user != "" && u.User != nil:
		return errors.New("DOORLEAF_MQTT_USER and a user name in DOORLEAF_MQTT_URL: set one of them")
	case e.passwordFile != "" && inURL:
		return errors.New("DOORLEAF_MQTT_PASSWORD_FILE and a password in DOORLEAF_MQTT_URL: set one of them")
	case e.signURL == "" && (u.Scheme == "ws" || u.Scheme == "wss"):
		return errors.New("DOORLEAF_MQTT_URL is for WebSockets, which signs do not speak: set DOORLEAF_MQTT_SIGN_URL too")
	case e.provision == provisionRabbitMQ && e.adminURL == "":
		return errors.New("DOORLEAF_MQTT_PROVISION=rabbitmq needs DOORLEAF_MQTT_ADMIN_URL")
	case e.provision == provisionMosquitto && (u.Scheme == "ws" || u.Scheme == "wss"):
		return errors.New("DOORLEAF_MQTT_PROVISION=mosquitto needs an mqtt:// or mqtts:// DOORLEAF_MQTT_URL")
	}
	if e.signURL == "" {
		e.signURL = u.Scheme + "://" + u.Host
	}
	for name, v := range map[string]string{"DOORLEAF_MQTT_URL": c.mqttURL, "DOORLEAF_MQTT_SIGN_URL": e.signURL} {
		p, err := url.Parse(v)
		if err != nil || ((p.Scheme == "mqtt" || p.Scheme == "ws") && !isLoopback(p.Hostname()) && !c.plainMQTT) {
			return fmt.Errorf("%s: %s://%s would carry passwords unencrypted: use TLS, or DOORLEAF_MQTT_PLAIN=true", name, p.Scheme, p.Host)
		}
	}
	if e.files == "" {
		e.files = filepath.Join(c.data, "broker")
	}
	return nil
}

// accounts reads what the gateway logs in with and what it administers with.
func (e *externalConf) accounts(mqttURL string) (gateway, admin provision.Account, err error) {
	u, err := url.Parse(mqttURL)
	if err != nil {
		return gateway, admin, errors.New("DOORLEAF_MQTT_URL: not a URL")
	}
	gateway.User = u.User.Username()
	gateway.Password, _ = u.User.Password()
	if e.user != "" {
		gateway.User = e.user
	}
	if e.passwordFile != "" {
		if gateway.Password, err = readSecret("DOORLEAF_MQTT_PASSWORD_FILE", e.passwordFile); err != nil {
			return gateway, admin, err
		}
	}
	admin = gateway
	if e.adminUser != "" {
		admin = provision.Account{User: e.adminUser}
	}
	if e.adminPassword != "" {
		if admin.Password, err = readSecret("DOORLEAF_MQTT_ADMIN_PASSWORD_FILE", e.adminPassword); err != nil {
			return gateway, admin, err
		}
	}
	// A name becomes a line of files and a part of rules.
	if gateway.User != "" && !regexp.MustCompile(`^[A-Za-z0-9._@-]{1,64}$`).MatchString(gateway.User) {
		return gateway, admin, errors.New("user name at the external broker: want 1 to 64 letters, digits, or . _ @ -")
	}
	return gateway, admin, nil
}

// readSecret reads a password from a file.
func readSecret(setting, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", setting, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", fmt.Errorf("%s: %w", setting, err)
	}
	p := strings.TrimRight(string(b), "\r\n")
	if p == "" || strings.ContainsAny(p, "\r\n\x00") {
		return "", fmt.Errorf("%s: %s holds no password on one line", setting, file)
	}
	return p, nil
}
