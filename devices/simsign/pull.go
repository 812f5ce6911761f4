package simsign

import (
	"encoding/hex"
	"fmt"
	"time"

	"doorleaf/devices"
	"doorleaf/firmware-protocol/wire"
)

const (
	window    = 4               // requests under way
	chunkWait = 3 * time.Second // for a block, then it is asked for again
)

// chunk names a part of an object that was asked for.
type chunk struct {
	object wire.ObjectHash
	offset uint32
}

// part is an object that is not complete. It outlives a lost connection, so
// that pulling goes on where it stopped.
type part struct {
	data []byte
	have map[uint32]int // offset to length
	got  int            // bytes
}

// pull asks for what is missing; false when it gave up on the connection. Pictures
// that were given up leave firmware its way.
func (s *Sign) pull(now time.Time) bool {
	t := &s.talk
	late := false
	for c, d := range t.gets {
		if !d.After(now) {
			delete(t.gets, c)
			late = true
		}
	}
	if late {
		if t.silent++; t.silent >= repeats {
			s.broken(errNoBlocks)
			return false
		}
	}
	for _, st := range s.missing() {
		if t.gaveUp {
			break
		}
		p := s.parts[st.Object]
		for off := uint32(0); off < st.Size; off += uint32(s.opts.Chunk) {
			if len(t.gets) >= window {
				return true
			}
			c := chunk{st.Object, off}
			if _, asked := t.gets[c]; asked || (p != nil && p.have[off] > 0) {
				continue
			}
			if !s.get(c, min(uint32(s.opts.Chunk), st.Size-off), now) {
				return true
			}
		}
	}
	s.pullImage(now)
	return s.conn != nil // a complete image starts anew
}

// get asks for one part.
func (s *Sign) get(c chunk, length uint32, now time.Time) bool {
	m := wire.Get{Object: c.object, Offset: c.offset, Length: length}
	b, err := m.Marshal()
	if !s.keep(err) {
		return false
	}
	if s.talk.gets == nil {
		s.talk.gets = map[chunk]time.Time{}
	}
	s.talk.gets[c] = now.Add(chunkWait)
	s.publish(wire.SignTopic(s.st.Sign, wire.NameGet), wire.NameGet, 0, b)
	return true
}

// block takes one part.
func (s *Sign) block(payload []byte) {
	b, err := wire.UnmarshalBlock(payload)
	if err != nil {
		return // it is asked for again
	}
	for c := range s.talk.gets {
		if [8]byte(c.object[:8]) != b.Object || (b.Total != 0 && c.offset != b.Offset) {
			continue
		}
		delete(s.talk.gets, c)
		s.talk.silent = 0
		if s.download != nil && c.object == s.download.release.Image {
			s.imageBlock(c, b)
			return
		}
		if b.Total == 0 {
			s.notThere()
			return
		}
		for _, st := range s.missing() {
			if st.Object == c.object {
				s.take(st, b)
				return
			}
		}
		return
	}
}

// notThere is the answer that the gateway does not have an object: most likely
// a newer manifest exists, so the sign says hello again before it complains.
func (s *Sign) notThere() {
	s.talk.gets = nil
	if s.unknown++; s.unknown < 2 {
		s.talk.hailed, s.talk.greeted = false, false
		return
	}
	s.fail(devices.ErrObjectHash, errMissing)
}

// take adds a part to its object and stores the object when it is complete.
func (s *Sign) take(st wire.Step, b wire.Block) {
	if b.Total != st.Size {
		s.fail(devices.ErrObjectSize, fmt.Errorf("object of %d bytes, announced with %d", b.Total, st.Size))
		return
	}
	if s.parts == nil {
		s.parts = map[wire.ObjectHash]*part{}
	}
	p := s.parts[st.Object]
	if p == nil {
		p = &part{data: make([]byte, st.Size), have: map[uint32]int{}}
		s.parts[st.Object] = p
	}
	want := min(uint32(s.opts.Chunk), st.Size-b.Offset)
	if p.have[b.Offset] > 0 || len(b.Data) != int(want) {
		return
	}
	copy(p.data[b.Offset:], b.Data)
	p.have[b.Offset] = len(b.Data)
	if p.got += len(b.Data); p.got < len(p.data) {
		return
	}
	delete(s.parts, st.Object)
	if wire.HashObject(p.data) != st.Object {
		s.fail(devices.ErrObjectHash, fmt.Errorf("object does not have its hash"))
		return
	}
	if !s.keep(s.store.Put(objectName(st.Object), p.data)) {
		return
	}
	s.emit(Event{Event: "object", Object: hex.EncodeToString(st.Object[:]), Bytes: len(p.data), Epoch: s.st.Epoch, Seq: s.st.Seq})
	s.cut("object.stored")
}
