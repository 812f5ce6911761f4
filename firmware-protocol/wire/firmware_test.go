package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// firmwareVectors is firmware.json.
type (
	firmwareVectors struct {
		MakerSeed hexBytes        `json:"makerSeed"` // private, RFC 8032
		Maker     hexBytes        `json:"makerPublicKey"`
		Sign      string          `json:"sign"`
		Key       hexBytes        `json:"manifestKey"`
		Image     hexBytes        `json:"image"`
		Releases  []releaseVector `json:"releases"`
		Offers    []offerVector   `json:"offers"`
		Images    []imageVector   `json:"images"` // of the first release
	}
	releaseVector struct {
		Name          string   `json:"name"`
		Release       hexBytes `json:"release"`
		Model         string   `json:"model,omitempty"`
		Version       string   `json:"version,omitempty"`
		Number        uint32   `json:"number,omitempty"`
		Size          uint32   `json:"size,omitempty"`
		SHA256        hexBytes `json:"imageSHA256,omitempty"`
		MinMillivolts uint16   `json:"minMillivolts,omitempty"`
		Error         string   `json:"error,omitempty"`
	}
	offerVector struct {
		Name       string   `json:"name"`
		Message    hexBytes `json:"message"`
		Model      string   `json:"model"`                // of the sign
		Running    uint32   `json:"running"`              // firmware number
		Failed     uint32   `json:"failed,omitempty"`     // firmware number
		Millivolts uint16   `json:"millivolts,omitempty"` // 0 unknown
		Error      string   `json:"error,omitempty"`
		Code       int      `json:"code,omitempty"` // [DL-ERR-1]
	}
	imageVector struct {
		Name  string   `json:"name"`
		Image hexBytes `json:"image"`
		Error string   `json:"error,omitempty"`
	}
)

func testMaker() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0x4d}, 32)) }

func testImage() []byte {
	image := make([]byte, 700)
	for i := range image {
		image[i] = byte(i * i >> 3)
	}
	return image
}

func testRelease(t testing.TB) Release {
	t.Helper()
	r := Release{
		Model: "epd-7in5-v2", Version: "1.4.0", Number: 14, Size: 700, Image: sha256.Sum256(testImage()), MinMillivolts: 2700,
	}
	if err := r.Sign(testMaker()); err != nil {
		t.Fatal(err)
	}
	return r
}

// signRelease signs 160 bytes whatever they say.
func signRelease(b []byte) []byte {
	copy(b[releaseSigned:], ed25519.Sign(testMaker(), signedRelease(b)))
	return b
}

// damagedReleases are releases that their maker signed, and yet break a rule.
func damagedReleases(good []byte) []releaseVector {
	edit := func(name, kind string, f func(b []byte)) releaseVector {
		b := bytes.Clone(good)
		f(b)
		return releaseVector{Name: name, Release: signRelease(b), Error: kind}
	}
	return []releaseVector{
		edit("another magic", "format", func(b []byte) { b[2] = 'M' }),
		edit("another version of releases", "unsupported", func(b []byte) { b[3] = 2 }),
		edit("no model", "format", func(b []byte) { clear(b[4:36]) }),
		edit("model with a zero inside", "format", func(b []byte) { b[6] = 0 }),
		edit("model not printable", "format", func(b []byte) { b[4] = 0x7f }),
		edit("text after the version's zero", "format", func(b []byte) { b[51] = 'x' }),
		edit("number 0", "format", func(b []byte) { clear(b[52:56]) }),
		edit("image of 0 bytes", "format", func(b []byte) { clear(b[56:60]) }),
		edit("image of more than 16 MiB", "format", func(b []byte) { binary.LittleEndian.PutUint32(b[56:], MaxImage+1) }),
		edit("reserved bytes not 0", "format", func(b []byte) { b[95] = 1 }),
	}
}

