package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestTopics(t *testing.T) {
	cases := map[string]Topic{
		"dl/1/k7qf2m4pabcdefgh/d/want":          {Sign: testSign, Name: NameWant},
		"dl/1/k7qf2m4pabcdefgh/d/blk":           {Sign: testSign, Name: NameBlock},
		"dl/1/k7qf2m4pabcdefgh/d/ack":           {Sign: testSign, Name: NameAck},
		"dl/1/k7qf2m4pabcdefgh/u/hello":         {Sign: testSign, Name: NameHello},
		"dl/1/k7qf2m4pabcdefgh/u/get":           {Sign: testSign, Name: NameGet},
		"dl/1/k7qf2m4pabcdefgh/u/shown":         {Sign: testSign, Name: NameShown},
		"dl/1/k7qf2m4pabcdefgh/u/ev":            {Sign: testSign, Name: NameEvent},
		"dl/1/k7qf2m4pabcdefgh/u/key":           {Sign: testSign, Name: NameKey},
		"dl/1/k7qf2m4pabcdefgh/d/key":           {Sign: testSign, Name: NameNewKey},
		"dl/1/k7qf2m4pabcdefgh/d/fw":            {Sign: testSign, Name: NameOffer},
		"dl/1/k7qf2m4pabcdefgh/d/pins":          {Sign: testSign, Name: NamePins},
		"dl/1/pair/k7qf2m4pabcdefgh/u/commit":   {Nonce: testSign, Name: NameCommit},
		"dl/1/pair/k7qf2m4pabcdefgh/d/identity": {Nonce: testSign, Name: NameIdentity},
	}
	for topic, want := range cases {
		got, err := ParseTopic(topic)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", topic, got, err, want)
		}
		if got := want.String(); got != topic {
			t.Errorf("String is %s, want %s", got, topic)
		}
		filter := SignFilter(want.Sign)
		if want.Nonce != "" {
			filter = PairFilter(want.Nonce)
		}
		if got := strings.HasPrefix(topic, strings.TrimSuffix(filter, "+")); got == want.Up() {
			t.Errorf("%s: matched by the sign's filter %t, leads up %t", topic, got, want.Up())
		}
	}
}

func TestParseTopicRefuses(t *testing.T) {
	for _, topic := range []string{
		"", "dl/1/", "dl/2/k7qf2m4pabcdefgh/u/hello", "dl/1/k7qf2m4pabcdefgh/u/want", "dl/1/k7qf2m4pabcdefgh/d/hello",
		"dl/1/k7qf2m4pabcdefgh/x/hello", "dl/1/k7qf2m4pabcdefgh/u/hello/more", "dl/1/k7qf2m4pabcdefgh/u", "dl/1/k7qf2m4pabcdefgh",
		"dl/1/K7QF2M4PABCDEFGH/u/hello", "dl/1/short/u/hello", "dl/1/+/u/hello", "dl/1/k7qf2m4pabcdef01/u/hello",
		"dl/1/k7qf2m4pabcdefgh/u/commit", "dl/1/pair/k7qf2m4pabcdefgh/u/hello", "dl/1/pair/u/commit", "dl/1/pair",
		"dl/1/k7qf2m4pabcdefgh/u/fw", "dl/1/k7qf2m4pabcdefgh/u/pins", "dl/1/pair/k7qf2m4pabcdefgh/d/pins", "dl/1/pair/k7qf2m4pabcdefgh/u/key", "dl/1/k7qf2m4pabcdefgh/d/key, to the sign",
		"dl/1/k7qf2m4pabcdefgh/u/" + strings.Repeat("x", 200),
	} {
		if got, err := ParseTopic(topic); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %+v, %v, want ErrFormat", topic, got, err)
		}
	}
}

func FuzzTopic(f *testing.F) {
	f.Add("dl/1/k7qf2m4pabcdefgh/u/hello")
	f.Add("dl/1/pair/k7qf2m4pabcdefgh/d/identity")
	f.Fuzz(func(t *testing.T, topic string) {
		got, err := ParseTopic(topic)
		if err == nil && got.String() != topic {
			t.Fatalf("%q is read as %q", topic, got.String())
		}
	})
}
