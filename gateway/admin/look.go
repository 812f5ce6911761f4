package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"doorleaf/devices"
	"doorleaf/gateway"
)

const lookPage = "/m/settings/look"

// maxLookBody bounds the form with a template: 256 KiB of JSON, each character
// of which may travel as three.
const maxLookBody = 1 << 20

// drafts are templates that people try out, by account. They live in memory
// only: what is kept is saved.
type drafts struct {
	mu sync.Mutex
	of map[int64]string // guarded by mu
}

const maxDrafts = 16

func (d *drafts) put(account int64, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of == nil || len(d.of) >= maxDrafts {
		d.of = map[int64]string{}
	}
	d.of[account] = text
}

func (d *drafts) get(account int64) (text string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	text, ok = d.of[account]
	return text, ok
}

type lookView struct {
	*page
	Template string
	Custom   bool // the signs show a template of the office
	Draft    bool // what is shown is tried out, not saved
	Fault    string
	Notes    []gateway.TemplateNote
	Panel    string
	Panels   []option
	Examples []lookExample
	Stamp    int // changes the pictures' addresses

	Logo     *assetView
	Pictures []assetView // all others
	Name     string      // of a picture that is being uploaded
	Booking  bookingView
	Sizes    []sizeView
}

type lookExample struct{ Name, Label string }

// showLook shows the template of the signs, or the one that is tried out.
func (s *server) showLook(w http.ResponseWriter, v *visit) error {
	site, err := s.store.Site(v.Context())
	if err != nil {
		return err
	}
	text, draft := s.drafts.get(v.account.ID)
	if !draft {
		text = site.Template
	}
	return s.renderLook(w, v, http.StatusOK, site, &lookView{Template: text, Draft: draft && text != site.Template})
}

// renderLook completes a view that has at least the template.
func (s *server) renderLook(w http.ResponseWriter, v *visit, status int, site gateway.Site, view *lookView) error {
	if view.page == nil {
		view.page = s.newPage(v, "look.title", "settings")
	}
	view.Custom, view.Panel = site.Template != "", v.URL.Query().Get("panel")
	if p := v.field("panel"); p != "" {
		view.Panel = p
	}
	if view.Panel == "" {
		view.Panel = "800x480"
	}
	notes, err := s.core.CheckTemplate(v.Context(), view.Template)
	if err != nil {
		view.Fault = templateFault(err)
	}
	view.Notes = notes
	for _, p := range devices.Panels() {
		size := fmt.Sprintf("%dx%d", p.Width, p.Height)
		view.Panels = append(view.Panels, option{Value: size, Label: size})
		view.Sizes = append(view.Sizes, sizeView{size, p.Width, p.Height})
	}
	for _, name := range gateway.TemplateExamples() {
		view.Examples = append(view.Examples, lookExample{name, view.T("look.example." + name)})
	}
	view.Stamp = int(v.now.UnixMilli() % 1e9)
	if err := s.fillPictures(v, view); err != nil {
		return err
	}
	s.fillBooking(view, site)
	return s.render(w, v, status, "look", view)
}

// templateFault is what is wrong with a template: line, place and reason. It
// stays in English, the language of the format.
func templateFault(err error) string {
	return strings.TrimPrefix(err.Error(), gateway.ErrTemplate.Error()+": ")
}

// saveLook tries a template out, saves it, or goes back to the built-in faces.
// A template that cannot be used is shown with its fault; the signs keep the
// last good one.
func (s *server) saveLook(w http.ResponseWriter, v *visit) error {
	site, err := s.store.Site(v.Context())
	if err != nil {
		return err
	}
	text := strings.TrimSpace(strings.ReplaceAll(v.field("template"), "\r\n", "\n"))
	what := v.field("do")
	if what == "reset" {
		text = ""
	}
	s.drafts.put(v.account.ID, text)
	_, err = s.core.CheckTemplate(v.Context(), text)
	switch {
	case err != nil && !errors.Is(err, gateway.ErrTemplate):
		return err
	case err != nil:
		return s.renderLook(w, v, http.StatusUnprocessableEntity, site, &lookView{Template: text, Draft: true})
	case what == "try":
		return s.renderLook(w, v, http.StatusOK, site, &lookView{Template: text, Draft: text != site.Template})
	}
	site.Template = text
	if err := s.saveSiteSettings(v.Context(), site); err != nil {
		return err
	}
	s.log.Info("template saved", "bytes", len(text))
	s.done(w, "saved")
	return s.see(w, v, lookPage)
}

// sendLook answers with an example face drawn by the template that is shown.
func (s *server) sendLook(w http.ResponseWriter, v *visit) error {
	site, err := s.store.Site(v.Context())
	if err != nil {
		return err
	}
	saved := site.Template
	if text, ok := s.drafts.get(v.account.ID); ok {
		site.Template = text
	}
	width, height, _ := strings.Cut(v.URL.Query().Get("panel"), "x")
	wide, errW := strconv.Atoi(width)
	high, errH := strconv.Atoi(height)
	if errW != nil || errH != nil {
		return errBadRequest
	}
	png, err := s.core.PreviewLook(v.Context(), site, v.PathValue("example"), wide, high)
	if errors.Is(err, gateway.ErrTemplate) {
		site.Template = saved
		png, err = s.core.PreviewLook(v.Context(), site, v.PathValue("example"), wide, high)
	}
	if err != nil {
		return err
	}
	return s.sendPNG(w, png)
}

// sendPNG answers with a picture that nobody keeps.
func (s *server) sendPNG(w http.ResponseWriter, png []byte) error {
	h := w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Cache-Control", "private, no-store")
	h.Set("Content-Length", strconv.Itoa(len(png)))
	if _, err := w.Write(png); err != nil {
		s.log.Debug("picture not sent", "err", err)
	}
	return nil
}
