package admin

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/rollout"
)

const firmwarePage = "/m/settings/firmware"

// maxFirmwareBody bounds an upload: an image of 16 MiB with its release and what
// the browser puts around it.
const maxFirmwareBody = 16<<20 + 64<<10

// maxTroubled is how many signs are listed by name at a release.
const maxTroubled = 30

type firmwareView struct {
	*page
	Releases []releaseView
	Makers   []makerView
	Paces    []option
	Name     string // of a maker that is being entered
	Key      string
}

type makerView struct{ Name, Key, Short string }

// releaseView is one release and where it stands.
type releaseView struct {
	Image    string // in addresses
	Model    string
	Version  string
	Number   uint32
	Size     string
	Added    timeText
	Mark     mark
	Sentence string
	Percent  int // of the signs that run it
	Counts   []fact
	First    chooser // the sign to try it on first
	Troubled []troubledSign
	More     int // troubled signs that are not listed

	CanStart, CanPause, CanResume, CanRemove bool
}

type troubledSign struct{ Href, Name, Why string }

func (s *server) showFirmware(w http.ResponseWriter, v *visit) error {
	return s.renderFirmware(w, v, http.StatusOK, firmwareView{}, "")
}

func (s *server) renderFirmware(w http.ResponseWriter, v *visit, status int, view firmwareView, problem string) error {
	p := s.newPage(v, "firmware.title", "settings")
	p.Live, p.Problem = true, problem
	view.page = p
	makers, err := s.firmware.Makers(v.Context())
	if err != nil {
		return err
	}
	for _, m := range makers {
		key := hex.EncodeToString(m.Key)
		view.Makers = append(view.Makers, makerView{Name: m.Name, Key: key, Short: key[:16]})
	}
	list, err := s.firmware.Rollouts(v.Context())
	if err != nil {
		return err
	}
	for _, r := range list {
		view.Releases = append(view.Releases, p.release(r))
	}
	for _, pace := range paces() {
		view.Paces = append(view.Paces, option{Value: pace.name, Label: p.T("firmware.pace." + pace.name)})
	}
	return s.render(w, v, status, "firmware", &view)
}

type pace struct {
	name string
	hold time.Duration
}

// paces are how long a stage lasts at least; the first one is offered first.
func paces() []pace {
	return []pace{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"week", 7 * 24 * time.Hour}}
}

func (p *page) release(r gateway.RolloutView) releaseView {
	rel, c := r.Release, r.Count
	view := releaseView{
		Image: hex.EncodeToString(rel.Image[:]), Model: rel.Model, Version: rel.Version, Number: rel.Number, Added: p.Time(r.Added),
		Size: p.T("firmware.kib", strconv.Itoa((rel.Size+1023)/1024)), Mark: p.mark("rollout-" + string(r.State)), Sentence: p.rolloutSentence(r),
		CanStart: r.State == rollout.Waiting, CanPause: r.State == rollout.Running || r.State == rollout.Done,
		CanResume: (r.State == rollout.Paused || r.State == rollout.Stopped) && r.Why != rollout.Replaced, CanRemove: r.State != rollout.Running,
	}
	if c.Signs > 0 {
		view.Percent = 100 * c.Runs / c.Signs
	}
	for _, n := range []struct {
		key string
		n   int
	}{{"runs", c.Runs}, {"offered", c.Offered - c.Runs - c.Failed - c.Silent}, {"failed", c.Failed}, {"silent", c.Silent}, {"refused", c.Refused}, {"signs", c.Signs}} {
		if n.n > 0 || n.key == "runs" || n.key == "signs" {
			view.Counts = append(view.Counts, fact{p.T("firmware.count." + n.key), strconv.Itoa(n.n)})
		}
	}
	var signs []option
	for _, s := range r.Signs {
		if r.State == rollout.Waiting && s.Number < rel.Number {
			signs = append(signs, option{Value: string(s.ID), Label: s.Name})
		}
		why := ""
		switch {
		case s.Number >= rel.Number:
			continue
		case s.Mark.Code == devices.ErrFirmwareRefused:
			why = "firmware.sign.refused"
		case s.Mark.Code == devices.ErrFirmwareBack:
			why = "firmware.sign.back"
		case s.Mark.Code != devices.NoError:
			why = "firmware.sign.failed"
		case !s.Mark.Offered.IsZero() && s.Silent:
			why = "firmware.sign.silent"
		default:
			continue
		}
		if len(view.Troubled) == maxTroubled {
			view.More++
			continue
		}
		view.Troubled = append(view.Troubled, troubledSign{Href: "/m/doors/" + string(s.ID), Name: s.Name, Why: p.T(why)})
	}
	if len(signs) > 0 {
		view.First = chooseSign(p, chooser{ID: "first-" + view.Image, Name: "first", Label: p.T("firmware.first"), None: p.T("firmware.first.any")}, signs)
	}
	return view
}

