package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/firmware-protocol/wire"
	"doorleaf/gateway"
)

// pinHouse is a gateway whose broker speaks TLS, opened anew when its key is
// changed, and signs.
type pinHouse struct {
	t     *testing.T
	dir   string
	mqtt  string // URL
	flags []string

	opened chan *house
	house  *house
	stop   func()
}

func newPinHouse(t *testing.T, flags ...string) *pinHouse {
	p := &pinHouse{t: t, dir: t.TempDir(), mqtt: "mqtts://" + freeAddress(t)}
	p.flags = append([]string{"-data", filepath.Join(p.dir, "gateway"), "-listen", freeAddress(t), "-mqtt-listen", p.mqtt}, flags...)
	return p
}

// up starts the gateway.
func (p *pinHouse) up(flags ...string) {
	p.t.Helper()
	c, err := readConfig("serve", slices.Concat(p.flags, flags), nil, stdio{err: p.t.Output()})
	if err != nil {
		p.t.Fatal(err)
	}
	opened := make(chan *house, 4)
	p.opened = opened
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := serve(ctx, c, slog.New(slog.NewTextHandler(p.t.Output(), nil)), func(h *house) { opened <- h })
		if err != nil {
			p.t.Errorf("serve: %v", err)
		}
		close(opened)
		ended <- err
	}()
	p.stop = sync.OnceFunc(func() { cancel(); <-ended })
	p.t.Cleanup(p.stop)
	p.next()
}

// next takes the house that is opened.
func (p *pinHouse) next() {
	p.t.Helper()
	select {
	case h, ok := <-p.opened:
		if !ok {
			p.t.Fatal("it does not start")
		}
		p.house = h
	case <-time.After(patience):
		p.t.Fatal("it does not start anew")
	}
}

func (p *pinHouse) within(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// served is the key that the broker shows.
func (p *pinHouse) served() devices.ServerKey {
	p.t.Helper()
	var key devices.ServerKey
	p.within("the broker answers", func() bool {
		d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}, NetDialer: &net.Dialer{Timeout: time.Second}}
		c, err := d.DialContext(p.t.Context(), "tcp", strings.TrimPrefix(p.mqtt, "mqtts://"))
		if err != nil {
			return false
		}
		defer c.Close()
		key = sha256.Sum256(c.(*tls.Conn).ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
		return true
	})
	return key
}

// pinSign is a simulated sign with what it said.
type pinSign struct {
	*simsign.Sign
	serial string
	stop   func()

	mu     sync.Mutex
	events []simsign.Event // guarded by mu
}

func (s *pinSign) said(event string) (list []simsign.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Event == event {
			list = append(list, e)
		}
	}
	return list
}

