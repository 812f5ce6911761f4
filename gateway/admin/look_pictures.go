package admin

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"doorleaf/gateway"
)

const picturesPage = lookPage + "/pictures"

// maxPictureBody bounds an upload: a picture and what the browser puts around it.
const maxPictureBody = gateway.MaxAssetBytes + 64<<10

// thumbnail is the box in which the page shows a picture.
const thumbnailWidth, thumbnailHeight = 240, 120

// Pictures is what the pages need to keep an office's pictures. Implemented by
// gateway.Core.
type Pictures interface {
	Assets(ctx context.Context) ([]gateway.Asset, error)
	// AddAsset keeps a picture; gateway.ErrInvalid, gateway.ErrTooMany and errors
	// that gateway.PictureFault explains say why not.
	AddAsset(ctx context.Context, name string, style gateway.AssetStyle, file []byte) (gateway.Asset, error)
	RemoveAsset(ctx context.Context, name string) error
	// AssetPNG returns a picture as signs draw it in a box of so many pixels.
	AssetPNG(ctx context.Context, name string, box image.Point) ([]byte, error)
}

// assetView is an uploaded picture.
type assetView struct {
	Name, Src, Size, Style string
	Added                  timeText
}

// sizeView is a size of glass for which the page shows a face.
type sizeView struct {
	Size          string
	Width, Height int
}

// fillPictures lists the office's pictures.
func (s *server) fillPictures(v *visit, view *lookView) error {
	list, err := s.core.Assets(v.Context())
	if err != nil {
		return err
	}
	for _, a := range list {
		q := url.Values{"name": {a.Name}, "n": {fmt.Sprintf("%x", a.Content[:6]) + string(a.Style)}}
		one := assetView{Name: a.Name, Src: lookPage + "/picture.png?" + q.Encode(), Style: view.T("look.style." + string(a.Style)), Added: view.Time(a.Added),
			Size: view.T("look.size", strconv.Itoa(a.Size.X), strconv.Itoa(a.Size.Y), strconv.Itoa((a.Bytes+1023)/1024))}
		if a.Name == gateway.LogoName {
			view.Logo = &one
			continue
		}
		view.Pictures = append(view.Pictures, one)
	}
	return nil
}

// Styles are the ways to bring a picture to black and white.
func (v *lookView) Styles() []option {
	out := []option{{"", v.T("look.style.auto")}}
	for _, s := range []gateway.AssetStyle{gateway.DrawingStyle, gateway.PhotoStyle} {
		out = append(out, option{string(s), v.T("look.style." + string(s))})
	}
	return out
}

// uploadAsset takes a picture from a form with name, style and file.
func (s *server) uploadAsset(w http.ResponseWriter, v *visit) error {
	fields, file, err := uploadedForm(v.Request)
	if err != nil {
		return err
	}
	var a gateway.Asset
	if len(file) > 0 {
		a, err = s.core.AddAsset(v.Context(), fields["name"], gateway.AssetStyle(fields["style"]), file)
	}
	p := s.newPage(v, "look.title", "settings")
	kind, particulars, refused := gateway.PictureFault(err)
	switch {
	case len(file) == 0:
		p.Problem = p.T("look.problem.none")
	case refused:
		p.Problem = p.T("look.problem."+kind, particulars)
	case errors.Is(err, gateway.ErrTooMany):
		p.Problem = p.T("look.problem.many", strconv.Itoa(gateway.MaxAssets))
	case errors.Is(err, gateway.ErrInvalid):
		p.Problem = p.T("look.problem.name", strconv.Itoa(gateway.MaxAssetName))
	case err != nil:
		return err
	default:
		s.log.Info("picture uploaded", "bytes", len(file), "style", a.Style)
		s.done(w, "uploaded")
		return s.see(w, v, lookPage)
	}
	view, site, err := s.lookNow(v, p)
	if err != nil {
		return err
	}
	if view.Name = clip(fields["name"], maxName); view.Name == gateway.LogoName {
		view.Name = ""
	}
	return s.renderLook(w, v, http.StatusUnprocessableEntity, site, view)
}

// lookNow is the view of what is shown when something else on the page was
// refused.
func (s *server) lookNow(v *visit, p *page) (*lookView, gateway.Site, error) {
	site, err := s.store.Site(v.Context())
	if err != nil {
		return nil, site, err
	}
	view := &lookView{page: p, Template: site.Template}
	if text, ok := s.drafts.get(v.account.ID); ok && text != site.Template {
		view.Template, view.Draft = text, true
	}
	return view, site, nil
}

func (s *server) removeAsset(w http.ResponseWriter, v *visit) error {
	if err := s.core.RemoveAsset(v.Context(), v.field("name")); err != nil {
		return err
	}
	s.done(w, "saved")
	return s.see(w, v, lookPage)
}

// sendAsset answers with a picture as signs draw it.
func (s *server) sendAsset(w http.ResponseWriter, v *visit) error {
	png, err := s.core.AssetPNG(v.Context(), v.URL.Query().Get("name"), image.Pt(thumbnailWidth, thumbnailHeight))
	if err != nil {
		return err
	}
	return s.sendPNG(w, png)
}

// bookingView is the address behind codes.
type bookingView struct {
	Kind    string // a preset's name, "none" or "own"
	Own     string
	Kinds   []option
	Problem string
}

// fillBooking completes the choice of the address behind codes.
func (s *server) fillBooking(view *lookView, site gateway.Site) {
	b := &view.Booking
	presets := gateway.BookingPresets()
	if b.Kind == "" {
		i := slices.IndexFunc(presets, func(p gateway.BookingPreset) bool { return p.Pattern == site.Booking })
		switch {
		case site.Booking == "":
			b.Kind = "none"
		case i >= 0:
			b.Kind = presets[i].Name
		default:
			b.Kind, b.Own = "own", site.Booking
		}
	}
	b.Kinds = []option{{"none", view.T("look.booking.none")}}
	for _, p := range presets {
		b.Kinds = append(b.Kinds, option{p.Name, view.T("look.booking." + p.Name)})
	}
	b.Kinds = append(b.Kinds, option{"own", view.T("look.booking.own")})
}

// saveBooking stores the address behind codes and has all signs planned again.
func (s *server) saveBooking(w http.ResponseWriter, v *visit) error {
	p := s.newPage(v, "look.title", "settings")
	view, site, err := s.lookNow(v, p)
	if err != nil {
		return err
	}
	view.Booking = bookingView{Kind: v.field("kind"), Own: clip(v.field("own"), 1024)}
	presets := gateway.BookingPresets()
	i := slices.IndexFunc(presets, func(p gateway.BookingPreset) bool { return p.Name == view.Booking.Kind })
	switch {
	case view.Booking.Kind == "none":
		site.Booking = ""
	case i >= 0:
		site.Booking = presets[i].Pattern
	case view.Booking.Kind == "own":
		if view.Booking.Own == "" || gateway.CheckBooking(view.Booking.Own) != nil {
			view.Booking.Problem = p.T("look.problem.booking")
			return s.renderLook(w, v, http.StatusUnprocessableEntity, site, view)
		}
		site.Booking = view.Booking.Own
	default:
		return errBadRequest
	}
	if err := s.saveSiteSettings(v.Context(), site); err != nil {
		return err
	}
	s.done(w, "saved")
	return s.see(w, v, lookPage)
}
