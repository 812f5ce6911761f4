package main

import (
	"context"
	"time"

	"doorleaf/gateway/connection"
)

// tlsLifetimes are the certificates this gateway shows to others: of the pages,
// and, with the embedded broker, of the broker and of the authority signs trust.
// The broker's renews itself; the authority outlives the signs' batteries, but
// not for ever; files are renewed by whoever made them.
func (h *house) tlsLifetimes() []connection.Lifetime {
	var list []connection.Lifetime
	if leaf, auto := h.webLeaf(context.Background()); leaf != nil {
		label := leaf.Subject.CommonName
		if label == "" && len(leaf.DNSNames) > 0 {
			label = leaf.DNSNames[0]
		}
		list = append(list, connection.Lifetime{What: connection.LifeTLS, Label: label, Ends: leaf.NotAfter, Auto: auto, Count: 1})
	}
	if h.broker == nil {
		return list
	}
	if own := h.authority.own; own != nil {
		leaf := own.current(time.Now()).Leaf
		return append(list, connection.Lifetime{What: connection.LifeTLS, Label: leaf.Subject.CommonName, Ends: leaf.NotAfter, Count: 1})
	}
	ca := h.authority.ca
	list = append(list, connection.Lifetime{What: connection.LifeTLS, Label: ca.Subject.CommonName, Ends: ca.NotAfter, Count: 1})
	cert, err := h.authority.current(time.Now())
	if err != nil {
		h.log.Error("certificate of the broker", "err", err)
		return list
	}
	return append(list, connection.Lifetime{What: connection.LifeTLS, Label: cert.Leaf.Subject.CommonName, Ends: cert.Leaf.NotAfter, Auto: true, Count: 1})
}
