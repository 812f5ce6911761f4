package simsign

import (
	"crypto/ecdh"
	"crypto/rand"
	"strings"
	"time"

	"doorleaf/firmware-protocol/wire"
)

const (
	attemptLife   = 9 * time.Minute  // then a new attempt with another code
	commitRepeat  = 5 * time.Second  // until the challenge comes
	commitRefresh = 60 * time.Second // while the code is shown
)

// pairing is one attempt to join a gateway. It outlives lost connections, so
// that an identity given meanwhile is not missed.
type pairing struct {
	nonce    string
	key      *ecdh.PrivateKey
	n1, n2   [32]byte
	hardware []byte
	code     string // empty until the challenge came
	spki     [32]byte
	until    time.Time
	repeat   time.Time // when to send the commitment (again)
}

// pairNow returns the attempt under way or begins one.
func (s *Sign) pairNow() *pairing {
	if s.pair != nil && time.Now().Before(s.pair.until) {
		s.pair.repeat = time.Time{}
		return s.pair
	}
	p := &pairing{nonce: strings.ToLower(rand.Text()[:wire.NonceLength]), until: time.Now().Add(attemptLife)}
	var err error
	if p.key, err = ecdh.X25519().GenerateKey(rand.Reader); err != nil {
		panic(err) // crypto/rand does not fail
	}
	_, _ = rand.Read(p.n1[:])
	hw := wire.Hardware{
		Model: s.opts.Panel.Model, Serial: s.opts.Serial, Firmware: s.runs().Version,
		Width: uint16(s.opts.Panel.Width), Height: uint16(s.opts.Panel.Height), AlwaysOn: s.opts.AlwaysOn,
		Capabilities: s.opts.Capabilities, BatteryMillivolts: s.millivolts(), SignalDBm: -61,
	}
	p.hardware, err = hw.Marshal()
	s.keep(err)
	s.pair = p
	return p
}

// pairStep does the next thing of a sign without identity.
func (s *Sign) pairStep(now time.Time) {
	p := s.pair
	if s.conn == nil || p == nil {
		return
	}
	if !p.until.After(now) {
		s.hangUp()
		s.pair = nil
		s.nextTry = time.Time{}
		return
	}
	if p.repeat.After(now) {
		return
	}
	p.repeat = now.Add(commitRepeat)
	public := p.key.PublicKey().Bytes()
	m := wire.PairCommit{Commitment: wire.PairCommitment(public, p.n1), Hardware: p.hardware}
	b, err := m.Marshal()
	if s.keep(err) {
		s.publish(wire.PairTopic(p.nonce, wire.NameCommit), wire.NameCommit, 1, b)
	}
}

// handlePairing takes a message of the gateway to a sign without identity.
func (s *Sign) handlePairing(m message) {
	if s.pair == nil || m.topic.Nonce != s.pair.nonce {
		return
	}
	switch m.topic.Name {
	case wire.NameChallenge:
		if c, err := wire.UnmarshalPairChallenge(m.payload); err == nil {
			s.challenged(c)
		}
	case wire.NameIdentity:
		if id, err := wire.UnmarshalPairIdentity(m.payload); err == nil {
			s.identified(id)
		}
	}
}

// challenged opens the commitment and shows the code that follows from all of
// it, the server's key included.
func (s *Sign) challenged(c wire.PairChallenge) {
	p := s.pair
	public := p.key.PublicKey().Bytes()
	p.n2, p.spki = c.N2, s.conn.spki
	code := wire.PairCode(p.spki, public, p.n1, p.n2, p.hardware)
	m := wire.PairReveal{Public: [32]byte(public), N1: p.n1}
	b, err := m.Marshal()
	if !s.keep(err) {
		return
	}
	if code != p.code {
		p.code = code
		s.drawCode(code, c.Address) // with the same code nothing is drawn anew
		s.emit(Event{Event: "pairing", Code: code})
	}
	p.repeat = time.Now().Add(commitRefresh)
	s.publish(wire.PairTopic(p.nonce, wire.NameReveal), wire.NameReveal, 1, b)
}

// identified takes the identity that somebody confirmed by the code.
func (s *Sign) identified(id wire.PairIdentity) {
	p := s.pair
	transcript := wire.PairTranscript(p.spki, p.key.PublicKey().Bytes(), p.n1, p.n2, p.hardware)
	secret, err := wire.OpenIdentity(p.key, transcript, id)
	if err != nil {
		s.emit(Event{Event: "error", Code: "identity", Error: err.Error()})
		return
	}
	keys, err := wire.DeriveKeys(secret, id.Sign)
	if err != nil {
		s.emit(Event{Event: "error", Code: "identity", Error: err.Error()})
		return
	}
	s.st.Sign, s.st.Secret, s.keys = id.Sign, secret, keys
	if s.conn.spki != [32]byte{} {
		s.st.Pin = s.conn.spki[:]
	}
	if err := s.save(); err != nil {
		s.st.Sign, s.st.Secret = "", nil
		s.keep(err)
		return
	}
	s.cut("identity.stored")
	s.emit(Event{Event: "paired"})
	s.hangUp()
	s.pair = nil
	s.rouse(s.wake)
}

// drawCode draws the pairing face.
func (s *Sign) drawCode(code, address string) {
	s.mu.Lock()
	drawPairing(&s.glass, code, s.opts.Serial, address)
	s.digest = wire.Digest{}
	err := s.saveGlass()
	s.mu.Unlock()
	s.keep(err)
	s.drawn = s.actual()
	s.st.Drawn = s.drawn[:]
	s.use(refreshCost)
	s.keep(s.save())
}
