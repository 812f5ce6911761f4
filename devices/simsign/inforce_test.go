package simsign_test

import (
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// A timeline whose due picture does not come out right does not take over: the
// one before stays in force, flips on, and the sign says what is wrong
// [DL-FLOW-5].
func TestFailingTimelineDoesNotTakeOver(t *testing.T) {
	for _, c := range []struct {
		name string
		want devices.ErrorCode
		edit func(*wire.Body, map[devices.ObjectHash][]byte)
	}{
		{"another digest", devices.ErrDigest, func(b *wire.Body, _ map[devices.ObjectHash][]byte) { b.Steps[0].Glass[0] ^= 1 }},
		{"no picture", devices.ErrObjectFormat, func(b *wire.Body, o map[devices.ObjectHash][]byte) {
			junk := []byte("no object at all, but with the right hash")
			h := wire.HashObject(junk)
			o[devices.ObjectHash(h)] = junk
			b.Steps[0].Object, b.Steps[0].Size, b.Steps[0].Base = h, uint32(len(junk)), wire.Digest{}
		}},
		{"base that is not at hand", devices.ErrObjectBase, func(b *wire.Body, _ map[devices.ObjectHash][]byte) { b.Steps[0].Base = wire.Digest{9} }},
		{"object that is not to be had", devices.ErrObjectHash, func(b *wire.Body, _ map[devices.ObjectHash][]byte) { b.Steps[0].Object = wire.ObjectHash{9} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				d := s.door(alwaysOn)
				id := d.claim()
				begin := time.Now().Truncate(time.Second)
				old := s.show(id, 250, 122, time.Hour, 1, 2)
				s.confirmed(d, id, 1)

				s.core.mu.Lock()
				w := s.core.wants[id]
				tl := w.timeline
				tl.Seq, tl.Base = old+1, nil
				tl.Steps = []devices.Step{{From: begin, Until: begin.Add(3 * time.Hour), Picture: picture(250, 122, 7)}}
				bad, err := s.core.pack(tl)
				if err != nil {
					t.Fatal(err)
				}
				body, err := wire.ParseBody(bad.delivery.Body)
				if err != nil {
					t.Fatal(err)
				}
				c.edit(&body, bad.objects)
				if bad.delivery.Body, err = body.Append(nil); err != nil {
					t.Fatal(err)
				}
				s.core.wants[id] = bad
				link := s.core.link
				s.core.mu.Unlock()
				if err := link.Push(t.Context(), bad.delivery); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				s.core.mu.Lock()
				told := false
				for _, r := range s.core.reports {
					told = told || r.LastError == c.want && r.Seq == old && r.Shown == picture(250, 122, 1).Digest()
					if r.Seq > old {
						t.Errorf("the sign says that %d is in force", r.Seq)
					}
				}
				if n := len(s.core.reports); n > 20 {
					t.Errorf("%d reports in a minute: a storm", n)
				}
				s.core.wants[id] = w // the gateway gives it up
				s.core.mu.Unlock()
				if !told {
					t.Errorf("the sign does not tell error %d\n%s", c.want, d.log())
				}
				time.Sleep(time.Until(begin.Add(time.Hour + time.Second)))
				synctest.Wait()
				if got, want := d.Glass().Digest(), picture(250, 122, 2).Digest(); got != want {
					t.Errorf("an hour later the glass shows %x, want %x of the timeline before\n%s", got[:4], want[:4], d.log())
				}
				d.off()
			})
		})
	}
}
