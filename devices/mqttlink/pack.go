package mqttlink

import (
	"fmt"
	"sync"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/render/mono"
)

// maxChain bounds how many deltas stand between a picture and the one on the
// glass or a full one, for a sign that missed all flips between.
const maxChain = 8

var encoders = sync.Pool{New: func() any { return wire.NewEncoder() }}

// Pack turns a timeline into the body of its manifest and the objects it
// names. Equal timelines give equal parcels.
//
// The first picture is coded against the one on the glass, each later one
// against its predecessor, the stale one against the last: in the normal course
// of a day that is what the glass shows then. A picture that comes again is
// sent once if it needs no base that may be gone.
func (l *Link) Pack(t devices.Timeline) (devices.Parcel, error) {
	if len(t.Steps) == 0 || len(t.Steps) > wire.MaxSteps {
		return devices.Parcel{}, fmt.Errorf("pack timeline of sign %s: %d steps", t.Sign, len(t.Steps))
	}
	enc := encoders.Get().(*wire.Encoder)
	defer encoders.Put(enc)
	first := t.Steps[0].Picture
	p := packing{
		enc: enc, caps: wire.Capabilities(t.Capabilities), done: map[wire.Digest]packed{},
		body: wire.Body{Epoch: t.Epoch, Seq: t.Seq, Width: uint16(first.Rect.Dx()), Height: uint16(first.Rect.Dy())},
	}
	var base *wire.Bitmap
	var prev packed
	if t.Base != nil && t.Base.Rect == first.Rect {
		b := bitmap(t.Base)
		base, prev = &b, packed{glass: wire.Digest(t.Base.Digest())}
	}
	for _, s := range t.Steps {
		next, err := p.add(s.Picture, base, prev)
		if err != nil {
			return devices.Parcel{}, fmt.Errorf("pack timeline of sign %s: %w", t.Sign, err)
		}
		step := next.step
		step.From, step.Until = s.From.Unix(), s.Until.Unix()
		p.body.Steps = append(p.body.Steps, step)
		b := bitmap(s.Picture)
		base, prev = &b, next
	}
	if t.Stale != nil {
		next, err := p.add(t.Stale, base, prev)
		if err != nil {
			return devices.Parcel{}, fmt.Errorf("pack stale picture of sign %s: %w", t.Sign, err)
		}
		p.body.Stale = &next.step
	}
	body, err := p.body.Append(nil)
	if err != nil {
		return devices.Parcel{}, fmt.Errorf("pack timeline of sign %s: %w", t.Sign, err)
	}
	return devices.Parcel{Body: body, Objects: p.objects}, nil
}

// packing is one call of Pack.
type packing struct {
	enc     *wire.Encoder
	caps    wire.Capabilities
	body    wire.Body
	objects []devices.Object
	done    map[wire.Digest]packed // pictures that can be shown from any glass
}

// packed is a picture with how it travels.
type packed struct {
	glass wire.Digest
	step  wire.Step // without times
	chain int       // deltas down to a full picture or the first base
	whole bool      // the chain ends in a full picture
}

// add encodes a picture, against base when there is one.
func (p *packing) add(m *mono.Image, base *wire.Bitmap, prev packed) (packed, error) {
	next := bitmap(m)
	if next.Width != int(p.body.Width) || next.Height != int(p.body.Height) {
		return packed{}, fmt.Errorf("picture of %dx%d pixels among %dx%d", next.Width, next.Height, p.body.Width, p.body.Height)
	}
	glass := wire.Digest(m.Digest())
	if again, ok := p.done[glass]; ok {
		return again, nil
	}
	if prev.chain >= maxChain {
		base = nil
	}
	object, err := p.enc.Encode(nil, next, base, p.caps)
	if err != nil {
		return packed{}, err
	}
	head, err := wire.ParseHeader(object)
	if err != nil {
		return packed{}, err
	}
	out := packed{glass: glass, whole: true}
	out.step = wire.Step{Object: wire.HashObject(object), Size: uint32(len(object)), Glass: glass}
	if head.Delta {
		out.step.Base = prev.glass
		out.chain, out.whole = prev.chain+1, prev.whole
	}
	if out.whole {
		p.done[glass] = out
	}
	p.keep(devices.Object{Hash: devices.ObjectHash(out.step.Object), Bytes: object})
	return out, nil
}

// keep adds an object once.
func (p *packing) keep(o devices.Object) {
	for _, k := range p.objects {
		if k.Hash == o.Hash {
			return
		}
	}
	p.objects = append(p.objects, o)
}

// bitmap shares the pixels of an image.
func bitmap(m *mono.Image) wire.Bitmap {
	return wire.Bitmap{Width: m.Rect.Dx(), Height: m.Rect.Dy(), Stride: m.Stride, Pix: m.Pix}
}
