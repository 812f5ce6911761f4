package admin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"sync"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
)

// fakeCalendars answers as scripted and remembers what it was asked.
type fakeCalendars struct {
	mu        sync.Mutex
	store     *fakeStore // what certificates and swaps are written into; nil: nowhere
	calls     []string
	err       error
	checkErr  error
	checks    []connection.Check
	spare     []connection.Check
	lifetimes []connection.Lifetime
	lists     []connection.RoomList
	counters  map[string]uint64
	problems  map[calendar.RoomID]connection.Problem
	answered  connection.Query
	cookie    string
	mailed    bool // the next answer is that of a mailed link
	checked   connection.Settings
	connected func()
}

func (f *fakeCalendars) note(call string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
	return f.err
}

func (f *fakeCalendars) CheckSettings(s connection.Settings) error {
	f.checked = s
	return f.checkErr
}

func (f *fakeCalendars) Connect(context.Context, connection.ID) (connection.Redirect, error) {
	return connection.Redirect{URL: "https://login.example/authorize?x=1", Cookie: "attempt"}, f.note("connect")
}

func (f *fakeCalendars) AdminConsent(context.Context, connection.ID) (connection.Redirect, error) {
	return connection.Redirect{URL: "https://login.example/adminconsent", Cookie: "attempt"}, f.note("consent")
}

func (f *fakeCalendars) ConsentLink(_ context.Context, id connection.ID) (string, error) {
	return fmt.Sprintf("https://login.example/%d/adminconsent?state=mail&x=a+b", id), f.note("consent link")
}

func (f *fakeCalendars) Answer(_ context.Context, q connection.Query, cookie string) (connection.Redirect, error) {
	f.answered, f.cookie = q, cookie
	err := f.note("answer")
	if err == nil && f.connected != nil {
		f.connected()
	}
	return connection.Redirect{Mailed: f.mailed}, err
}

func (f *fakeCalendars) Probe(_ context.Context, id connection.ID, o connection.ProbeOptions) ([]connection.Check, error) {
	call := "probe"
	if id != 1 {
		call = fmt.Sprintf("probe %d", id)
	}
	if o != (connection.ProbeOptions{}) {
		call += fmt.Sprintf(" %s %v", o.Forbidden, o.Subscription)
	}
	return f.checks, f.note(call)
}

func (f *fakeCalendars) NewCertificate(ctx context.Context, id connection.ID) (connection.Credential, error) {
	c := connection.Credential{CertPEM: selfSigned(730 * 24 * time.Hour), KeyPEM: "-----BEGIN PRIVATE KEY-----\nvery~secret~key\n"}
	if err := f.note("certificate"); err != nil {
		return connection.Credential{}, err
	}
	if f.store != nil {
		return c, f.store.SaveSpare(ctx, id, c)
	}
	return c, nil
}

func (f *fakeCalendars) TestSpare(context.Context, connection.ID) ([]connection.Check, error) {
	return f.spare, f.note("test spare")
}

func (f *fakeCalendars) UseSpare(_ context.Context, id connection.ID) ([]connection.Check, error) {
	err := f.note("use spare")
	for _, c := range f.spare {
		if !c.OK {
			return f.spare, err
		}
	}
	if f.store != nil && err == nil {
		defer f.store.lock()()
		c := f.store.conns[id]
		old := c.Settings.Credential()
		c.Settings, c.Spare = c.Settings.With(c.Spare), old
		f.store.conns[id] = c
	}
	return f.spare, err
}

func (f *fakeCalendars) Lifetimes(context.Context, connection.ID) ([]connection.Lifetime, error) {
	return f.lifetimes, nil
}

func (f *fakeCalendars) RefreshRooms(context.Context, connection.ID) error {
	return f.note("refresh rooms")
}

func (f *fakeCalendars) AddRooms(_ context.Context, _ connection.ID, list []string) error {
	return f.note("add " + strings.Join(list, ","))
}

func (f *fakeCalendars) AddPersonal(_ context.Context, id connection.ID, list []string) error {
	return f.note(fmt.Sprintf("add personal %d ", id) + strings.Join(list, ","))
}

func (f *fakeCalendars) RoomLists(context.Context, connection.ID) ([]connection.RoomList, error) {
	return f.lists, f.note("room lists")
}

func (f *fakeCalendars) Disconnect(context.Context, connection.ID) error { return f.note("disconnect") }

func (f *fakeCalendars) Remove(_ context.Context, id connection.ID) error {
	err := f.note(fmt.Sprintf("remove %d", id))
	if f.store != nil && err == nil {
		defer f.store.lock()()
		delete(f.store.conns, id)
	}
	return err
}

func (f *fakeCalendars) RoomProblems() map[calendar.RoomID]connection.Problem { return f.problems }

func (f *fakeCalendars) Counters() map[string]uint64 { return maps.Clone(f.counters) }

func digestOf(b []byte) devices.Digest { return sha256.Sum256(b) }

// selfSigned is a certificate as the gateway makes them, as PEM.
func selfSigned(life time.Duration) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Doorleaf"}, NotBefore: time.Now(), NotAfter: time.Now().Add(life)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
