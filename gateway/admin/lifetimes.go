package admin

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"doorleaf/gateway"
	"doorleaf/gateway/connection"
)

// When the end of something needs somebody.
const (
	endsSoon  = 30 * 24 * time.Hour
	endsClose = 7 * 24 * time.Hour
)

type lifetimesView struct {
	*page
	Name     string
	Tabs     []tab
	Rows     []lifetimeRow
	Slot     slotView
	SlotBack string // page that the slot's forms come back to, "" for this one
	InUse    string // kind of the credential in use
	Problems problems
	Expires  string
	Today    string
}

// lifetimeRow is one thing that ends.
type lifetimeRow struct {
	Mark  mark
	Text  string
	Label string
	Ends  timeText
	Left  string // "in 45 days", "for 3 days"
	Who   string
}

// slotView is the second credential, which is tested before it takes over.
type slotView struct {
	Full        bool
	Certificate bool
	Fingerprint copyField // SHA-256
	Ends        timeText
	Lines       []checkLine
}

// lifetimesPage is where credentials are renewed.
const lifetimesPage = office365Page + "/lifetimes"

func (s *server) showLifetimes(w http.ResponseWriter, v *visit) error {
	return s.renderLifetimes(w, v, http.StatusOK, nil, "")
}

func (s *server) renderLifetimes(w http.ResponseWriter, v *visit, status int, pr problems, expires string) error {
	c, ok, err := s.entered(w, v)
	if !ok {
		return err
	}
	list, err := s.lifetimes(v.Context(), c.ID)
	if err != nil {
		return err
	}
	p := s.newPage(v, "lifetimes.title", "settings")
	view := &lifetimesView{page: p, Tabs: p.tabs("lifetimes"), Slot: p.slot(c), InUse: "none", Problems: pr, Expires: expires, Today: v.now.In(v.zone).Format(time.DateOnly)}
	if view.Name, err = s.orgTitle(p, c); err != nil {
		return err
	}
	switch cred := c.Settings.Credential(); {
	case cred.KeyPEM != "":
		view.InUse = proofCertificate
	case cred.Secret != "":
		view.InUse = proofSecret
	}
	view.Slot.Lines = p.checkLines(s.notes.get(c.ID, v.now).spare.checks)
	for _, l := range list {
		view.Rows = append(view.Rows, p.lifetimeRow(l))
	}
	return s.render(w, v, status, "lifetimes", view)
}

// lifetimes are the things of a connection that end, with the server's own
// certificates, the next to end first; what has no known end comes last.
func (s *server) lifetimes(ctx context.Context, id connection.ID) ([]connection.Lifetime, error) {
	list, err := s.calendars.Lifetimes(ctx, id)
	var fault *connection.Error
	if err != nil && !errors.As(err, &fault) {
		return nil, err
	}
	if s.tls != nil {
		list = append(list, s.tls()...)
	}
	slices.SortStableFunc(list, func(a, b connection.Lifetime) int {
		if a.Ends.IsZero() != b.Ends.IsZero() {
			return cmp.Compare(boolInt(a.Ends.IsZero()), boolInt(b.Ends.IsZero()))
		}
		return a.Ends.Compare(b.Ends)
	})
	return list, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p *page) lifetimeRow(l connection.Lifetime) lifetimeRow {
	key := "lifetime." + string(l.What)
	row := lifetimeRow{Text: p.N(key, max(l.Count, 1)), Label: l.Label, Ends: p.Time(l.Ends), Who: p.T(key + ".who")}
	if l.Spare {
		row.Text = p.T("lifetime.spare", row.Text)
	}
	if l.Auto {
		row.Who = p.T("lifetime.auto")
	}
	left := l.Ends.Sub(p.v.now)
	switch {
	case l.Ends.IsZero():
		row.Mark, row.Left = p.mark("unknown-end"), p.T("lifetime.unknown")
	case left <= 0:
		row.Mark, row.Left = p.mark("ended"), p.N("lifetime.ago", int(-left.Hours()/24))
	case l.Auto:
		row.Mark = p.mark("lasting")
		row.Left = p.lifeLeft(left)
	case left < endsClose:
		row.Mark, row.Left = p.mark("ends-close"), p.lifeLeft(left)
	case left < endsSoon:
		row.Mark, row.Left = p.mark("ends-soon"), p.lifeLeft(left)
	default:
		row.Mark, row.Left = p.mark("lasting"), p.lifeLeft(left)
	}
	return row
}

func (p *page) lifeLeft(left time.Duration) string {
	if left < 48*time.Hour {
		return p.N("lifetime.hours", int(left.Hours()))
	}
	return p.N("lifetime.left", int(left.Hours()/24))
}

