package main

import (
	"net/url"
	"strings"

	"doorleaf/firmware-protocol/wire"
)

// pairPage is the address of the page where a person types the code of a new
// sign, without the code: what the QR code on its glass leads to. It is empty
// where a phone would not get there, or where it is longer than signs take
// (SPEC.md, DL-PAIR-11).
func (c *config) pairPage() string {
	u, err := url.Parse(c.publicURL)
	if err != nil || isLoopback(u.Hostname()) {
		return ""
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	page := u.Scheme + "://" + host + "/m/pair?c="
	if _, ok := wire.PairAddressHost(page); !ok {
		return ""
	}
	return page
}
