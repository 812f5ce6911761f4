package gateway

import (
	"time"

	"doorleaf/devices"
)

// pictureCodecs are the capabilities that pictures are packed by (SPEC.md 4): the
// low eight bits. The others say what else a sign can do.
const pictureCodecs devices.Capabilities = 1<<8 - 1

// decoderOf is what a timeline for that hardware is packed for.
func decoderOf(h devices.Hardware) Decoder {
	return Decoder{Width: h.Width, Height: h.Height, Capabilities: h.Capabilities}
}

// outgrown reports whether w has to be packed anew for what the sign of a hello
// says it is: it has another size than w was packed for, or decodes less.
// Decoding more counts while it has not got w; what it has, it need not pull
// again.
func (w *Want) outgrown(r devices.Report) bool {
	if r.Kind != devices.HelloReport || r.Hardware.Width <= 0 || r.Hardware.Height <= 0 {
		return false
	}
	was, is := w.PackedFor, decoderOf(r.Hardware)
	lost, gained := was.Capabilities&^is.Capabilities, is.Capabilities&^was.Capabilities
	return was.Width != is.Width || was.Height != is.Height || lost&pictureCodecs != 0 ||
		gained&pictureCodecs != 0 && newer(w.Epoch, w.Seq, r.Epoch, r.Seq)
}

// repackMemory is how long it is remembered that a sign said it was another.
const repackMemory = time.Hour

// mayRepack reports whether the timeline of a sign that says it is another may be
// packed anew now: a sign changes with its firmware, and one that changes with
// every hello is given what there is and repaired like others.
func (e *signEntry) mayRepack(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Sub(e.repackedAt) > repackMemory {
		e.repacks = 0
	}
	if e.repacks > 0 && now.Before(repairPause(e.repacks, e.repackedAt)) {
		return false
	}
	e.repacks++
	e.repackedAt = now
	return true
}

// When a sleeping sign that was given the moment only is to call for the rest of
// its day.
const (
	restSoon = time.Minute      // it is planned by then unless very many wait
	restLate = 15 * time.Minute // at most, however many
)

// callForRest is when a sleeping sign that has w, the moment only, should call
// after now: the longer it has waited, the later.
func (w *Want) callForRest(now time.Time) time.Time {
	return now.Add(min(max(now.Sub(w.At), restSoon), restLate))
}