func newFirmwareVectors(t testing.TB) firmwareVectors {
	good := testRelease(t)
	least := Release{Model: "m", Number: 1<<32 - 1, Size: MaxImage}
	if err := least.Sign(testMaker()); err != nil {
		t.Fatal(err)
	}
	v := firmwareVectors{
		MakerSeed: bytes.Repeat([]byte{0x4d}, 32), Maker: hexBytes(testMaker().Public().(ed25519.PublicKey)),
		Sign: testSign, Key: testKey()[:], Image: testImage(),
	}
	for _, r := range []struct {
		name    string
		release Release
	}{{"release", good}, {"no version, no least voltage, largest numbers", least}} {
		v.Releases = append(v.Releases, releaseVector{
			Name: r.name, Release: must[[]byte](t)(r.release.Marshal()), Model: r.release.Model, Version: r.release.Version, Number: r.release.Number,
			Size: r.release.Size, SHA256: r.release.Image[:], MinMillivolts: r.release.MinMillivolts,
		})
	}
	release := v.Releases[0].Release
	foreign := good
	if err := foreign.Sign(ed25519.NewKeyFromSeed(make([]byte, 32))); err != nil {
		t.Fatal(err)
	}
	altered := bytes.Clone(release)
	altered[52]++ // another number, the signature stays
	v.Releases = append(v.Releases,
		releaseVector{Name: "signed by another maker", Release: must[[]byte](t)(foreign.Marshal()), Error: "mac"},
		releaseVector{Name: "number changed after signing", Release: altered, Error: "mac"},
		releaseVector{Name: "cut short", Release: release[:159], Error: "format"},
		releaseVector{Name: "byte too many", Release: append(bytes.Clone(release), 0), Error: "format"},
		releaseVector{Name: "empty", Release: hexBytes{}, Error: "format"})
	v.Releases = append(v.Releases, damagedReleases(release)...)
	v.Offers = offerVectors(t, v.Releases)
	image := testImage()
	image[699] ^= 1
	v.Images = []imageVector{
		{"image", testImage(), ""}, {"last byte changed", image, "checksum"},
		{"cut short", image[:699], "format"}, {"byte too many", append(testImage(), 0), "format"},
	}
	return v
}

// offerVectors offers all those releases, and hostile offers.
func offerVectors(t testing.TB, releases []releaseVector) (out []offerVector) {
	offered := func(release []byte, key *[32]byte, sign string) []byte {
		mac := offerMAC(release, key, sign)
		return append(bytes.Clone(release), mac[:]...)
	}
	const model = "epd-7in5-v2"
	for _, r := range releases {
		o := offerVector{Name: "offer of: " + r.Name, Message: offered(r.Release, testKey(), testSign), Model: model, Running: 13, Error: r.Error}
		if r.Model != "" {
			o.Model = r.Model
		}
		out = append(out, o)
	}
	good := out[0].Message
	add := func(name string, o offerVector) {
		o.Name = name
		if o.Message == nil {
			o.Message = good
		}
		if o.Model == "" {
			o.Model = model
		}
		out = append(out, o)
	}
	release := []byte(releases[0].Release)
	forged := bytes.Clone(good)
	forged[ReleaseSize] ^= 1
	add("wrong HMAC", offerVector{Message: forged, Running: 13, Error: "mac"})
	add("offer to another sign", offerVector{Message: offered(release, testKey(), "aaaaaaaaaaaaaaaa"), Running: 13, Error: "mac"})
	add("offer with another key", offerVector{Message: offered(release, &[32]byte{1}, testSign), Running: 13, Error: "mac"})
	add("release alone", offerVector{Message: release, Running: 13, Error: "format"})
	add("for another model", offerVector{Model: "epd-7in5", Running: 13, Error: "refused"})
	add("model that only begins alike", offerVector{Model: "epd-7in5-v2b", Running: 13, Error: "refused"})
	add("the firmware that runs", offerVector{Running: 14, Error: "refused"})
	add("older than the firmware that runs", offerVector{Running: 15, Error: "refused"})
	add("failed before", offerVector{Running: 13, Failed: 14, Error: "refused"})
	add("an older one failed before", offerVector{Running: 12, Failed: 13})
	add("a newer one failed before", offerVector{Running: 12, Failed: 15})
	add("running number unknown", offerVector{})
	add("battery too low", offerVector{Running: 13, Millivolts: 2699, Error: "refused"})
	add("battery just enough", offerVector{Running: 13, Millivolts: 2700})
	for i := range out {
		switch out[i].Error {
		case "":
		case "refused":
			out[i].Code = 14
		default:
			out[i].Code = 13
		}
	}
	return out
}

