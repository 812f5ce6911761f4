package wire

import (
	"bytes"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

// reportVectors are what a sign says of itself, as reports.json has it, for a
// gateway that knows the secret of manifestKey alone.
type (
	reportVectors struct {
		Sign     string         `json:"sign"`
		Old      hexBytes       `json:"oldManifestKey"` // of the secret before
		Secret   hexBytes       `json:"secret"`
		Manifest hexBytes       `json:"manifestKey"`
		Reports  []reportVector `json:"reports"`
	}
	reportVector struct {
		Name    string   `json:"name"`
		Kind    Name     `json:"kind"` // hello, shown or ev
		Message hexBytes `json:"message"`
		MAC     hexBytes `json:"mac,omitempty"` // of a right one
		Error   string   `json:"error,omitempty"`
	}
)

// signed is a report that can be signed.
type signed interface {
	marshaler
	Sign(key *[32]byte, sign string)
}

func testReports() map[Name]signed {
	glass := Digest{1, 2, 3}
	return map[Name]signed{
		NameHello: &Hello{Boot: 0xdeadbeef, Counter: 11, Epoch: 4, Seq: 77, Shown: glass, Wake: 3, BatteryMillivolts: 2950, Model: "800x480", Width: 800, Height: 480,
			Capabilities: CapRaw | CapKeys, KeyNumber: 3, Events: []Event{{Boot: 0xdeadbeef, Counter: 11, Button: 2, AgeMillis: 250}}},
		NameShown: &Shown{Boot: 0xdeadbeef, Counter: 12, Epoch: 4, Seq: 77, Glass: glass, Wake: 3, DrawMillis: 1800, BatteryMillivolts: 2950},
		NameEvent: &Event{Boot: 0xdeadbeef, Counter: 13, Button: 2, AgeMillis: 250},
	}
}

// checkReport reads a report and checks its MAC, as a gateway does.
func checkReport(kind Name, message []byte, key *[32]byte, sign string) (MAC, error) {
	switch kind {
	case NameHello:
		m, err := UnmarshalHello(message)
		if err != nil {
			return MAC{}, err
		}
		return m.MAC, m.Verify(key, sign, message)
	case NameShown:
		m, err := UnmarshalShown(message)
		if err != nil {
			return MAC{}, err
		}
		return m.MAC, m.Verify(key, sign, message)
	}
	m, err := UnmarshalEvent(message)
	if err != nil {
		return MAC{}, err
	}
	return m.MAC, m.Verify(key, sign, message)
}

var domainOf = map[Name]string{NameHello: "doorleaf/1 hello", NameShown: "doorleaf/1 shown", NameEvent: "doorleaf/1 ev"}

// reportWriter makes vectors of fields, without the code that is tested.
type reportWriter struct {
	t    testing.TB
	v    reportVectors
	kind Name
	key  *[32]byte
}

func (w *reportWriter) encode(fields map[int]any) []byte {
	return must[[]byte](w.t)(encMode.Marshal(fields))
}

func (w *reportWriter) add(name, kind string, message []byte) {
	r := reportVector{Name: string(w.kind) + ": " + name, Kind: w.kind, Message: message, Error: kind}
	if kind == "" {
		var fields struct {
			MAC []byte `cbor:"40,keyasint"`
		}
		if err := cbor.Unmarshal(message, &fields); err != nil {
			w.t.Fatal(err)
		}
		r.MAC = fields.MAC
	}
	w.v.Reports = append(w.v.Reports, r)
}

// seal gives a message that has zeros for its MAC the right one.
func (w *reportWriter) seal(message []byte, key *[32]byte, domain, sign string) []byte {
	mac := keyMAC(key, domain, sign, 0, message)
	head := []byte{0x18, 40, 0x50}
	at := bytes.Index(message, append(head, make([]byte, macSize)...)) + len(head)
	out := bytes.Clone(message)
	copy(out[at:], mac[:])
	return out
}

func newReportVectors(t testing.TB) reportVectors {
	r := newRenewal(t)
	w := &reportWriter{t: t, key: &r.fresh.Manifest, v: reportVectors{Sign: testSign, Old: r.old.Manifest[:], Secret: r.secret, Manifest: r.fresh.Manifest[:]}}
	for _, kind := range []Name{NameHello, NameShown, NameEvent} {
		w.kind = kind
		w.reports(r, testReports()[kind])
	}
	return w.v
}

func (w *reportWriter) reports(r testRenewal, m signed) {
	m.Sign(w.key, testSign)
	good := must[[]byte](w.t)(m.Marshal())
	fields := map[int]any{}
	if err := cbor.Unmarshal(good, &fields); err != nil {
		w.t.Fatal(err)
	}
	with := func(key int, value any) map[int]any {
		out := map[int]any{}
		for k, v := range fields {
			out[k] = v
		}
		if out[key] = value; value == nil {
			delete(out, key)
		}
		return out
	}
	domain := domainOf[w.kind]
	blank := w.encode(with(40, make([]byte, macSize)))
	w.add("as a sign writes it", "", good)
	later := with(40, make([]byte, macSize))
	later[1000] = []any{1, make([]byte, 20)}
	w.add("with a field of a later revision", "", w.seal(w.encode(later), w.key, domain, testSign))
	behind := append(bytes.Clone(w.encode(with(40, nil))), append([]byte{0x18, 40, 0x50}, make([]byte, macSize)...)...)
	behind[0]++
	w.add("MAC as the last field", "", w.seal(behind, w.key, domain, testSign))

	w.add("without MAC", "mac", w.encode(with(40, nil)))
	w.add("MAC of zeros", "mac", blank)
	wrong := bytes.Clone(fields[40].([]byte))
	wrong[15] ^= 1
	w.add("wrong MAC", "mac", w.encode(with(40, wrong)))
	w.add("MAC of 15 bytes", "format", w.encode(with(40, wrong[:15])))
	w.add("of another sign", "mac", w.seal(blank, w.key, domain, "aaaaaaaaaaaaaaaa"))
	w.add("with the key of the secret before", "mac", w.seal(blank, &r.old.Manifest, domain, testSign))
	for _, other := range []Name{NameHello, NameShown, NameEvent} {
		if other != w.kind {
			w.add("passed off as one, with the MAC of a "+string(other), "mac", w.seal(blank, w.key, domainOf[other], testSign))
		}
	}
	w.add("another boot", "mac", w.encode(with(1, 1)))
	w.add("another counter", "mac", w.encode(with(2, 200)))
	w.add("a field more", "mac", w.encode(with(1000, 0)))
	glass := make([]byte, 32)
	glass[0] = 9
	switch w.kind {
	case NameHello:
		w.add("another secret", "mac", w.encode(with(39, 4)))
		w.add("another epoch", "mac", w.encode(with(3, 5)))
		w.add("another set of server keys", "mac", w.encode(with(44, 5)))
		w.add("another firmware", "mac", w.encode(with(17, "9")))
		w.add("another firmware number", "mac", w.encode(with(42, 9)))
		w.add("no event", "mac", w.encode(with(14, nil)))
		w.add("another button", "mac", w.encode(with(14, []any{map[int]any{1: uint32(0xdeadbeef), 2: 11, 12: 3, 13: 250}})))
		fallthrough
	case NameShown:
		w.add("another glass", "mac", w.encode(with(5, glass)))
		w.add("another seq", "mac", w.encode(with(4, 78)))
		w.add("another battery", "mac", w.encode(with(8, 2000)))
		w.add("an error", "mac", w.encode(with(7, 9)))
	default:
		w.add("another button", "mac", w.encode(with(12, 3)))
		w.add("another age", "mac", w.encode(with(13, 251)))
	}
}

func TestVectorsReports(t *testing.T) {
	v := vectors(t, "reports.json", func() reportVectors { return newReportVectors(t) })
	if diff := cmp.Diff(newReportVectors(t), v); diff != "" {
		t.Errorf("reports differ (-computed +vector):\n%s", diff)
	}
	key, right := (*[32]byte)(v.Manifest), 0
	for _, r := range v.Reports {
		mac, err := checkReport(r.Kind, r.Message, key, v.Sign)
		if kind := kindOf(err); kind != r.Error {
			t.Errorf("%s: error %q, want %q", r.Name, kind, r.Error)
		}
		if err != nil {
			continue
		}
		right++
		if !bytes.Equal(mac[:], r.MAC) {
			t.Errorf("%s: MAC %x, want %x", r.Name, mac, []byte(r.MAC))
		}
		for _, other := range []Name{NameHello, NameShown, NameEvent} { // said on another topic
			if _, err := checkReport(other, r.Message, key, v.Sign); other != r.Kind && err == nil {
				t.Errorf("%s is taken for a %s", r.Name, other)
			}
		}
	}
	if right != 9 || len(v.Reports) < 50 {
		t.Errorf("%d reports, %d of them right", len(v.Reports), right)
	}
}

// Not one bit of a report can be changed, and none of another sign or key is
// taken.
func TestReportsAreWhole(t *testing.T) {
	key := [32]byte{1}
	for kind, m := range testReports() {
		m.Sign(&key, testSign)
		message := must[[]byte](t)(m.Marshal())
		if _, err := checkReport(kind, message, &key, testSign); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		for bit := range len(message) * 8 {
			message[bit/8] ^= 1 << (bit % 8)
			if _, err := checkReport(kind, message, &key, testSign); err == nil {
				t.Errorf("%s: taken with bit %d changed", kind, bit)
			}
			message[bit/8] ^= 1 << (bit % 8)
		}
		for name, bad := range map[string]struct {
			key  [32]byte
			sign string
		}{"key": {[32]byte{2}, testSign}, "sign": {key, "aaaaaaaaaaaaaaaa"}} {
			if _, err := checkReport(kind, message, &bad.key, bad.sign); kindOf(err) != "mac" {
				t.Errorf("%s with another %s: %v", kind, name, err)
			}
		}
	}
}

// What is outside its limits is not signed.
func TestSignRefuses(t *testing.T) {
	h, e := Hello{}, Event{Button: 9}
	h.Sign(new([32]byte), testSign)
	e.Sign(new([32]byte), testSign)
	if h.MAC != (MAC{}) || e.MAC != (MAC{}) {
		t.Errorf("signed: %x, %x", h.MAC, e.MAC)
	}
}

// FuzzReports: of what others make of a sign's reports nothing is taken but a
// report itself, under the name that its key signed. Some of the vectors are
// signed under another than their own, so they are right there.
func FuzzReports(f *testing.F) {
	v := newReportVectors(f)
	kinds := []Name{NameHello, NameShown, NameEvent}
	right := map[string]bool{}
	for _, r := range v.Reports {
		for i, kind := range kinds {
			_, err := checkReport(kind, r.Message, (*[32]byte)(v.Manifest), v.Sign)
			if own := kind == r.Kind; own && (err == nil) != (r.Error == "") || !own && err == nil && r.Error == "" {
				f.Fatalf("%s, said as %s: %v", r.Name, kind, err)
			}
			right[string(kind)+string(r.Message)] = err == nil
			f.Add(uint8(i), []byte(r.Message))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, message []byte) {
		name := kinds[int(kind)%len(kinds)]
		_, err := checkReport(name, message, (*[32]byte)(v.Manifest), v.Sign)
		if err == nil && !right[string(name)+string(message)] {
			t.Fatalf("forged %s %x is taken", name, message)
		}
		if err != nil && kindOf(err) != "format" && kindOf(err) != "mac" {
			t.Fatal(err)
		}
	})
}
