package storetest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/rollout"
)

// release returns a rollout of number n with an image of size bytes.
func release(n uint32, size int) (rollout.Rollout, []byte) {
	image := bytes.Repeat([]byte{byte(n), 1, 2, 3, 5, 8, 13}, size/7+1)[:size]
	return rollout.Rollout{State: rollout.Waiting, Added: noon, Hold: time.Hour, First: "one",
		Release: devices.Release{Model: "800x480", Version: "2.0", Number: n, Size: size, Image: sha256.Sum256(image), MinMillivolts: 2500, Signed: []byte{1, 2}}}, image
}

func testMakers(s *suite) {
	ctx := s.Context()
	a, b := gateway.Maker{Name: "A", Key: bytes.Repeat([]byte{1}, 32)}, gateway.Maker{Name: "B", Key: bytes.Repeat([]byte{2}, 32)}
	s.ok(s.AddMaker(ctx, b))
	s.ok(s.AddMaker(ctx, a))
	b.Name = "New"
	s.ok(s.AddMaker(ctx, b))
	s.fails("short key", s.AddMaker(ctx, gateway.Maker{Key: ed25519.PublicKey{1}}), gateway.ErrInvalid)
	list, err := s.Makers(ctx)
	s.ok(err)
	s.equal("makers", list, []gateway.Maker{a, b})
	s.ok(s.RemoveMaker(ctx, a.Key))
	s.fails("removed again", s.RemoveMaker(ctx, a.Key), gateway.ErrNotFound)
}

func testReleases(s *suite) {
	ctx := s.Context()
	r, image := release(7, 150_001)
	s.ok(s.AddRelease(ctx, r, image))
	s.fails("same release", s.AddRelease(ctx, r, image), gateway.ErrConflict)
	same, other := release(7, 99)
	s.fails("same number", s.AddRelease(ctx, same, other), gateway.ErrConflict)
	s.fails("wrong size", s.AddRelease(ctx, same, other[1:]), gateway.ErrInvalid)
	next, small := release(8, 99)
	s.ok(s.AddRelease(ctx, next, small))
	list, err := s.Rollouts(ctx)
	s.ok(err)
	s.equal("rollouts", list, []rollout.Rollout{next, r})

	for _, at := range []int{0, 1, 65_535, 65_536, 131_000, 150_000, 150_001, 150_002} {
		got, err := s.ImagePart(ctx, r.Release.Image, at, 4096)
		s.ok(err)
		want := image[min(at, len(image)):min(at+4096, len(image))]
		if !bytes.Equal(got, want) {
			s.Errorf("image from %d: got %d bytes, want %d", at, len(got), len(want))
		}
	}
	_, err = s.ImagePart(ctx, devices.ObjectHash{1}, 0, 10)
	s.fails("unknown image", err, gateway.ErrNotFound)
	_, err = s.ImagePart(ctx, r.Release.Image, -1, 10)
	s.fails("before the image", err, gateway.ErrInvalid)

	r.State, r.Why, r.Stage, r.Since, r.Hold, r.First = rollout.Stopped, rollout.Failed, 2, noon.Add(time.Hour), time.Minute, ""
	s.ok(s.UpdateRollout(ctx, r))
	list, err = s.Rollouts(ctx)
	s.ok(err)
	s.equal("updated rollout", list[1], r)
	s.ok(s.RemoveRelease(ctx, r.Release.Image))
	s.fails("removed again", s.RemoveRelease(ctx, r.Release.Image), gateway.ErrNotFound)
	s.fails("update of a removed one", s.UpdateRollout(ctx, r), gateway.ErrNotFound)
	_, err = s.ImagePart(ctx, r.Release.Image, 0, 10)
	s.fails("removed image", err, gateway.ErrNotFound)
}

func testMarks(s *suite) {
	ctx := s.Context()
	id, other := s.pair("one"), s.pair("two")
	r, image := release(7, 100)
	s.ok(s.AddRelease(ctx, r, image))
	m := rollout.Mark{Offered: noon}
	s.ok(s.SetMark(ctx, r.Release.Image, id, m))
	m.Failed, m.Code = noon.Add(time.Minute), devices.ErrFirmwareBack
	s.ok(s.SetMark(ctx, r.Release.Image, id, m))
	o := rollout.Mark{Offered: noon, Runs: noon.Add(time.Hour)}
	s.ok(s.SetMark(ctx, r.Release.Image, other, o))
	s.fails("unknown sign", s.SetMark(ctx, r.Release.Image, "nobody", m), gateway.ErrNotFound)
	s.fails("unknown release", s.SetMark(ctx, devices.ObjectHash{9}, id, m), gateway.ErrNotFound)
	got, err := s.Marks(ctx, r.Release.Image)
	s.ok(err)
	s.equal("marks", got, map[devices.SignID]rollout.Mark{id: m, other: o})
	s.ok(s.RemoveSign(ctx, other))
	got, err = s.Marks(ctx, r.Release.Image)
	s.ok(err)
	s.equal("marks without a removed sign", got, map[devices.SignID]rollout.Mark{id: m})
	s.ok(s.RemoveRelease(ctx, r.Release.Image))
	got, err = s.Marks(ctx, r.Release.Image)
	s.ok(err)
	s.equal("marks of a removed release", got, map[devices.SignID]rollout.Mark{})
}