// slot shows the second credential. Secrets and keys stay where they are.
func (p *page) slot(c connection.Connection) slotView {
	if c.Spare.IsZero() {
		return slotView{}
	}
	view := slotView{Full: true}
	if block := certificateOf(c.Spare); block != nil {
		sum := sha256.Sum256(block.Raw)
		view.Certificate, view.Ends = true, p.Time(block.NotAfter)
		view.Fingerprint = p.Copy("spare-sha256", hex.EncodeToString(sum[:]))
	} else if ends, err := time.ParseInLocation(time.DateOnly, c.Spare.Expires, p.v.zone); err == nil {
		view.Ends = p.Time(ends)
	}
	return view
}

// certificateOf is the certificate of a credential, nil for none.
func certificateOf(c connection.Credential) *x509.Certificate {
	block, _ := pem.Decode([]byte(c.CertPEM))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return cert
}

// sendCertificate answers with the public part of a certificate as Microsoft
// takes it, that of the second slot before the one in use.
func (s *server) sendCertificate(w http.ResponseWriter, v *visit) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	cert := certificateOf(c.Spare)
	if cert == nil {
		cert = certificateOf(c.Settings.Credential())
	}
	if cert == nil {
		return gateway.ErrNotFound
	}
	h := w.Header()
	h.Set("Content-Type", "application/pkix-cert")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="doorleaf-%s.cer"`, cert.NotAfter.UTC().Format("2006-01")))
	http.ServeContent(w, v.Request, "", time.Time{}, bytes.NewReader(cert.Raw))
	return nil
}

// slotBack is the page that a form about the second slot came from.
func slotBack(v *visit) string {
	if v.field("back") == "edit" {
		return editPage + "#step-proof"
	}
	return lifetimesPage + "#spare"
}

// makeCertificate makes a new key pair into the second slot.
func (s *server) makeCertificate(w http.ResponseWriter, v *visit) error {
	return s.onOffice365(w, v, slotBack(v), "certificate", func(v *visit, id connection.ID) error {
		s.notes.edit(id, func(n *note) { n.spare = probeResult{} })
		_, err := s.calendars.NewCertificate(v.Context(), id)
		return err
	})
}

// saveSpareSecret puts a new secret into the second slot after the checks that
// need nobody.
func (s *server) saveSpareSecret(w http.ResponseWriter, v *visit) error {
	c, ok, err := s.entered(w, v)
	if !ok {
		return err
	}
	p := s.newPage(v, "", "")
	cred := connection.Credential{Secret: v.field("client-secret"), Expires: v.field("secret-expires")}
	pr, err := s.checkFields(v, p, c.Settings.With(cred), proofSecret)
	if err != nil {
		return err
	}
	if len(pr) > 0 {
		return s.renderLifetimes(w, v, http.StatusUnprocessableEntity, pr, cred.Expires)
	}
	return s.onOffice365(w, v, lifetimesPage+"#spare", "spare-saved", func(v *visit, id connection.ID) error {
		s.notes.edit(id, func(n *note) { n.spare = probeResult{} })
		return s.store.SaveSpare(v.Context(), id, cred)
	})
}

func (s *server) clearSpare(w http.ResponseWriter, v *visit) error {
	return s.onOffice365(w, v, slotBack(v), "spare-cleared", func(v *visit, id connection.ID) error {
		s.notes.edit(id, func(n *note) { n.spare = probeResult{} })
		return s.store.SaveSpare(v.Context(), id, connection.Credential{})
	})
}

func (s *server) testSpare(w http.ResponseWriter, v *visit) error {
	return s.withSpare(w, v, slotBack(v), s.calendars.TestSpare)
}

// useSpare lets the second credential take over; it does so only when its test
// is green.
func (s *server) useSpare(w http.ResponseWriter, v *visit) error {
	return s.withSpare(w, v, slotBack(v), s.calendars.UseSpare)
}

func (s *server) withSpare(w http.ResponseWriter, v *visit, back string, act func(context.Context, connection.ID) ([]connection.Check, error)) error {
	return s.onOffice365(w, v, back, "", func(v *visit, id connection.ID) error {
		before, err := s.store.Connection(v.Context(), id)
		if err != nil {
			return err
		}
		ctx, cancel := detached(v.Context(), probeTime)
		defer cancel()
		checks, err := act(ctx, id)
		if err != nil {
			return err
		}
		after, err := s.store.Connection(ctx, id)
		if err != nil {
			return err
		}
		s.notes.edit(id, func(n *note) {
			n.spare = probeResult{at: v.now, checks: checks}
			if after.Settings.Credential() != before.Settings.Credential() {
				n.spare = probeResult{} // the slot holds the old one now
			}
		})
		if after.Settings.Credential() != before.Settings.Credential() {
			s.done(w, "switched")
		}
		return nil
	})
}