func TestVectorsFirmware(t *testing.T) {
	v := vectors(t, "firmware.json", func() firmwareVectors { return newFirmwareVectors(t) })
	if diff := cmp.Diff(newFirmwareVectors(t), v); diff != "" {
		t.Errorf("firmware differs (-computed +vector):\n%s", diff)
	}
	maker, valid := ed25519.PublicKey(v.Maker), 0
	for _, f := range v.Releases {
		r, err := ParseRelease(f.Release)
		if err == nil {
			err = r.Verify(maker)
		}
		if kind := kindOf(err); kind != f.Error {
			t.Errorf("release: %s: error %q, want %q", f.Name, kind, f.Error)
		}
		if f.Error != "" || err != nil {
			continue
		}
		valid++
		if again, err := r.Marshal(); err != nil || !bytes.Equal(again, f.Release) {
			t.Errorf("%s: encodes to other bytes, %v", f.Name, err)
		}
		if r.Model != f.Model || r.Version != f.Version || r.Number != f.Number || r.Size != f.Size || !bytes.Equal(r.Image[:], f.SHA256) || r.MinMillivolts != f.MinMillivolts {
			t.Errorf("%s: read as %+v", f.Name, r)
		}
	}
	for _, f := range v.Offers {
		r, err := ParseOffer(f.Message, (*[32]byte)(v.Key), v.Sign, maker)
		if err == nil {
			err = r.For(Target{f.Model, f.Running, f.Failed, f.Millivolts})
		}
		if kind := kindOf(err); kind != f.Error {
			t.Errorf("%s: error %q, want %q", f.Name, kind, f.Error)
		}
	}
	first := must[Release](t)(ParseRelease(v.Releases[0].Release))
	for _, f := range v.Images {
		if kind := kindOf(first.CheckImage(f.Image)); kind != f.Error {
			t.Errorf("image: %s: error %q, want %q", f.Name, kind, f.Error)
		}
		_, image, err := ParseReleaseFile(append(bytes.Clone(v.Releases[0].Release), f.Image...))
		if kind := kindOf(err); kind != f.Error || err == nil && !bytes.Equal(image, f.Image) {
			t.Errorf("file: %s: error %q, want %q", f.Name, kind, f.Error)
		}
	}
	if valid != 2 {
		t.Errorf("%d valid releases, want 2", valid)
	}
}

func TestOfferRoundTrip(t *testing.T) {
	want := testRelease(t)
	msg, err := AppendOffer([]byte("before"), must[[]byte](t)(want.Marshal()), testKey(), testSign)
	if err != nil || !bytes.HasPrefix(msg, []byte("before")) {
		t.Fatalf("%q, %v", msg[:6], err)
	}
	got, err := ParseOffer(msg[6:], testKey(), testSign, testMaker().Public().(ed25519.PublicKey))
	if err != nil || got != want {
		t.Errorf("offer reads as %+v, %v", got, err)
	}
	if _, err := ParseOffer(msg[6:], testKey(), testSign, nil); !errors.Is(err, ErrMAC) {
		t.Errorf("without the maker's key: %v", err)
	}
	if _, err := AppendOffer(nil, msg, testKey(), testSign); !errors.Is(err, ErrFormat) {
		t.Errorf("offer of no release: %v", err)
	}
	if _, _, err := ParseReleaseFile(msg[:20]); !errors.Is(err, ErrFormat) {
		t.Errorf("short file: %v", err)
	}
}

// FuzzRelease: what is read can be written again, byte for byte, and an offer
// that nobody signed is refused as documented.
func FuzzRelease(f *testing.F) {
	v := newFirmwareVectors(f)
	for _, r := range v.Releases {
		f.Add([]byte(r.Release))
	}
	for _, o := range v.Offers {
		f.Add([]byte(o.Message))
	}
	good := must[[]byte](f)(ptr(testRelease(f)).Marshal())
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := ParseRelease(data); err == nil {
			if again, err := r.Marshal(); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("written again as %x, %v", again, err)
			}
			if r.Verify(testMaker().Public().(ed25519.PublicKey)) == nil && v.Releases[1].Model != r.Model && !bytes.Equal(good, data) {
				t.Fatal("forged release verifies")
			}
		} else if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
			t.Fatal(err)
		}
		_, err := ParseOffer(data, testKey(), testSign, testMaker().Public().(ed25519.PublicKey))
		if kind := kindOf(err); err != nil && kind != "format" && kind != "mac" && kind != "unsupported" {
			t.Fatal(err)
		}
		if _, _, err := ParseReleaseFile(data); err != nil && kindOf(err) != "format" && kindOf(err) != "unsupported" && kindOf(err) != "checksum" {
			t.Fatal(err)
		}
	})
}
