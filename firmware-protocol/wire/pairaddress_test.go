package wire

import (
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// challengeVector is a challenge with an address, and what a sign reads.
type challengeVector struct {
	Name    string   `json:"name"`
	CBOR    hexBytes `json:"cbor"`
	Address string   `json:"address,omitempty"`
	Host    string   `json:"host,omitempty"`
	Error   string   `json:"error,omitempty"`
}

var addresses = []struct {
	name, address, host string // no host: refused
}{
	{"page of a company", "https://signs.example.com/m/pair?c=", "signs.example.com"},
	{"port", "https://signs.example.com:8443/m/pair?c=", "signs.example.com:8443"},
	{"number", "http://192.0.2.7:8080/m/pair?c=", "192.0.2.7:8080"},
	{"IPv6", "http://[2001:db8::7]:8080/m/pair?c=", "[2001:db8::7]:8080"},
	{"as long as may be", "https://" + strings.Repeat("a", MaxText-9) + "/", strings.Repeat("a", MaxText-9)},
	{"at sign after the host", "https://signs.example.com/@other.example/", "signs.example.com"},
	{"too long", "https://" + strings.Repeat("a", MaxText-8) + "/", ""},
	{"not ASCII", "https://sígns.example.com/m/pair?c=", ""},
	{"blank", "https://signs.example.com/m pair?c=", ""},
	{"control character", "https://signs.example.com/m\x07?c=", ""},
	{"other scheme", "javascript://signs.example.com/%0a", ""},
	{"no scheme", "signs.example.com/m/pair?c=", ""},
	{"no host", "https:///m/pair?c=", ""},
	{"no path", "https://signs.example.com", ""},
	{"question mark ends the host", "https://evil.example?.signs.example.com/", ""},
	{"name before the host", "https://signs.example.com@evil.example/", ""},
	{"backslash", "https://evil.example\\.signs.example.com/", ""},
	{"escaped", "https://signs.example.com%2f.evil.example/", ""},
	{"capitals", "https://SIGNS.example.com/", ""},
}

func newChallenges(t *testing.T, n2 [32]byte) (list []challengeVector) {
	t.Helper()
	for _, a := range addresses {
		data, err := encMode.Marshal(challengeFields{N2: cbor.ByteString(n2[:]), Address: a.address})
		if err != nil {
			t.Fatal(err)
		}
		v := challengeVector{Name: a.name, CBOR: data, Address: a.address, Host: a.host}
		if a.host == "" {
			v.Address, v.Error = "", "format"
		}
		list = append(list, v)
	}
	plain, err := encMode.Marshal(challengeFields{N2: cbor.ByteString(n2[:])})
	if err != nil {
		t.Fatal(err)
	}
	number, err := encMode.Marshal(map[int]any{34: n2[:], 45: 1})
	if err != nil {
		t.Fatal(err)
	}
	broken, err := encMode.Marshal(map[int]any{34: n2[:], 45: n2[:]})
	if err != nil {
		t.Fatal(err)
	}
	return append(list, challengeVector{Name: "no address", CBOR: plain},
		challengeVector{Name: "number in place of an address", CBOR: number, Error: "format"},
		challengeVector{Name: "bytes in place of an address", CBOR: broken, Error: "format"})
}

func checkChallenges(t *testing.T, list []challengeVector) {
	t.Helper()
	for _, v := range list {
		m, err := UnmarshalPairChallenge(v.CBOR)
		if kind := kindOf(err); kind != v.Error {
			t.Errorf("%s: error %q, want %q", v.Name, kind, v.Error)
		}
		host, _ := PairAddressHost(m.Address)
		if m.Address != v.Address || host != v.Host {
			t.Errorf("%s: address %q at %q, want %q at %q", v.Name, m.Address, host, v.Address, v.Host)
		}
	}
	if len(list) < 20 {
		t.Errorf("%d challenges", len(list))
	}
}

// What a gateway must not send does not leave it.
func TestPairAddressMarshal(t *testing.T) {
	for _, a := range addresses {
		_, err := (&PairChallenge{Address: a.address}).Marshal()
		if got, want := err == nil, a.host != ""; got != want {
			t.Errorf("%s: sent %t, want %t: %v", a.name, got, want, err)
		}
	}
}

// Whatever a sign takes for an address has a host that it can write and that
// follows the scheme at once.
func FuzzPairAddress(f *testing.F) {
	for _, a := range addresses {
		f.Add(a.address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		host, ok := PairAddressHost(address)
		if !ok {
			return
		}
		_, rest, _ := strings.Cut(address, "//")
		if host == "" || !strings.HasPrefix(rest, host+"/") || len(address) > MaxText || strings.ContainsAny(host, "@\\%?#/ ") {
			t.Errorf("%q: host %q", address, host)
		}
	})
}
