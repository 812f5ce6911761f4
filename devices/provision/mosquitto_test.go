package provision

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
)

// patience is how long a test waits for one thing that must come. Only a test
// that fails waits so long, and a machine that is busy with others may need much
// of it.
const patience = time.Minute

// mosquittoRun is a running Debian mosquitto.
type mosquittoRun struct {
	t    *testing.T
	dir  string
	addr string
	conf string
	cmd  *exec.Cmd
}

func mosquittoPaths(t *testing.T) (program, plugin string) {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		if _, err := os.Stat("/usr/sbin/mosquitto"); err != nil {
			t.Skip("mosquitto is missing: install mosquitto")
		}
		program = "/usr/sbin/mosquitto"
	}
	found, _ := filepath.Glob("/usr/lib/*/mosquitto_dynamic_security.so")
	if len(found) == 0 {
		t.Skip("mosquitto_dynamic_security.so is missing: install mosquitto")
	}
	return program, found[0]
}

// freeAddress returns a loopback address nobody listens on now. Its port lies
// below those that systems give to connections and to listeners without a number
// of their own, so it stays free while the server behind it is away.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000)))
		if err == nil {
			_ = l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port found")
	return ""
}

// startDynsec starts mosquitto with the plugin and nobody but an administrator.
func startDynsec(t *testing.T) *mosquittoRun {
	t.Helper()
	_, plugin := mosquittoPaths(t)
	r := &mosquittoRun{t: t, dir: t.TempDir(), addr: freeAddress(t)}
	host, port, _ := net.SplitHostPort(r.addr)
	r.conf = strings.Join([]string{"listener " + port + " " + host, "allow_anonymous false", "user root", "plugin " + plugin,
		"plugin_opt_config_file " + filepath.Join(r.dir, "dynsec.json"), "log_type all", ""}, "\n")
	r.forget()
	r.start()
	return r
}

// forget makes the plugin's state what mosquitto_ctrl makes at first.
func (r *mosquittoRun) forget() {
	hash, err := mosquittoHash("root password", []byte("twelve bytes"), signRounds)
	if err != nil {
		r.t.Fatal(err)
	}
	parts := strings.Split(hash, "$")
	admin := []map[string]any{}
	for _, acl := range []string{"publishClientSend", "publishClientReceive", "subscribePattern"} {
		admin = append(admin, map[string]any{"acltype": acl, "topic": "$CONTROL/dynamic-security/#", "allow": true})
	}
	state := map[string]any{
		"clients": []any{map[string]any{"username": "root", "password": parts[4], "salt": parts[3], "iterations": signRounds,
			"roles": []any{map[string]any{"rolename": "admin"}}}},
		"roles": []any{map[string]any{"rolename": "admin", "acls": admin}},
		"defaultACLAccess": map[string]any{"publishClientSend": false, "publishClientReceive": true,
			"subscribe": false, "unsubscribe": true},
	}
	b, err := json.Marshal(state)
	if err == nil {
		err = os.WriteFile(filepath.Join(r.dir, "dynsec.json"), b, 0o600)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *mosquittoRun) start() {
	r.t.Helper()
	program, _ := mosquittoPaths(r.t)
	file := filepath.Join(r.dir, "mosquitto.conf")
	if err := os.WriteFile(file, []byte(r.conf), 0o600); err != nil {
		r.t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(r.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	r.cmd = exec.Command(program, "-c", file)
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		r.kill()
		if r.t.Failed() {
			b, _ := os.ReadFile(filepath.Join(r.dir, "log"))
			r.t.Logf("mosquitto: %s", b[max(0, len(b)-4000):])
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", r.addr); err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			r.t.Fatal("mosquitto does not listen")
		}
	}
}

func (r *mosquittoRun) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

func (r *mosquittoRun) log() string {
	b, _ := os.ReadFile(filepath.Join(r.dir, "log"))
	return string(b)
}

// mqttUser is a client that may be refused.
type mqttUser struct{ mqtt.Client }

// login connects as a client would.
func login(t *testing.T, addr, id, user, password string) (mqttUser, error) {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("mqtt://" + addr).SetClientID(id).SetUsername(user).SetPassword(password).
		SetProtocolVersion(4).SetAutoReconnect(false).SetConnectTimeout(patience).SetWriteTimeout(patience))
	tok := c.Connect()
	if !tok.WaitTimeout(2 * patience) {
		t.Fatal("no answer to CONNECT")
	}
	if tok.Error() == nil {
		t.Cleanup(func() { c.Disconnect(1) })
	}
	return mqttUser{c}, tok.Error()
}

// may reports whether the broker grants the subscription; a broker that closes
// the connection instead refuses.
func (u mqttUser) may(filter string, got chan<- string) bool {
	tok := u.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) {
		if got != nil {
			got <- m.Topic()
		}
	})
	if !tok.WaitTimeout(patience) || tok.Error() != nil {
		return false
	}
	return tok.(*mqtt.SubscribeToken).Result()[filter] <= 2
}

