package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestFirmwareFromUploadToRemoval(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get(firmwarePage).want(t, http.StatusOK, "").says(t, "public key of the maker first")
	b.post(firmwarePage+"/makers", "name", "Works", "key", "no key").want(t, http.StatusUnprocessableEntity, "").says(t, "32 bytes of an Ed25519").says(t, "no key")
	key := strings.Repeat("0a", 32)
	b.post(firmwarePage+"/makers", "name", "Works", "key", key).want(t, http.StatusSeeOther, firmwarePage)
	b.get(firmwarePage).says(t, "Works").says(t, ".dlf")

	b.upload(firmwarePage+"/upload", []byte("ELF of somebody")).want(t, http.StatusUnprocessableEntity, "").says(t, "no signed firmware")
	file := append([]byte("DLF"), make([]byte, 300_000)...)
	b.upload(firmwarePage+"/upload", file).want(t, http.StatusSeeOther, firmwarePage)
	b.upload(firmwarePage+"/upload", file).want(t, http.StatusConflict, "").says(t, "is here already")
	b.get(firmwarePage).says(t, "2.1.0").says(t, "Try it first on").says(t, "Aalto")

	image := sha256.Sum256(file)
	at := firmwarePage + "/" + hex.EncodeToString(image[:])
	b.post(at+"/start", "pace", "soon").want(t, http.StatusBadRequest, "")
	b.post(at+"/start", "pace", "hour", "first", "abcdefghijklmnop").want(t, http.StatusSeeOther, firmwarePage)
	if o.firmware.hold != time.Hour || o.firmware.first != "abcdefghijklmnop" {
		t.Errorf("started with %s on %q", o.firmware.hold, o.firmware.first)
	}
	b.get(firmwarePage).says(t, "Stage 1 of 4")
	b.post(at+"/start", "pace", "hour").want(t, http.StatusConflict, "")
	b.post(at+"/pause").want(t, http.StatusSeeOther, firmwarePage)
	b.get(firmwarePage).says(t, "Signs keep the firmware they run")
	b.post(at+"/remove").want(t, http.StatusSeeOther, firmwarePage)
	b.post(at+"/resume").want(t, http.StatusNotFound, "")
	b.post(firmwarePage+"/makers/remove", "key", key).want(t, http.StatusSeeOther, firmwarePage)
}

func TestFirmwareBounds(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o)
	b.upload(firmwarePage+"/upload", []byte("DLF")).want(t, http.StatusSeeOther, "/m/sign-in")
	b.enter(o)
	b.upload(firmwarePage+"/upload", make([]byte, maxFirmwareBody)).want(t, http.StatusRequestEntityTooLarge, "")
	b.upload(firmwarePage+"/upload", nil).want(t, http.StatusUnprocessableEntity, "").says(t, "no signed firmware")
	b.post(firmwarePage+"/upload", "file", "DLF").want(t, http.StatusBadRequest, "")
	for _, path := range []string{"/zz/start", "/00/start", "/" + strings.Repeat("00", 32) + "/burn"} {
		b.post(firmwarePage+path, "pace", "day").want(t, http.StatusNotFound, "")
	}
}

func TestFirmwarePageNamesTroubledSigns(t *testing.T) {
	o := newOffice(time.Now())
	o.fillFirmware()
	b := open(t, o).enter(o)
	page := b.get(firmwarePage).want(t, http.StatusOK, "")
	for _, text := range []string{"Stage 3 of 4", "went back to the firmware before", "battery too low", "has not called since", "Stopped by itself"} {
		page.says(t, text)
	}
}
