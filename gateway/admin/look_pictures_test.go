package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway"
)

// shows wants a piece of the page's source.
func (a answer) shows(t *testing.T, piece string) answer {
	t.Helper()
	if !strings.Contains(a.body, piece) {
		t.Errorf("%s does not have %s", a.Request.URL.Path, piece)
	}
	return a
}

func TestLogoFromUploadToRemoval(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	page := b.get(lookPage).want(t, http.StatusOK, "").says(t, "every face").says(t, "1872x1404")
	if strings.Contains(page.body, "Remove the logo") {
		t.Error("offers to remove a logo that is not there")
	}
	b.upload(picturesPage, []byte("picture"), "name", "logo", "style", "").want(t, http.StatusSeeOther, lookPage)
	b.get(lookPage).says(t, "Remove the logo").says(t, "640 × 200 pixels").says(t, "Drawing").shows(t, `src="/m/settings/look/picture.png?n=`)
	b.get(lookPage+"/picture.png?name=logo").want(t, http.StatusOK, "").says(t, "logo in (240,120)")
	b.post(picturesPage+"/remove", "name", "logo").want(t, http.StatusSeeOther, lookPage)
	b.get(lookPage+"/picture.png?name=logo").want(t, http.StatusNotFound, "")
	b.post(picturesPage+"/remove", "name", "logo").want(t, http.StatusNotFound, "")
}

func TestPicturesAreRefusedWithAReason(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	for _, tc := range []struct{ name, file, says string }{
		{"logo", "<svg onload=x>", "SVG drawings can load other files"},
		{"logo", "white", "made for a white ground"},
		{"logo", "huge", "too large (100 megapixels)"},
		{"logo", "torn", "damaged (PNG: checksum)"},
		{"logo", "", "Choose a picture first"},
		{"<b>", "picture", "at most 40 letters"},
	} {
		b.upload(picturesPage, []byte(tc.file), "name", tc.name).want(t, http.StatusUnprocessableEntity, "").says(t, tc.says)
	}
	if page := b.upload(picturesPage, []byte("picture"), "name", "<b>"); strings.Contains(page.body, "<b>\"") || !strings.Contains(page.body, "&lt;b&gt;") {
		t.Error("the name that was typed is not shown again, escaped")
	}
	b.upload(picturesPage, make([]byte, maxPictureBody), "name", "logo").want(t, http.StatusRequestEntityTooLarge, "")
	b.post(picturesPage, "name", "logo").want(t, http.StatusBadRequest, "")
	if len(o.core.assets) > 0 {
		t.Errorf("kept %v", o.core.assets)
	}
	for n := range gateway.MaxAssets {
		b.upload(picturesPage, []byte("picture"), "name", "plan "+strings.Repeat("x", n)).want(t, http.StatusSeeOther, lookPage)
	}
	b.upload(picturesPage, []byte("picture"), "name", "more").want(t, http.StatusUnprocessableEntity, "").says(t, "16 pictures are kept already")
}

func TestCodeToBookIsChosen(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get(lookPage).shows(t, `<option value="none" selected>`).says(t, "Everybody who passes the door")
	const page = lookPage + "/booking"
	b.post(page, "kind", "outlook").want(t, http.StatusSeeOther, lookPage)
	if got, want := o.store.site.Booking, "https://outlook.office.com/calendar/0/deeplink/compose?to={address}&location={name}"; got != want {
		t.Errorf("stored %q, want %q", got, want)
	}
	b.get(lookPage).shows(t, `<option value="outlook" selected>`)
	b.get("/m/settings/look/free/face.png?panel=800x480").says(t, "compose?to={address}")
	b.post(page, "kind", "own", "own", "HTTPS://GO.EXAMPLE.COM/{USER}").want(t, http.StatusSeeOther, lookPage)
	b.get(lookPage).shows(t, `value="HTTPS://GO.EXAMPLE.COM/{USER}"`)
	for _, bad := range []string{"", "javascript:alert(1)", "https://{name}/", "https://go.example.com/{subject}", "https://user:pw@example.com/"} {
		b.post(page, "kind", "own", "own", bad).want(t, http.StatusUnprocessableEntity, "").says(t, "begins with https://")
	}
	b.post(page, "kind", "elsewhere").want(t, http.StatusBadRequest, "")
	if got, want := o.store.site.Booking, "HTTPS://GO.EXAMPLE.COM/{USER}"; got != want {
		t.Errorf("stored %q, want %q", got, want)
	}
	b.post(page, "kind", "none").want(t, http.StatusSeeOther, lookPage)
	if o.store.site.Booking != "" {
		t.Errorf("stored %q, want none", o.store.site.Booking)
	}
}
