package mqttlink

import (
	"context"
	"fmt"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

// Pins is what the link needs for telling signs which servers to believe.
type Pins interface {
	// ServerKeys returns the set that the sign of that hello is to be told, false
	// for none. It is stored before it is returned.
	ServerKeys(ctx context.Context, hello devices.Report) (devices.ServerKeys, bool, error)
}

// Name of the fault point.
const faultPins = "link.pins"

// tellPins tells a sign the keys of its servers, before the ack of its hello
// [DL-PIN-2].
func (l *Link) tellPins(ctx context.Context, hello devices.Report) error {
	if l.opts.Pins == nil || hello.Kind != devices.HelloReport || hello.Hardware.Capabilities&devices.CanPin == 0 {
		return nil
	}
	set, ok, err := l.opts.Pins.ServerKeys(ctx, hello)
	if err != nil || !ok {
		return err
	}
	key, err := l.key(ctx, hello.Sign, l.sign(hello.Sign))
	if err != nil {
		return fmt.Errorf("server keys for sign %s: %w", hello.Sign, err)
	}
	keys := make([][32]byte, len(set.Keys))
	for i, k := range set.Keys {
		keys[i] = k
	}
	m, err := wire.SignPins(key, string(hello.Sign), set.Number, keys...)
	if err != nil {
		return fmt.Errorf("server keys for sign %s: %w", hello.Sign, err)
	}
	msg, err := m.Marshal()
	if err != nil {
		return fmt.Errorf("server keys for sign %s: %w", hello.Sign, err)
	}
	l.count.pins.Add(1)
	return l.publish(ctx, faultPins, wire.SignTopic(string(hello.Sign), wire.NamePins), 1, msg)
}
