package wire

import (
	"fmt"
	"strings"
)

// checkAddress holds the address of a pairing page to [DL-PAIR-11]; none is
// right too.
func checkAddress(address string) error {
	if address == "" {
		return nil
	}
	if err := checkText("address", address); err != nil {
		return err
	}
	if _, ok := PairAddressHost(address); !ok {
		return fmt.Errorf("%w: address of a page", ErrFormat)
	}
	return nil
}

// PairAddressHost returns the host of a pairing page's address, with the port
// where it has one: what a sign writes below its QR code [DL-PAIR-12]. It
// reports false for an address that breaks [DL-PAIR-11]. A host is small
// letters, digits and -.:[] alone, so that nothing before it or within it can
// make it look like another.
func PairAddressHost(address string) (host string, ok bool) {
	if len(address) > MaxText {
		return "", false
	}
	for i := range len(address) {
		if address[i] <= ' ' || address[i] > '~' {
			return "", false
		}
	}
	scheme, rest, found := strings.Cut(address, "://")
	if !found || scheme != "http" && scheme != "https" {
		return "", false
	}
	host, _, found = strings.Cut(rest, "/")
	if !found || host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.:[]") != "" {
		return "", false
	}
	return host, true
}
