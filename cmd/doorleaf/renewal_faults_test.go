package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/mqttlink"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/gateway"
)

// The power of the sign is cut once, or the gateway killed once, at every point
// that a renewal passes.
func TestRenewalSurvivesCuts(t *testing.T) {
	for _, on := range []bool{false, true} {
		for _, point := range renewal(t, on, func(*rig) {}) {
			t.Run(fmt.Sprint(on, " ", point), func(t *testing.T) {
				t.Parallel()
				renewal(t, on, func(r *rig) { r.breakAt(point) })
			})
		}
	}
}

// breakAt cuts the power of the sign once at a point of its own, or kills the
// gateway once at one of the gateway's.
func (r *rig) breakAt(point string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.HasPrefix(point, "sign:") {
		r.cut = point
	} else {
		r.die = point
	}
}

// Each message of a renewal is lost once, or comes twice.
func TestRenewalSurvivesTheNetwork(t *testing.T) {
	for _, on := range lives() {
		for _, name := range []string{"true hello", "true key", "false key", "false ack", "true shown"} {
			for n := 1; n <= 3; n++ {
				if n == 3 && !soak() {
					continue
				}
				for _, copies := range []int{0, 2} {
					t.Run(fmt.Sprint(on, " ", name, " ", n, " times ", copies), func(t *testing.T) {
						t.Parallel()
						renewal(t, on, func(r *rig) {
							r.mu.Lock()
							defer r.mu.Unlock()
							r.copies[fmt.Sprintf("%s#%d", name, n)] = copies
						})
					})
				}
			}
		}
	}
}

// bubble runs a test on a rig with a paired sign that shows its first picture.
func bubble(t *testing.T, change func(*rig), test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if change != nil {
			change(r)
		}
		untilMonday()
		r.up()
		r.pair()
		r.switchOn()
		defer r.end()
		r.until("first picture", time.Hour, r.right)
		test(t, r)
	})
}

// renew renews the secret by hand, to the end.
func (r *rig) renew() {
	r.t.Helper()
	before := r.keys().Number
	if err := r.house.core.RenewKey(r.t.Context(), renewalSign); err != nil {
		r.t.Fatal(err)
	}
	r.sign.Wake()
	r.until("renewed", renewalLimit, func() bool { k := r.keys(); return k.Number > before && k.Next == nil && k.Wanted == 0 })
	r.until("right picture", renewalLimit, r.right)
}

// A gateway that is restored from a backup of before the change still lets the
// sign in, and renews its secret once more.
func TestRenewalAndRestore(t *testing.T) {
	for _, on := range []bool{false, true} {
		bubble(t, func(r *rig) { r.opts.AlwaysOn = on }, func(t *testing.T, r *rig) {
			r.down()
			backup := r.keep()
			r.up()
			r.renew()
			r.down()
			copyFile(t, backup, r.file())
			for _, ending := range []string{"-wal", "-shm"} {
				if err := os.Remove(r.file() + ending); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
			}
			r.up()
			if k := r.keys(); k.Number != 0 || k.Next != nil {
				t.Fatalf("restored: %+v", k)
			}
			r.sign.Wake()
			r.until("right picture after the restore", renewalLimit, r.right)
			r.renew()
			if r.login(firstSecret()) {
				t.Error("the first password is let in again")
			}
		})
	}
}

