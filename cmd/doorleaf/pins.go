package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/admin"
)

// The server keys that signs believe are at most four: the one in use, the
// gateway's own and its backup, and the one of a certificate that is to come.

// withBackup adds a backup key to the keys of an authority.
func withBackup(bundle []byte) ([]byte, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := keyBlock(k)
	return append(slices.Clip(bundle), block...), err
}

func keyBlock(k *ecdsa.PrivateKey) ([]byte, error) {
	b, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}), nil
}

// changed is the bundle in which the backup has become the key in use and
// another one the backup.
func (a *authority) changed() ([]byte, error) {
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.ca.Raw})
	for _, k := range []*ecdsa.PrivateKey{a.caKey, a.backupKey} {
		block, err := keyBlock(k)
		if err != nil {
			return nil, err
		}
		bundle = append(bundle, block...)
	}
	return withBackup(bundle)
}

func serverKey(k *ecdsa.PublicKey) (devices.ServerKey, error) {
	der, err := x509.MarshalPKIXPublicKey(k)
	return sha256.Sum256(der), err
}

// keys are all server keys that signs shall believe, the one in use first.
func (a *authority) keys() (keys []devices.ServerKey, err error) {
	add := func(k devices.ServerKey) {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	used, err := a.spki()
	if err != nil {
		return nil, err
	}
	add(used)
	for _, k := range []*ecdsa.PrivateKey{a.backupKey, a.leafKey} {
		key, err := serverKey(&k.PublicKey)
		if err != nil {
			return nil, err
		}
		add(key)
	}
	if a.next != nil {
		add(*a.next)
	}
	return keys, nil
}

// readNext reads the key of a certificate that signs are to know before it is
// used. Its secret key is not needed for that.
func readNext(file string) (*devices.ServerKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes) // the first is the server's
		if err != nil {
			return nil, err
		}
		key := devices.ServerKey(spkiOf(c))
		return &key, nil
	}
	return nil, errors.New("holds no PEM certificate")
}

// openAuthority opens the keys and certificates that the embedded broker shows.
func (h *house) openAuthority(ctx context.Context) error {
	a, err := openAuthority(ctx, h.store, h.hostNames())
	if err != nil {
		return err
	}
	h.authority = a
	c := h.conf.certificates
	if c.mqttCert != "" {
		if a.own, err = openFileCertificate(c.mqttCert, c.mqttKey, true, h.log); err != nil {
			return fmt.Errorf("DOORLEAF_MQTT_TLS_CERT_FILE, DOORLEAF_MQTT_TLS_KEY_FILE: %w", err)
		}
	}
	if c.mqttNext != "" {
		if a.next, err = readNext(c.mqttNext); err != nil {
			return fmt.Errorf("DOORLEAF_MQTT_TLS_NEXT_CERT_FILE: %w", err)
		}
	}
	return nil
}

// speaksTLS reports whether the embedded broker has signs that know its key.
func (h *house) speaksTLS() bool {
	return h.conf.mqttURL == "" && slices.ContainsFunc(h.conf.mqttListen, func(u string) bool { return strings.HasPrefix(u, "mqtts://") })
}

// serverKeys are what signs are told, nil where another broker has the keys.
func (h *house) serverKeys() ([]devices.ServerKey, error) {
	if !h.speaksTLS() {
		return nil, nil
	}
	return h.authority.keys()
}

// nextKey is the one of them that comes into use next, nil for none.
func (h *house) nextKey() *devices.ServerKey {
	if !h.speaksTLS() {
		return nil
	}
	return h.authority.next
}

// errOtherKey ends a house that is to be opened anew with another key.
var errOtherKey = errors.New("the broker's key was changed")

// keyChange waits until the key was changed.
func (h *house) keyChange(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-h.changed:
	}
	// The answer to whoever changed it goes out first.
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-t.C:
		return errOtherKey
	}
}

// again prepares the configuration for opening the house anew, at the addresses
// that it has.
func (h *house) again() {
	if strings.HasSuffix(h.conf.listen, ":0") {
		h.conf.listen = h.web.Addr().String()
	}
	if h.broker != nil && slices.ContainsFunc(h.conf.mqttListen, func(u string) bool { return strings.HasSuffix(u, ":0") }) {
		h.conf.mqttListen = h.broker.Addrs()
	}
}

// pinKeeper implements admin.ServerKeys.
type pinKeeper struct{ h *house }

func (h *house) pinKeeper() admin.ServerKeys {
	if !h.speaksTLS() {
		return nil
	}
	return pinKeeper{h}
}

// ServerKeys says which signs know the keys that may come into use.
func (p pinKeeper) ServerKeys(ctx context.Context) (v admin.ServerKeysView, err error) {
	a := p.h.authority
	v.Own, v.Changing = a.own != nil, p.h.changing.Load()
	key, err := serverKey(&a.spare().PublicKey)
	if err == nil {
		v.Backup, err = p.h.core.WhoKnows(ctx, key)
	}
	if err != nil || a.next == nil {
		return v, err
	}
	next, err := p.h.core.WhoKnows(ctx, *a.next)
	v.Next = &next
	return v, err
}

// spare is the key of ours that is not in use: the backup, or beside a
// certificate of the administrator's the one that comes back without it.
func (a *authority) spare() *ecdsa.PrivateKey {
	if a.own != nil {
		return a.leafKey
	}
	return a.backupKey
}

// ChangeKey puts the backup into use and makes another one. The gateway starts
// anew with it, so that no session and no ticket of the old key is left.
func (p pinKeeper) ChangeKey(ctx context.Context, force bool) error {
	h := p.h
	if h.authority.own != nil {
		return fmt.Errorf("%w: the certificate in use is not the gateway's", gateway.ErrInvalid)
	}
	h.changeKey.Lock()
	defer h.changeKey.Unlock()
	if h.changing.Load() {
		return nil
	}
	key, err := serverKey(&h.authority.backupKey.PublicKey)
	if err != nil {
		return err
	}
	k, err := h.core.WhoKnows(ctx, key)
	if err != nil {
		return err
	}
	lost := len(k.Lacking) + len(k.Silent)
	if lost > 0 && !force {
		return gateway.ErrConflict
	}
	bundle, err := h.authority.changed()
	if err != nil {
		return err
	}
	if err := h.store.SetSecret(ctx, authoritySecret, bundle); err != nil {
		return err
	}
	h.log.Warn("the key of the broker is changed to the backup", "know", k.Know, "lacking", len(k.Lacking), "silent", len(k.Silent))
	h.changing.Store(true)
	close(h.changed)
	return nil
}
