package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

//go:generate go test -run Vectors -update .

var update = flag.Bool("update", false, "write the vectors of firmware-protocol/vectors anew")

// hexBytes is a byte string in JSON.
type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

// The vectors, as SPEC.md 10 describes them. Error is empty for valid ones.
type (
	objectVector struct {
		Name     string   `json:"name"`
		Object   hexBytes `json:"object"`
		Hash     hexBytes `json:"objectHash,omitempty"`
		Encoding string   `json:"encoding,omitempty"`
		Width    int      `json:"width,omitempty"`
		Height   int      `json:"height,omitempty"`
		Kind     int      `json:"kind,omitempty"` // as in the object, 1 when absent
		Parts    int      `json:"parts,omitempty"`
		Refresh  int      `json:"refresh,omitempty"`
		Rows     hexBytes `json:"rows,omitempty"`
		Glass    hexBytes `json:"glassDigest,omitempty"`
		Base     hexBytes `json:"baseRows,omitempty"` // of the same size
		Error    string   `json:"error,omitempty"`
	}
	manifestVector struct {
		Name       string       `json:"name"`
		Sign       string       `json:"sign"`
		Key        hexBytes     `json:"key"`
		Message    hexBytes     `json:"message"`
		Epoch      uint32       `json:"epoch,omitempty"`
		Seq        uint32       `json:"seq,omitempty"`
		Width      uint16       `json:"width,omitempty"`
		Height     uint16       `json:"height,omitempty"`
		ServerTime int64        `json:"serverTime,omitempty"`
		NextWake   uint32       `json:"nextWake,omitempty"`
		Jitter     uint16       `json:"jitter,omitempty"`
		Steps      []stepVector `json:"steps,omitempty"`
		Stale      *stepVector  `json:"stale,omitempty"`
		Error      string       `json:"error,omitempty"`
	}
	stepVector struct {
		Object hexBytes `json:"object"`
		Size   uint32   `json:"size"`
		Glass  hexBytes `json:"glassDigest"`
		Base   hexBytes `json:"base,omitempty"`
		From   int64    `json:"from,omitempty"`
		Until  int64    `json:"until,omitempty"`
	}
	messageVector struct {
		Name   string         `json:"name"`
		Kind   string         `json:"kind"`
		CBOR   hexBytes       `json:"cbor"`
		Fields map[string]any `json:"fields,omitempty"` // by the keys of SPEC.md 5
		Loose  bool           `json:"loose,omitempty"`  // not as a sender writes it
		Error  string         `json:"error,omitempty"`
	}
	pairingVector struct {
		Private    hexBytes `json:"privateKey"`
		Public     hexBytes `json:"publicKey"`
		N1         hexBytes `json:"n1"`
		N2         hexBytes `json:"n2"`
		SPKI       hexBytes `json:"spki"`
		Hardware   hexBytes `json:"hardware"`
		Commitment hexBytes `json:"commitment"`
		Transcript hexBytes `json:"transcript"`
		Code       string   `json:"code"`
		Ephemeral  hexBytes `json:"ephemeralPrivateKey"`
		Sign       string   `json:"sign"`
		Secret     hexBytes `json:"secret"`
		Sealed     hexBytes `json:"sealed"`
		Password   string   `json:"password"`
		Manifest   hexBytes `json:"manifestKey"`
		Forged     []struct {
			Name   string   `json:"name"`
			Sealed hexBytes `json:"sealed"`
			Error  string   `json:"error"`
		} `json:"forged"`
		Challenges []challengeVector `json:"challenges"`
	}
)

