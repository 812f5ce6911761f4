package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/gateway/rollout"
)

// cMakerKey signs firmware in these tests.
var cMakerKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0x4d}, 32))

// buildCFirmware compiles the sign in C as small firmware for a slot.
func buildCFirmware(t *testing.T) []byte {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "firmware")
	compileCSign(t, binary, "-O0", "-s")
	image, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// release signs an image as firmware of that number and uploads it.
func (c *cHouse) release(number uint32, image []byte) devices.ObjectHash {
	c.t.Helper()
	r := wire.Release{Model: "296x128", Version: "test", Number: number, Size: uint32(len(image)), Image: sha256.Sum256(image)}
	err := r.Sign(cMakerKey)
	var file []byte
	if err == nil {
		file, err = r.Marshal()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.house.core.AddRelease(c.t.Context(), append(file, image...)); err != nil {
		c.t.Fatal(err)
	}
	if err := c.house.core.StartRollout(c.t.Context(), devices.ObjectHash(r.Image), c.id, 0); err != nil {
		c.t.Fatal(err)
	}
	return devices.ObjectHash(r.Image)
}

// rollout counts the signs with a release as the gateway knows them.
func (c *cHouse) rollout(image devices.ObjectHash) rollout.Count {
	c.t.Helper()
	views, err := c.house.core.Rollouts(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, v := range views {
		if v.Release.Image == image {
			return v.Count
		}
	}
	c.t.Fatal("the release is gone")
	return rollout.Count{}
}

// slots are the marks in the sign's storage: state, starts and number of each.
func (c *cHouse) slots() (slots [2][3]uint32) {
	b, err := os.ReadFile(filepath.Join(c.dir, "sign", "slots"))
	if err != nil || len(b) != 32 {
		return slots
	}
	for i := range slots {
		s := b[4+6*i:]
		slots[i] = [3]uint32{uint32(s[0]), uint32(s[1]), uint32(s[2]) | uint32(s[3])<<8}
	}
	return slots
}

// The sign in C pairs, shows, renews its secret, takes a firmware update, follows
// the calendar with it, and leaves a firmware that does not start; all against
// the gateway with its own broker over TLS.
func TestCSignRenews(t *testing.T) {
	t.Parallel()
	c := openCHouse(t, "mqtts", "-always-on", "-chunk", "4096", "-maker", hex.EncodeToString(cMakerKey.Public().(ed25519.PublicKey)))
	c.on()
	c.pair()
	c.right("free")
	old := c.key()
	if err := c.house.core.RenewKey(t.Context(), c.id); err != nil {
		t.Fatal(err)
	}
	c.nudge("the new secret is in use", func() bool {
		k, err := c.house.core.SignKeys(t.Context(), c.id)
		return err == nil && k.Number == 1 && k.Next == nil && len(c.sign.said("renewed")) == 1
	})
	if c.key() == old {
		t.Error("the secret is the old one")
	}
	c.book()
	c.right("booked")

	if err := c.house.core.AddMaker(t.Context(), "Test", hex.EncodeToString(cMakerKey.Public().(ed25519.PublicKey))); err != nil {
		t.Fatal(err)
	}
	good := c.release(2, buildCFirmware(t))
	c.nudge("the update is on trial or good", func() bool { return len(c.sign.said("restart")) == 1 })
	c.within("the new firmware checks in", func() bool {
		return len(c.sign.said("good")) == 1 && c.slots()[1] == [3]uint32{2, 1, 2} && c.rollout(good).Runs == 1
	})
	c.right("booked")
	c.sign.kill()
	c.on()
	c.right("booked")

	bad := c.release(3, append([]byte("#!/bin/false\n"), bytes.Repeat([]byte{'#'}, 5000)...))
	c.nudge("the bad one is started", func() bool { return c.sign.ended() })
	if got := c.slots(); got[0] != [3]uint32{1, 1, 3} || got[1][0] != 2 {
		t.Errorf("slots %v", got)
	}
	for range 2 {
		s := c.on()
		c.within("it ends at once", s.ended)
	}
	c.on()
	c.within("the one before is back, and the gateway knows", func() bool {
		return c.rollout(bad).Failed == 1 && len(c.sign.said("connected")) > 0
	})
	if codes := c.sign.errors(); !slices.Contains(codes, 15) || c.slots()[1] != [3]uint32{2, 1, 2} || c.slots()[0][0] != 0 {
		t.Errorf("errors %v, slots %v", codes, c.slots())
	}
	c.right("booked")
}

// nudge makes the sign call until something is so.
func (c *cHouse) nudge(what string, ok func() bool) {
	c.t.Helper()
	n := 0
	c.within(what, func() bool {
		if n++; n%25 == 1 {
			_, _ = c.sign.in.Write([]byte("wake\n"))
		}
		return ok()
	})
}

// The power is cut while firmware is pulled, before it is started, and in its
// trial; the sign ends with the new one, also without TLS, where the manifest is
// its check-in.
func TestCSignFirmwareCuts(t *testing.T) {
	t.Parallel()
	c := openCHouse(t, "mqtt", "-always-on", "-maker", hex.EncodeToString(cMakerKey.Public().(ed25519.PublicKey)))
	c.on()
	c.pair()
	c.right("free")
	if err := c.house.core.AddMaker(t.Context(), "Test", hex.EncodeToString(cMakerKey.Public().(ed25519.PublicKey))); err != nil {
		t.Fatal(err)
	}
	firmware := buildCFirmware(t)
	c.sign.kill() // else it may have all of it before the first cut
	image := c.release(2, firmware)
	for _, cut := range []string{"offer:1", "sent:20", "trial:1", "connected:1"} {
		c.sign.kill()
		s := c.on("-cut", cut)
		c.within("the power is cut at "+cut, s.ended)
	}
	c.on()
	c.within("the new firmware runs", func() bool { return c.slots()[1][0] == 2 && c.rollout(image).Runs == 1 })
	c.right("free")
}

// The sign in C renews its secret and takes firmware through Debian's mosquitto,
// whose passwords the gateway keeps.
func TestCSignRenewsOnMosquitto(t *testing.T) {
	t.Parallel()
	binary := buildCSign(t)
	m := dynamicSecurity(t)
	o := newOutsideCase(t, m, m.file("cert.pem"), "-mqtt-provision", "mosquitto", "-mqtt-password-file", m.secret("gateway", "the gateway's own"),
		"-mqtt-admin-user", "root", "-mqtt-admin-password-file", m.secret("root", brokerPassword))
	m.start()
	o.up()
	o.agreed(time.Time{})
	maker := hex.EncodeToString(cMakerKey.Public().(ed25519.PublicKey))
	c := &cHouse{t: t, binary: binary, office: o.office, dir: o.dir, house: o.house, listen: m.url(),
		extra: []string{"-always-on", "-ca", m.file("cert.pem"), "-maker", maker}}
	c.on()
	c.pair()
	c.right("free")
	if err := c.house.core.RenewKey(t.Context(), c.id); err != nil {
		t.Fatal(err)
	}
	c.nudge("the new secret is in use", func() bool {
		k, err := c.house.core.SignKeys(t.Context(), c.id)
		return err == nil && k.Number == 1 && k.Next == nil
	})
	if err := c.house.core.AddMaker(t.Context(), "Test", maker); err != nil {
		t.Fatal(err)
	}
	image := c.release(2, buildCFirmware(t))
	c.nudge("the new firmware runs", func() bool { return c.slots()[1] == [3]uint32{2, 1, 2} && c.rollout(image).Runs == 1 })
	c.right("free")
}

// compileCSign compiles the sign in C.
func compileCSign(t *testing.T, binary string, flags ...string) {
	t.Helper()
	args := append([]string{"-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I" + cFolder + "/sign", "-I" + cFolder, "-o", binary}, flags...)
	for _, pattern := range []string{"/sign/dl_*.c", "/sign/mbedtls/*.c", "/sign/openssl/*.c", "/sign/posix/*.c", "/panel/*.c", "/dl_*.c"} {
		files, err := filepath.Glob(cFolder + pattern)
		if err != nil || len(files) == 0 {
			t.Fatal("no sources", pattern, err)
		}
		args = append(args, files...)
	}
	args = append(args, "-lmosquitto", "-lmbedcrypto", "-lssl", "-lcrypto", "-lqrcodegen")
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