func signLogin(id, password string) devices.Login {
	return devices.Login{Sign: devices.SignID(id), Password: password, PasswordHash: sha256.Sum256([]byte(password))}
}

const (
	signA = "aaaaaaaaaaaaaaaa"
	signB = "bbbbbbbbbbbbbbbb"
	signC = "cccccccccccccccc"
)

func (r *mosquittoRun) provisioner(seed byte) *Mosquitto {
	return &Mosquitto{Server: "mqtt://" + r.addr, Admin: Account{"root", "root password"},
		Gateway: Account{"gateway", "gateway password"}, Seed: Seed{seed}}
}

func TestMosquitto(t *testing.T) {
	t.Parallel()
	r := startDynsec(t)
	brokerSuite(t, r.addr, func(seed byte) Broker { return r.provisioner(seed) })
	if strings.Contains(r.log(), "secret of") {
		t.Error("a password stands in the broker's log")
	}
}

// brokerSuite is what every kind of broker has to do.
func brokerSuite(t *testing.T, addr string, open func(seed byte) Broker) {
	b := open(1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*patience) // for all of it
	defer cancel()
	reconcile := func(want Changes, logins ...devices.Login) {
		t.Helper()
		got, err := b.Reconcile(ctx, logins)
		if err != nil || got != want {
			t.Fatalf("Reconcile: got %+v, %v, want %+v", got, err, want)
		}
	}
	in := func(id, password string) error {
		t.Helper()
		u, err := login(t, addr, id, id, password)
		if err == nil {
			u.Disconnect(50)
		}
		return err
	}
	a, bb := signLogin(signA, "secretofA"), signLogin(signB, "secretofB")
	reconcile(Changes{Added: 2}, a, bb)
	reconcile(Changes{}, a, bb)
	if err := in(signA, "secretofA"); err != nil {
		t.Errorf("sign is refused: %v", err)
	}
	if err := in(signA, "secretofB"); err == nil {
		t.Error("sign is let in with another's password")
	}
	topics(t, addr)
	pairing(t, addr)

	a.Password = "newsecretofA"
	reconcile(Changes{Updated: 1}, a, bb)
	if err := in(signA, "secretofA"); err == nil {
		t.Error("an old password is accepted")
	}
	if err := in(signA, "newsecretofA"); err != nil {
		t.Errorf("the new password is refused: %v", err)
	}

	// Another gateway leaves these signs alone.
	if got, err := open(2).Reconcile(ctx, []devices.Login{signLogin(signC, "secretofC")}); err != nil || got != (Changes{Added: 1}) {
		t.Errorf("another gateway's Reconcile: got %+v, %v", got, err)
	}
	if err := in(signB, "secretofB"); err != nil {
		t.Errorf("another gateway shut a sign out: %v", err)
	}

	live, err := login(t, addr, signB, signB, "secretofB")
	if err != nil {
		t.Fatal(err)
	}
	reconcile(Changes{Removed: 1}, a)
	if err := in(signB, "secretofB"); err == nil {
		t.Error("a removed sign is let in")
	}
	for end := time.Now().Add(patience); live.IsConnectionOpen(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a removed sign stays connected")
		}
	}
	if err := in(signC, "secretofC"); err != nil {
		t.Errorf("another gateway's sign was shut out: %v", err)
	}

	if err := b.Put(ctx, bb); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(ctx, bb); err != nil {
		t.Errorf("second Put: %v", err)
	}
	if err := in(signB, "secretofB"); err != nil {
		t.Errorf("sign after Put: %v", err)
	}
	reconcile(Changes{}, a, bb)
	for range 2 {
		if err := b.Remove(ctx, bb.Sign); err != nil {
			t.Errorf("Remove: %v", err)
		}
	}
	if err := in(signB, "secretofB"); err == nil {
		t.Error("a removed sign is let in")
	}
	reconcile(Changes{Unknown: 1}, a, devices.Login{Sign: signB})
	if _, err := b.Reconcile(ctx, []devices.Login{{Sign: "../../admin", Password: "x"}}); err == nil {
		t.Error("an id that is no sign's is accepted")
	}
}

