package storetest

import (
	"bytes"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/render/mono"
)

func testWant(s *suite) {
	ctx := s.Context()
	id := s.pair("one")
	_, err := s.Want(ctx, id)
	s.fails("before the first", err, gateway.ErrNotFound)
	w, objects, pictures := want(id, 1, 1, 1)
	w.Base = hash(9)
	s.ok(s.CommitWant(ctx, w, objects, pictures))
	got, err := s.Want(ctx, id)
	s.ok(err)
	s.equal("want", got, w)
	for i, o := range objects {
		b, err := s.Object(ctx, id, o.Hash)
		s.ok(err)
		s.equal("object", b, o.Bytes)
		has, err := s.HasPicture(ctx, pictures[i].Digest())
		s.ok(err)
		s.equal("has a picture of the want", has, true)
		m, err := s.Picture(ctx, pictures[i].Digest())
		s.ok(err)
		s.equal("picture", m, pictures[i])
	}
	list, err := s.Decisions(ctx, id, 10)
	s.ok(err)
	s.equal("decision", list, []gateway.Decision{{Sign: id, At: noon, Reason: gateway.Changed, Epoch: 1, Seq: 1, Shows: w.Steps[0].Digest, Count: 1}})

	next := gateway.Want{Sign: id, Epoch: 1, Seq: 2, Reason: gateway.First, At: noon, Body: []byte{1}}
	s.ok(s.CommitWant(ctx, next, nil, nil))
	got, err = s.Want(ctx, id)
	s.ok(err)
	s.equal("smaller want", got, next)

	broken := mono.New(16, 4)
	broken.Pix = broken.Pix[:5]
	next.Seq = 3
	s.fails("broken picture", s.CommitWant(ctx, next, nil, []*mono.Image{broken}), gateway.ErrInvalid)
	got, err = s.Want(ctx, id)
	s.ok(err)
	s.equal("want after a refused one", got.Seq, uint32(2))
}

func testWantOrder(s *suite) {
	ctx := s.Context()
	id := s.pair("one")
	steps := []struct {
		epoch, seq uint32
		want       error
	}{
		{1, 5, nil}, {1, 5, gateway.ErrConflict}, {1, 4, gateway.ErrConflict}, {1, 6, nil}, {0, 9, gateway.ErrConflict},
		{2, 1, nil}, {1, 99, gateway.ErrConflict}, {1 << 31, 1<<32 - 1, nil}, {1<<32 - 1, 0, nil},
	}
	var last gateway.Want
	decided := 0
	for i, st := range steps {
		w, objects, pictures := want(id, st.epoch, st.seq, 10*i)
		err := s.CommitWant(ctx, w, objects, pictures)
		s.fails("commit", err, st.want)
		if st.want == nil {
			last = w
			decided++
		} else if _, err := s.Picture(ctx, pictures[0].Digest()); err == nil {
			s.Errorf("(%d, %d): a refused want left a picture", st.epoch, st.seq)
		}
		got, err := s.Want(ctx, id)
		s.ok(err)
		s.equal("want", got, last)
	}
	list, err := s.Decisions(ctx, id, 100)
	s.ok(err)
	s.equal("number of decisions", len(list), decided)
}

func testPictures(s *suite) {
	ctx := s.Context()
	one, two := s.pair("one"), s.pair("two")
	has := func(name string, n int) {
		s.Helper()
		if _, err := s.Picture(ctx, picture(n).Digest()); err != nil {
			s.Errorf("%s: picture %d: %v", name, n, err)
		}
	}
	s.send(one, 1, 10)
	s.report(hello(one, 1, 1, 10))
	s.send(two, 1, 11)
	s.send(one, 2, 20)
	has("shown on a sign", 10)
	has("shared, wanted by the other sign", 11)
	has("shared, wanted by the other sign", 12)
	has("wanted", 20)
	s.send(one, 3, 30)
	s.send(one, 4, 40)
	has("still shown after three wants", 10)
	s.report(hello(one, 1, 2, 40))
	s.send(one, 5, 50)
	has("shown since the last report", 40)

	w, objects, _ := want(one, 1, 6, 50)
	s.ok(s.CommitWant(ctx, w, objects, nil))
	has("named by the want, stored before", 50)
	has("stale picture, stored before", 52)
}

func testObjects(s *suite) {
	ctx := s.Context()
	one, two := s.pair("one"), s.pair("two")
	s.send(one, 1, 10)
	_, err := s.Object(ctx, two, object(10).Hash)
	s.fails("another sign's object", err, gateway.ErrNotFound)
	s.send(one, 2, 11)
	s.send(one, 3, 12)
	for n := 12; n < 15; n++ {
		b, err := s.Object(ctx, one, object(n).Hash)
		s.ok(err)
		if !bytes.Equal(b, object(n).Bytes) {
			s.Errorf("object %d: got %x, want %x", n, b, object(n).Bytes)
		}
	}
	big := devices.Object{Hash: hash(200), Bytes: bytes.Repeat([]byte("0123456789"), 30000)}
	w, _, _ := want(one, 1, 4, 12)
	s.ok(s.CommitWant(ctx, w, []devices.Object{big, big}, nil))
	b, err := s.Object(ctx, one, big.Hash)
	s.ok(err)
	s.equal("large object", bytes.Equal(b, big.Bytes), true)
}

func testDecisions(s *suite) {
	ctx := s.Context()
	id := s.pair("one")
	nothing := func(seq uint32, minute int) gateway.Decision {
		return gateway.Decision{Sign: id, At: noon.Add(time.Duration(minute) * time.Minute), Reason: gateway.NothingToDo, Epoch: 1, Seq: seq, Shows: hash(byte(minute))}
	}
	s.send(id, 1, 1)
	for minute := 1; minute <= 5; minute++ {
		s.ok(s.AddDecision(ctx, nothing(1, minute)))
	}
	s.ok(s.AddDecision(ctx, nothing(2, 6)))
	s.send(id, 3, 1)
	s.ok(s.AddDecision(ctx, nothing(3, 7)))
	counted := func(d gateway.Decision, n int) gateway.Decision { d.Count = n; return d }
	w, _, _ := want(id, 1, 1, 1)
	sent := gateway.Decision{Sign: id, At: noon, Reason: gateway.Changed, Epoch: 1, Seq: 1, Shows: w.Steps[0].Digest, Count: 1}
	again := sent
	again.Seq = 3
	got, err := s.Decisions(ctx, id, 10)
	s.ok(err)
	s.equal("newest first", got, []gateway.Decision{counted(nothing(3, 7), 1), again, counted(nothing(2, 6), 1), counted(nothing(1, 5), 5), sent})
	got, err = s.Decisions(ctx, id, 2)
	s.ok(err)
	s.equal("limited", got, []gateway.Decision{counted(nothing(3, 7), 1), again})
}
