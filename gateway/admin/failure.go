package admin

import (
	"context"
	"errors"
	"net/http"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

// Errors of requests.
var (
	errBadRequest = errors.New("bad request")
	errTooLarge   = errors.New("request too large")
	errCrossSite  = errors.New("request from another site")
	errNoPage     = errors.New("no such page")
	errBusy       = errors.New("too many at a time")
)

// failure is what a person reads about an error.
type failure struct {
	status int
	key    string // catalogue key of the sentence
	code   string // shown last, "" for none
}

// failureOf is the one map from errors to status and sentence.
func failureOf(err error) failure {
	var conn *connection.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &conn):
		return failure{http.StatusBadGateway, "error." + string(conn.Kind), conn.Code}
	case errors.Is(err, devices.ErrUnknownCode):
		return failure{http.StatusUnprocessableEntity, "failure.unknown-code", ""}
	case errors.Is(err, gateway.ErrTooMany):
		return failure{http.StatusTooManyRequests, "failure.too-many-codes", ""}
	case errors.Is(err, devices.ErrNotAdmitted):
		return failure{http.StatusBadGateway, "failure.broker", ""}
	case errors.Is(err, devices.ErrNotConnected):
		return failure{http.StatusConflict, "failure.not-connected", ""}
	case errors.Is(err, gateway.ErrNotFound), errors.Is(err, devices.ErrUnknownSign), errors.Is(err, errNoPage):
		return failure{http.StatusNotFound, "failure.not-found", ""}
	case errors.Is(err, gateway.ErrConflict):
		return failure{http.StatusConflict, "failure.conflict", ""}
	case errors.Is(err, gateway.ErrInvalid), errors.Is(err, errBadRequest):
		return failure{http.StatusBadRequest, "failure.bad-request", ""}
	case errors.Is(err, errNoChoice):
		return failure{http.StatusUnprocessableEntity, "failure.no-choice", ""}
	case errors.Is(err, errTooLarge), errors.As(err, &tooLarge):
		return failure{http.StatusRequestEntityTooLarge, "failure.too-large", ""}
	case errors.Is(err, gateway.ErrDiskFull):
		return failure{http.StatusInsufficientStorage, "failure.disk-full", ""}
	case errors.Is(err, gateway.ErrLocked):
		return failure{http.StatusServiceUnavailable, "failure.locked", ""}
	case errors.Is(err, errCrossSite):
		return failure{http.StatusForbidden, "failure.cross-site", ""}
	case errors.Is(err, errBusy):
		return failure{http.StatusServiceUnavailable, "failure.busy", ""}
	case errors.Is(err, context.DeadlineExceeded):
		return failure{http.StatusGatewayTimeout, "failure.timeout", ""}
	}
	return failure{http.StatusInternalServerError, "failure.internal", ""}
}

// failureView is the error page.
type failureView struct {
	*page
	Sentence string
	Code     string
}

// fail answers with an error page and logs what is the gateway's own fault.
func (s *server) fail(w http.ResponseWriter, v *visit, err error) {
	if v.Context().Err() != nil {
		return // nobody is there to read it
	}
	f := failureOf(err)
	if f.status == http.StatusInternalServerError {
		s.log.Error("page", "method", v.Method, "path", v.URL.Path, "err", err)
	}
	p := s.newPage(v, "failure.title", "")
	if err := s.render(w, v, f.status, "failure", &failureView{page: p, Sentence: p.T(f.key), Code: f.code}); err != nil {
		s.log.Error("error page", "err", err)
		http.Error(w, http.StatusText(f.status), f.status)
	}
}

func (s *server) unknownPath(http.ResponseWriter, *visit) error { return errNoPage }
