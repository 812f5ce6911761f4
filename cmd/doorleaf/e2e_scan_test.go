package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"doorleaf/gateway/calendar"
	"doorleaf/gateway/connection"
	"doorleaf/gateway/sqlite"
)

// publicOffice is a gateway that people reach by name over HTTPS, with rooms,
// and a browser that finds it there.
func publicOffice(t *testing.T) (o *office, b *browser) {
	t.Helper()
	dir := t.TempDir()
	cert, key, password := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "password")
	k := newKey(t)
	writeCertificate(t, cert, key, k, "signs.example.com", time.Now())
	if err := os.WriteFile(password, []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o = &office{t: t, data: filepath.Join(dir, "gateway"), mqtt: freeAddress(t)}
	furnish(t, o.data)
	listen := freeAddress(t)
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		t.Fatal(err)
	}
	o.base = "https://signs.example.com:" + port
	o.gateway = startChild(t, "1", []string{"DOORLEAF_DATA=" + o.data, "DOORLEAF_LISTEN=" + listen, "DOORLEAF_MQTT_LISTEN=mqtts://" + o.mqtt,
		"DOORLEAF_PUBLIC_URL=" + o.base, "DOORLEAF_TLS_CERT_FILE=" + cert, "DOORLEAF_TLS_KEY_FILE=" + key, "DOORLEAF_ADMIN_PASSWORD_FILE=" + password}, "serve")
	o.gateway.waitFor("listening", 0, func(l string) bool { return strings.Contains(l, "msg=listening") })
	public, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	b = openBrowserThat(t, chromedp.Flag("ignore-certificate-errors-spki-list", base64.StdEncoding.EncodeToString(sum[:])),
		chromedp.Flag("host-resolver-rules", "MAP signs.example.com 127.0.0.1"))
	b.do("a phone", chromedp.EmulateViewport(390, 844))
	return o, b
}

// furnish makes a data folder with rooms.
func furnish(t *testing.T, data string) {
	t.Helper()
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	key, err := sqlite.LoadKey(filepath.Join(data, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(data, "doorleaf.db"), Key: key, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	id, err := store.SaveSettings(t.Context(), 0, connection.Settings{Cloud: connection.Global})
	if err != nil {
		t.Fatal(err)
	}
	var rooms []calendar.Room
	for _, name := range []string{"Aurora", "Boreas", "Wirtschaftsprüfungsgesellschaftszimmer im dritten Stock"} {
		rooms = append(rooms, calendar.Room{ID: calendar.NewRoomID(string(rune('a'+len(rooms))) + "@contoso.example"), Name: name, Building: "Spreehof"})
	}
	if err := store.ReplaceRooms(t.Context(), id, rooms); err != nil {
		t.Fatal(err)
	}
}

// scan reads the QR code on a glass with a barcode reader, as a phone does.
func scan(t *testing.T, glass string) string {
	t.Helper()
	out, err := exec.Command("zbarimg", "-q", "--raw", glass).Output()
	if err != nil {
		t.Fatalf("zbarimg reads nothing on the glass: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// A person with a phone, not signed in, scans what a new sign shows, signs in,
// compares, chooses the room and is done. A second scan, a code that never was
// and the pages between say what is the matter.
func TestScanToPair(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("zbarimg"); err != nil {
		t.Skip("needs zbarimg: install zbar-tools")
	}
	o, b := publicOffice(t)
	dir := t.TempDir()
	s := &sign{glass: filepath.Join(dir, "glass.png")}
	s.child = startChild(t, "1", nil, "sign", "-gateway", "mqtts://"+o.mqtt, "-ca", filepath.Join(o.data, "ca.pem"), "-panel", "296x128",
		"-serial", "SN-20931", "-state", filepath.Join(dir, "state"), "-glass", s.glass, "-always-on")
	code := s.next("pairing", nil).Code
	address := scan(t, s.glass)
	if want := o.base + "/m/pair?c=" + code; address != want {
		t.Fatalf("the QR code leads to %q, want %q", address, want)
	}
	complaints := watchComplaints(b)

	b.open(address)
	if b.path() != "/m/sign-in" {
		t.Fatalf("without being signed in: got %s", b.path())
	}
	b.shoot("scan-sign-in")
	b.fill("#name", "admin")
	b.fill("#password", "correct horse battery")
	b.press("main button.button--main")
	if got := b.evaluate("location.href"); got != address {
		t.Fatalf("after the sign-in: got %s, want %s", got, address)
	}
	checkPage(b, "en", 390)
	b.shoot("scan-found")
	b.do("a desk", chromedp.EmulateViewport(1440, 900))
	checkPage(b, "en", 1440)
	b.shoot("scan-found-1440")
	b.do("the phone again", chromedp.EmulateViewport(390, 844))
	for _, want := range []string{code[:4], code[4:], "Serial …0931", "SN-20931", "296 × 128", "dBm"} {
		b.shows(".found", want)
	}
	b.choose("#room", "a@contoso.example")
	b.press("main button.button--main")
	b.shows("h1", "Aurora")
	s.next("paired", nil)

	b.open(address) // somebody else scanned it too
	b.shows("main .note--bad", "paired already")
	checkPage(b, "en", 390)
	b.shoot("scan-twice")
	b.click("main", "Open its page")
	b.shows("h1", "Aurora")
	b.open(o.base + "/m/pair?c=AAAAAAAA")
	b.shows("main .note--bad", "No waiting sign shows this code")
	checkPage(b, "en", 390)
	b.shoot("scan-unknown")
	for _, c := range complaints() {
		if !strings.Contains(c, "422") { // of the answers that are meant to be so
			t.Errorf("the browser complains: %s", c)
		}
	}
}

// The QR code that the sign in C draws leads to the same place.
func TestScanCSign(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("zbarimg"); err != nil {
		t.Skip("needs zbarimg: install zbar-tools")
	}
	binary := buildCSign(t)
	o, b := publicOffice(t)
	dir := t.TempDir()
	glass := filepath.Join(dir, "glass.png")
	s := startCSign(t, binary, "-gateway", "mqtts://"+o.mqtt, "-ca", filepath.Join(o.data, "ca.pem"), "-state", dir, "-glass", glass,
		"-panel", "400x300", "-serial", "SN-C1", "-always-on")
	within(t, "a code", func() bool { return len(s.said("code")) > 0 })
	address := scan(t, glass)
	if want := o.base + "/m/pair?c=" + s.said("code")[0].Text; address != want {
		t.Fatalf("the QR code leads to %q, want %q", address, want)
	}
	b.open(address)
	b.fill("#name", "admin")
	b.fill("#password", "correct horse battery")
	b.press("main button.button--main")
	b.shows(".found", "SN-C1")
	b.press("main button.button--main")
	within(t, "paired", func() bool { return len(s.said("paired")) == 1 })
}
