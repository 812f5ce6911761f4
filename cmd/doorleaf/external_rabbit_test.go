package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// rabbit is Debian's RabbitMQ with its MQTT plugin and state of its own.
type rabbit struct {
	*mosquitto // its certificate and its folder
	program    string
	api        string
	env        []string
	process    *exec.Cmd
}

// newRabbit prepares one, in make soak only: it takes long to start.
func newRabbit(t *testing.T) *rabbit {
	t.Helper()
	if os.Getenv("DOORLEAF_SOAK") != "1" {
		t.Skip("only in make soak")
	}
	found, _ := filepath.Glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")
	if len(found) == 0 {
		t.Skip("rabbitmq-server is missing: install rabbitmq-server")
	}
	r := &rabbit{mosquitto: &mosquitto{t: t, dir: t.TempDir(), addr: freeAddress(t)}, program: found[len(found)-1], api: freeAddress(t)}
	r.certify()
	_, apiPort, _ := net.SplitHostPort(r.api)
	_, distPort, _ := net.SplitHostPort(freeAddress(t))
	_, mapperPort, _ := net.SplitHostPort(freeAddress(t))
	conf := fmt.Sprintf("listeners.tcp = none\nmqtt.listeners.tcp = none\nmqtt.listeners.ssl.1 = %s\nmqtt.allow_anonymous = false\n"+
		"ssl_options.certfile = %s\nssl_options.keyfile = %s\nssl_options.verify = verify_none\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = %s\n",
		r.addr, r.file("cert.pem"), r.file("key.pem"), apiPort)
	for name, text := range map[string]string{"rabbitmq.conf": conf, "plugins": "[rabbitmq_mqtt,rabbitmq_management].\n"} {
		if err := os.WriteFile(r.file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.env = append(os.Environ(), "HOME="+r.dir, "RABBITMQ_NODENAME=doorleaf"+distPort+"@localhost", "RABBITMQ_CONFIG_FILE="+r.file("rabbitmq.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+r.file("plugins"), "RABBITMQ_MNESIA_BASE="+r.file("mnesia"), "RABBITMQ_LOG_BASE="+r.file("logs"),
		"RABBITMQ_DIST_PORT="+distPort, "ERL_EPMD_PORT="+mapperPort, "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}")
	// Its own port mapper: one that RabbitMQ starts would outlive the test.
	mapper := exec.Command("epmd", "-port", mapperPort, "-address", "127.0.0.1")
	if err := mapper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.kill(); _ = mapper.Process.Kill(); _ = mapper.Wait() })
	return r
}

func (r *rabbit) start() {
	r.t.Helper()
	out, err := os.OpenFile(r.file("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer out.Close()
	r.process = exec.Command(r.program)
	r.process.Env, r.process.Stdout, r.process.Stderr = r.env, out, out
	r.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.process.Start(); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		req, _ := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.api+"/api/overview", nil)
		req.SetBasicAuth("guest", "guest")
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if c, err := net.Dial("tcp", r.addr); err == nil && resp.StatusCode == http.StatusOK {
				c.Close()
				return
			}
		}
		if time.Now().After(end) {
			r.t.Fatalf("RabbitMQ does not start: %s", r.log())
		}
	}
}

func (r *rabbit) kill() {
	if r.process != nil {
		_ = syscall.Kill(-r.process.Process.Pid, syscall.SIGKILL) // the script and what it started
		_ = r.process.Wait()
		r.process = nil
	}
}

func (r *rabbit) forget() {
	if err := os.RemoveAll(r.file("mnesia")); err != nil {
		r.t.Fatal(err)
	}
}

func TestRabbitMQ(t *testing.T) {
	r := newRabbit(t)
	c := newOutsideCase(t, r, r.file("cert.pem"), "-mqtt-provision", "rabbitmq", "-mqtt-password-file", r.secret("gateway", "the gateway's own"),
		"-mqtt-admin-url", "http://"+r.api, "-mqtt-admin-user", "guest", "-mqtt-admin-password-file", r.secret("guest", "guest"))
	c.life()
	c.noSecrets("the gateway's own")
}
