package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"doorleaf/devices"
)

// actionTime bounds one action on a sign.
const actionTime = 20 * time.Second

// onDoor runs an action on the door of the path and goes back to its page.
func (s *server) onDoor(w http.ResponseWriter, v *visit, what string, act func(id devices.SignID) error) error {
	id := devices.SignID(v.PathValue("id"))
	if err := act(id); err != nil {
		return err
	}
	s.done(w, what)
	return s.see(w, v, "/m/doors/"+url.PathEscape(string(id)))
}

func (s *server) bindDoor(w http.ResponseWriter, v *visit) error {
	room, err := s.typedRoom(v.Context(), v.field("room"))
	if errors.Is(err, errNoChoice) {
		return s.renderDoor(w, v, http.StatusUnprocessableEntity, s.newPage(v, "", "").T("failure.no-choice"))
	}
	if err != nil {
		return err
	}
	return s.onDoor(w, v, "bound", func(id devices.SignID) error { return s.core.Bind(v.Context(), id, room) })
}

func (s *server) renameDoor(w http.ResponseWriter, v *visit) error {
	name := v.field("name")
	if n := len([]rune(name)); n == 0 || n > maxName {
		p := s.newPage(v, "", "")
		return s.renderDoor(w, v, http.StatusUnprocessableEntity, p.T("problem.name"))
	}
	return s.onDoor(w, v, "renamed", func(id devices.SignID) error { return s.core.Rename(v.Context(), id, name) })
}

func (s *server) refreshDoor(w http.ResponseWriter, v *visit) error {
	return s.onDoor(w, v, "refreshed", func(id devices.SignID) error { return s.core.Refresh(v.Context(), id) })
}

// renewDoor asks the sign for a new secret.
func (s *server) renewDoor(w http.ResponseWriter, v *visit) error {
	return s.onDoor(w, v, "renewing", func(id devices.SignID) error { return s.core.RenewKey(v.Context(), id) })
}

type unpairView struct {
	*page
	ID   string
	Name string
}

// askUnpair asks before a sign is forgotten: it has to be paired again at the
// door.
func (s *server) askUnpair(w http.ResponseWriter, v *visit) error {
	d, err := s.door(v)
	if err != nil {
		return err
	}
	p := s.newPage(v, "unpair.title", "doors")
	return s.render(w, v, http.StatusOK, "unpair", &unpairView{page: p, ID: string(d.Sign.ID), Name: d.Sign.Name})
}

func (s *server) unpairDoor(w http.ResponseWriter, v *visit) error {
	ctx, cancel := detached(v.Context(), actionTime)
	defer cancel()
	if err := s.core.Unpair(ctx, devices.SignID(v.PathValue("id"))); err != nil {
		return err
	}
	s.done(w, "unpaired")
	return s.see(w, v, "/m/doors")
}

// sendPicture answers with the very pixels of a glass as PNG.
func (s *server) sendPicture(which string) handler {
	return func(w http.ResponseWriter, v *visit) error {
		id := v.PathValue("id")
		png, digest, err := s.core.PreviewPNG(v.Context(), devices.SignID(id), which)
		if err != nil {
			return err
		}
		h := w.Header()
		tag := fmt.Sprintf("%q", fmt.Sprintf("%x", digest[:]))
		h.Set("ETag", tag)
		h.Set("Cache-Control", "private, no-cache")
		if slices.Contains(v.Header.Values("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
		h.Set("Content-Type", "image/png")
		h.Set("Content-Length", strconv.Itoa(len(png)))
		if v.URL.Query().Has("download") {
			h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=\"%s-%x.png\"", which, digest[:4]))
		}
		_, err = w.Write(png)
		if err != nil {
			s.log.Debug("picture not sent", "sign", id, "err", err)
		}
		return nil
	}
}