// rolloutSentence says where a rollout stands and what comes next.
func (p *page) rolloutSentence(r gateway.RolloutView) string {
	switch {
	case r.State == rollout.Waiting && r.Count.Signs == 0:
		return p.T("firmware.no-signs")
	case r.State == rollout.Running:
		return p.T("firmware.stage."+strconv.Itoa(r.Stage), p.When(r.Since.Add(r.Hold)))
	case r.State == rollout.Stopped:
		return p.T("firmware.why." + string(r.Why))
	}
	return p.T("firmware.state." + string(r.State))
}

// uploadFirmware takes a file of firmware from a form with one file field.
func (s *server) uploadFirmware(w http.ResponseWriter, v *visit) error {
	_, file, err := uploadedForm(v.Request)
	if err != nil {
		return err
	}
	p := s.newPage(v, "", "")
	switch _, err := s.firmware.AddRelease(v.Context(), file); {
	case errors.Is(err, gateway.ErrInvalid):
		s.log.Warn("firmware refused", "bytes", len(file), "err", err)
		return s.renderFirmware(w, v, http.StatusUnprocessableEntity, firmwareView{}, p.T("firmware.problem.file"))
	case errors.Is(err, gateway.ErrConflict):
		return s.renderFirmware(w, v, http.StatusConflict, firmwareView{}, p.T("firmware.problem.known"))
	case errors.Is(err, gateway.ErrTooMany):
		return s.renderFirmware(w, v, http.StatusConflict, firmwareView{}, p.T("firmware.problem.many"))
	case err != nil:
		return err
	}
	s.done(w, "uploaded")
	return s.see(w, v, firmwarePage)
}

// steerFirmware starts, pauses, resumes or removes a release.
func (s *server) steerFirmware(w http.ResponseWriter, v *visit) error {
	var image devices.ObjectHash
	b, err := hex.DecodeString(v.PathValue("image"))
	if err != nil || len(b) != len(image) {
		return errNoPage
	}
	copy(image[:], b)
	ctx, done := v.Context(), ""
	switch v.PathValue("action") {
	case "start":
		list := paces()
		i := slices.IndexFunc(list, func(p pace) bool { return p.name == v.field("pace") })
		if i < 0 {
			return errBadRequest
		}
		var first devices.SignID
		if text := v.field("first"); text != "" {
			first, err = s.typedFirst(ctx, image, text)
		}
		if errors.Is(err, errNoChoice) {
			return s.renderFirmware(w, v, http.StatusUnprocessableEntity, firmwareView{}, s.newPage(v, "", "").T("failure.no-choice"))
		}
		if err == nil {
			done, err = "rollout-started", s.firmware.StartRollout(ctx, image, first, list[i].hold)
		}
	case "pause":
		done, err = "rollout-paused", s.firmware.PauseRollout(ctx, image)
	case "resume":
		done, err = "rollout-resumed", s.firmware.ResumeRollout(ctx, image)
	case "remove":
		done, err = "release-removed", s.firmware.RemoveRelease(ctx, image)
	default:
		return errNoPage
	}
	if err != nil {
		return err
	}
	s.done(w, done)
	return s.see(w, v, firmwarePage)
}

// typedFirst is the sign that a release shall be tried on first: one of its
// model.
func (s *server) typedFirst(ctx context.Context, image devices.ObjectHash, text string) (devices.SignID, error) {
	list, err := s.firmware.Rollouts(ctx)
	if err != nil {
		return "", err
	}
	var signs []option
	for _, r := range list {
		if r.Release.Image != image {
			continue
		}
		for _, sign := range r.Signs {
			if string(sign.ID) == text {
				return sign.ID, nil
			}
			signs = append(signs, option{Value: string(sign.ID), Label: sign.Name})
		}
	}
	id, err := theOne(signs, text)
	return devices.SignID(id), err
}

// addMaker takes firmware signed with one more key.
func (s *server) addMaker(w http.ResponseWriter, v *visit) error {
	view := firmwareView{Name: clip(v.field("name"), maxName), Key: clip(v.field("key"), 1024)}
	err := s.firmware.AddMaker(v.Context(), view.Name, view.Key)
	if errors.Is(err, gateway.ErrInvalid) {
		return s.renderFirmware(w, v, http.StatusUnprocessableEntity, view, s.newPage(v, "", "").T("firmware.problem.key"))
	}
	if err != nil {
		return err
	}
	s.done(w, "saved")
	return s.see(w, v, firmwarePage)
}

func (s *server) removeMaker(w http.ResponseWriter, v *visit) error {
	if err := s.firmware.RemoveMaker(v.Context(), v.field("key")); err != nil {
		return err
	}
	s.done(w, "saved")
	return s.see(w, v, firmwarePage)
}
