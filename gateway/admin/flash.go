package admin

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"doorleaf/gateway/connection"
)

// flash is one sentence that the next page shows once: what was done, or what
// went wrong on the way. It travels in a cookie, so that addresses stay clean
// and can be shared.
type flash struct {
	OK   bool
	Text string
	Code string
}

// done leaves the sentence "done.<what>" for the next page.
func (s *server) done(w http.ResponseWriter, what string) {
	s.setCookie(w, "flash", "done."+what, time.Minute)
}

// failed leaves the sentence about err for the next page.
func (s *server) failed(w http.ResponseWriter, err error) {
	f := failureOf(err)
	value := f.key
	if with := value + "~" + f.code; f.code != "" && flashValue.MatchString(with) {
		value = with
	}
	s.setCookie(w, "flash", value, time.Minute)
}

var flashValue = regexp.MustCompile(`^((?:done|error|failure)\.[a-z0-9-]{1,40})(?:~([A-Za-z0-9_.-]+(?: [A-Za-z0-9_.-]+){0,3}))?$`)

// takeFlash reads the sentence and removes its cookie.
func (s *server) takeFlash(w http.ResponseWriter, v *visit, p *page) *flash {
	value := s.cookie(v.Request, "flash")
	if value == "" {
		return nil
	}
	s.setCookie(w, "flash", "", 0)
	m := flashValue.FindStringSubmatch(value)
	if m == nil || !p.knows(m[1]) {
		return nil
	}
	return &flash{OK: strings.HasPrefix(m[1], "done."), Text: p.T(m[1]), Code: m[2]}
}

// problemText is the sentence about a problem of a connection.
func (p *page) problemText(pr connection.Problem) string {
	if key := "error." + string(pr.Kind); p.knows(key) {
		return p.T(key)
	}
	return p.T("error.internal-fault")
}