// sign switches a sign on with the storage of that name.
func (p *pinHouse) sign(name string, change func(*simsign.Options)) *pinSign {
	p.t.Helper()
	s := &pinSign{serial: name}
	store, err := simsign.Directory(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	o := simsign.Options{Gateway: p.mqtt, Panel: devices.PanelBySize(296, 128), Serial: name, AlwaysOn: true, MaxRetry: 300 * time.Millisecond, Storage: store,
		Emit: func(e simsign.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		}}
	if change != nil {
		change(&o)
	}
	if s.Sign, err = simsign.New(o); err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	s.stop = sync.OnceFunc(func() { cancel(); <-done })
	p.t.Cleanup(s.stop)
	return s
}

// pair types the code that the sign shows.
func (p *pinHouse) pair(s *pinSign) devices.SignID {
	p.t.Helper()
	return p.typed(s.serial, func() (codes []string) {
		for _, e := range s.said("pairing") {
			codes = append(codes, e.Code)
		}
		return codes
	})
}

// pairC types the code that the sign in C shows.
func (p *pinHouse) pairC(c *cSign) devices.SignID {
	p.t.Helper()
	return p.typed("C", func() (codes []string) {
		for _, n := range c.said("code") {
			codes = append(codes, n.Text)
		}
		return codes
	})
}

// typed types the code that was shown last, as soon as the gateway knows it.
func (p *pinHouse) typed(name string, shown func() []string) devices.SignID {
	p.t.Helper()
	code := ""
	p.within("the code is known", func() bool {
		codes := shown()
		if len(codes) > 0 {
			code = codes[len(codes)-1]
		}
		return len(codes) > 0 && joins(p.house, code)
	})
	id, err := p.house.core.Pair(p.t.Context(), code, name, "")
	if err != nil {
		p.t.Fatal(err)
	}
	return id
}

// knowledge says who knows the backup.
func (p *pinHouse) knowledge() (know, lacking, silent int) {
	p.t.Helper()
	v, err := p.house.pinKeeper().ServerKeys(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return v.Backup.Know, len(v.Backup.Lacking), len(v.Backup.Silent)
}

func (p *pinHouse) knows(want int) {
	p.t.Helper()
	p.within("the backup is known", func() bool { know, _, _ := p.knowledge(); return know == want })
}

// back waits until a sign was heard of by the house that is open now.
func (p *pinHouse) back(id devices.SignID, since time.Time) {
	p.t.Helper()
	p.within("the sign is back", func() bool {
		st, err := p.house.store.Status(p.t.Context(), id)
		return err == nil && st.LastSeen.After(since) && p.house.broker.Connected(id)
	})
}

// change changes the key and returns what it was before and is now.
func (p *pinHouse) change(force bool) (old, fresh devices.ServerKey) {
	p.t.Helper()
	old = p.served()
	if err := p.house.pinKeeper().ChangeKey(p.t.Context(), force); err != nil {
		p.t.Fatal(err)
	}
	p.next()
	return old, p.served()
}

// The key of the gateway is changed to its backup twice; signs that were paired
// with a pin come back by themselves, one that was switched off meanwhile too,
// and pairing goes on with the new key.
func TestKeyChange(t *testing.T) {
	t.Parallel()
	p := newPinHouse(t)
	p.up()
	s := p.sign("one", nil)
	id := p.pair(s)
	p.knows(1)
	off := p.sign("two", nil)
	idOff := p.pair(off)
	p.knows(2)
	off.stop()

	begin := time.Now()
	backup := p.house.authority.backupKey
	old, fresh := p.change(false)
	if want, err := serverKey(&backup.PublicKey); err != nil || fresh != want || fresh == old {
		t.Fatalf("serves %x after %x, want the backup %x, %v", fresh[:4], old[:4], want[:4], err)
	}
	p.back(id, begin)
	if len(s.said("unpaired")) > 0 || len(s.said("pairing")) != 1 {
		t.Error("it was paired anew")
	}
	p.knows(1)

	// The sign that was off does not know the newest backup, and is back with the
	// key that it knows.
	if err := p.house.pinKeeper().ChangeKey(t.Context(), false); !errors.Is(err, gateway.ErrConflict) {
		t.Errorf("change that loses a sign: %v", err)
	}
	if got := p.served(); got != fresh {
		t.Error("refused and changed all the same")
	}
	begin = time.Now()
	off = p.sign("two", nil)
	p.back(idOff, begin)
	p.knows(2)

	begin = time.Now()
	if older, newest := p.change(false); older != fresh || newest == old || newest == fresh {
		t.Errorf("serves %x after %x", newest[:4], older[:4])
	}
	p.back(id, begin)
	p.back(idOff, begin)
	p.knows(2)
	third := p.sign("three", nil)
	p.pair(third)
	p.knows(3)
	for _, sign := range []*pinSign{s, off, third} {
		if errs := sign.said("error"); len(errs) > 0 {
			t.Errorf("sign reports %+v", errs)
		}
	}
}

// A sign that was not told is lost with a forced change, and only it; one with
// the authority's certificate keeps trusting that.
func TestKeyChangeForced(t *testing.T) {
	t.Parallel()
	p := newPinHouse(t)
	p.up()
	told := p.sign("told", nil)
	id := p.pair(told)
	p.knows(1)
	old := p.sign("old", func(o *simsign.Options) { o.Capabilities = 0x1ff })
	p.pair(old)
	pool, err := readAuthority(filepath.Join(p.dir, "gateway", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	trusting := p.sign("trusting", func(o *simsign.Options) { o.CA = pool })
	idTrusting := p.pair(trusting)
	p.within("it is known who can be told", func() bool { k, l, s := p.knowledge(); return k == 1 && l == 0 && s == 2 })
	if err := p.house.pinKeeper().ChangeKey(t.Context(), false); !errors.Is(err, gateway.ErrConflict) {
		t.Errorf("change that loses a sign: %v", err)
	}
	begin := time.Now()
	p.change(true)
	p.back(id, begin)
	p.back(idTrusting, begin)
	p.within("the other one says why", func() bool {
		list := old.said("offline")
		return len(list) > 0 && strings.Contains(list[len(list)-1].Error, "does not know")
	})
	if _, ok := p.house.authority.own, len(trusting.said("pins")); ok != 0 {
		t.Error("a sign with an authority took pins")
	}
}

// The sign in C, paired with a pin, comes back after a change of the key, also
// when its power was cut right after it had stored the set.
func TestKeyChangeCSign(t *testing.T) {
	t.Parallel()
	binary := buildCSign(t)
	p := newPinHouse(t)
	p.up()
	on := func(extra ...string) *cSign {
		return startCSign(t, binary, append([]string{"-gateway", p.mqtt, "-state", filepath.Join(p.dir, "sign"), "-panel", "296x128", "-serial", "C-1",
			"-retry", "300", "-always-on"}, extra...)...)
	}
	c := on("-cut", "pins:1")
	id := p.pairC(c)
	p.within("the power is cut", c.ended)
	if know, _, _ := p.knowledge(); know != 0 {
		t.Error("the gateway believes what the sign has not said")
	}
	c = on()
	p.knows(1)
	if len(c.said("pins")) > 0 {
		t.Error("it was told again what it has")
	}
	for range 2 {
		begin := time.Now()
		p.change(false)
		p.back(id, begin)
		p.knows(1)
	}
	p.within("it says so", func() bool { return len(c.said("pins")) >= 2 }) // the gateway may know before we have read it
	if len(c.said("pins")) != 2 || len(c.said("unpaired")) > 0 || len(c.errors()) > 0 {
		t.Errorf("sets %v, unpaired %v, errors %v", c.said("pins"), c.said("unpaired"), c.errors())
	}
}

// A certificate of the administrator's is told to the signs before it is used,
// and taken out again.
func TestNextCertificate(t *testing.T) {
	t.Parallel()
	p := newPinHouse(t)
	cert, key := filepath.Join(p.dir, "cert.pem"), filepath.Join(p.dir, "key.pem")
	writeCertificate(t, cert, key, newKey(t), "own", time.Now())
	next, err := readNext(cert)
	if err != nil {
		t.Fatal(err)
	}
	p.up()
	s := p.sign("one", nil)
	id := p.pair(s)
	p.knows(1)
	ours := p.served()

	s.stop() // else it is told while we look
	p.stop()
	p.up("-mqtt-tls-next-cert-file", cert)
	told := func() bool {
		k, err := p.house.core.WhoKnows(t.Context(), *next)
		return err == nil && k.Know == 1
	}
	if told() {
		t.Error("the sign knows what it was not told")
	}
	r, err := p.house.core.Health(t.Context())
	named := false
	for _, c := range r.All() {
		named = named || string(c.Kind) == "keys" && c.Sign == id
	}
	if err != nil || !named {
		t.Errorf("health does not name the sign: %+v, %v", r, err)
	}
	begin := time.Now()
	again := p.sign("one", nil)
	p.back(id, begin)
	p.within("the next key is known", told)

	p.stop()
	begin = time.Now()
	p.up("-mqtt-tls-cert-file", cert, "-mqtt-tls-key-file", key)
	if got := p.served(); got != *next {
		t.Fatalf("serves %x, want %x", got[:4], next[:4])
	}
	p.back(id, begin)
	if err := p.house.pinKeeper().ChangeKey(t.Context(), true); !errors.Is(err, gateway.ErrInvalid) {
		t.Errorf("change of a key that is not ours: %v", err)
	}
	p.stop()
	begin = time.Now()
	p.up()
	if got := p.served(); got != ours {
		t.Errorf("serves %x, want the gateway's own %x", got[:4], ours[:4])
	}
	p.back(id, begin)
	pairings, errs := append(s.said("pairing"), again.said("pairing")...), append(s.said("error"), again.said("error")...)
	if len(pairings) != 1 || len(errs) > 0 {
		t.Errorf("paired %d times, errors %+v", len(pairings), errs)
	}
}

// A gateway that is restored on another machine keeps both keys, is believed,
// and gives its sets numbers above those of the lost one, also when that went
// on and changed its key.
func TestRestoredKeys(t *testing.T) {
	t.Parallel()
	p := newPinHouse(t)
	p.up()
	s := p.sign("one", nil)
	id := p.pair(s)
	p.knows(1)
	file := filepath.Join(p.dir, "backup")
	data := filepath.Join(p.dir, "gateway")
	if _, err := backup(t.Context(), data, keyFile(data, ""), file); err != nil {
		t.Fatal(err)
	}
	want := p.house.authority
	begin := time.Now()
	p.change(false) // the lost one serves the backup now, and told the sign another one
	p.back(id, begin)
	p.knows(1)
	lost, err := p.house.store.SignPins(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	p.stop()

	elsewhere := filepath.Join(p.dir, "elsewhere")
	if err := restore(t.Context(), file, elsewhere, keyFile(elsewhere, ""), time.Now()); err != nil {
		t.Fatal(err)
	}
	p.flags[1] = elsewhere
	p.up()
	a := p.house.authority
	if !a.leafKey.Equal(want.leafKey) || !a.backupKey.Equal(want.backupKey) || !a.caKey.Equal(want.caKey) {
		t.Error("other keys than before")
	}
	// The sign believes the backup alone of those two: the page says that nobody
	// knows it, and the administrator insists.
	if know, lacking, _ := p.knowledge(); know != 0 || lacking != 1 {
		t.Errorf("%d know the backup, %d do not, of signs that were not heard of", know, lacking)
	}
	begin = time.Now()
	p.change(true)
	p.back(id, begin)
	p.knows(1)
	now, err := p.house.store.SignPins(t.Context(), id)
	if err != nil || now.Given.Number <= lost.Given.Number {
		t.Errorf("set %d after %d, %v", now.Given.Number, lost.Given.Number, err)
	}
	if len(s.said("pairing")) != 1 || len(s.said("error")) > 0 {
		t.Errorf("paired %d times, errors %+v", len(s.said("pairing")), s.said("error"))
	}
}

// A bundle from before there were backups gets one, and keeps what it had.
func TestBackupKeyIsAdded(t *testing.T) {
	_, store := stockedFolder(t)
	old, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	const block = "-----BEGIN PRIVATE KEY-----"
	before := string(old)[:strings.LastIndex(string(old), block)]
	if err := store.SetSecret(t.Context(), authoritySecret, []byte(before)); err != nil {
		t.Fatal(err)
	}
	first, err := openAuthority(t.Context(), store, []string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := store.Secret(t.Context(), authoritySecret)
	if err != nil || !strings.HasPrefix(string(kept), before) || strings.Count(string(kept), block) != 3 {
		t.Errorf("stored %d keys, %v", strings.Count(string(kept), block), err)
	}
	second, err := openAuthority(t.Context(), store, []string{"localhost"})
	if err != nil || !second.backupKey.Equal(first.backupKey) || !second.leafKey.Equal(first.leafKey) {
		t.Errorf("another backup at the next start, %v", err)
	}
}

// Somebody who has the broker sends both signs sets that are forged, old, cut,
// or without the server: nothing changes, each says so, and the gateway knows.
func TestServerKeyAttacks(t *testing.T) {
	t.Parallel()
	binary := buildCSign(t)
	p := newPinHouse(t)
	p.up()
	sim := p.sign("go", nil)
	simID := p.pair(sim)
	c := startCSign(t, binary, "-gateway", p.mqtt, "-state", filepath.Join(p.dir, "c"), "-panel", "296x128", "-serial", "C-1", "-retry", "300", "-always-on")
	p.pairC(c)
	p.knows(2)
	link := (&cHouse{t: t, house: p.house}).link()
	var mu sync.Mutex
	said := map[string]int{} // messages by topic, guarded by mu
	subscribeMQTT(t, link, wire.GatewayFilter, func(m mqtt.Message) {
		mu.Lock()
		defer mu.Unlock()
		said[m.Topic()]++
	})
	hellos := func(id devices.SignID) int {
		mu.Lock()
		defer mu.Unlock()
		return said[wire.SignTopic(string(id), wire.NameHello)]
	}
	signs, err := p.house.store.Signs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server := [32]byte(p.served())
	for _, sign := range signs {
		cred, err := p.house.store.Credential(t.Context(), sign.ID)
		if err != nil {
			t.Fatal(err)
		}
		before, err := p.house.store.SignPins(t.Context(), sign.ID)
		if err != nil {
			t.Fatal(err)
		}
		key, stranger := [32]byte(cred.ManifestKey), [32]byte{7}
		number := before.Given.Number
		set := func(key *[32]byte, number uint32, keys ...[32]byte) []byte {
			m, err := wire.SignPins(key, string(sign.ID), number, keys...)
			if err != nil {
				t.Fatal(err)
			}
			data, err := m.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		// A genuine one takes the number further, so that there is an older one.
		genuine := set(&key, number+5, server, [32]byte(before.Given.Keys[1]))
		link.Publish(wire.SignTopic(string(sign.ID), wire.NamePins), 1, false, genuine)
		status := func(code devices.ErrorCode) func() bool {
			return func() bool {
				st, err := p.house.store.Status(t.Context(), sign.ID)
				return err == nil && st.LastError == code
			}
		}
		p.within("the gateway follows the number", func() bool {
			now, err := p.house.store.SignPins(t.Context(), sign.ID)
			return err == nil && now.Held.Number > number+5 && slices.Equal(now.Held.Keys, before.Given.Keys)
		})
		for name, data := range map[string][]byte{
			"older, once genuine": genuine, "of another key": set(&stranger, number+99, server), "without the server": set(&key, number+99, [32]byte{1}),
			"cut": genuine[:len(genuine)-3], "nothing": {0},
		} {
			before := hellos(sign.ID) // in the next the error before is no more; after it none may take the new one away
			if sign.ID == simID {
				sim.Wake()
			} else if _, err := c.in.Write([]byte("wake\n")); err != nil {
				t.Fatal(err)
			}
			p.within("a hello, "+name, func() bool { return hellos(sign.ID) > before })
			p.within("no error, "+name, status(devices.NoError))
			link.Publish(wire.SignTopic(string(sign.ID), wire.NamePins), 1, false, data)
			p.within("the error is known, "+name, status(devices.ErrServerKeys))
		}
		if now, err := p.house.store.SignPins(t.Context(), sign.ID); err != nil || now.Held.Number > number+20 {
			t.Errorf("set %d is in force, %v", now.Held.Number, err)
		}
	}
	p.change(false)
	p.knows(2)
}

// A sign without encryption depends on no key: a change need not be forced for
// it, and it is back after it.
func TestKeyChangePlain(t *testing.T) {
	t.Parallel()
	p := newPinHouse(t)
	plain := "mqtt://" + freeAddress(t)
	p.up("-mqtt-listen", p.mqtt+","+plain)
	s := p.sign("plain", func(o *simsign.Options) { o.Gateway = plain })
	id := p.pair(s)
	known := func() bool {
		v, err := p.house.pinKeeper().ServerKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return v.Backup.Plain == 1 && len(v.Backup.Lacking)+len(v.Backup.Silent) == 0
	}
	p.within("it is known that no key matters to it", known)
	begin := time.Now()
	p.change(false)
	p.back(id, begin)
	p.stop()
	p.up() // without the listener by which it calls
	if !known() {
		t.Error("after a restart it is no more known that no key matters to it")
	}
}
