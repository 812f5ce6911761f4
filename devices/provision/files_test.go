package provision

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"doorleaf/devices"
)

// reloading makes a running mosquitto read its files again after each change,
// as what watches the folder does.
type reloading struct {
	*Files
	r *mosquittoRun
}

func (f reloading) reload(err error) error {
	if err == nil {
		err = f.r.cmd.Process.Signal(syscall.SIGHUP)
	}
	return err
}

func (f reloading) Reconcile(ctx context.Context, l []devices.Login) (Changes, error) {
	ch, err := f.Files.Reconcile(ctx, l)
	return ch, f.reload(err)
}

// A mosquitto with exported files lets signs in and keeps them apart.
func TestFilesOnMosquitto(t *testing.T) {
	t.Parallel()
	mosquittoPaths(t)
	r := &mosquittoRun{t: t, dir: t.TempDir(), addr: freeAddress(t)}
	host, port, _ := net.SplitHostPort(r.addr)
	r.conf = strings.Join([]string{"listener " + port + " " + host, "allow_anonymous false", "user root",
		"password_file " + filepath.Join(r.dir, MosquittoPasswords), "acl_file " + filepath.Join(r.dir, MosquittoRights), ""}, "\n")
	f := reloading{&Files{Folder: r.dir, Gateway: Account{"gateway", "gateway password"}, Seed: Seed{9}}, r}
	a, b := signLogin(signA, "secretofA"), signLogin(signB, "secretofB")
	if got, err := f.Files.Reconcile(t.Context(), toList(b, a)); err != nil || got != (Changes{Added: 2}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	r.start()

	gateway, err := login(t, r.addr, "gateway-aaaaaaaaaaaaaaaa", "gateway", "gateway password")
	if err != nil || !gateway.may("dl/1/+/u/+", nil) {
		t.Fatalf("the gateway is refused: %v", err)
	}
	sign, err := login(t, r.addr, signA, signA, "secretofA")
	if err != nil {
		t.Fatal(err)
	}
	spy := make(chan string, 10)
	// mosquitto grants every subscription and judges each message instead.
	if !sign.may("#", spy) {
		t.Fatal("subscription is refused")
	}
	send(t, gateway, "dl/1/"+signB+"/d/want")
	send(t, gateway, "dl/1/"+signA+"/d/want")
	expect(t, spy, "dl/1/"+signA+"/d/want")
	if _, err := login(t, r.addr, signA, signA, "secretofB"); err == nil {
		t.Error("a wrong password is accepted")
	}
	if _, err := login(t, r.addr, "pair-dddddddddddddddd", "pair", "pair"); err != nil {
		t.Errorf("who pairs is refused: %v", err)
	}

	a.Password = "newsecretofA"
	if got, err := f.Reconcile(t.Context(), toList(a)); err != nil || got != (Changes{Updated: 1, Removed: 1}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // mosquitto tells nobody when it is done
		_, err := login(t, r.addr, signA, signA, "newsecretofA")
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the new password is refused: %v", err)
		}
	}
	if _, err := login(t, r.addr, signA, signA, "secretofA"); err == nil {
		t.Error("an old password is accepted")
	}
	if _, err := login(t, r.addr, signB, signB, "secretofB"); err == nil {
		t.Error("a removed sign is let in")
	}
}

func TestFilesStayWhenNothingChanges(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	now := toList(signLogin(signA, "secretofA"))
	f := &Files{Folder: dir, Gateway: Account{"gateway", "gateway password"}, Seed: Seed{9},
		Load: func(context.Context) ([]devices.Login, error) { return slices.Clone(now), nil }}
	if err := f.Put(t.Context(), now[0]); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	if len(before) != 5 {
		t.Fatalf("got %d files, want 5", len(before))
	}
	for name, file := range before {
		if strings.Contains(file.text, "secretofA") || strings.Contains(file.text, "gateway password") {
			t.Errorf("%s holds a password", name)
		}
		if !strings.Contains(file.text, signA) && name != MosquittoRights && name != EMQXRights {
			t.Errorf("%s lacks the sign:\n%s", name, file.text)
		}
	}
	if got, err := f.Reconcile(t.Context(), now); err != nil || got != (Changes{}) {
		t.Errorf("got %+v, %v, want no change", got, err)
	}
	for name, file := range contents(t, dir) {
		if !os.SameFile(file.info, before[name].info) {
			t.Errorf("%s was written again", name)
		}
	}
	if err := f.Remove(t.Context(), signA); err != nil {
		t.Fatal(err)
	}
	for name, file := range contents(t, dir) {
		if strings.Contains(file.text, signA) {
			t.Errorf("%s still has the sign", name)
		}
	}
	// A hash without its password is enough for EMQX.
	old := devices.Login{Sign: signB, PasswordHash: sha256Of("p")}
	got, err := f.Reconcile(t.Context(), toList(old))
	if err != nil || got != (Changes{Unknown: 1}) {
		t.Errorf("got %+v, %v, want one unknown", got, err)
	}
	if file := contents(t, dir)[EMQXUsers]; !strings.Contains(file.text, signB+",148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940,,false\n") {
		t.Errorf("EMQX users:\n%s", file.text)
	}
	for _, l := range []devices.Login{{Sign: "root", Password: "x"}, {Sign: signA, Password: "x\nroot:x"}, {Sign: "aaaa:aaaa\naaaaaa", Password: "x"}} {
		if _, err := f.Reconcile(t.Context(), toList(l)); err == nil {
			t.Errorf("%q: accepted", l.Sign)
		}
	}
}

type written struct {
	text string
	info os.FileInfo
}

func contents(t *testing.T, dir string) map[string]written {
	t.Helper()
	files := map[string]written{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		info, err2 := e.Info()
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		files[e.Name()] = written{string(b), info}
	}
	return files
}
