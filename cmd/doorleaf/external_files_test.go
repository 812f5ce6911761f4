package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/mqttlink"
	"doorleaf/devices/provision"
)

// A mosquitto with files: the gateway writes them, something makes mosquitto
// read them again, and a sign is told who it is only when it has.
func TestBrokerFiles(t *testing.T) {
	t.Parallel()
	var folder string
	m := newMosquitto(t, func(dir string) []string {
		folder = filepath.Join(dir, "files")
		return []string{"password_file " + filepath.Join(folder, provision.MosquittoPasswords), "acl_file " + filepath.Join(folder, provision.MosquittoRights)}
	})
	c := newOutsideCase(t, m, m.file("cert.pem"), "-mqtt-provision", "files", "-mqtt-files", folder,
		"-mqtt-password-file", m.secret("gateway", brokerPassword))
	c.up()
	c.agreed(time.Time{})
	m.start()
	watched := make(chan struct{})
	t.Cleanup(func() { <-watched })
	go func() { // as a unit of systemd does
		defer close(watched)
		var last os.FileInfo
		for t.Context().Err() == nil {
			info, err := os.Stat(filepath.Join(folder, provision.MosquittoPasswords))
			if err == nil && (last == nil || !os.SameFile(info, last)) {
				last = info
				m.reload()
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	c.within("connected", func() bool { return c.house.link.State().Connected })
	c.switchOn()
	id := c.pair()
	c.right(id, "free")
	c.book("Meeting")
	c.right(id, "booked")
	password := c.password(id)
	if err := c.house.core.Unpair(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	c.within("the unpaired sign is refused", func() bool {
		client, err := c.client(string(id), string(id), password)
		if err == nil {
			client.Disconnect(1)
		}
		return err != nil
	})

	// The sign was refused until it forgot its identity: it pairs anew.
	c.right(c.pair(), "booked")
	c.noSecrets(password)
	c.off()
	c.down()

	// The same by hand.
	out := filepath.Join(c.dir, "by hand")
	var said, complaint bytes.Buffer
	args := []string{"broker-files", "-data", filepath.Join(c.dir, "gateway"), "-user", "gateway", "-password-file", m.file("gateway"), out}
	for i, want := range []string{"1 signs added, 0 changed, 0 removed", "0 signs added, 0 changed, 0 removed"} {
		said.Reset()
		if code := run(t.Context(), args, stdio{out: &said, err: &complaint}); code != 0 || !strings.Contains(said.String(), want) {
			t.Fatalf("run %d: got %d, %q, %q, want %q", i, code, said.String(), complaint.String(), want)
		}
	}
	for _, name := range []string{provision.MosquittoPasswords, provision.MosquittoRights, provision.EMQXUsers, provision.EMQXRights, provision.RabbitDefinitions} {
		a, err := os.ReadFile(filepath.Join(out, name))
		b, err2 := os.ReadFile(filepath.Join(folder, name))
		if err != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs from what the gateway keeps: %v, %v", name, err, err2)
		}
	}
	if code := run(t.Context(), []string{"broker-files", "-data", filepath.Join(c.dir, "nothing"), out}, stdio{out: &said, err: &complaint}); code != 1 {
		t.Errorf("without a database: got %d, want 1", code)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "nothing")); err == nil {
		t.Error("a data folder was made")
	}
}

// A broker that keeps another opinion: pairing says so and leaves nothing.
func TestPairingNeedsTheBroker(t *testing.T) {
	t.Parallel()
	m := dynamicSecurity(t)
	c := newOutsideCase(t, m, m.file("cert.pem"), "-mqtt-provision", "mosquitto", "-mqtt-password-file", m.secret("gateway", "the gateway's own"),
		"-mqtt-admin-user", "root", "-mqtt-admin-password-file", m.secret("root", brokerPassword))
	m.start()
	c.up()
	c.agreed(time.Time{})
	c.switchOn()
	j := c.joining()
	m.kill()
	c.within("the gateway sees that the broker is gone", func() bool { return c.house.link.State().Trouble == mqttlink.TroubleRefused })
	_, err := c.house.core.Pair(t.Context(), j.Code, "", killRoom)
	if !errors.Is(err, devices.ErrNotAdmitted) || strings.Contains(fmt.Sprint(err), brokerPassword) {
		t.Errorf("got %v, want an error without secrets", err)
	}
	if signs, err := c.house.store.Signs(t.Context()); err != nil || len(signs) != 0 {
		t.Errorf("got signs %v, %v, want none", signs, err)
	}
	m.start()
	c.within("the gateway is back", func() bool { return c.house.link.State().Connected })
	c.right(c.pair(), "free")
}
