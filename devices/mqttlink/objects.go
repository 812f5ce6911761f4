package mqttlink

import (
	"container/list"
	"sync"

	"doorleaf/devices"
)

// objectCache keeps the objects asked for last, per sign, so that one sign can
// never read another's.
type objectCache struct {
	mu    sync.Mutex
	limit int
	size  int                         // guarded by mu, bytes
	order *list.List                  // guarded by mu, of *cachedObject, newest first
	byKey map[objectKey]*list.Element // guarded by mu
}

type objectKey struct {
	sign devices.SignID
	hash devices.ObjectHash
}

type cachedObject struct {
	key   objectKey
	bytes []byte
}

func newObjectCache(limit int) *objectCache {
	return &objectCache{limit: limit, order: list.New(), byKey: map[objectKey]*list.Element{}}
}

func (c *objectCache) get(k objectKey) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[k]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cachedObject).bytes, true
}

func (c *objectCache) put(k objectKey, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[k]; ok || len(b) > c.limit {
		return
	}
	c.byKey[k] = c.order.PushFront(&cachedObject{k, b})
	c.size += len(b)
	for c.size > c.limit {
		c.drop(c.order.Back())
	}
}

// drop removes an element; the caller holds mu.
func (c *objectCache) drop(e *list.Element) {
	o := c.order.Remove(e).(*cachedObject)
	delete(c.byKey, o.key)
	c.size -= len(o.bytes)
}

// forget removes everything of a sign.
func (c *objectCache) forget(id devices.SignID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.order.Front(); e != nil; {
		next := e.Next()
		if e.Value.(*cachedObject).key.sign == id {
			c.drop(e)
		}
		e = next
	}
}
