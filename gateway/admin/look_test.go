package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestLookIsTriedOutAndSaved(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get(lookPage).want(t, http.StatusOK, "").says(t, "built-in faces")
	b.post(lookPage, "do", "try", "panel", "296x128", "template", `{"uri": 1}`).want(t, http.StatusOK, "").says(t, "line 7").says(t, "pictures are not fetched").says(t, "trying this out")
	b.get("/m/settings/look/free/face.png?panel=296x128").want(t, http.StatusOK, "").says(t, `{"uri": 1} free en 296x128`)
	if o.store.site.Template != "" {
		t.Error("saved by looking at it")
	}
	b.post(lookPage, "do", "save", "template", `{"items": []}`).want(t, http.StatusSeeOther, lookPage)
	if got := o.store.site.Template; got != `{"items": []}` {
		t.Errorf("stored %q", got)
	}
	b.get(lookPage).want(t, http.StatusOK, "").says(t, "show this template")
}

// A bad template is refused with line and reason; the last good one stays, on
// the signs and in the pictures.
func TestBadLookKeepsTheLastGoodOne(t *testing.T) {
	o := newOffice(time.Now())
	o.store.site.Template = `{"items": []}`
	b := open(t, o).enter(o)
	b.post(lookPage, "do", "save", "template", "broken").want(t, http.StatusUnprocessableEntity, "").says(t, "line 3").says(t, "a list [...] of items is wanted").says(t, "keep the last good one").says(t, "broken")
	if got := o.store.site.Template; got != `{"items": []}` {
		t.Errorf("stored %q", got)
	}
	b.get("/m/settings/look/booked/face.png?panel=800x480").want(t, http.StatusOK, "").says(t, `{"items": []} booked`)
	b.post(lookPage, "do", "reset", "template", "broken").want(t, http.StatusSeeOther, lookPage)
	if got := o.store.site.Template; got != "" {
		t.Errorf("after going back: stored %q", got)
	}
}

func TestLookBounds(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.post(lookPage, "do", "try", "template", strings.Repeat("x", 200<<10)).want(t, http.StatusOK, "")
	b.post(lookPage, "do", "try", "template", strings.Repeat("x", maxLookBody)).want(t, http.StatusRequestEntityTooLarge, "")
	for _, path := range []string{"/m/settings/look/free/face.png", "/m/settings/look/free/face.png?panel=axb", "/m/settings/look/nothing/face.png?panel=800x480"} {
		b.get(path).want(t, http.StatusBadRequest, "")
	}
	var kept drafts
	for n := range int64(3 * maxDrafts) {
		kept.put(n, "x")
	}
	if len(kept.of) > maxDrafts {
		t.Errorf("%d drafts are kept", len(kept.of))
	}
}
