package provision

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rabbitRun is a running Debian rabbitmq-server with its own state and ports.
type rabbitRun struct {
	t         *testing.T
	dir       string
	mqtt, api string
	dist      string
	cmd       *exec.Cmd
}

// startRabbit starts RabbitMQ, or skips the test. It takes half a minute.
func startRabbit(t *testing.T) *rabbitRun {
	t.Helper()
	if os.Getenv("DOORLEAF_SOAK") != "1" {
		t.Skip("only in make soak")
	}
	found, _ := filepath.Glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")
	if len(found) == 0 {
		t.Skip("rabbitmq-server is missing: install rabbitmq-server")
	}
	r := &rabbitRun{t: t, dir: t.TempDir(), mqtt: freeAddress(t), api: freeAddress(t), dist: freeAddress(t)}
	_, apiPort, _ := net.SplitHostPort(r.api)
	_, distPort, _ := net.SplitHostPort(r.dist)
	conf := fmt.Sprintf("listeners.tcp = none\nmqtt.listeners.tcp.1 = %s\nmqtt.allow_anonymous = false\n"+
		"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = %s\n", r.mqtt, apiPort)
	for name, text := range map[string]string{"rabbitmq.conf": conf, "plugins": "[rabbitmq_mqtt,rabbitmq_management].\n"} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, epmdPort, _ := net.SplitHostPort(freeAddress(t))
	r.cmd = exec.Command(found[len(found)-1])
	r.cmd.Env = append(os.Environ(), "HOME="+r.dir, "RABBITMQ_NODENAME=doorleaf"+distPort+"@localhost", "RABBITMQ_CONFIG_FILE="+filepath.Join(r.dir, "rabbitmq.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(r.dir, "plugins"), "RABBITMQ_MNESIA_BASE="+filepath.Join(r.dir, "mnesia"),
		"RABBITMQ_LOG_BASE="+filepath.Join(r.dir, "log"), "RABBITMQ_DIST_PORT="+distPort, "ERL_EPMD_PORT="+epmdPort, "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}")
	out, err := os.Create(filepath.Join(r.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r.cmd.Stdout, r.cmd.Stderr = out, out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Its own port mapper: one that RabbitMQ starts would outlive the test.
	epmd := exec.Command("epmd", "-port", epmdPort, "-address", "127.0.0.1")
	if err := epmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = epmd.Process.Kill(); _ = epmd.Wait() })
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) // the script and what it started
		_ = r.cmd.Wait()
		if t.Failed() {
			b, _ := os.ReadFile(filepath.Join(r.dir, "out"))
			t.Logf("rabbitmq: %s", b[max(0, len(b)-3000):])
		}
	})
	r.ready()
	return r
}

// ready waits until both ports answer.
func (r *rabbitRun) ready() {
	r.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatal("RabbitMQ does not start")
		}
		req, _ := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.api+"/api/overview", nil)
		req.SetBasicAuth("guest", "guest")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue
		}
		resp.Body.Close()
		c, err := net.Dial("tcp", r.mqtt)
		if err == nil && resp.StatusCode == http.StatusOK {
			c.Close()
			return
		}
	}
}

func (r *rabbitRun) provisioner(seed byte) *RabbitMQ {
	return &RabbitMQ{URL: "http://" + r.api, Admin: Account{"guest", "guest"}, Gateway: Account{"gateway", "gateway password"}, Seed: Seed{seed}}
}

func TestRabbitMQ(t *testing.T) {
	r := startRabbit(t)
	brokerSuite(t, r.mqtt, func(seed byte) Broker { return r.provisioner(seed) })

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := r.provisioner(1)
	b.Admin.Password = "wrong"
	_, err := b.Reconcile(ctx, nil)
	if !strings.Contains(fmt.Sprint(err), ErrRefused.Error()) {
		t.Errorf("wrong password: got %v, want %v", err, ErrRefused)
	}
	// Somebody widened what a sign may do: mended.
	a := signLogin(signA, "newsecretofA")
	guest := r.provisioner(1)
	wide := map[string]string{"configure": ".*", "write": ".*", "read": ".*"}
	if err := guest.call(ctx, http.MethodPut, "/api/permissions/%2F/"+signA, wide, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Changes{{Updated: 1}, {}} {
		if got, err := guest.Reconcile(ctx, toList(a)); err != nil || got != want {
			t.Errorf("after drift: got %+v, %v, want %+v", got, err, want)
		}
	}
}
