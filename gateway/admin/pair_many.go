package admin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"doorleaf/devices"
	"doorleaf/gateway"
)

const (
	pairManyPage = "/m/pair/many"
	factoryPage  = "/m/pair/factory"
)

// Bounds of the two lists: pasted text, each character of which may travel as
// three, and a factory's file.
const (
	maxPairListBody = 1 << 20
	maxFactoryBody  = 5 << 20
)

// Lists is what the pages need to take many signs at once. Implemented by
// gateway.Core.
type Lists interface {
	// PairList pairs signs from CSV lines of code, room and name.
	PairList(ctx context.Context, r io.Reader) (n int, problems []gateway.PairProblem, err error)
	// ImportFactory takes signs with their secrets; with any problem none.
	ImportFactory(ctx context.Context, r io.Reader) (n int, problems []gateway.FactoryProblem, err error)
}

type pairManyView struct {
	*page
	List     string
	Done     string // what was done, "" for nothing
	Problems []lineProblem
}

type lineProblem struct{ Line, Text, Field string }

func (s *server) showPairMany(w http.ResponseWriter, v *visit) error {
	return s.renderPairMany(w, v, http.StatusOK, pairManyView{})
}

func (s *server) renderPairMany(w http.ResponseWriter, v *visit, status int, view pairManyView) error {
	view.page = s.newPage(v, "pair-many.title", "pair")
	return s.render(w, v, status, "pair_many", &view)
}

// pairMany pairs the signs of a pasted list and says what became of each line.
func (s *server) pairMany(w http.ResponseWriter, v *visit) error {
	list := v.field("list")
	ctx, cancel := detached(v.Context(), 10*actionTime)
	defer cancel()
	n, problems, err := s.lists.PairList(ctx, strings.NewReader(list))
	if err != nil {
		return err
	}
	p := s.newPage(v, "", "")
	view := pairManyView{List: list}
	for _, pr := range problems {
		view.Problems = append(view.Problems, lineProblem{strconv.Itoa(pr.Line), p.T("pair-many.fault." + string(pr.Fault)), pr.Text})
	}
	if n > 0 {
		view.Done = p.N("pair-many.done", n)
	}
	if len(problems) > 0 {
		return s.renderPairMany(w, v, http.StatusUnprocessableEntity, view)
	}
	view.List = ""
	return s.renderPairMany(w, v, http.StatusOK, view)
}

// importFactory takes a factory's file. It never shows the lines, which hold
// secrets.
func (s *server) importFactory(w http.ResponseWriter, v *visit) error {
	_, file, err := uploadedForm(v.Request)
	if err != nil {
		return err
	}
	n, problems, err := s.lists.ImportFactory(v.Context(), bytes.NewReader(file))
	if err != nil {
		return err
	}
	p := s.newPage(v, "", "")
	if len(problems) == 0 {
		return s.renderPairMany(w, v, http.StatusOK, pairManyView{Done: p.N("factory.done", n)})
	}
	view := pairManyView{}
	for _, pr := range problems {
		view.Problems = append(view.Problems, lineProblem{Line: strconv.Itoa(pr.Line), Text: p.T("factory.fault." + string(pr.Fault))})
	}
	return s.renderPairMany(w, v, http.StatusUnprocessableEntity, view)
}

// swapDoor exchanges the rooms of two signs.
func (s *server) swapDoor(w http.ResponseWriter, v *visit) error {
	other, err := s.typedSign(v.Context(), v.field("with"))
	if errors.Is(err, errNoChoice) {
		return s.renderDoor(w, v, http.StatusUnprocessableEntity, s.newPage(v, "", "").T("failure.no-choice"))
	}
	if err != nil {
		return err
	}
	return s.onDoor(w, v, "swapped", func(id devices.SignID) error { return s.core.Swap(v.Context(), id, other) })
}

// replaceDoor puts the sign that shows the code in the place of this one.
func (s *server) replaceDoor(w http.ResponseWriter, v *visit) error {
	code := cleanCode(v.field("code"))
	p := s.newPage(v, "", "")
	if len(code) != codeLength {
		return s.renderDoor(w, v, http.StatusUnprocessableEntity, p.T("problem.code"))
	}
	ctx, cancel := detached(v.Context(), actionTime)
	defer cancel()
	id, err := s.core.Replace(ctx, devices.SignID(v.PathValue("id")), code)
	if errors.Is(err, devices.ErrUnknownCode) || errors.Is(err, gateway.ErrTooMany) || errors.Is(err, devices.ErrNotConnected) {
		f := failureOf(err)
		return s.renderDoor(w, v, f.status, p.T(f.key))
	}
	if err != nil {
		return err
	}
	s.done(w, "replaced")
	return s.see(w, v, "/m/doors/"+string(id))
}

// others are the signs that a sign can swap rooms with.
func (s *server) others(ctx context.Context, id devices.SignID) ([]option, error) {
	signs, err := s.store.Signs(ctx)
	if err != nil {
		return nil, err
	}
	return signOptions(slices.DeleteFunc(signs, func(o gateway.Sign) bool { return o.ID == id })), nil
}