// topics: a sign reaches its own topics and no others, whatever its client id.
func topics(t *testing.T, addr string) {
	t.Helper()
	gateway, err := login(t, addr, "gateway-aaaaaaaaaaaaaaaa", "gateway", "gateway password")
	if err != nil {
		t.Fatalf("the gateway is refused: %v", err)
	}
	got := make(chan string, 100)
	for _, f := range []string{"dl/1/+/u/+", "dl/1/pair/+/u/+"} {
		if !gateway.may(f, got) {
			t.Errorf("the gateway may not subscribe to %s", f)
		}
	}
	sign, err := login(t, addr, signA, signA, "secretofA")
	if err != nil {
		t.Fatal(err)
	}
	down := make(chan string, 100)
	if !sign.may("dl/1/"+signA+"/d/+", down) {
		t.Fatal("a sign may not subscribe to its own topics")
	}
	send(t, gateway, "dl/1/"+signA+"/d/want")
	expect(t, down, "dl/1/"+signA+"/d/want")
	send(t, sign, "dl/1/"+signA+"/u/hello")
	expect(t, got, "dl/1/"+signA+"/u/hello")
	for _, topic := range []string{"dl/1/" + signB + "/u/hello", "dl/1/" + signA + "/d/want", "dl/1/pair/" + signA + "/d/identity"} {
		u, err := login(t, addr, signA, signA, "secretofA") // a broker may close the connection for it
		if err != nil {
			t.Fatal(err)
		}
		send(t, u, topic)
	}
	select {
	case topic := <-got:
		t.Errorf("a sign may publish to %s", topic)
	case <-time.After(300 * time.Millisecond):
	}
	for _, filter := range []string{"dl/1/" + signB + "/d/+", "dl/1/+/d/+", "dl/1/#", "#", "dl/1/" + signA + "/#", "$CONTROL/#"} {
		u, err := login(t, addr, signA, signA, "secretofA")
		if err != nil {
			t.Fatal(err)
		}
		if u.may(filter, nil) {
			t.Errorf("a sign may subscribe to %s", filter)
		}
	}
	if u, err := login(t, addr, signB, signA, "secretofA"); err == nil && u.may("dl/1/"+signA+"/d/+", nil) {
		t.Error("a sign is served under another's client id")
	}
}

// pairing: whoever pairs reaches the topics of one nonce.
func pairing(t *testing.T, addr string) {
	t.Helper()
	const nonce = "dddddddddddddddd"
	for filter, want := range map[string]bool{"dl/1/pair/" + nonce + "/d/+": true, "dl/1/pair/+/d/+": false, "dl/1/pair/+/d/identity": false,
		"dl/1/pair/#": false, "dl/1/" + signA + "/d/+": false, "#": false} {
		u, err := login(t, addr, "pair-"+nonce, "pair", "pair")
		if err != nil {
			t.Fatalf("who pairs is refused: %v", err)
		}
		if got := u.may(filter, nil); got != want {
			t.Errorf("who pairs may subscribe to %s: got %v, want %v", filter, got, want)
		}
		u.Disconnect(50)
	}
}

// send publishes; a broker that may not deliver it still acknowledges, or
// closes the connection.
func send(t *testing.T, u mqttUser, topic string) {
	t.Helper()
	if tok := u.Publish(topic, 1, false, "x"); !tok.WaitTimeout(patience) {
		t.Logf("%s: not acknowledged", topic)
	}
}

func expect(t *testing.T, got <-chan string, want string) {
	t.Helper()
	select {
	case topic := <-got:
		if topic != want {
			t.Errorf("got %s, want %s", topic, want)
		}
	case <-time.After(patience):
		t.Errorf("nothing came on %s", want)
	}
}

func toList(logins ...devices.Login) []devices.Login { return logins }
