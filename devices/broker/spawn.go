package broker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	maxLogLine = 64 << 10
	maxTrace   = 80 // lines of what a dying process says
	stopLimit  = 2 * time.Second
)

// running is one process.
type running struct {
	cmd     *exec.Cmd
	pipe    *pipe
	sockets *net.UnixConn // hands connections over
	frames  net.Conn
	tls     *certificate // as last sent; used by one goroutine at a time

	begin chan struct{} // closed by serve, once pipe is set
	gone  chan struct{} // closed when it has ended
	err   error         // how it ended; read after gone
}

// socketpair returns two connected sockets that no other program inherits.
func socketpair() (ours net.Conn, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("broker: socketpair: %w", err)
	}
	f := os.NewFile(uintptr(fds[0]), "broker")
	defer f.Close()
	theirs = os.NewFile(uintptr(fds[1]), "broker")
	if ours, err = net.FileConn(f); err != nil {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("broker: socketpair: %w", err)
	}
	return ours, theirs, nil
}

// spawn starts a process with its descriptors.
func spawn(c Command, sockets []socket, log *slog.Logger) (*running, error) {
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			_ = f.Close()
		}
	}()
	frames, f, err := socketpair()
	if err != nil {
		return nil, err
	}
	theirs = append(theirs, f)
	handover, f, err := socketpair()
	if err != nil {
		_ = frames.Close()
		return nil, err
	}
	theirs = append(theirs, f)
	run := &running{frames: frames, sockets: handover.(*net.UnixConn), begin: make(chan struct{}), gone: make(chan struct{})}
	fail := func(err error) (*running, error) {
		_ = frames.Close()
		_ = handover.Close()
		return nil, fmt.Errorf("broker: process: %w", err)
	}
	for _, s := range sockets {
		l, ok := s.Listener.(*net.TCPListener)
		if !ok {
			return fail(errors.New("a listener is not TCP"))
		}
		f, err := l.File()
		if err != nil {
			return fail(err)
		}
		theirs = append(theirs, f)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	run.cmd = &exec.Cmd{Path: c.Path, Args: c.Args}
	run.cmd.Env = append(slices.Clone(c.Env), "GOTRACEBACK=single")
	run.cmd.Dir = "/"
	run.cmd.Stderr = in
	run.cmd.ExtraFiles = theirs
	err = run.cmd.Start()
	_ = in.Close()
	if err != nil {
		_ = out.Close()
		return fail(err)
	}
	go run.wait(out, log)
	return run, nil
}

// wait passes the log on until the process has ended.
func (r *running) wait(out *os.File, log *slog.Logger) {
	var relay sync.WaitGroup
	relay.Go(func() {
		defer out.Close()
		relayLog(out, log.With("process", r.cmd.Process.Pid))
	})
	r.err = r.cmd.Wait()
	if r.err == nil {
		r.err = errors.New("exit without error")
	}
	relay.Wait()
	_ = r.frames.Close()
	_ = r.sockets.Close()
	close(r.gone)
}

// serve carries frames until the process is gone; a process whose pipe broke is
// ended.
func (r *running) serve(handle func(kind byte, number uint32, body []byte)) {
	r.pipe = newPipe(r.frames, handle)
	close(r.begin)
	_ = r.pipe.run()
	r.kill()
	<-r.gone
}

func (r *running) kill() { _ = r.cmd.Process.Kill() }

// stop lets the process end by itself, and ends it where it does not.
func (r *running) stop() {
	_ = r.frames.Close()
	select {
	case <-r.gone:
	case <-time.After(stopLimit):
		r.kill()
		<-r.gone
	}
}

// order sends v as JSON and waits until it is carried out.
func (r *running) order(limit time.Duration, kind byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	<-r.begin
	answer, err := r.pipe.callWithin(limit, kind, b)
	if err == nil && len(answer) > 0 {
		err = errors.New(string(answer))
	}
	return err
}

// handOver gives one end of a new pair of sockets to the process and returns the
// other.
func (r *running) handOver() (net.Conn, error) {
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	_ = r.sockets.SetWriteDeadline(time.Now().Add(dialLimit))
	if _, _, err := r.sockets.WriteMsgUnix([]byte{0}, syscall.UnixRights(int(theirs.Fd())), nil); err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("broker: connection of the gateway: %w", err)
	}
	return ours, nil
}

// relayLog writes the lines of the process's log into ours. What is not of its
// log is what the runtime says of its end, and bounded.
func relayLog(r io.Reader, log *slog.Logger) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLogLine)
	trace := 0
	for lines.Scan() {
		if relayLine(lines.Bytes(), log) {
			continue
		}
		if trace++; trace <= maxTrace {
			log.Error("broker: process said", "line", lines.Text())
		}
	}
	if trace > maxTrace {
		log.Error("broker: process said more", "lines", trace-maxTrace)
	}
	_, _ = io.Copy(io.Discard, r) // a longer line than any of ours: the process must not wait for us
}

func relayLine(line []byte, log *slog.Logger) bool {
	var fields map[string]any
	if json.Unmarshal(line, &fields) != nil {
		return false
	}
	msg, ok := fields[slog.MessageKey].(string)
	name, isText := fields[slog.LevelKey].(string)
	var level slog.Level
	if !ok || !isText || level.UnmarshalText([]byte(name)) != nil {
		return false
	}
	delete(fields, slog.MessageKey)
	delete(fields, slog.LevelKey)
	delete(fields, slog.TimeKey)
	var attrs []slog.Attr
	for key, value := range fields {
		attrs = append(attrs, slog.Any(key, value))
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	log.LogAttrs(context.Background(), level, msg, attrs...)
	return true
}