// What is said again, or not signed with the key in use, changes nothing.
func TestForgedKeyMessages(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		_ = r.off()
		ask := wire.Key{Boot: 1, Counter: 1, Number: 1, Public: [32]byte{9}}
		old := manifestKey(t, firstSecret())
		forged := func(what string, m wire.Key) {
			t.Helper()
			before, count := r.keys(), r.house.link.Stats()
			r.publish(firstSecret(), wire.NameKey, &m)
			after, stats := r.keys(), r.house.link.Stats()
			if !reflect.DeepEqual(before, after) || stats.Keys != count.Keys || stats.Malformed != count.Malformed+1 {
				t.Errorf("%s: keys %+v, then %+v; %+v", what, before, after, stats)
			}
		}
		ask.Sign(old, string(renewalSign))
		forged("question for a secret that nobody wants", ask)
		if err := r.house.core.RenewKey(t.Context(), renewalSign); err != nil {
			t.Fatal(err)
		}
		if err := r.house.core.RenewKey(t.Context(), renewalSign); !errors.Is(err, gateway.ErrConflict) {
			t.Errorf("renewal during a renewal: %v", err)
		}
		bad := ask
		bad.MAC[0] ^= 1
		forged("wrong MAC", bad)
		bad = ask
		bad.Number = 2
		bad.Sign(old, string(renewalSign))
		forged("another number", bad)
		stored := wire.Key{Boot: 1, Counter: 2, Number: 1, Stored: true}
		stored.Sign(old, string(renewalSign))
		forged("stored before it was given", stored)
		if got := r.house.link.Stats().Forged; got != 1 {
			t.Errorf("%d forged messages counted, want 1", got)
		}

		r.publish(firstSecret(), wire.NameKey, &ask)
		first := r.keys()
		r.publish(firstSecret(), wire.NameKey, &ask)
		if again := r.keys(); first.Next == nil || again.Next == nil || !bytes.Equal(first.Next.Secret, again.Next.Secret) {
			t.Fatal("the same question is answered by another secret")
		}
		other := ask
		other.Public[0]++
		other.Sign(old, string(renewalSign))
		r.publish(firstSecret(), wire.NameKey, &other)
		second := r.keys()
		if second.Next == nil || bytes.Equal(first.Next.Secret, second.Next.Secret) {
			t.Fatal("a question with another public key is answered by the same secret")
		}
		forged("stored, signed with the key in use", stored)
		fresh := manifestKey(t, second.Next.Secret)
		stored.Sign(fresh, string(renewalSign))
		r.publish(firstSecret(), wire.NameKey, &stored)
		if r.keys().Next.Stored.IsZero() {
			t.Fatal("not noted as stored")
		}
		forged("old question again, once another secret is stored", ask)
		if !r.login(second.Next.Secret) || !r.login(firstSecret()) || r.login(first.Next.Secret) {
			t.Error("want the stored secret and the one in use to be let in, and no other")
		}
		hello := wire.Hello{Boot: 7, Counter: 1, Width: 250, Height: 122, KeyNumber: 1}
		hello.Sign(fresh, string(renewalSign))
		r.publish(second.Next.Secret, wire.NameHello, &hello)
		if k := r.keys(); k.Number != 1 || k.Next != nil || r.login(firstSecret()) {
			t.Errorf("after a hello with the newer secret: %+v", k)
		}
	})
}

// A sign whose newer secret was lost goes on with the one in use; the gateway
// gives it another after a day.
func TestLostSecret(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		old := manifestKey(t, firstSecret())
		if err := r.house.core.RenewKey(t.Context(), renewalSign); err != nil {
			t.Fatal(err)
		}
		_ = r.off()
		ask := wire.Key{Boot: 1, Counter: 1, Number: 1, Public: [32]byte{9}}
		ask.Sign(old, string(renewalSign))
		r.publish(firstSecret(), wire.NameKey, &ask)
		stored := wire.Key{Boot: 1, Counter: 2, Number: 1, Stored: true}
		stored.Sign(manifestKey(t, r.keys().Next.Secret), string(renewalSign))
		r.publish(firstSecret(), wire.NameKey, &stored)
		r.switchOn() // and knows nothing of it
		r.until("another secret", 3*24*time.Hour, func() bool { return r.keys().Number == 2 })
	})
}

// A sign that is removed while its secret is renewed is out at once, with both
// secrets, and pairs anew.
func TestRemovedDuringRenewal(t *testing.T) {
	bubble(t, func(r *rig) {
		r.opts.AlwaysOn = true
		r.copies["false ack#3"] = 0
	}, func(t *testing.T, r *rig) {
		if err := r.house.core.RenewKey(t.Context(), renewalSign); err != nil {
			t.Fatal(err)
		}
		r.sign.Wake()
		r.until("secret on its way", renewalLimit, func() bool { k := r.keys(); return k.Next != nil || k.Number > 0 })
		if err := r.house.core.Unpair(t.Context(), renewalSign); err != nil {
			t.Fatal(err)
		}
		end := time.Now().Add(time.Hour)
		for len(r.house.core.Joinings(t.Context())) == 0 {
			if time.Now().After(end) {
				t.Fatal("the sign does not show a code")
			}
			time.Sleep(time.Second)
		}
		if r.login(firstSecret()) {
			t.Error("the removed sign is let in")
		}
	})
}

