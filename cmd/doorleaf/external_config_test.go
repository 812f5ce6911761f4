package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorleaf/devices/mqttlink"
	"doorleaf/devices/provision"
	"doorleaf/render/lang"
)

func TestExternalConfig(t *testing.T) {
	const broker = "DOORLEAF_MQTT_URL=mqtts://broker.example.com:8883"
	for _, tt := range []struct {
		name string
		env  []string
		want string // in the error, "" for none
	}{
		{"user apart", []string{broker, "DOORLEAF_MQTT_USER=gateway", "DOORLEAF_MQTT_PASSWORD_FILE=f"}, ""},
		{"user twice", []string{"DOORLEAF_MQTT_URL=mqtts://u:hunter2@broker.example.com:8883", "DOORLEAF_MQTT_USER=gateway"}, "set one of them"},
		{"password twice", []string{"DOORLEAF_MQTT_URL=mqtts://u:hunter2@broker.example.com:8883", "DOORLEAF_MQTT_PASSWORD_FILE=f"}, "set one of them"},
		{"plain beyond this machine", []string{"DOORLEAF_MQTT_URL=mqtt://u:hunter2@broker.example.com:1883"}, "unencrypted"},
		{"plain allowed", []string{"DOORLEAF_MQTT_URL=mqtt://broker.example.com:1883", "DOORLEAF_MQTT_PLAIN=true"}, ""},
		{"plain on loopback, signs by TLS", []string{"DOORLEAF_MQTT_URL=mqtt://127.0.0.1:1883", "DOORLEAF_MQTT_SIGN_URL=mqtts://broker.example.com:8883"}, ""},
		{"plain for signs", []string{"DOORLEAF_MQTT_URL=mqtt://127.0.0.1:1883", "DOORLEAF_MQTT_SIGN_URL=mqtt://broker.example.com:1883"}, "DOORLEAF_MQTT_SIGN_URL"},
		{"WebSockets", []string{"DOORLEAF_MQTT_URL=wss://broker.example.com:443/mqtt", "DOORLEAF_MQTT_SIGN_URL=mqtts://broker.example.com:8883"}, ""},
		{"WebSockets for signs", []string{"DOORLEAF_MQTT_URL=wss://broker.example.com:443/mqtt"}, "DOORLEAF_MQTT_SIGN_URL"},
		{"no broker", []string{"DOORLEAF_MQTT_PROVISION=mosquitto"}, "DOORLEAF_MQTT_URL"},
		{"unknown keeper", []string{broker, "DOORLEAF_MQTT_PROVISION=emqx"}, "DOORLEAF_MQTT_PROVISION"},
		{"RabbitMQ without API", []string{broker, "DOORLEAF_MQTT_PROVISION=rabbitmq"}, "DOORLEAF_MQTT_ADMIN_URL"},
		{"RabbitMQ", []string{broker, "DOORLEAF_MQTT_PROVISION=rabbitmq", "DOORLEAF_MQTT_ADMIN_URL=https://broker.example.com:15671/signs"}, ""},
		{"API unencrypted", []string{broker, "DOORLEAF_MQTT_ADMIN_URL=http://broker.example.com:15672"}, "unencrypted"},
		{"API with a password", []string{broker, "DOORLEAF_MQTT_ADMIN_URL=https://u:hunter2@broker.example.com:15671"}, "DOORLEAF_MQTT_ADMIN_URL"},
		{"client id", []string{broker, "DOORLEAF_MQTT_CLIENT_ID=a b"}, "DOORLEAF_MQTT_CLIENT_ID"},
		{"address of signs with a path", []string{broker, "DOORLEAF_MQTT_SIGN_URL=mqtts://h:8883/x"}, "DOORLEAF_MQTT_SIGN_URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readConfig("serve", nil, tt.env, stdio{err: os.Stderr})
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want an error about %s", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Errorf("the password stands in %v", err)
			}
		})
	}
}

func TestAccountsAtABroker(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"one": "first\n", "two": "second", "none": "\n", "lines": "a\nb\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	account := func(user, password string) provision.Account {
		return provision.Account{User: user, Password: password}
	}
	for _, tt := range []struct {
		name           string
		url            string
		conf           externalConf
		gateway, admin provision.Account
		bad            bool
	}{
		{"from the URL", "mqtts://u:p@h:8883", externalConf{}, account("u", "p"), account("u", "p"), false},
		{"from files", "mqtts://h:8883", externalConf{user: "u", passwordFile: file("one"), adminUser: "root", adminPassword: file("two")}, account("u", "first"), account("root", "second"), false},
		{"one administrator for all", "mqtts://h:8883", externalConf{user: "u", passwordFile: file("one")}, account("u", "first"), account("u", "first"), false},
		{"empty file", "mqtts://h:8883", externalConf{user: "u", passwordFile: file("none")}, account("", ""), account("", ""), true},
		{"two lines", "mqtts://h:8883", externalConf{user: "u", passwordFile: file("lines")}, account("", ""), account("", ""), true},
		{"no file", "mqtts://h:8883", externalConf{user: "u", adminPassword: file("gone")}, account("", ""), account("", ""), true},
		{"a name that breaks lines", "mqtts://h:8883", externalConf{user: "u\nroot"}, account("", ""), account("", ""), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, a, err := tt.conf.accounts(tt.url)
			if (err != nil) != tt.bad || (err == nil && (g != tt.gateway || a != tt.admin)) {
				t.Errorf("got %+v, %+v, %v", g, a, err)
			}
		})
	}
}

// Whatever can go wrong with a broker has a sentence in every language of /m.
func TestTroubleHasTexts(t *testing.T) {
	texts, err := lang.Load()
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, x := range []mqttlink.Trouble{mqttlink.TroubleAddress, mqttlink.TroubleRefused, mqttlink.TroubleSilent, mqttlink.TroubleAuthority,
		mqttlink.TroubleName, mqttlink.TroubleExpired, mqttlink.TroubleNoTLS, mqttlink.TroubleTLS, mqttlink.TroubleClosed, mqttlink.TroubleLogin,
		mqttlink.TroubleID, mqttlink.TroubleVersion, mqttlink.TroubleNotReady, mqttlink.TroubleRights, mqttlink.TroubleOf(errors.New("x"))} {
		keys = append(keys, "broker.trouble."+string(x))
	}
	for _, end := range []string{"unreachable", "refused", "plugin", "other"} {
		keys = append(keys, "broker.kept."+end)
	}
	for _, l := range []string{"en", "de", "ru"} {
		for _, key := range keys {
			if got := texts.Text(l, key); got == "" || got == key {
				t.Errorf("%s lacks %s", l, key)
			}
		}
	}
}
