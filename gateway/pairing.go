package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway/calendar"
)

// Limits of pairing.
const (
	maxJoining   = 64 // signs waiting at a time
	pairTries    = 8  // wrong codes ...
	pairInterval = 10 * time.Minute
)

// joinings holds the signs that wait for a person to confirm their code.
type joinings struct {
	mu    sync.Mutex
	m     map[string]devices.Joining // by nonce, guarded by mu
	wrong []wrongCode                // guarded by mu
	spent []spentCode                // oldest first, guarded by mu
	pair  sync.Mutex                 // one pairing at a time

	guesses devices.Incidents // codes typed when there were too many wrong ones
}

// wrongCode is one that no sign showed.
type wrongCode struct {
	code string
	at   time.Time
}

func (j *joinings) init() { j.m = map[string]devices.Joining{} }

// Joining notes a sign that shows a code. The oldest waiting sign gives way
// when too many wait.
func (c *Core) Joining(_ context.Context, in devices.Joining) error {
	j := &c.joining
	j.mu.Lock()
	defer j.mu.Unlock()
	j.expire(time.Now())
	if _, known := j.m[in.Nonce]; !known && len(j.m) >= maxJoining {
		oldest := ""
		for n, w := range j.m {
			if oldest == "" || w.Since.Before(j.m[oldest].Since) {
				oldest = n
			}
		}
		delete(j.m, oldest)
	}
	j.m[in.Nonce] = in
	c.watch.notify()
	return nil
}

// expire forgets what ran out; the caller holds mu.
func (j *joinings) expire(now time.Time) {
	for n, w := range j.m {
		if !w.Expires.After(now) {
			delete(j.m, n)
			j.spend(w.Code, "", w.Expires)
		}
	}
	j.wrong = slices.DeleteFunc(j.wrong, func(w wrongCode) bool { return now.Sub(w.at) > pairInterval })
	j.spent = slices.DeleteFunc(j.spent, func(s spentCode) bool { return now.Sub(s.at) > spentLife })
}

// Joinings lists the waiting signs, newest first. A page must not show their
// codes: typing the code is the proof of standing in front of the sign.
func (c *Core) Joinings(context.Context) []devices.Joining {
	j := &c.joining
	j.mu.Lock()
	defer j.mu.Unlock()
	j.expire(time.Now())
	var list []devices.Joining
	for _, w := range j.m {
		list = append(list, w)
	}
	slices.SortFunc(list, func(a, b devices.Joining) int { return b.Since.Compare(a.Since) })
	return list
}

// find returns the one waiting sign that shows code. With again, a wrong code
// that was given before does not count once more.
func (j *joinings) find(code string, now time.Time, again bool) (devices.Joining, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.expire(now)
	if len(j.wrong) >= pairTries {
		j.guesses.Add(devices.Incident{Kind: devices.CodeGuessing, Count: 1, First: now, Last: now})
		return devices.Joining{}, ErrTooMany
	}
	var found []devices.Joining
	for _, w := range j.m {
		if w.Code == code {
			found = append(found, w)
		}
	}
	if len(found) != 1 {
		if err := j.wasShown(code); err != nil {
			return devices.Joining{}, err
		}
		if !again || !slices.ContainsFunc(j.wrong, func(w wrongCode) bool { return w.code == code }) {
			j.wrong = append(j.wrong, wrongCode{code, now})
		}
		return devices.Joining{}, devices.ErrUnknownCode
	}
	return found[0], nil
}

// Pair makes the sign that shows code a sign of ours, with a name and a room
// (both may be empty). Blanks, dashes and case of the code do not matter. It
// fails with devices.ErrUnknownCode, a SpentCodeError, ErrTooMany or ErrNotFound
// (room).
func (c *Core) Pair(ctx context.Context, code, name string, room calendar.RoomID) (devices.SignID, error) {
	c.joining.pair.Lock()
	defer c.joining.pair.Unlock()
	j, err := c.joining.find(normalizeCode(code), time.Now(), false)
	if err != nil {
		return "", err
	}
	if room != "" {
		r, err := c.store.Room(ctx, room)
		if err != nil {
			return "", err
		}
		if name == "" {
			name = r.Name
		}
	}
	if err := c.forgetUnborn(ctx, j.Hardware); err != nil {
		return "", err
	}
	id, secret, err := newIdentity()
	if err != nil {
		return "", err
	}
	if name == "" {
		name = "Sign " + string(id[len(id)-4:])
	}
	s := Sign{ID: id, Name: name, Hardware: j.Hardware, PairedAt: time.Now(), Room: room}
	if err := c.store.AddSign(ctx, s, c.wire.Credential(id, secret)); err != nil {
		return "", fmt.Errorf("pair sign: %w", err)
	}
	if err := c.wire.Claim(ctx, j, id, secret); err != nil {
		// The sign never learned its name: take it back.
		return "", errors.Join(fmt.Errorf("tell sign %s: %w", id, err), c.store.RemoveSign(context.WithoutCancel(ctx), id))
	}
	c.joining.used(j, id)
	c.signs.entry(id)
	c.signs.bind(id, room)
	c.queue.put(job{sign: id}, true)
	c.watch.notify()
	c.log.Info("sign paired", "sign", id, "room", room, "model", j.Hardware.Model)
	return id, nil
}

// used takes a sign off the list that was paired.
func (j *joinings) used(in devices.Joining, id devices.SignID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.m, in.Nonce)
	j.spend(in.Code, id, time.Now())
}

// forgetUnborn removes signs with the same serial that were paired but never
// spoke: a pairing that broke off between our commit and the sign's.
func (c *Core) forgetUnborn(ctx context.Context, h devices.Hardware) error {
	if h.Serial == "" {
		return nil
	}
	signs, err := c.store.Signs(ctx)
	if err != nil {
		return err
	}
	for _, s := range signs {
		if s.Hardware.Serial != h.Serial || s.Hardware.Model != h.Model {
			continue
		}
		st, err := c.store.Status(ctx, s.ID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if st.LastSeen.IsZero() {
			if err := c.Unpair(ctx, s.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// normalizeCode reads a code as people type it (SPEC.md, DL-PAIR-4).
func normalizeCode(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-' || r == '\u00a0' || r == '\t':
			return -1
		case r == '1' || r == 'I' || r == 'i':
			return 'L'
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// newIdentity makes a sign's id (80 random bits) and secret (256).
func newIdentity() (devices.SignID, []byte, error) {
	b := make([]byte, 10+32)
	if _, err := rand.Read(b); err != nil {
		return "", nil, err
	}
	id := strings.ToLower(base32.StdEncoding.EncodeToString(b[:10]))
	return devices.SignID(id), b[10:], nil
}
