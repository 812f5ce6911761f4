// Package memo keeps composed values for the next time: signs say the same few
// hundred texts all day. A lookup of a kept value allocates nothing.
package memo

import "sync"

// Size bounds a Memo.
const Size = 8192

// Memo maps keys to the values made for them. The zero value is ready; it may
// be used from any number of goroutines. It forgets everything when it is full.
type Memo[K comparable, V any] struct {
	mu   sync.RWMutex
	kept map[K]V // guarded by mu
}

// Get returns the value of key, made by compose at first. compose may run twice
// for one key and must give equal values.
func (m *Memo[K, V]) Get(key K, compose func(K) V) V {
	m.mu.RLock()
	v, ok := m.kept[key]
	m.mu.RUnlock()
	if ok {
		return v
	}
	v = compose(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil || len(m.kept) >= Size {
		m.kept = map[K]V{}
	}
	m.kept[key] = v
	return v
}
