package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"doorleaf/devices"
	"doorleaf/devices/broker"
)

// brokerCommand is the command line of the broker's process. It is not listed:
// serve starts it, and by hand it does nothing.
const brokerCommand = "broker"

// signBroker is the embedded broker, in this process or in one of its own.
type signBroker interface {
	Addrs() []string
	Connected(devices.SignID) bool
	Kick(devices.SignID)
	Forget(devices.SignID)
	Address(nonce string) string
	Secure(nonce string) bool
	Place(devices.SignID) string
	Plain(devices.SignID) bool
	GatewayCredential() (username, password string)
	GatewayConn() (net.Conn, error)
	Stats() broker.Stats
	Incidents() []devices.Incident
	Close() error
}

var _, _ signBroker = (*broker.Broker)(nil), (*broker.Process)(nil)

// passwordEnded makes the embedded broker ask which password of a sign counts.
func (h *house) passwordEnded(id devices.SignID) {
	if h.broker != nil {
		h.broker.Forget(id)
	}
}

// openSignBroker starts the embedded broker in a process of its own, so that it
// can end without the gateway, or, where the configuration says so, in this one.
func openSignBroker(c *config, o broker.Options) (signBroker, error) {
	o.TLS = o.TLS.Clone()
	o.TLS.MinVersion = c.mqttTLSMin
	if c.brokerInside {
		return broker.Open(o)
	}
	exe, err := thisProgram()
	if err != nil {
		return nil, err
	}
	return broker.Start(o, broker.Command{Path: exe, Args: []string{filepath.Base(os.Args[0]), brokerCommand}, Env: brokerEnvironment()})
}

// thisProgram is the file of the running program, also after an update has put
// another one in its place.
func thisProgram() (string, error) {
	const running = "/proc/self/exe"
	if _, err := os.Stat(running); err == nil {
		return running, nil
	}
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("program of the broker: %w", err)
	}
	return exe, nil
}

// brokerEnvironment is what the process gets of our variables: what the Go
// runtime reads, nothing of ours. The last makes a test's program be this one.
func brokerEnvironment() []string {
	env := []string{reservedVariable + "=1"}
	for _, name := range []string{"GODEBUG", "GOMAXPROCS", "GORACE", "GOCOVERDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}
