package mqttlink

import (
	"context"
	"errors"
	"fmt"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// Firmware is what the link needs for updating the firmware of signs.
type Firmware interface {
	// Offer returns the release that a sign is to be offered after the hello r,
	// false for none.
	Offer(ctx context.Context, id devices.SignID, r devices.Report) (devices.Release, bool, error)
	// Image returns length bytes from offset of the image that the sign is
	// offered, fewer at its end, and the image's size. The error is
	// devices.ErrUnknownObject for any other.
	Image(ctx context.Context, id devices.SignID, image devices.ObjectHash, offset, length int) ([]byte, int, error)
}

const faultOffer = "link.fw"

// offer tells a sign of newer firmware, before the ack of its hello [DL-FW-2].
func (l *Link) offer(ctx context.Context, hello devices.Report) error {
	if l.opts.Firmware == nil || hello.Hardware.Capabilities&devices.CanUpdate == 0 {
		return nil
	}
	r, ok, err := l.opts.Firmware.Offer(ctx, hello.Sign, hello)
	if err != nil || !ok || r.Number <= hello.Hardware.FirmwareNo {
		return err
	}
	s := l.sign(hello.Sign)
	key, err := l.key(ctx, hello.Sign, s)
	if err != nil {
		return fmt.Errorf("firmware for sign %s: %w", hello.Sign, err)
	}
	msg, err := wire.AppendOffer(nil, r.Signed, key, string(hello.Sign))
	if err != nil {
		return fmt.Errorf("firmware for sign %s: %w", hello.Sign, err)
	}
	s.mu.Lock()
	s.image = r.Image
	s.mu.Unlock()
	l.count.offers.Add(1)
	return l.publish(ctx, faultOffer, wire.SignTopic(string(hello.Sign), wire.NameOffer), 1, msg)
}

// part returns what a sign asks for of an object of its timeline or of the
// firmware it is offered, and the size of the whole; 0 for what is not to be had.
func (l *Link) part(ctx context.Context, id devices.SignID, m wire.Get) ([]byte, uint32, error) {
	hash := devices.ObjectHash(m.Object)
	s := l.sign(id)
	s.mu.Lock()
	firmware := hash == s.image
	s.mu.Unlock()
	if !firmware {
		object, err := l.object(ctx, objectKey{id, hash})
		switch {
		case err == nil && uint64(m.Offset) < uint64(len(object)):
			return object[m.Offset:min(uint64(m.Offset)+uint64(m.Length), uint64(len(object)))], uint32(len(object)), nil
		case err == nil:
			return nil, 0, nil
		case !errors.Is(err, devices.ErrUnknownObject):
			return nil, 0, err
		}
	}
	if l.opts.Firmware == nil || m.Offset >= wire.MaxImage {
		return nil, 0, nil
	}
	data, size, err := l.opts.Firmware.Image(ctx, id, hash, int(m.Offset), int(m.Length))
	if errors.Is(err, devices.ErrUnknownObject) {
		return nil, 0, nil
	}
	return data, uint32(size), err
}

// object returns an object of the sign's timeline.
func (l *Link) object(ctx context.Context, key objectKey) ([]byte, error) {
	if object, ok := l.objects.get(key); ok {
		return object, nil
	}
	object, err := l.opts.Gateway.Object(ctx, key.sign, key.hash)
	if err != nil {
		return nil, err
	}
	l.objects.put(key, object)
	return object, nil
}
