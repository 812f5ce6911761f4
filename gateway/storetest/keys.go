package storetest

import (
	"fmt"
	"math"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// nextKey is a newer secret of a sign, told apart by n.
func nextKey(id devices.SignID, number uint32, n byte) gateway.NextKey {
	secret := hash(n)
	return gateway.NextKey{
		Credential: devices.Credential{Sign: id, Number: number, PasswordHash: hash(n + 100), ManifestKey: secret[:], Password: fmt.Sprintf("%048x", n)},
		Secret:     secret[:], Public: hash(n + 50), Made: noon.Add(time.Hour),
	}
}

func testKeys(s *suite) {
	ctx := s.Context()
	id, other := s.pair("one"), s.pair("two")
	_, first := sign("one")
	keys := func(what string, want gateway.SignKeys) {
		s.Helper()
		got, err := s.SignKeys(ctx, id)
		s.ok(err)
		s.equal(what, got, want)
	}
	credential := func(what string, want devices.Credential) {
		s.Helper()
		got, err := s.Credential(ctx, id)
		s.ok(err)
		s.equal(what+": credential", got, want)
	}
	keys("paired", gateway.SignKeys{Since: noon})
	s.ok(s.WantKey(ctx, id, 2))
	keys("wanted", gateway.SignKeys{Since: noon, Wanted: 2})
	s.fails("nothing on its way is stored", s.KeyStored(ctx, id, 2, noon), gateway.ErrConflict)
	s.fails("nothing on its way is used", s.UseKey(ctx, id, 2, noon), gateway.ErrConflict)

	two := nextKey(id, 2, 2)
	s.fails("another sign's secret", s.PutNextKey(ctx, other, two), gateway.ErrInvalid)
	s.fails("number in use", s.PutNextKey(ctx, id, nextKey(id, 0, 9)), gateway.ErrConflict)
	s.ok(s.PutNextKey(ctx, id, nextKey(id, 2, 1)))
	s.ok(s.PutNextKey(ctx, id, two))
	keys("on its way", gateway.SignKeys{Since: noon, Wanted: 2, Next: &two})
	both := first
	both.NextPasswordHash = two.Credential.PasswordHash
	both.NextManifestKey, both.NextNumber = two.Credential.ManifestKey, 2
	credential("on its way", both)

	s.fails("another number is stored", s.KeyStored(ctx, id, 3, noon), gateway.ErrConflict)
	s.ok(s.KeyStored(ctx, id, 2, noon.Add(2*time.Hour)))
	s.ok(s.KeyStored(ctx, id, 2, noon.Add(3*time.Hour)))
	two.Stored = noon.Add(2 * time.Hour)
	keys("stored", gateway.SignKeys{Since: noon, Wanted: 2, Next: &two})
	credential("stored", both)
	s.Store = s.reopen(s.T, s.Store)
	keys("reopened", gateway.SignKeys{Since: noon, Wanted: 2, Next: &two})

	s.fails("another number is used", s.UseKey(ctx, id, 3, noon), gateway.ErrConflict)
	s.ok(s.UseKey(ctx, id, 2, noon.Add(4*time.Hour)))
	keys("in use", gateway.SignKeys{Number: 2, Since: noon.Add(4 * time.Hour)})
	used := two.Credential
	used.Password = ""
	credential("in use", used)
	s.fails("used again", s.UseKey(ctx, id, 2, noon), gateway.ErrConflict)
	s.fails("older number", s.PutNextKey(ctx, id, nextKey(id, 1, 3)), gateway.ErrConflict)
	s.fails("same number", s.PutNextKey(ctx, id, nextKey(id, 2, 3)), gateway.ErrConflict)

	s.ok(s.WantKey(ctx, id, 5))
	s.ok(s.PutNextKey(ctx, id, nextKey(id, 4, 4)))
	s.ok(s.UseKey(ctx, id, 4, noon))
	keys("a newer one is still wanted", gateway.SignKeys{Number: 4, Since: noon, Wanted: 5})
	s.ok(s.PutNextKey(ctx, id, nextKey(id, math.MaxUint32, 5)))
	s.ok(s.UseKey(ctx, id, math.MaxUint32, noon))
	keys("the last number", gateway.SignKeys{Number: math.MaxUint32, Since: noon})
	s.ok(s.WantKey(ctx, id, 0))

	untouched, err := s.SignKeys(ctx, other)
	s.ok(err)
	s.equal("the other sign", untouched, gateway.SignKeys{Since: noon})
}

// A sign that is removed takes the secret on its way along.
func testRemovedKey(s *suite) {
	ctx := s.Context()
	id := s.pair("one")
	s.ok(s.WantKey(ctx, id, 1))
	s.ok(s.PutNextKey(ctx, id, nextKey(id, 1, 1)))
	s.ok(s.RemoveSign(ctx, id))
	s.pair("one")
	k, err := s.SignKeys(ctx, id)
	s.ok(err)
	s.equal("keys", k, gateway.SignKeys{Since: noon})
	c, err := s.Credential(ctx, id)
	s.ok(err)
	s.equal("password of the one before", c.NextPasswordHash, [32]byte{})
}

func testFactorySigns(s *suite) {
	ctx := s.Context()
	known := s.pair("one")
	var signs []gateway.FactorySign
	for _, id := range []string{"two", "three"} {
		sg, c := sign(id)
		signs = append(signs, gateway.FactorySign{Sign: sg, Credential: c})
	}
	sg, c := sign(string(known))
	s.fails("one is known", s.AddFactorySigns(ctx, append(signs, gateway.FactorySign{Sign: sg, Credential: c})), gateway.ErrConflict)
	_, err := s.Sign(ctx, "two")
	s.fails("nothing of it is kept", err, gateway.ErrNotFound)
	s.ok(s.AddFactorySigns(ctx, signs))
	for _, f := range signs {
		got, err := s.Sign(ctx, f.Sign.ID)
		s.ok(err)
		s.equal("sign", got, f.Sign)
		cred, err := s.Credential(ctx, f.Sign.ID)
		s.ok(err)
		s.equal("credential", cred, f.Credential)
		k, err := s.SignKeys(ctx, f.Sign.ID)
		s.ok(err)
		s.equal("keys", k, gateway.SignKeys{Since: noon, Factory: true})
		s.report(hello(f.Sign.ID, 1, 1, 1))
	}
}
