package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"

	"doorleaf/devices/simsign"
	"doorleaf/graphsync/graphtest"
)

// TestManual does in a real browser what manuals/syncsign-sops.txt describes,
// then pairs a sign and follows a moved meeting from the calendar to the glass.
func TestManual(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	b := openBrowser(t, o.graph)
	meeting := o.graph.Calendar(aurora).Create(graphtest.Event{Subject: "Quarterly plan", Organizer: graphtest.Person{Name: "Kim Berg", Address: "kim@practice.example"},
		Start: time.Now().Truncate(time.Minute).Add(5 * time.Hour), End: time.Now().Truncate(time.Minute).Add(6 * time.Hour)})

	createAdministrator(b, o)
	registerValues(b, o, o.app.Secret, o.graph.TenantID())
	connect(b, o)
	listRooms(b)
	v := openValve(t, o.mqtt)
	s := o.startSign(v.address())
	pairAndBind(b, s)

	// The first picture of all may be that of a calendar that is not read yet.
	b.shows("main", "Should show: Aurora, Free")
	b.shows(".head__state", "Right")
	right := b.text("#glass-digest")
	free := s.next("shown", func(e simsign.Event) bool { return e.Digest == right })
	if err := o.graph.Calendar(aurora).Move(meeting, time.Now().Truncate(time.Minute), time.Now().Truncate(time.Minute).Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	booked := s.next("shown", func(e simsign.Event) bool { return e.Digest != free.Digest })
	b.shows("#glass-digest", booked.Digest)
	b.shows(".head__state", "Right")
	samePicture(b, s)
	brokenGlass(b, s, v)
}

// createAdministrator opens the one-time link of the log.
func createAdministrator(b *browser, o *office) {
	b.t.Helper()
	b.open(o.setupURL())
	b.fill("#name", "office")
	b.fill("#password", "correct horse battery")
	b.press("main button.button--main")
	b.shows("nav", "Settings")
}

// registerValues follows Settings > Integration > Settings > Office 365 > Edit
// and saves.
func registerValues(b *browser, o *office, secret, tenant string) {
	b.t.Helper()
	b.click("nav", "Settings")
	b.click("main", "Integration")
	b.click("main", "Settings")
	b.click("main", "Edit")
	if got, want := b.text("#redirect-uri"), o.base+"/m"; got != want {
		b.t.Errorf("redirect URI: got %q, want %q", got, want)
	}
	b.fill("#client-id", o.app.ClientID)
	b.fill("#client-secret", secret)
	b.fill("#tenant", tenant)
	b.choose("#cloud", "custom")
	if got, want := b.value("#login-url"), o.graph.LoginURL(); got != want {
		b.t.Errorf("login address of the custom cloud: got %q, want %q", got, want)
	}
	b.click("main", "Save")
}

// signIn follows Settings > Integration > Office 365 > Connect to the page
// where the permissions are asked for.
func signIn(b *browser, o *office) {
	b.t.Helper()
	b.open(o.base + "/m")
	b.click("nav", "Settings")
	b.click("main", "Integration")
	b.click("main", "Office 365")
	b.press("#connect")
	if b.has("#signin-form") {
		b.fill("#email", o.admin())
		b.fill("#password", graphtest.AdminPassword)
		b.press("#signin")
	}
}

// connect signs in, consents and comes back to /m, first with the rights of the
// person, as the manual describes it, then with those of the application.
func connect(b *browser, o *office) {
	b.t.Helper()
	signIn(b, o)
	b.press("#accept")
	b.shows("main .head__state", "through a person's account")
	b.shows("main", "Rooms that person may not open stay empty")
	b.click("main", "Grant application permissions")
	if b.has("#signin-form") {
		b.t.Error("asked to sign in once more for the second consent")
	}
	b.press("#accept")
	if got, want := b.path(), "/m/settings/integration/office365"; got != want {
		b.t.Fatalf("after the consent: got %s, want %s", got, want)
	}
	b.shows("main .head__state", "with application permissions")
}

func listRooms(b *browser) {
	b.t.Helper()
	b.click("nav", "Rooms")
	for _, name := range []string{"Aurora", "Übersee", "Hudson", "Ääni"} {
		b.shows("main table", name)
	}
}

// pairAndBind types the code that the sign draws and chooses the room.
func pairAndBind(b *browser, s *sign) {
	b.t.Helper()
	code := s.next("pairing", nil).Code
	b.click("nav", "Pair a sign")
	b.fill("#code", code)
	b.choose("#room", aurora)
	b.press("main button.button--main")
	if !strings.HasPrefix(b.path(), "/m/doors/") {
		b.t.Fatalf("after pairing: got %s, want the page of the door: %s", b.path(), b.text("main"))
	}
	s.next("paired", nil)
	b.shows("h1", "Aurora")
}

// samePicture compares the preview with the glass, file by file.
func samePicture(b *browser, s *sign) {
	b.t.Helper()
	preview := b.download(".now__glass figure a[download]")
	glass, err := os.ReadFile(s.glass)
	if err != nil {
		b.t.Fatal(err)
	}
	if !bytes.Equal(preview, glass) {
		b.t.Errorf("preview (%d bytes) and glass (%d bytes) are different files", len(preview), len(glass))
	}
	picture, err := png.Decode(bytes.NewReader(preview))
	if err != nil {
		b.t.Fatal(err)
	}
	if got, want := picture.Bounds().Size().String(), "(800,480)"; got != want {
		b.t.Errorf("size of the preview: got %s, want %s", got, want)
	}
}

// brokenGlass flips one bit of the glass, holds the gateway's answer back to
// see what /m says meanwhile, and lets it mend.
func brokenGlass(b *browser, s *sign, v *valve) {
	b.t.Helper()
	before, err := os.ReadFile(s.glass)
	if err != nil {
		b.t.Fatal(err)
	}
	s.say(fmt.Sprintf("glass %s.right.png", s.glass))
	right := s.next("glass", nil).Digest
	open := v.shut()
	s.say("flip 400 240")
	s.say(fmt.Sprintf("glass %s.flipped.png", s.glass))
	flipped := s.next("glass", nil).Digest
	if flipped == right {
		b.t.Fatal("the flip changed nothing")
	}
	s.say("wake")
	b.shows(".head__state", "Wrong picture")
	b.shows("#glass-digest", flipped)
	// Nobody has the pixels of a broken glass: no picture is shown, not a torn one.
	if !b.until("[...document.querySelectorAll('img.glass')].every(i => i.complete && i.naturalWidth > 0)") {
		b.t.Error("a picture of the page cannot be loaded")
	}
	open()
	s.next("shown", func(e simsign.Event) bool { return e.Digest == right })
	b.shows(".head__state", "Right")
	b.shows("#glass-digest", right)
	after, err := os.ReadFile(s.glass)
	if err != nil {
		b.t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		b.t.Error("the mended glass differs from the one before the flip")
	}
	samePicture(b, s)
}
