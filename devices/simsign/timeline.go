package simsign

import (
	"errors"
	"slices"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

var (
	errPanel    = errors.New("manifest is for another panel")
	errConflict = errors.New("another manifest has the same number")
	errOld      = errors.New("manifest is older than the one in force")
	errNoBase   = errors.New("no picture at hand that the due one could be decoded on")
	errMissing  = errors.New("the gateway does not have an object that it named")
	errDigest   = errors.New("decoded picture has another digest")
)

// decoders are shared by the signs of a process: one is larger than the glass.
var decoders = sync.Pool{New: func() any { return wire.NewDecoder() }}

func isMAC(err error) bool { return errors.Is(err, wire.ErrMAC) }

// incoming is a manifest that was accepted and waits for the objects of its due
// picture; until then the old timeline goes on.
type incoming struct {
	body wire.Body
	raw  []byte
}

// actual is the digest of what the panel really shows.
func (s *Sign) actual() wire.Digest {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.digest.IsZero() {
		s.digest = s.glass.Digest()
	}
	return s.digest
}

// dueStep returns the step of b that belongs on the glass at t, nil before the
// first and, without a stale one, after the last.
func dueStep(b *wire.Body, t time.Time) *wire.Step {
	now := t.Unix()
	for i := range b.Steps {
		if now < b.Steps[i].Until {
			if now < b.Steps[i].From {
				return nil
			}
			return &b.Steps[i]
		}
	}
	return b.Stale
}

// all returns the steps of b with the stale one last.
func all(b *wire.Body) []wire.Step {
	if b.Stale == nil {
		return b.Steps
	}
	return append(b.Steps[:len(b.Steps):len(b.Steps)], *b.Stale)
}

// nextFlip is when another picture is due by the timeline, zero for never.
func (s *Sign) nextFlip() time.Time {
	if s.body == nil {
		return time.Time{}
	}
	now := s.now().Unix()
	for _, st := range s.body.Steps {
		if now < st.From {
			return s.machine(st.From)
		}
		if now < st.Until {
			return s.machine(st.Until)
		}
	}
	return time.Time{}
}

// chain returns the steps to decode one after the other to get from glass to
// target, target last. It fails with errNoBase.
func chain(steps []wire.Step, target wire.Step, glass wire.Digest) ([]wire.Step, error) {
	tried := map[wire.ObjectHash]bool{}
	var path func(wire.Step) []wire.Step
	path = func(t wire.Step) []wire.Step {
		if t.Base.IsZero() || t.Base == glass {
			return []wire.Step{t}
		}
		if tried[t.Object] {
			return nil
		}
		tried[t.Object] = true
		for _, b := range steps {
			if b.Glass != t.Base {
				continue
			}
			if p := path(b); p != nil {
				return append(p, t)
			}
		}
		return nil
	}
	if p := path(target); p != nil {
		return p, nil
	}
	return nil, errNoBase
}

// adopt puts an incoming timeline in force once its due picture can be drawn.
func (s *Sign) adopt() {
	in := s.incoming
	if in == nil {
		return
	}
	if due := dueStep(&in.body, s.now()); due != nil {
		glass := s.actual()
		if due.Glass != glass {
			path, err := chain(all(&in.body), *due, glass)
			if err != nil {
				s.fail(devices.ErrObjectBase, err)
				return
			}
			if slices.ContainsFunc(path, func(st wire.Step) bool { return !s.stored(st.Object) }) {
				return
			}
			if !s.prepare(path) {
				return
			}
		}
	}
	before := s.st
	s.st.Manifest, s.st.Epoch, s.st.Seq, s.st.LastError = in.raw, in.body.Epoch, in.body.Seq, 0
	if err := s.save(); err != nil { // what is not stored is not in force [DL-PWR-1]
		s.st = before
		s.fail(devices.ErrStorage, err)
		return
	}
	s.incoming, s.body = nil, &in.body
	s.held, s.parts, s.bad = nil, nil, nil
	s.drawn = s.actual()
	s.fresh = true
	s.keep(s.dropObjects())
	s.cut("manifest.stored")
}

// drawing is a picture that is decoded and not drawn yet.
type drawing struct {
	picture wire.Bitmap
	step    wire.Step
	glass   wire.Digest // it was decoded on
}

// prepare decodes the due picture of an incoming timeline: one that does not
// come out right leaves the timeline before in force [DL-FLOW-5].
func (s *Sign) prepare(path []wire.Step) bool {
	glass := s.actual()
	picture, code, err := s.decode(path)
	if err != nil {
		s.fail(code, err)
		return false
	}
	s.ready = &drawing{picture, path[len(path)-1], glass}
	return true
}

// fail gives an incoming timeline or the objects of the one in force up, and
// tells the gateway why: it sends others.
func (s *Sign) fail(code devices.ErrorCode, err error) {
	if s.incoming != nil && code != devices.ErrStorage {
		s.failed, s.failedAt = string(s.incoming.raw), time.Now()
	}
	s.incoming, s.parts = nil, nil
	s.talk.gaveUp, s.ready = true, nil
	s.talk.gets = nil
	s.remember(code, err)
	if code != devices.ErrStorage {
		s.keep(s.save())
	}
}

// flip draws what is due, if it is not on the glass and its objects are there.
func (s *Sign) flip() {
	if s.body == nil {
		return
	}
	defer func() { s.fresh = false }()
	due := dueStep(s.body, s.now())
	if due == nil || (due.Glass == s.drawn && !s.st.Drawing) || s.bad[due.Object] {
		return
	}
	glass := s.actual()
	if due.Glass == glass && !s.st.Drawing {
		s.drawn = glass
		s.st.Drawn = glass[:]
		s.keep(s.save())
		return
	}
	if due.Glass == glass { // in memory it is, but the panel lost its power meanwhile
		s.draw(wire.Bitmap{}, *due, time.Now())
		return
	}
	path, err := chain(all(s.body), *due, glass)
	if err == nil && slices.ContainsFunc(path, func(st wire.Step) bool { return !s.stored(st.Object) }) {
		s.stuck(nil)
		return
	}
	if err != nil {
		s.stuck(err)
		return
	}
	begin := time.Now()
	if r := s.ready; r != nil && r.step == *due && r.glass == glass {
		s.ready = nil
		s.draw(r.picture, *due, begin)
		return
	}
	picture, code, err := s.decode(path)
	if err != nil {
		if s.bad == nil {
			s.bad = map[wire.ObjectHash]bool{}
		}
		s.bad[due.Object] = true
		if s.incoming == nil { // otherwise something newer is on its way
			s.fail(code, err)
			s.stuck(nil)
		}
		return
	}
	s.draw(picture, *due, begin)
}

// stuck is a due picture that cannot be drawn: the sign asks its gateway, at
// most once a minute. Meanwhile the glass keeps what it shows.
func (s *Sign) stuck(err error) {
	if now := time.Now(); s.stuckAt.IsZero() || now.Sub(s.stuckAt) > time.Minute {
		s.stuckAt = now
		if err != nil {
			s.remember(devices.ErrObjectBase, err)
		}
		if !s.awake {
			s.rouse(devices.WakeFlip)
		}
	}
}

// decode decodes along path, beginning with what is on the glass.
func (s *Sign) decode(path []wire.Step) (wire.Bitmap, devices.ErrorCode, error) {
	s.mu.Lock()
	base := s.glass
	base.Pix = slices.Clone(base.Pix)
	s.mu.Unlock()
	decoder := decoders.Get().(*wire.Decoder)
	defer decoders.Put(decoder)
	var spare wire.Bitmap
	for _, st := range path {
		object, ok := s.object(st.Object)
		if !ok {
			s.held = nil
			return base, devices.ErrObjectHash, errMissing
		}
		if err := decoder.Decode(&spare, object, &base); err != nil {
			if errors.Is(err, wire.ErrBase) {
				return base, devices.ErrObjectBase, err
			}
			return base, devices.ErrObjectFormat, err
		}
		if spare.Width != base.Width || spare.Height != base.Height || spare.Colours != base.Colours || spare.Digest() != st.Glass {
			return base, devices.ErrDigest, errDigest
		}
		base, spare = spare, base
	}
	return base, 0, nil
}

// draw puts a picture on the glass and remembers that it did; an empty one
// stands for what the memory of the panel holds already. Meanwhile the glass
// counts as unknown [DL-PWR-3].
func (s *Sign) draw(picture wire.Bitmap, st wire.Step, begin time.Time) {
	before := s.st.Drawing
	refresh := s.refresh(st, before || picture.Pix == nil)
	s.st.Drawing = true
	if !s.keep(s.save()) { // without the mark nobody would know after a cut
		s.st.Drawing = before
		return
	}
	s.cut("draw.before")
	s.mu.Lock()
	copy(s.glass.Pix, picture.Pix)
	s.digest = st.Glass
	err := s.saveGlass()
	s.mu.Unlock()
	s.keep(err)
	s.cut("draw.after")
	switch {
	case !s.fresh:
		s.why = devices.WakeFlip
	case s.opts.AlwaysOn && s.wake != devices.WakeBoot:
		s.why = devices.WakePush
	default:
		s.why = s.wake
	}
	s.drawn = st.Glass
	s.st.Drawn, s.st.Drawing = st.Glass[:], false
	s.drawMillis = uint32(time.Since(begin).Milliseconds())
	s.use(refreshUse(refresh))
	s.keep(s.save())
	e := Event{Event: "drawn", Digest: digestText(st.Glass), Epoch: s.st.Epoch, Seq: s.st.Seq, Reason: wakeName(s.why), Refresh: refreshName(refresh)}
	if st.Until != 0 {
		e.From, e.Until = unixTime(st.From), unixTime(st.Until)
	} else {
		e.Reason = "stale"
	}
	s.emit(e)
}

// refresh is how the panel changes to a step's picture: as its object asks
// [DL-OBJ-7], and in full where that says nothing or nobody knows what is on the
// glass [DL-PWR-2].
func (s *Sign) refresh(st wire.Step, unknown bool) wire.Refresh {
	if unknown {
		return wire.RefreshFull
	}
	object, ok := s.object(st.Object)
	if !ok {
		return wire.RefreshFull
	}
	h, err := wire.ParseHeader(object)
	if err != nil || h.Refresh == wire.RefreshAny {
		return wire.RefreshFull
	}
	return h.Refresh
}

// refreshName names a kind of refresh for people.
func refreshName(r wire.Refresh) string {
	switch r {
	case wire.RefreshFast:
		return "fast"
	case wire.RefreshPartial:
		return "partial"
	}
	return "full"
}

// stored reports whether an object is in the storage, whole.
func (s *Sign) stored(h wire.ObjectHash) bool {
	if s.held[h] {
		return true
	}
	if _, ok := s.object(h); !ok {
		return false
	}
	if s.held == nil {
		s.held = map[wire.ObjectHash]bool{}
	}
	s.held[h] = true
	return true
}

// missing returns the steps whose objects must still be pulled, the most urgent
// first: what is due, then the day in order, then the stale picture.
func (s *Sign) missing() []wire.Step {
	body := s.body
	if s.incoming != nil {
		body = &s.incoming.body
	}
	if body == nil {
		return nil
	}
	var list []wire.Step
	add := func(st wire.Step) {
		if !s.stored(st.Object) && !slices.ContainsFunc(list, func(o wire.Step) bool { return o.Object == st.Object }) {
			list = append(list, st)
		}
	}
	glass := s.actual()
	due := dueStep(body, s.now())
	if due != nil && due.Glass != glass {
		path, err := chain(all(body), *due, glass)
		if err != nil {
			return nil
		}
		for _, st := range path {
			add(st)
		}
	}
	if s.incoming != nil {
		return list // the rest when it is in force
	}
	now := s.now().Unix()
	for i := range body.Steps {
		st := body.Steps[i]
		if st.Until > now && !(due != nil && st.Object == due.Object) {
			add(st)
		}
	}
	if body.Stale != nil {
		add(*body.Stale)
	}
	return list
}
