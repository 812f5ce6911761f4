package simsign

import (
	"crypto/ecdh"
	"crypto/rand"
	"time"

	"doorleaf/firmware-protocol/wire"
)

// secret is one of a sign's two secrets [DL-KEY-6].
type secret struct {
	Number uint32 `json:"number,omitempty"`
	Secret []byte `json:"secret"`
}

// question is one for a newer secret; its key is made for it and lives no
// longer than the power.
type question struct {
	number uint32
	key    *ecdh.PrivateKey
}

// password chooses which secret the next connection uses: the preferred one,
// and after a refusal the other one.
func (s *Sign) password() (sec secret, keys wire.Keys, err error) {
	sec = secret{s.st.Key, s.st.Secret}
	if s.useSpare && s.st.Spare != nil {
		sec = *s.st.Spare
	}
	keys, err = wire.DeriveKeys(sec.Secret, s.st.Sign)
	return sec, keys, err
}

// loggedIn takes over the secret that was let in: only what is signed with its
// key counts from now on.
func (s *Sign) loggedIn(d dialed) {
	s.keys, s.keyNo = d.keys, d.secret.Number
	s.counted = [2]time.Time{}
	if s.st.Refused != [2]int{} {
		s.st.Refused = [2]int{}
		s.keep(s.save())
	}
	spare := s.useSpare
	s.useSpare = false
	if spare && s.st.Untold { // the gateway ended the older one already
		s.prefer(*s.st.Spare, secret{s.st.Key, s.st.Secret})
		s.keep(s.save())
	}
}

// prefer makes a the secret for the next connections, b the other one.
func (s *Sign) prefer(a, b secret) {
	s.st.Key, s.st.Secret, s.st.Spare, s.st.Untold = a.Number, a.Secret, &b, false
}

// turnedDown takes a refusal; it reports whether every secret was refused often
// enough to begin anew [DL-PAIR-9]. Those that follow another one too soon do not
// count: a broker that lost its users has them again once its gateway is back.
func (s *Sign) turnedDown(now time.Time) bool {
	i := 0
	if s.useSpare {
		i = 1
	}
	if last := s.counted[i]; last.IsZero() || now.Sub(last) >= s.opts.RefusalPause {
		s.counted[i] = now
		s.st.Refused[i]++
		s.keep(s.save())
	}
	if s.st.Spare == nil {
		return s.st.Refused[0] >= forgetAfter
	}
	s.useSpare = !s.useSpare
	return min(s.st.Refused[0], s.st.Refused[1]) >= forgetAfter
}

// afterRefusal says when to try again: with the other secret soon, and otherwise
// as after any failure, but no later than the next refusal counts.
func (s *Sign) afterRefusal(now time.Time) {
	if soon := now.Add(2 * time.Second); s.useSpare {
		s.nextTry = soon
	} else if counts := s.counted[0].Add(s.opts.RefusalPause); counts.Before(s.nextTry) {
		s.nextTry = counts
	}
	if s.opts.MaxRetry > 0 && s.nextTry.After(now.Add(s.opts.MaxRetry)) {
		s.nextTry = now.Add(s.opts.MaxRetry)
	}
}

// wanted takes the number of the secret that the gateway wants, from an ack
// [DL-KEY-1].
func (s *Sign) wanted(number uint32) {
	if number <= s.keyNo || s.opts.Capabilities&wire.CapKeys == 0 {
		return
	}
	if s.st.Untold && s.st.Spare.Number == number {
		return // it has that one and is about to say so
	}
	s.st.Untold = false // nobody waits for that one any more
	if q := s.question; q != nil && q.number == number {
		s.talk.asking = true
		return
	}
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if !s.keep(err) {
		return
	}
	s.question, s.talk.asking = &question{number, key}, true
}

// keyReport is what is to be said about secrets, nil for nothing: that one is
// stored, or a question for one.
func (s *Sign) keyReport() *report {
	m := wire.Key{Boot: s.boot}
	switch {
	case s.st.Untold && !s.talk.keyGivenUp:
		m.Number, m.Stored = s.st.Spare.Number, true
	case s.talk.asking && s.question != nil:
		m.Number, m.Public = s.question.number, [32]byte(s.question.key.PublicKey().Bytes())
	default:
		return nil
	}
	m.Counter = s.count()
	keys := s.keys
	if m.Stored {
		var err error
		if keys, err = wire.DeriveKeys(s.st.Spare.Secret, s.st.Sign); !s.keep(err) {
			return nil
		}
	}
	m.Sign(&keys.Manifest, s.st.Sign)
	b, err := m.Marshal()
	if !s.keep(err) {
		return nil
	}
	return &report{name: wire.NameKey, counter: m.Counter, boot: m.Boot, payload: b, asks: !m.Stored}
}

// unheard ends what was said about secrets without an answer: later again. A
// gateway restored from a backup may know nothing of a secret on its way, and
// everything else goes on without it.
func (s *Sign) unheard(p *report) {
	s.talk.pending, s.talk.asking, s.talk.keyGivenUp = nil, false, true
	if p.asks {
		return
	}
	if s.st.Tells++; s.st.Tells >= repeats {
		s.st.Untold, s.st.Tells = false, 0
	}
	s.keep(s.save())
}

// newKey takes the answer to the question: the secret is stored beside the one
// in use, and not used before the gateway knows that [DL-KEY-4].
func (s *Sign) newKey(payload []byte) {
	q := s.question
	if q == nil || s.st.Untold {
		return
	}
	m, err := wire.UnmarshalNewKey(payload)
	var sec []byte
	if err == nil {
		sec, err = wire.OpenKey(q.key, &s.keys.Manifest, s.st.Sign, q.number, m)
	}
	if err != nil {
		s.emit(Event{Event: "error", Code: "key", Error: err.Error()})
		return
	}
	before := s.st
	used := s.inUse()
	s.st.Key, s.st.Secret, s.st.Spare, s.st.Untold, s.st.Tells = used.Number, used.Secret, &secret{q.number, sec}, true, 0
	if !s.keep(s.save()) {
		s.st = before
		return
	}
	s.cut("key.stored")
	s.question, s.talk.asking = nil, false
	if p := s.talk.pending; p != nil && p.asks {
		s.talk.pending = nil
	}
}

// inUse is the secret the sign connected with.
func (s *Sign) inUse() secret {
	if sp := s.st.Spare; sp != nil && sp.Number == s.keyNo && s.st.Key != s.keyNo {
		return *sp
	}
	return secret{s.st.Key, s.st.Secret}
}

// told is the ack of the word that the newer secret is stored: it is used from
// the next connection on.
func (s *Sign) told() {
	if !s.st.Untold {
		return
	}
	before := s.st
	s.prefer(*s.st.Spare, secret{s.st.Key, s.st.Secret})
	if !s.keep(s.save()) {
		s.st = before
		return
	}
	s.cut("key.told")
	s.emit(Event{Event: "key", Number: s.st.Key})
	if s.opts.AlwaysOn {
		s.hangUp() // nothing else would make it connect anew
		s.nextTry = time.Time{}
	}
}
