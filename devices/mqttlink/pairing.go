package mqttlink

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

const (
	maxAttempts = 128
	attemptLife = 10 * time.Minute
)

// pairTable keeps the pairing attempts under way, in memory alone: a restart
// makes the signs begin again with another code.
type pairTable struct {
	mu       sync.Mutex
	attempts map[string]*attempt // guarded by mu, by nonce
	spent    map[[32]byte]string // guarded by mu, nonce of each commitment
}

// attempt is one sign that wants to join.
type attempt struct {
	nonce    string
	commit   wire.PairCommit
	since    time.Time
	n2       [32]byte
	spki     [32]byte
	public   [32]byte // zero until revealed
	n1       [32]byte
	code     string // empty until revealed
	identity []byte // the message, once claimed
}

// commit takes the opening message of an attempt and answers the challenge. A
// repeated one is answered alike; another one under the same nonce is refused.
func (l *Link) commit(ctx context.Context, nonce string, m wire.PairCommit, now time.Time) error {
	spki, err := l.keySeen(ctx, nonce)
	if err != nil {
		return err
	}
	a, err := l.pairs.open(nonce, m, spki, now)
	if errors.Is(err, errSpent) {
		l.count.replayed.Add(1)
		l.incident(devices.ReplayedMessage, "")
	}
	if err != nil {
		return err
	}
	msg, err := (&wire.PairChallenge{N2: a.n2, Address: l.opts.PairPage}).Marshal()
	if err != nil {
		return err
	}
	return l.publish(ctx, faultChallenge, wire.PairTopic(nonce, wire.NameChallenge), 1, msg)
}

// open returns the attempt of a commitment, a new one or the one under way.
func (p *pairTable) open(nonce string, m wire.PairCommit, spki [32]byte, now time.Time) (*attempt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, a := range p.attempts {
		if now.Sub(a.since) > attemptLife {
			delete(p.attempts, n)
		}
	}
	if a := p.attempts[nonce]; a != nil {
		if a.commit.Commitment != m.Commitment || string(a.commit.Hardware) != string(m.Hardware) || a.spki != spki {
			return nil, fmt.Errorf("%w: second commitment of one attempt", wire.ErrFormat)
		}
		return a, nil
	}
	if len(p.attempts) >= maxAttempts && !p.dropClaimed() {
		return nil, fmt.Errorf("%d signs are pairing already", len(p.attempts))
	}
	if !p.spend(m.Commitment, nonce) {
		return nil, errSpent
	}
	a := &attempt{nonce: nonce, commit: m, spki: spki, since: now}
	if _, err := rand.Read(a.n2[:]); err != nil {
		return nil, err
	}
	p.attempts[nonce] = a
	return a, nil
}

// dropClaimed makes room by forgetting the oldest attempt that came to its end;
// the caller holds mu.
func (p *pairTable) dropClaimed() bool {
	var oldest *attempt
	for _, a := range p.attempts {
		if a.identity != nil && (oldest == nil || a.since.Before(oldest.since)) {
			oldest = a
		}
	}
	if oldest == nil {
		return false
	}
	delete(p.attempts, oldest.nonce)
	return true
}

// reveal opens the commitment: the code is known now, and a person must type
// it. A sign that was claimed already gets its identity again.
func (l *Link) reveal(ctx context.Context, nonce string, m wire.PairReveal) error {
	a, err := l.pairs.reveal(nonce, m)
	if err != nil {
		return err
	}
	if a.identity != nil {
		return l.publishIdentity(ctx, a)
	}
	hw, err := wire.UnmarshalHardware(a.commit.Hardware)
	if err != nil {
		return err
	}
	l.count.pairings.Add(1)
	j := devices.Joining{
		Nonce: nonce, Code: a.code,
		Hardware: devices.Hardware{
			Model: hw.Model, Serial: hw.Serial, Firmware: hw.Firmware, Width: int(hw.Width), Height: int(hw.Height),
			AlwaysOn: hw.AlwaysOn, Capabilities: devices.Capabilities(hw.Capabilities),
		},
		Since: a.since, Expires: a.since.Add(attemptLife),
		BatteryMillivolts: int(hw.BatteryMillivolts), SignalDBm: int(hw.SignalDBm),
	}
	if l.opts.Address != nil {
		j.Address = l.opts.Address(nonce)
	}
	return l.opts.Gateway.Joining(ctx, j)
}

// reveal checks the opened commitment and computes the code. It returns a copy.
func (p *pairTable) reveal(nonce string, m wire.PairReveal) (attempt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.attempts[nonce]
	if a == nil {
		return attempt{}, fmt.Errorf("%w: reveal without commitment", wire.ErrFormat)
	}
	got := wire.PairCommitment(m.Public[:], m.N1)
	if subtle.ConstantTimeCompare(got[:], a.commit.Commitment[:]) != 1 {
		delete(p.attempts, nonce)
		return attempt{}, fmt.Errorf("%w: reveal does not open the commitment", wire.ErrFormat)
	}
	if a.code == "" {
		code := wire.PairCode(a.spki, m.Public[:], m.N1, a.n2, a.commit.Hardware)
		for _, other := range p.attempts {
			if other.code == code {
				delete(p.attempts, nonce)
				return attempt{}, fmt.Errorf("%w: code is shown by two signs", wire.ErrFormat)
			}
		}
		a.public, a.n1, a.code = m.Public, m.N1, code
	}
	return *a, nil
}

// Claim gives the joining sign its identity. It fails with
// devices.ErrUnknownCode when the attempt is gone or shows another code.
func (l *Link) Claim(ctx context.Context, j devices.Joining, id devices.SignID, secret []byte) error {
	l.pairs.mu.Lock()
	a := l.pairs.attempts[j.Nonce]
	if a == nil || a.code == "" || a.code != j.Code || a.identity != nil || time.Since(a.since) > attemptLife {
		l.pairs.mu.Unlock()
		return devices.ErrUnknownCode
	}
	claimed := *a
	l.pairs.mu.Unlock()
	transcript := wire.PairTranscript(claimed.spki, claimed.public[:], claimed.n1, claimed.n2, claimed.commit.Hardware)
	m, err := wire.SealIdentity(rand.Reader, claimed.public[:], transcript, string(id), secret)
	if err != nil {
		return fmt.Errorf("claim sign %s: %w", id, err)
	}
	if claimed.identity, err = m.Marshal(); err != nil {
		return fmt.Errorf("claim sign %s: %w", id, err)
	}
	if err := l.publishIdentity(ctx, claimed); err != nil {
		return fmt.Errorf("claim sign %s: %w", id, err)
	}
	l.pairs.mu.Lock()
	a.identity = claimed.identity
	l.pairs.mu.Unlock()
	return nil
}

func (l *Link) publishIdentity(ctx context.Context, a attempt) error {
	return l.publish(ctx, faultIdentity, wire.PairTopic(a.nonce, wire.NameIdentity), 1, a.identity)
}

// Credential derives a sign's credential from its secret of 32 bytes; one of
// another length gives a credential that authenticates nobody.
func (l *Link) Credential(id devices.SignID, secret []byte) devices.Credential {
	k, err := wire.DeriveKeys(secret, string(id))
	if err != nil {
		return devices.Credential{Sign: id}
	}
	return devices.Credential{Sign: id, PasswordHash: sha256.Sum256([]byte(k.Password)), ManifestKey: k.Manifest[:], Password: k.Password}
}