// kindOf names an error as the vectors do.
func kindOf(err error) string {
	for kind, sentinel := range map[string]error{
		"format": ErrFormat, "unsupported": ErrUnsupported, "base": ErrBase, "checksum": ErrChecksum, "mac": ErrMAC,
		"refused": ErrRefused,
	} {
		if errors.Is(err, sentinel) {
			return kind
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// vectors reads a file of vectors; with -update it writes make's result first.
func vectors[T any](t *testing.T, file string, build func() T) (v T) {
	t.Helper()
	path := filepath.Join("..", "vectors", file)
	if *update {
		data, err := json.MarshalIndent(build(), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: make it with go test -run Vectors -update", err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

func TestVectorsObjects(t *testing.T) {
	valid := 0
	for _, v := range vectors(t, "objects.json", func() []objectVector { return objectVectors(t) }) {
		var base *Bitmap
		var got Bitmap
		h, headErr := ParseHeader(v.Object)
		if len(v.Base) > 0 {
			base = &Bitmap{Width: v.Width, Height: v.Height, Stride: (v.Width + 7) / 8, Colours: coloursOf(v.Kind), Pix: v.Base}
		}
		err := NewDecoder().Decode(&got, v.Object, base)
		if kind := kindOf(err); kind != v.Error {
			t.Errorf("%s: error %q, want %q", v.Name, kind, v.Error)
		}
		if v.Error != "" || err != nil {
			continue
		}
		valid++
		digest, hash := got.Digest(), HashObject(v.Object)
		if headErr != nil || h.Encoding.String() != v.Encoding || got.Width != v.Width || got.Height != v.Height ||
			got.Colours != coloursOf(v.Kind) || h.Parts != v.Parts || int(h.Refresh) != v.Refresh ||
			!bytes.Equal(got.Pix, v.Rows) || !bytes.Equal(digest[:], v.Glass) || !bytes.Equal(hash[:], v.Hash) {
			t.Errorf("%s: decodes to something else", v.Name)
		}
		if h.Encoding < EncodingSmall || h.Parts > 1 || h.Colours != BlackWhite {
			continue // deflate may be coded in more than one way
		}
		if !h.Encoding.hasReference() {
			base = nil
		}
		if !bytes.HasSuffix(v.Object, NewEncoder().payload(t, h.Encoding.profile(), &got, base)) {
			t.Errorf("%s: encodes to other bytes", v.Name)
		}
	}
	if valid < 20 {
		t.Errorf("%d valid objects", valid)
	}
}

// objectVectors makes each encoding of several pictures, and broken objects.
func objectVectors(t *testing.T) (out []objectVector) {
	e := NewEncoder()
	add := func(name string, object []byte, next Bitmap, base *Bitmap, kind string) {
		v := objectVector{Name: name, Object: object, Error: kind, Width: next.Width, Height: next.Height}
		if base != nil {
			v.Base = base.Pix
		}
		if next.Colours != BlackWhite {
			v.Kind = int(next.Colours) + 1
		}
		if kind == "" {
			h, err := ParseHeader(object)
			if err != nil {
				t.Fatal(err)
			}
			digest, hash := next.Digest(), HashObject(object)
			v.Encoding, v.Hash, v.Rows, v.Glass = h.Encoding.String(), hash[:], next.Pix, digest[:]
			v.Parts, v.Refresh = h.Parts, int(h.Refresh)
		}
		out = append(out, v)
	}
	encode := func(next Bitmap, base *Bitmap, encoding Encoding) []byte {
		return encodeOnly(t, e, &next, base, encoding)
	}
	now := agenda(t, 122, 60, agendaNow)
	then := agendaNow
	then.booked, then.clock = true, "11:30"
	pictures := []pair{
		{"one white pixel", NewBitmap(1, 1), ptr(solid(1, 1))},
		{"one black pixel", solid(1, 1), ptr(NewBitmap(1, 1))},
		{"black 17x5", solid(17, 5), ptr(noise(17, 5, 1))},
		{"photo 31x24", photo(31, 24, 2), ptr(NewBitmap(31, 24))},
		{"text 122x60", now, ptr(noise(122, 60, 3))},
		{"change of text 122x60", agenda(t, 122, 60, then), &now},
		{"no change of text 122x60", now, &now},
	}
	for _, p := range pictures {
		for encoding := range encodings {
			base := p.ref
			if !encoding.hasReference() {
				base = nil
			}
			object := encode(p.next, base, encoding)
			if _, err := ParseHeader(object); err == nil {
				add(fmt.Sprintf("%s, %v", p.name, encoding), object, p.next, base, "")
			}
		}
	}
	boxed := NewBitmap(64, 40)
	boxed.box(9, 5, 50, 30, true)
	for _, encoding := range []Encoding{EncodingRaw, EncodingDeflate, EncodingSmall} {
		for _, d := range damages() {
			if d.name == "missing byte" && encoding == EncodingSmall {
				continue
			}
			object := d.edit(encode(boxed, nil, encoding))
			add(fmt.Sprintf("%v: %s", encoding, d.name), object, Bitmap{}, nil, kindOf(d.want))
		}
	}
	other := now.clone()
	other.set(5, 5, !other.at(5, 5))
	for _, encoding := range []Encoding{EncodingDeflateXor, EncodingSmallRef, EncodingFullRef} {
		object := encode(pictures[5].next, &now, encoding)
		add(fmt.Sprintf("%v: without base", encoding), object, pictures[5].next, nil, "base")
		add(fmt.Sprintf("%v: with another base", encoding), object, pictures[5].next, &other, "base")
	}
	far := Bitmap{Width: 64, Height: 116, Stride: 8, Pix: farMatch()}
	stream := deflatedStandard(t, far.Pix, 9)
	add("deflate: match further back than 512 bytes",
		rawObject(far, []part{{encoding: EncodingDeflate, w: 64, h: 116, payload: stream}}, nil), Bitmap{}, nil, "format")
	for _, c := range partCases(t) {
		add(c.name, c.object, c.next, c.ref, c.kind)
	}
	return out
}

// coloursOf is the kind of picture with that number.
func coloursOf(kind int) Colours { return Colours(max(kind, 1) - 1) }

// encodeOnly codes a picture of one plane in one encoding, whatever its size.
func encodeOnly(t testing.TB, e *Encoder, next, base *Bitmap, encoding Encoding) []byte {
	t.Helper()
	p := part{encoding: encoding, w: next.Width, h: next.Height, payload: next.Pix}
	if encoding != EncodingRaw {
		s := search{part: &p, pix: next.Pix}
		var rows []byte
		if base != nil && encoding.hasReference() {
			rows = base.Pix
		}
		if !e.try(encoding, &s, rows, 1<<24) {
			t.Fatalf("%v does not code %dx%d", encoding, next.Width, next.Height)
		}
		p.payload = e.trial
	}
	if !encoding.hasReference() {
		base = nil
	}
	return rawObject(*next, []part{p}, base)
}

func TestVectorsManifests(t *testing.T) {
	for _, v := range vectors(t, "manifests.json", func() []manifestVector { return manifestVectors(t) }) {
		m, err := ParseManifest(v.Message, (*[32]byte)(v.Key), v.Sign)
		if kind := kindOf(err); kind != v.Error {
			t.Errorf("%s: error %q, want %q", v.Name, kind, v.Error)
		}
		if v.Error != "" || err != nil {
			continue
		}
		if diff := cmp.Diff(v, manifestVectorOf(v.Name, m, v.Message)); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", v.Name, diff)
		}
		body, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := AppendManifest(nil, body, m.ServerTime, m.NextWakeSeconds, m.JitterSeconds, (*[32]byte)(v.Key), v.Sign)
		if err != nil || !bytes.Equal(again, v.Message) {
			t.Errorf("%s: encodes to other bytes, %v", v.Name, err)
		}
	}
}

func manifestVectorOf(name string, m Manifest, message []byte) manifestVector {
	step := func(s Step) stepVector {
		v := stepVector{Object: s.Object[:], Size: s.Size, Glass: s.Glass[:], From: s.From, Until: s.Until}
		if !s.Base.IsZero() {
			v.Base = s.Base[:]
		}
		return v
	}
	v := manifestVector{
		Name: name, Sign: testSign, Key: testKey()[:], Message: message, Epoch: m.Epoch, Seq: m.Seq, Width: m.Width, Height: m.Height,
		ServerTime: m.ServerTime, NextWake: m.NextWakeSeconds, Jitter: m.JitterSeconds,
	}
	for _, s := range m.Steps {
		v.Steps = append(v.Steps, step(s))
	}
	if m.Stale != nil {
		v.Stale = ptr(step(*m.Stale))
	}
	return v
}

func manifestVectors(t *testing.T) (out []manifestVector) {
	full := Manifest{Body: testBody(), ServerTime: 1_790_000_000_123, NextWakeSeconds: 3600, JitterSeconds: 30}
	least := Manifest{Body: Body{Epoch: 1, Seq: 1, Width: 1, Height: 1, Steps: testBody().Steps[2:]}}
	least.Steps[0].Size = 19
	sign := func(body []byte, m Manifest) []byte {
		msg, err := AppendManifest(nil, body, m.ServerTime, m.NextWakeSeconds, m.JitterSeconds, testKey(), testSign)
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	body, err := full.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	short, err := least.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	out = append(out,
		manifestVectorOf("three steps and stale", full, sign(body, full)),
		manifestVectorOf("one step", least, sign(short, least)))
	bad := func(name string, message []byte, kind string) {
		out = append(out, manifestVector{Name: name, Sign: testSign, Key: testKey()[:], Message: message, Error: kind})
	}
	edited := func(at int, v byte) []byte {
		b := bytes.Clone(body)
		b[at] = v
		return sign(b, full)
	}
	forged := sign(body, full)
	forged[4] ^= 1
	bad("epoch changed after signing", forged, "mac")
	bad("empty", nil, "format")
	bad("cut short", sign(body, full)[:100], "mac")
	bad("another version", edited(3, 2), "unsupported")
	bad("unknown flag", edited(17, 3), "unsupported")
	bad("no steps", edited(16, 0), "format")
	bad("more steps than bytes", edited(16, 60), "format")
	bad("epoch 0", edited(4, 0), "format")
	bad("seq 0", func() []byte { b := bytes.Clone(body); clear(b[8:12]); return sign(b, full) }(), "format")
	bad("object larger than the limit", edited(18+35, 0x7f), "format")
	bad("object of 0 bytes", func() []byte { b := bytes.Clone(body); clear(b[18+32 : 18+36]); return sign(b, full) }(), "format")
	bad("width 0", func() []byte { b := bytes.Clone(body); b[12], b[13] = 0, 0; return sign(b, full) }(), "format")
	bad("gap between steps", edited(18+77+32+68, body[18+77+32+68]+1), "format")
	bad("base is a later step", edited(18+77+32+76, 3), "format")
	bad("stale step without flag", edited(17, 0), "format")
	bad("byte after the last step", sign(append(bytes.Clone(body), 0), full), "format")
	return out
}

func TestVectorsMessages(t *testing.T) {
	decoders := map[string]func([]byte) (any, error){}
	for _, m := range messages(t) {
		decoders[m.name] = m.decode
	}
	for _, v := range vectors(t, "messages.json", func() []messageVector { return messageVectors(t) }) {
		decode := decoders[v.Kind]
		if decode == nil {
			t.Fatalf("%s: unknown kind %q", v.Name, v.Kind)
		}
		m, err := decode(v.CBOR)
		if kind := kindOf(err); kind != v.Error {
			t.Errorf("%s: error %q, want %q", v.Name, kind, v.Error)
		}
		if v.Error != "" || err != nil {
			continue
		}
		again, err := m.(marshaler).Marshal()
		if err != nil || bytes.Equal(again, v.CBOR) == v.Loose {
			t.Errorf("%s: encodes to %x, %v", v.Name, again, err)
		}
		if diff := cmp.Diff(v.Fields, fieldsOf(t, again)); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", v.Name, diff)
		}
	}
}

// fieldsOf reads a message without knowing its kind, as JSON would hold it.
func fieldsOf(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var raw map[int]any
	if err := cbor.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	if len(raw) == 0 {
		return nil
	}
	return jsonFields(raw)
}

func jsonFields(raw map[int]any) map[string]any {
	out := map[string]any{}
	for k, v := range raw {
		switch v := v.(type) {
		case []byte:
			out[strconv.Itoa(k)] = hex.EncodeToString(v)
		case uint64:
			out[strconv.Itoa(k)] = float64(v)
		case int64:
			out[strconv.Itoa(k)] = float64(v)
		case []any:
			var list []any
			for _, e := range v {
				if b, ok := e.([]byte); ok {
					list = append(list, hex.EncodeToString(b))
					continue
				}
				inner := map[int]any{}
				for k, v := range e.(map[any]any) {
					inner[int(k.(uint64))] = v
				}
				list = append(list, jsonFields(inner))
			}
			out[strconv.Itoa(k)] = list
		default:
			out[strconv.Itoa(k)] = v
		}
	}
	return out
}

func messageVectors(t *testing.T) (out []messageVector) {
	for _, m := range messages(t) {
		if m.name == "block" {
			m.values[0] = ptr(testBlock(20))
		}
		var first []byte
		for i, value := range m.values {
			data, err := value.(marshaler).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = data
			}
			out = append(out, messageVector{
				Name: fmt.Sprintf("%s %d", m.name, i+1), Kind: m.name, CBOR: data, Fields: fieldsOf(t, data),
			})
		}
		for _, bad := range []struct {
			name string
			data []byte
		}{
			{"cut short", first[:len(first)-1]},
			{"trailing byte", append(bytes.Clone(first), 0)},
			{"array", []byte{0x80}},
			{"duplicate key", unhex("a201010102")},
			{"indefinite length", append(append([]byte{0xbf}, first[1:]...), 0xff)},
			{"nested too deep", unhex("a1186381818181818180")},
			{"tag", append(unhex("d9d9f7"), first...)},
			{"null", unhex("a101f6")},
			{"key in another form again", unhex("a20101180102")},
			{"unknown key twice", unhex("a2186300186301")},
			{"invalid UTF-8 under an unknown key", unhex("a1186362c328")},
			{"surrogate under an unknown key", unhex("a1186363eda080")},
			{"overlong UTF-8 under an unknown key", unhex("a1186362c080")},
			{"invalid UTF-8 in an array under an unknown key", unhex("a118638161ff")},
			{"invalid UTF-8 as a key", unhex("a161ff00")},
			{"duplicate key in a map under an unknown key", unhex("a11863a201010102")},
			{"duplicate text in a map in an array under an unknown key", unhex("a1186381a2616100616101")},
			{"duplicate byte string in a map under an unknown key", unhex("a11863a2416100416101")},
			{"duplicate key in another form in a map under an unknown key", unhex("a11863a20101180102")},
			{"undefined under an unknown key", unhex("a11863f7")},
			{"simple value of two bytes under an unknown key", unhex("a11863f8ff")},
			{"tag under an unknown key", unhex("a11863c000")},
			{"indefinite text under an unknown key", unhex("a118637f6161ff")},
			{"array of 17 under an unknown key", append(unhex("a1186391"), make([]byte, 17)...)},
			{"flag as a key", unhex("a1f500")},
			{"byte string as a key", unhex("a1410100")},
			{"number with a fraction as a key in a map under an unknown key", unhex("a11863a1f93e0000")},
			{"array as a key in a map under an unknown key", unhex("a11863a18000")},
			{"length past the end under an unknown key", unhex("a118635bffffffffffffffff")},
		} {
			out = append(out, messageVector{Name: m.name + ": " + bad.name, Kind: m.name, CBOR: bad.data, Error: "format"})
		}
	}
	for _, loose := range []struct{ name, data string }{
		{"keys in another order", "a202060105"},
		{"longer forms", "bb00000000000000021900011b00000000000000051a000000021806"},
		{"texts as keys", "a36131071801050206"},
	} {
		data := unhex(loose.data)
		out = append(out, messageVector{Name: "ack: " + loose.name, Kind: "ack", CBOR: data, Fields: map[string]any{"1": 5.0, "2": 6.0}, Loose: true})
	}
	damaged := testBlock(20)
	data, err := damaged.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	data[bytes.Index(data, []byte{0xa5, 0xa5})] ^= 1
	return append(out, messageVector{Name: "block: data damaged", Kind: "block", CBOR: data, Error: "checksum"})
}

func TestVectorsPairing(t *testing.T) {
	v := vectors(t, "pairing.json", func() pairingVector { return newPairingVector(t) })
	if diff := cmp.Diff(newPairingVector(t), v); diff != "" {
		t.Errorf("pairing differs (-computed +vector):\n%s", diff)
	}
	priv := testPrivate(t, v.Private[0])
	got, err := OpenIdentity(priv, [32]byte(v.Transcript), PairIdentity{v.Sign, v.Sealed})
	if err != nil || !bytes.Equal(got, v.Secret) {
		t.Errorf("sealed secret opens to %x, %v", got, err)
	}
	checkChallenges(t, v.Challenges)
	for _, f := range v.Forged {
		_, err := OpenIdentity(priv, [32]byte(v.Transcript), PairIdentity{v.Sign, f.Sealed})
		if kind := kindOf(err); kind != f.Error {
			t.Errorf("%s: error %q, want %q", f.Name, kind, f.Error)
		}
	}
}

func newPairingVector(t *testing.T) pairingVector {
	priv := testPrivate(t, 7)
	public := priv.PublicKey().Bytes()
	h := testHardware()
	hardware, err := h.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	n1, n2, spki := [32]byte(bytes.Repeat([]byte{1}, 32)), [32]byte(bytes.Repeat([]byte{2}, 32)), [32]byte(bytes.Repeat([]byte{3}, 32))
	secret := bytes.Repeat([]byte{0x5a}, 32)
	transcript, commitment := PairTranscript(spki, public, n1, n2, hardware), PairCommitment(public, n1)
	id, err := SealIdentity(constant(9), public, transcript, testSign, secret)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := DeriveKeys(secret, testSign)
	if err != nil {
		t.Fatal(err)
	}
	v := pairingVector{
		Private: bytes.Repeat([]byte{7}, 32), Public: public, N1: n1[:], N2: n2[:], SPKI: spki[:], Hardware: hardware,
		Commitment: commitment[:], Transcript: transcript[:], Code: PairCode(spki, public, n1, n2, hardware),
		Ephemeral: bytes.Repeat([]byte{9}, 32), Sign: testSign, Secret: secret, Sealed: id.Sealed,
		Password: keys.Password, Manifest: keys.Manifest[:], Challenges: newChallenges(t, n2),
	}
	for _, f := range []struct {
		name, kind string
		sealed     []byte
	}{
		{"tag changed", "mac", append(bytes.Clone(id.Sealed[:79]), id.Sealed[79]^1)},
		{"ephemeral key of low order", "format", append(make([]byte, 32), id.Sealed[32:]...)},
		{"cut short", "format", id.Sealed[:47]},
	} {
		v.Forged = append(v.Forged, struct {
			Name   string   `json:"name"`
			Sealed hexBytes `json:"sealed"`
			Error  string   `json:"error"`
		}{f.name, f.sealed, f.kind})
	}
	return v
}
