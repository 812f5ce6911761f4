package main

import "testing"

func TestPairPage(t *testing.T) {
	for _, c := range []struct{ name, public, want string }{
		{"name", "https://signs.example.com", "https://signs.example.com/m/pair?c="},
		{"capitals", "https://Signs.Example.com", "https://signs.example.com/m/pair?c="},
		{"port", "https://signs.example.com:8443", "https://signs.example.com:8443/m/pair?c="},
		{"usual port", "https://signs.example.com:443", "https://signs.example.com/m/pair?c="},
		{"IPv6", "https://[2001:db8::7]", "https://[2001:db8::7]/m/pair?c="},
		{"this machine", "http://localhost:8080", ""},
		{"this machine by number", "https://127.0.0.1", ""},
		{"this machine by IPv6", "https://[::1]:8443", ""},
		{"too long", "https://meeting-rooms.of-the-northern-region.example.com", ""},
		{"as long as fits", "https://meeting-rooms.northern-region.example.company1", "https://meeting-rooms.northern-region.example.company1/m/pair?c="},
		{"not ASCII", "https://bürosigns.example", ""},
		{"unknown", "", ""},
	} {
		conf := config{publicURL: c.public}
		if got := conf.pairPage(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
