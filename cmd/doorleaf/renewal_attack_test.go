package main

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"doorleaf/firmware-protocol/wire"
)

// Who overheard the password on plain TCP speaks as the sign at the worst moment
// of a renewal: the gateway has made the new secret, the sign does not have it.
// Whatever it says, the sign is not locked out [DL-KEY-8].
func TestOverheardPassword(t *testing.T) {
	bubble(t, func(r *rig) {
		r.copies["false key#1"], r.copies["false key#2"], r.copies["false key#3"] = 0, 0, 0
	}, func(t *testing.T, r *rig) {
		if err := r.house.core.RenewKey(t.Context(), renewalSign); err != nil {
			t.Fatal(err)
		}
		r.sign.Wake()
		r.until("secret on its way", renewalLimit, func() bool { return r.keys().Next != nil })
		_ = r.off()
		want, err := r.house.store.Want(t.Context(), renewalSign)
		if err != nil {
			t.Fatal(err)
		}
		before := r.keys()
		old := manifestKey(t, firstSecret()) // which the listener does not have
		overheard := wire.Hello{Boot: 98, Counter: 1, Epoch: want.Epoch, Seq: want.Seq, Width: 250, Height: 122, Model: renewalModel}
		overheard.Sign(old, string(renewalSign))
		counter := uint32(0)
		say := func(what string, edit func(*wire.Hello)) {
			t.Helper()
			counter++
			m := wire.Hello{Boot: 99, Counter: counter, Epoch: want.Epoch, Seq: want.Seq, Shown: wire.Digest(want.Steps[0].Digest), Width: 250, Height: 122, Model: renewalModel, Capabilities: wire.CapAll | wire.CapKeys}
			edit(&m)
			r.publish(firstSecret(), wire.NameHello, &m)
			if after := r.keys(); !reflect.DeepEqual(before, after) {
				t.Errorf("%s: keys %+v, then %+v", what, before, after)
			}
			if now, err := r.house.store.Want(t.Context(), renewalSign); err != nil || now.Epoch != want.Epoch {
				t.Errorf("%s: epoch %d, then %d, %v", what, want.Epoch, now.Epoch, err)
			}
			if !r.login(firstSecret()) {
				t.Errorf("%s: the sign is locked out", what)
			}
		}
		for _, number := range []uint32{1, 2, math.MaxUint32 - 1, math.MaxUint32} {
			say(fmt.Sprintf("number %d", number), func(m *wire.Hello) { m.KeyNumber = number })
			say(fmt.Sprintf("number %d with a MAC", number), func(m *wire.Hello) { m.KeyNumber, m.MAC = number, overheard.MAC })
		}
		say("number on its way, signed with the key in use", func(m *wire.Hello) {
			m.KeyNumber = 1
			m.Sign(old, string(renewalSign))
		})
		for _, epoch := range []uint32{want.Epoch + 1, math.MaxUint32 - 1, math.MaxUint32} {
			say(fmt.Sprintf("epoch %d", epoch), func(m *wire.Hello) { m.Epoch = epoch })
			say(fmt.Sprintf("epoch %d with a MAC", epoch), func(m *wire.Hello) { m.Epoch, m.MAC = epoch, overheard.MAC })
		}
		say("seq", func(m *wire.Hello) { m.Seq = math.MaxUint32 })
		say("what the sign said", func(m *wire.Hello) { *m = overheard })

		r.switchOn()
		r.until("renewed all the same", renewalLimit, func() bool { k := r.keys(); return k.Number == 1 && k.Next == nil })
		r.until("right picture", renewalLimit, r.right)
		if r.login(firstSecret()) {
			t.Error("the overheard password is let in after the renewal")
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, e := range r.events {
			if e.Event == "unpaired" {
				t.Error("the sign forgot who it is")
			}
		}
	})
}