// Secrets are renewed by themselves when they are old, and not where the site
// says so.
func TestRenewalByAge(t *testing.T) {
	if got := gateway.DefaultSite().KeyDays; got != 90 {
		t.Errorf("secrets are renewed after %d days, want 90", got)
	}
	bubble(t, nil, func(t *testing.T, r *rig) {
		after := func(days int) {
			t.Helper()
			site, err := r.house.store.Site(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			site.KeyDays = days
			if err := r.house.store.SetSite(t.Context(), site); err != nil {
				t.Fatal(err)
			}
		}
		after(1)
		time.Sleep(22 * time.Hour)
		if k := r.keys(); k.Number != 0 || k.Wanted != 0 {
			t.Fatalf("after 22 hours: %+v", k)
		}
		r.until("renewed after a day", 4*time.Hour, func() bool { return r.keys().Number == 1 })
		after(0)
		time.Sleep(26 * time.Hour)
		if k := r.keys(); k.Number != 1 || k.Wanted != 0 {
			t.Errorf("renewed although it is switched off: %+v", k)
		}
	})
}

// A sign from a factory's file gets a secret of its own when it first calls.
func TestFactorySign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		untilMonday()
		r.up()
		csv := fmt.Sprintf("id,secret,model,serial,width,height\r\n%s,%x,%s,S-1,250,122\r\n", renewalSign, firstSecret(), renewalModel)
		if n, problems, err := r.house.core.ImportFactory(t.Context(), strings.NewReader(csv)); n != 1 || len(problems) != 0 || err != nil {
			t.Fatal(n, problems, err)
		}
		if n, problems, err := r.house.core.ImportFactory(t.Context(), strings.NewReader(csv)); n != 0 || err != nil ||
			len(problems) != 1 || problems[0] != (gateway.FactoryProblem{Line: 2, Fault: gateway.FaultKnown}) {
			t.Errorf("again: %d, %v, %v", n, problems, err)
		}
		r.switchOn()
		defer r.end()
		r.until("own secret", renewalLimit, func() bool { k := r.keys(); return k.Number == 1 && k.Factory && k.Next == nil })
		r.until("right picture", renewalLimit, r.right)
		if r.login(firstSecret()) {
			t.Error("the secret of the file is still let in")
		}
	})
}

// A broker that is not ours learns the newer password when the sign has stored
// it, and again until it answers; one whose passwords are kept by hand stops any
// renewal.
func TestRenewalAtAnotherBroker(t *testing.T) {
	var told []devices.Login
	bubble(t, func(r *rig) {
		r.change = func(o *gateway.Options, _ *mqttlink.Options) {
			o.NewPassword = func(_ context.Context, l devices.Login) error {
				told = append(told, l)
				if len(told) == 1 {
					return errors.New("the broker does not answer")
				}
				return nil
			}
		}
	}, func(t *testing.T, r *rig) {
		r.renew()
		c, err := r.house.store.Credential(t.Context(), renewalSign)
		if err != nil {
			t.Fatal(err)
		}
		if len(told) != 2 || told[0] != told[1] || told[1].Sign != renewalSign || told[1].PasswordHash != c.PasswordHash ||
			sha256.Sum256([]byte(told[1].Password)) != c.PasswordHash {
			t.Errorf("the broker was told %d times", len(told))
		}
	})
	bubble(t, func(r *rig) {
		r.change = func(o *gateway.Options, _ *mqttlink.Options) { o.FixedPasswords = true }
	}, func(t *testing.T, r *rig) {
		if err := r.house.core.RenewKey(t.Context(), renewalSign); !errors.Is(err, gateway.ErrInvalid) {
			t.Errorf("renewal: %v, want %v", err, gateway.ErrInvalid)
		}
	})
	bubble(t, func(r *rig) { r.opts.Capabilities = wire.CapAll }, func(t *testing.T, r *rig) {
		if err := r.house.core.RenewKey(t.Context(), renewalSign); !errors.Is(err, gateway.ErrInvalid) {
			t.Errorf("renewal of a sign that cannot: %v, want %v", err, gateway.ErrInvalid)
		}
	})
}
