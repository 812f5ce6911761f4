package broker

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Bounds of what travels between the gateway and its broker's process.
const (
	maxFrame   = 1 << 20 // bytes of one frame
	maxUnsent  = 8 << 20 // bytes the other side has not taken
	frameHead  = 9       // length, kind, number
	kindAnswer = 'a'
)

// errStuck is a process that does not take what is sent to it.
var errStuck = errors.New("broker: the other process does not read")

// pipe carries frames between the gateway and its broker's process: u32 length of
// the rest, u8 kind, u32 number, body. A frame with a number other than 0 is
// answered by one of kind kindAnswer with the same number.
type pipe struct {
	conn net.Conn
	// handle takes a frame that is no answer; it must not block. The body is the
	// handler's.
	handle func(kind byte, number uint32, body []byte)

	more chan struct{} // signals the writer
	done chan struct{} // closed when the pipe ended

	mu     sync.Mutex
	out    []byte                 // guarded by mu, not written yet
	calls  map[uint32]chan []byte // guarded by mu, that wait for their answer
	number uint32                 // guarded by mu, of the last call
	err    error                  // guarded by mu, why it ended
}

func newPipe(conn net.Conn, handle func(kind byte, number uint32, body []byte)) *pipe {
	return &pipe{conn: conn, handle: handle, more: make(chan struct{}, 1), done: make(chan struct{}), calls: map[uint32]chan []byte{}}
}

// run carries frames until the pipe ends.
func (p *pipe) run() error {
	var wg sync.WaitGroup
	wg.Go(p.write)
	err := p.read()
	p.end(err)
	wg.Wait()
	return err
}

// end closes the pipe for a reason; the first one counts.
func (p *pipe) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return
	}
	if p.err = err; err == nil {
		p.err = net.ErrClosed
	}
	_ = p.conn.Close()
	close(p.done)
}

func (p *pipe) read() error {
	r := bufio.NewReaderSize(p.conn, 64<<10)
	var head [frameHead]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return err
		}
		length := binary.BigEndian.Uint32(head[:])
		if length < frameHead-4 || length > maxFrame {
			return fmt.Errorf("broker: frame of %d bytes", length)
		}
		body := make([]byte, length-(frameHead-4))
		if _, err := io.ReadFull(r, body); err != nil {
			return noEOF(err)
		}
		kind, number := head[4], binary.BigEndian.Uint32(head[5:])
		if kind != kindAnswer {
			p.handle(kind, number, body)
			continue
		}
		p.mu.Lock()
		answer := p.calls[number]
		delete(p.calls, number)
		p.mu.Unlock()
		if answer != nil {
			answer <- body
		}
	}
}

// write sends what was queued, all of it at once, so that a burst costs few
// system calls.
func (p *pipe) write() {
	for {
		select {
		case <-p.more:
		case <-p.done:
			return
		}
		p.mu.Lock()
		out := p.out
		p.out = nil
		p.mu.Unlock()
		if len(out) == 0 {
			continue
		}
		if _, err := p.conn.Write(out); err != nil {
			p.end(err)
			return
		}
	}
}

// send queues a frame; it never blocks.
func (p *pipe) send(kind byte, number uint32, body []byte) error {
	if len(body) > maxFrame-frameHead {
		return fmt.Errorf("broker: frame of %d bytes", len(body))
	}
	p.mu.Lock()
	if p.err != nil {
		defer p.mu.Unlock()
		return p.err
	}
	if len(p.out)+len(body) > maxUnsent {
		p.mu.Unlock()
		p.end(errStuck)
		return errStuck
	}
	p.out = binary.BigEndian.AppendUint32(p.out, uint32(len(body)+frameHead-4))
	p.out = append(p.out, kind)
	p.out = binary.BigEndian.AppendUint32(p.out, number)
	p.out = append(p.out, body...)
	p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
	return nil
}

// call sends a frame and waits for its answer.
func (p *pipe) call(ctx context.Context, kind byte, body []byte) ([]byte, error) {
	answer := make(chan []byte, 1)
	p.mu.Lock()
	if p.err != nil {
		defer p.mu.Unlock()
		return nil, p.err
	}
	for p.number++; p.number == 0 || p.calls[p.number] != nil; p.number++ {
	}
	number := p.number
	p.calls[number] = answer
	p.mu.Unlock()
	if err := p.send(kind, number, body); err != nil {
		return nil, err
	}
	select {
	case body := <-answer:
		return body, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		p.mu.Lock()
		delete(p.calls, number)
		p.mu.Unlock()
		return nil, ctx.Err()
	}
}

// callWithin is call with a limit.
func (p *pipe) callWithin(d time.Duration, kind byte, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return p.call(ctx, kind, body)
}
