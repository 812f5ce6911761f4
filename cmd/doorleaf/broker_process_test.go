package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/broker"
	"doorleaf/devices/simsign"
)

// TestBrokerKilled ends the broker's process while signs are connected and while
// their pictures change: the gateway stays, and every sign shows what it should.
func TestBrokerKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a fleet")
	}
	n := 12 // each packs whole days, which takes long under the race detector
	if soak() {
		n = 40
	}
	f := newFleetOf(t, n, "mqtt", true)
	p, ok := f.h.broker.(*broker.Process)
	if !ok {
		t.Fatalf("serve runs its broker as %T", f.h.broker)
	}
	startChild(t, fmt.Sprintf("fleet:%d:mqtt://%s", f.n, f.mqtt), nil, "fleet")
	t.Logf("first timelines: %v", f.settled(5*time.Minute))
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGABRT} {
		t.Run(sig.String(), func(t *testing.T) {
			f.round++
			planned := f.timelines()
			f.each(func(i int) error {
				if err := f.commit(i, f.day(i, f.round)); err != nil {
					return err
				}
				f.h.core.AgendaChanged(f.rooms[i].ID)
				if i == f.n/2 {
					return syscall.Kill(p.PID(), sig)
				}
				return nil
			})
			soon(t, "new timelines", func() bool { return f.allNewer(planned) })
			t.Logf("settled after %v", f.settled(5*time.Minute))
			if err := f.h.ready(t.Context()); err != nil {
				t.Errorf("gateway: %v", err)
			}
		})
	}
	if got := p.Stats().Restarts; got != 2 {
		t.Errorf("restarts: got %d, want 2", got)
	}
	for _, id := range f.ids {
		if !f.h.connected(id) {
			t.Errorf("%s is not connected", id)
		}
	}
}

// timelines are the numbers of what each sign should have.
func (f *fleet) timelines() map[devices.SignID]uint32 {
	f.b.Helper()
	seqs := map[devices.SignID]uint32{}
	for _, id := range f.ids {
		w, err := f.h.store.Want(f.b.Context(), id)
		if err != nil {
			f.b.Fatal(err)
		}
		seqs[id] = w.Seq
	}
	return seqs
}

// allNewer reports whether every sign should have something newer: until it was
// planned, nothing tells a change.
func (f *fleet) allNewer(than map[devices.SignID]uint32) bool {
	for id, seq := range f.timelines() {
		if seq <= than[id] {
			return false
		}
	}
	return true
}

// A gateway that is killed takes its broker along, so that the next one finds
// its port free; signals that end the gateway do not end the broker first.
func TestBrokerEndsWithGateway(t *testing.T) {
	dir, web, mqtt := t.TempDir(), freeAddress(t), freeAddress(t)
	serve := func() (*child, int) {
		c := startChild(t, "1", nil, "serve", "-data", dir, "-listen", web, "-mqtt-listen", "mqtt://"+mqtt)
		c.waitFor("start", 0, func(l string) bool { return strings.Contains(l, "listening") })
		return c, brokerOf(t, c.cmd.Process.Pid)
	}
	c, pid := serve()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name())); err == nil && strings.HasPrefix(to, filepath.Clean(dir)) {
			t.Errorf("the broker's process has %s open", to)
		}
	}
	c.kill()
	goneSoon(t, pid)
	c, pid = serve()                                           // at once, on the same port
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil { // as a service manager ends a whole service
		t.Fatal(err)
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-c.done
	goneSoon(t, pid)
	if strings.Contains(c.output(), "process ended") {
		t.Error("the gateway took the end of its own broker for a crash")
	}
}

// brokerOf returns the child process of a gateway.
func brokerOf(t *testing.T, parent int) int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(all) == 0 {
		t.Skip("no /proc on this system")
	}
	for _, name := range all {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		var pid, ppid int
		var state string
		_, after, _ := strings.Cut(string(b), ") ")
		if _, err := fmt.Sscan(string(b), &pid); err != nil {
			continue
		}
		if _, err := fmt.Sscan(after, &state, &ppid); err == nil && ppid == parent {
			return pid
		}
	}
	t.Fatalf("process %d has no broker", parent)
	return 0
}

// goneSoon waits for the end of a process that is no child of ours.
func goneSoon(t *testing.T, pid int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for syscall.Kill(pid, 0) == nil {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(b), ") Z ") {
			return // ended, and nobody has asked how
		}
		select {
		case <-ctx.Done():
			t.Fatalf("process %d is still there", pid)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// A broker that dies takes nothing along that anybody believes told: it says
// "received" before the gateway has a message, and dies then. The sign goes by the
// gateway's Ack, so each press of a button arrives, and acts once.
func TestBrokerDiesWithMessages(t *testing.T) {
	t.Parallel()
	f := newFleetOf(t, 1, "mqtt", true)
	p, ok := f.h.broker.(*broker.Process)
	if !ok {
		t.Fatalf("serve runs its broker as %T", f.h.broker)
	}
	id, secret := benchIdentity(0)
	s, err := simsign.New(simsign.Options{Gateway: "mqtt://" + f.mqtt, Panel: devices.PanelBySize(800, 480), Serial: "B", AlwaysOn: true,
		Identity: &simsign.Identity{ID: id, Secret: secret}, MaxRetry: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	hang(t, s)
	presses := func() int { return pressesOf(t, f.h, id) }
	const deaths = 5
	pid, dead := 0, 0
	for n := range deaths {
		soon(t, "the sign is there", func() bool {
			pid = p.PID()
			return pid != 0 && pid != dead && f.h.connected(id) && f.h.link.Ready()
		})
		s.Press(1 + n%4)
		time.Sleep(time.Duration(n) * 700 * time.Microsecond) // another moment each time
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		dead = pid
		soon(t, "the press arrives", func() bool { return presses() == n+1 })
		soon(t, "the next process", func() bool { return p.Stats().Restarts >= int64(n+1) })
	}
	if got := p.Stats().Restarts; got != deaths {
		t.Errorf("restarts: got %d, want %d", got, deaths)
	}
	f.round++
	planned := f.timelines()
	if err := f.commit(0, f.day(0, f.round)); err != nil {
		t.Fatal(err)
	}
	f.h.core.AgendaChanged(f.rooms[0].ID)
	soon(t, "a new timeline", func() bool { return f.allNewer(planned) })
	t.Logf("settled after %v", f.settled(5*time.Minute))
	if n := presses(); n != deaths {
		t.Errorf("%d presses arrived, want %d", n, deaths)
	}
}
