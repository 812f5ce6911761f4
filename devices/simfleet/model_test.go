package simfleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"time"

	"doorleaf/gateway/calendar"
	"doorleaf/render"
	"doorleaf/render/mono"
)

// The panel of every sign here: small, so that many can be drawn.
const (
	panelWidth, panelHeight = 64, 48
	panelBytes              = panelWidth / 8 * panelHeight
)

// booking is one meeting of the test's own calendar. Its title carries the
// version of the calendar, "v12.3".
type booking struct {
	title    string
	from, to time.Time
}

// diary is the truth about one room: what the test wants on the glass.
type diary struct {
	version  int
	bookings []booking
}

// change makes a new version of the diary from now on. Gaps end on the day they
// begin, so that a free face always names the next meeting.
func (d *diary) change(now time.Time, r *rand.Rand) {
	d.version++
	d.bookings = nil
	at := now.Truncate(time.Minute).Add(-time.Duration(r.IntN(90)) * time.Minute)
	for i := 0; at.Before(now.Add(6 * 24 * time.Hour)); i++ {
		if gap := time.Duration(10+r.IntN(50)) * time.Minute; r.IntN(3) == 0 && at.Add(gap).Day() == at.Day() {
			at = at.Add(gap)
		}
		to := at.Add(time.Duration(40+r.IntN(400)) * time.Minute)
		d.bookings = append(d.bookings, booking{fmt.Sprintf("v%d.%d", d.version, i), at, to})
		at = to
	}
}

// at says what the room's glass has to tell: the meeting that runs, or the next
// one when the room is free.
func (d *diary) at(t time.Time) (title string, booked bool) {
	for _, b := range d.bookings {
		if t.Before(b.to) {
			return b.title, !t.Before(b.from)
		}
	}
	return "", false
}

func (d *diary) events() []calendar.Event {
	var list []calendar.Event
	for _, b := range d.bookings {
		list = append(list, calendar.Event{ID: b.title, Subject: b.title, Start: b.from.UTC(), End: b.to.UTC(), ShowAs: calendar.Busy})
	}
	return list
}

// facts are what a picture of this test says in the clear.
type facts struct {
	Room  string
	State render.State
	Title string
}

// version is that of the calendar a picture was drawn from, 0 when it does not
// say: the face of a timeline that ran out.
func (f facts) version() (v int) {
	_, _ = fmt.Sscanf(f.Title, "v%d.", &v)
	return v
}

func (f facts) String() string { return fmt.Sprintf("%s %s %s", f.Room, f.State, f.Title) }

// painter is the renderer of the test: a picture is its facts, bits that follow
// from the whole Door, and a checksum in the last row, so that half a picture
// is none. With windows the bits of the whole Door are a few rows, and those
// around them are always the same.
type painter struct{ windows bool }

const (
	factsAt, noiseAt, noiseBytes = 4, 72, 280
	changeAt, changeBytes        = 160, 32 // with windows
	sumAt                        = panelBytes - 4
)

func (p painter) DrawTemplate(_ *mono.Image, d render.Door, _ *render.Template, panel render.Panel) (*mono.Image, error) {
	whole, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	said, err := json.Marshal(facts{d.Room, d.State, d.Title})
	if err != nil || len(said) >= noiseAt-factsAt-1 || panel.Width != panelWidth || panel.Height != panelHeight {
		return nil, fmt.Errorf("picture of %d bytes for a panel of %dx%d: %v", len(said), panel.Width, panel.Height, err)
	}
	img := mono.New(panelWidth, panelHeight)
	copy(img.Pix, "SIM1")
	img.Pix[factsAt] = byte(len(said))
	copy(img.Pix[factsAt+1:], said)
	noise := img.Pix[noiseAt : noiseAt+noiseBytes]
	if p.windows {
		_, _ = rand.NewChaCha8(sha256.Sum256([]byte(d.Room))).Read(noise)
		noise = img.Pix[changeAt : changeAt+changeBytes]
	}
	_, _ = rand.NewChaCha8(sha256.Sum256(whole)).Read(noise)
	binary.LittleEndian.PutUint32(img.Pix[sumAt:], crc32.ChecksumIEEE(img.Pix[:sumAt]))
	return img, nil
}

func (painter) Describe(d render.Door) string { return string(d.State) + " " + d.Title }

// read returns what a glass says; false for anything but a whole picture of
// painter.
func read(glass []byte) (f facts, ok bool) {
	if len(glass) != panelBytes || !bytes.HasPrefix(glass, []byte("SIM1")) ||
		binary.LittleEndian.Uint32(glass[sumAt:]) != crc32.ChecksumIEEE(glass[:sumAt]) {
		return f, false
	}
	said := glass[factsAt+1 : factsAt+1+int(glass[factsAt])]
	return f, json.NewDecoder(strings.NewReader(string(said))).Decode(&f) == nil
}

// digestOf is the GlassDigest of a glass.
func digestOf(glass []byte) mono.Digest {
	img := mono.New(panelWidth, panelHeight)
	copy(img.Pix, glass)
	return img.Digest()
}
