package graphsync

import (
	"log/slog"
	"sync"
	"time"

	"doorleaf/gateway/connection"
)

// The budget of log lines: when a thousand rooms fail for one reason, a few
// lines say so, and one line a day while it lasts.
const (
	linesPerKey = 3
	linesEvery  = 24 * time.Hour
)

// lineKey is what log lines have in common.
type lineKey struct {
	conn connection.ID
	what string
}

// lines writes log lines within the budget of their key.
type lines struct {
	log      *slog.Logger
	counters *counters
	now      func() time.Time

	mu   sync.Mutex
	keys map[lineKey]*lineCount // guarded by mu
}

// lineCount is what a key has spent.
type lineCount struct {
	since time.Time
	n     int
}

func newLines(log *slog.Logger, counters *counters, now func() time.Time) *lines {
	return &lines{log: log, counters: counters, now: now, keys: map[lineKey]*lineCount{}}
}

// spend reports whether one more line may be written.
func (l *lines) spend(key lineKey) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	c := l.keys[key]
	if c == nil || now.Sub(c.since) >= linesEvery {
		c = &lineCount{since: now}
		l.keys[key] = c
	}
	c.n++
	return c.n <= linesPerKey
}

// warn writes a line about something that began to fail, or folds it.
func (l *lines) warn(key lineKey, msg string, args ...any) {
	if l.spend(key) {
		l.log.Warn(msg, args...)
		return
	}
	l.counters.add("log_lines_folded", 1)
}

// info writes a line about something that works again, or folds it.
func (l *lines) info(key lineKey, msg string, args ...any) {
	if l.spend(key) {
		l.log.Info(msg, args...)
		return
	}
	l.counters.add("log_lines_folded", 1)
}

// fault writes a line about the store, or folds it.
func (l *lines) fault(key lineKey, msg string, args ...any) {
	if l.spend(key) {
		l.log.Error(msg, args...)
		return
	}
	l.counters.add("log_lines_folded", 1)
}
