package admin

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway"
)

// uploadPicture posts the form of a picture; fields come in pairs.
func (b *browser) uploadPicture(file []byte, fields ...string) answer {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := form.WriteField(fields[i], fields[i+1]); err != nil {
			b.t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", "logo.png")
	if err == nil {
		_, err = part.Write(file)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base.String()+picturesPage, &body)
	if err != nil {
		b.t.Fatal(err)
	}
	for k, v := range b.header {
		req.Header[k] = v
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res, string(text)}
}

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
	b.uploadPicture([]byte("picture"), "name", "logo", "style", "").want(t, http.StatusSeeOther, lookPage)
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
		b.uploadPicture([]byte(tc.file), "name", tc.name).want(t, http.StatusUnprocessableEntity, "").says(t, tc.says)
	}
	if page := b.uploadPicture([]byte("picture"), "name", "<b>"); strings.Contains(page.body, "<b>\"") || !strings.Contains(page.body, "&lt;b&gt;") {
		t.Error("the name that was typed is not shown again, escaped")
	}
	b.uploadPicture(make([]byte, maxPictureBody), "name", "logo").want(t, http.StatusRequestEntityTooLarge, "")
	b.post(picturesPage, "name", "logo").want(t, http.StatusBadRequest, "")
	if len(o.core.assets) > 0 {
		t.Errorf("kept %v", o.core.assets)
	}
	for n := range gateway.MaxAssets {
		b.uploadPicture([]byte("picture"), "name", "plan "+strings.Repeat("x", n)).want(t, http.StatusSeeOther, lookPage)
	}
	b.uploadPicture([]byte("picture"), "name", "more").want(t, http.StatusUnprocessableEntity, "").says(t, "16 pictures are kept already")
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
