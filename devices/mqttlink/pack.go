package mqttlink

import (
	"fmt"
	"slices"
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
// A picture is coded alone, against the one before it, which the glass shows
// then, or against any earlier one of the timeline that a sign can decode from
// its store, whichever is smallest: most pictures of a day are like one that was
// there before. A picture that comes again is sent once if it needs no base that
// may be gone. A timeline without a picture for afterwards is one of the moment:
// it is packed in a hurry.
func (l *Link) Pack(t devices.Timeline) (devices.Parcel, error) {
	if len(t.Steps) == 0 || len(t.Steps) > wire.MaxSteps {
		return devices.Parcel{}, fmt.Errorf("pack timeline of sign %s: %d steps", t.Sign, len(t.Steps))
	}
	enc := encoders.Get().(*wire.Encoder)
	defer encoders.Put(enc)
	enc.Hurry = t.Stale == nil // the rest of the day follows
	first := t.Steps[0].Picture
	p := packing{
		enc: enc, caps: wire.Capabilities(t.Capabilities), done: map[drawnPicture]packed{},
		body: wire.Body{Epoch: t.Epoch, Seq: t.Seq, Width: uint16(first.Rect.Dx()), Height: uint16(first.Rect.Dy())},
	}
	if t.Base != nil && t.Base.Rect == first.Rect {
		p.earlier = append(p.earlier, packed{picture: bitmap(t.Base), glass: wire.Digest(t.Base.Digest())})
	}
	for _, s := range t.Steps {
		next, err := p.add(s.Picture, wire.Refresh(s.Refresh))
		if err != nil {
			return devices.Parcel{}, fmt.Errorf("pack timeline of sign %s: %w", t.Sign, err)
		}
		step := next.step
		step.From, step.Until = s.From.Unix(), s.Until.Unix()
		p.body.Steps = append(p.body.Steps, step)
	}
	if t.Stale != nil {
		next, err := p.add(t.Stale, wire.RefreshAny)
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
	done    map[drawnPicture]packed // pictures that can be shown from any glass
	earlier []packed                // pictures that may be bases, in order of time
}

// drawnPicture is a picture with how the panel is asked to change; both are in
// the object.
type drawnPicture struct {
	glass   wire.Digest
	refresh wire.Refresh
}

// packed is a picture with how it travels.
type packed struct {
	picture wire.Bitmap
	glass   wire.Digest
	step    wire.Step // without times
	object  []byte
	chain   int  // deltas down to a full picture or the first base
	whole   bool // the chain ends in a full picture
}

// bases is against how many earlier pictures one is tried: those it differs
// least from.
const bases = 2

// add encodes a picture, against an earlier one when that is smaller.
func (p *packing) add(m *mono.Image, refresh wire.Refresh) (packed, error) {
	next := bitmap(m)
	p.enc.Refresh = refresh
	if next.Width != int(p.body.Width) || next.Height != int(p.body.Height) {
		return packed{}, fmt.Errorf("picture of %dx%d pixels among %dx%d", next.Width, next.Height, p.body.Width, p.body.Height)
	}
	glass := wire.Digest(m.Digest())
	if again, ok := p.done[drawnPicture{glass, refresh}]; ok {
		p.earlier = append(p.earlier, again) // on the glass once more
		return again, nil
	}
	var best packed
	for _, base := range append(p.nearest(&next), nil) {
		if base == nil && best.object != nil {
			break // every delta was tried alone, too
		}
		out, err := p.encode(next, base)
		if err != nil {
			return packed{}, err
		}
		if best.object == nil || len(out.object) < len(best.object) {
			best = out
		}
	}
	best.picture, best.glass, best.step.Glass = next, glass, glass
	best.step.Object, best.step.Size = wire.HashObject(best.object), uint32(len(best.object))
	if best.whole {
		p.done[drawnPicture{glass, refresh}] = best
	}
	p.earlier = append(p.earlier, best)
	p.keep(devices.Object{Hash: devices.ObjectHash(best.step.Object), Bytes: best.object})
	return best, nil
}

// encode codes a picture alone or against one base, whichever is smaller.
func (p *packing) encode(next wire.Bitmap, base *packed) (packed, error) {
	var ref *wire.Bitmap
	if base != nil {
		ref = &base.picture
	}
	object, err := p.enc.Encode(nil, next, ref, p.caps)
	if err != nil {
		return packed{}, err
	}
	head, err := wire.ParseHeader(object)
	if err != nil {
		return packed{}, err
	}
	out := packed{object: object, whole: true}
	if head.Delta {
		out.step.Base = base.glass
		out.chain, out.whole = base.chain+1, base.whole
	}
	return out, nil
}

// nearest returns the earlier pictures that next differs least from, the
// nearest first, the later one of equals. One whose base may be gone counts only
// while it is on the glass.
func (p *packing) nearest(next *wire.Bitmap) []*packed {
	type distant struct {
		base     *packed
		distance int
	}
	var list []distant
	for i := range p.earlier {
		if e := &p.earlier[i]; e.chain < maxChain && (e.whole || i == len(p.earlier)-1) {
			list = append(list, distant{e, distance(next, &e.picture)})
		}
	}
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b distant) int { return a.distance - b.distance })
	var out []*packed
	for _, d := range list[:min(len(list), bases)] {
		out = append(out, d.base)
	}
	return out
}

// distance estimates what a delta costs: the bytes that differ from the base and
// from the row above, without those that are all white or black.
func distance(next, base *wire.Bitmap) (n int) {
	pix := next.Pix[next.Stride:]
	above, old := next.Pix[:len(pix)], base.Pix[next.Stride:][:len(pix)]
	for i, b := range pix {
		if b != old[i] && b != above[i] && b != 0 && b != 0xff {
			n++
		}
	}
	return n
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
