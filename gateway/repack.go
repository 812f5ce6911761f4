package gateway

import (
	"context"
	"errors"

	"doorleaf/devices"
)

// pictureCodecs are the capabilities that pictures are packed by (SPEC.md 4): the
// low eight bits. The others say what else a sign can do.
const pictureCodecs devices.Capabilities = 1<<8 - 1

// packedFor returns the hardware that the want of the sign of a report was drawn
// and packed for: what is stored before the report is. A sign that is not known
// has none; the store refuses its report.
func (c *Core) packedFor(ctx context.Context, r devices.Report) (devices.Hardware, error) {
	if r.Kind != devices.HelloReport || r.Hardware.Width <= 0 || r.Hardware.Height <= 0 {
		return r.Hardware, nil
	}
	s, err := c.store.Sign(ctx, r.Sign)
	if errors.Is(err, ErrNotFound) {
		return r.Hardware, nil
	}
	return s.Hardware, err
}

// outgrown reports whether w, packed for a sign that was like that, has to be
// packed anew for what the sign of a report is: it has another size, or decodes
// less. Decoding more counts while it has not got w; what it has, it need not
// pull again.
func (w *Want) outgrown(was devices.Hardware, r devices.Report) bool {
	if w == nil || r.Kind != devices.HelloReport {
		return false
	}
	is := r.Hardware
	lost, gained := was.Capabilities&^is.Capabilities, is.Capabilities&^was.Capabilities
	return was.Width != is.Width || was.Height != is.Height || lost&pictureCodecs != 0 ||
		gained&pictureCodecs != 0 && newer(w.Epoch, w.Seq, r.Epoch, r.Seq)
}
