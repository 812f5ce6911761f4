package admin

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"doorleaf/gateway/connection"
)

// editPage is the way from nothing to a connected organisation.
const editPage = "/m/settings/integration/settings/office365"

// The ways an application proves who it is.
const (
	proofSecret      = "secret"
	proofCertificate = "certificate"
)

type office365EditView struct {
	*page
	New            bool
	Saved          bool
	Name           string
	OrgName        string
	ClientID       string
	HasSecret      bool
	HasCertificate bool
	SecretExpires  string
	Proof          string
	Tenant         string
	Cloud          string
	LoginURL       string
	GraphURL       string
	Clouds         []option
	Delegated      bool
	Book, Find     bool
	RedirectURI    copyField
	AppName        copyField
	Portal         string
	Rights         []right
	Problems       problems
	Slot           slotView // the certificate that waits for its test
	AppLines       []checkLine
	ProofLines     []checkLine
	RightsLines    []checkLine
	ReachLines     []checkLine
	SlotBack       string
	Mail           mailView
	MailBack       string
	Connected      bool
	Today          string // earliest end of a secret
}

// editOffice365 shows the form for the values of the app registration. A stored
// secret is never sent to a browser.
func (s *server) editOffice365(w http.ResponseWriter, v *visit) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	set := c.Settings
	if set.ClientID == "" {
		set.Access, set.Find = connection.AppOnly, true
	}
	if set.Cloud == "" {
		set.Cloud = connection.Global
		if s.custom.Login != "" || s.custom.Graph != "" {
			set.Cloud = connection.Custom
		}
	}
	proof := proofSecret
	if set.CertPEM != "" || set.ClientSecret == "" && c.Spare.CertPEM != "" {
		proof = proofCertificate
	}
	return s.renderOffice365Edit(w, v, http.StatusOK, c, set, proof, nil)
}

func (s *server) renderOffice365Edit(w http.ResponseWriter, v *visit, status int, c connection.Connection, set connection.Settings, proof string, pr problems) error {
	p := s.newPage(v, "office.edit.title", "settings")
	view := &office365EditView{
		page: p, New: c.ID == 0 && v.org() == newOrganisation, Saved: c.Settings.ClientID != "", Name: set.Name,
		ClientID: set.ClientID, HasSecret: c.Settings.ClientSecret != "", HasCertificate: c.Settings.CertPEM != "", SecretExpires: set.SecretExpires, Proof: proof,
		Tenant: set.Tenant, Cloud: string(set.Cloud), LoginURL: set.LoginURL, GraphURL: set.GraphURL,
		Delegated: set.Access == connection.Delegated, Book: set.Book, Find: set.Find,
		RedirectURI: p.Copy("redirect-uri", s.redirectURI()), AppName: p.Copy("app-name", "Doorleaf door signs"),
		Portal: portal(set.Cloud), Rights: p.rights(), Problems: pr, Slot: p.slot(c), SlotBack: "edit", MailBack: "edit", Connected: c.State.Mode != connection.NotConnected,
		Today: v.now.In(v.zone).Format(time.DateOnly),
	}
	var err error
	if view.OrgName, err = s.orgTitle(p, c); err != nil {
		return err
	}
	if view.LoginURL == "" {
		view.LoginURL = s.custom.Login
	}
	if view.GraphURL == "" {
		view.GraphURL = s.custom.Graph
	}
	for _, c := range connection.Clouds() {
		view.Clouds = append(view.Clouds, option{Value: string(c), Label: p.T("cloud." + string(c))})
	}
	known := s.notes.get(c.ID, v.now)
	lines := p.checkLines(known.probe.checks)
	view.AppLines = p.checkLines(known.app.checks)
	view.ProofLines = linesOf(lines, connection.CheckToken)
	view.RightsLines = linesOf(lines, connection.CheckRights)
	view.ReachLines = linesOf(lines, connection.CheckPlaces, connection.CheckCalendar)
	view.Slot.Lines = p.checkLines(known.spare.checks)
	view.Mail = p.mail(known.link)
	w.Header().Set("Content-Security-Policy", policyConnect)
	return s.render(w, v, status, "office365_edit", view)
}

// readSettings takes the form. An empty secret keeps the credential in use.
func (s *server) readSettings(v *visit, c connection.Connection) (set connection.Settings, proof string) {
	set = connection.Settings{
		Name: c.Settings.Name, Cloud: connection.Cloud(v.field("cloud")), Tenant: v.field("tenant"), ClientID: v.field("client-id"),
		Access: connection.Mode(v.field("access")), Book: v.field("book") != "", Find: v.field("find") != "",
	}
	if v.PostForm.Has("name") {
		set.Name = v.field("name")
	}
	if set.Cloud == connection.Custom {
		set.LoginURL, set.GraphURL = strings.TrimRight(v.field("login-url"), "/"), strings.TrimRight(v.field("graph-url"), "/")
	}
	proof = proofSecret
	if v.field("proof") == proofCertificate {
		proof = proofCertificate
	}
	switch secret := v.field("client-secret"); {
	case proof == proofSecret && secret != "":
		set.ClientSecret, set.SecretExpires = secret, v.field("secret-expires")
	case proof == proofSecret && c.Settings.ClientSecret != "":
		set.ClientSecret, set.SecretExpires = c.Settings.ClientSecret, c.Settings.SecretExpires
		if v.PostForm.Has("secret-expires") {
			set.SecretExpires = v.field("secret-expires")
		}
	case proof == proofCertificate:
		set = set.With(c.Settings.Credential()) // until the certificate has taken over
	}
	return set, proof
}

// checkFields says what is wrong with the form before anything is sent.
func (s *server) checkFields(v *visit, p *page, set connection.Settings, proof string) (problems, error) {
	pr := problems{}
	if !validName(set.Name) {
		pr.add(p, "name", "problem.name")
	}
	if set.Access != "" && set.Access != connection.AppOnly && set.Access != connection.Delegated {
		return nil, errBadRequest
	}
	if t := set.SecretExpires; t != "" {
		ends, err := time.Parse(time.DateOnly, t)
		if err != nil || ends.Before(v.now.AddDate(0, 0, -1)) || ends.After(v.now.AddDate(10, 0, 0)) {
			pr.add(p, "secret-expires", "problem.secret-expires")
		}
	}
	if set.Access == connection.AppOnly && set.Tenant == "" && v.PostForm.Has("access") && proof == proofCertificate {
		pr.add(p, "tenant", "problem.tenant-needed")
	}
	check := set
	if proof == proofCertificate && set.Credential().IsZero() {
		check.ClientSecret = "none-yet" // there is no certificate before the first saving
	}
	var fault *connection.Error
	switch err := s.calendars.CheckSettings(check); {
	case errors.As(err, &fault):
		pr.add(p, fieldOf(fault.Kind), "error."+string(fault.Kind))
	case err != nil:
		return nil, err
	}
	return pr, nil
}

// saveOffice365 checks and stores the values; nothing is stored when a value
// cannot be right. With a step to test it stays on the page.
func (s *server) saveOffice365(w http.ResponseWriter, v *visit) error {
	c, err := s.office365(v)
	if err != nil {
		return err
	}
	set, proof := s.readSettings(v, c)
	p := s.newPage(v, "", "")
	pr, err := s.checkFields(v, p, set, proof)
	if err != nil {
		return err
	}
	if len(pr) > 0 {
		return s.renderOffice365Edit(w, v, http.StatusUnprocessableEntity, c, set, proof, pr)
	}
	id, err := s.store.SaveSettings(v.Context(), c.ID, set)
	if err != nil {
		return err
	}
	s.log.Info("integration settings saved", "connection", id)
	return s.afterSaving(w, v, c, id, proof)
}

// afterSaving makes the certificate or the test that was asked for.
func (s *server) afterSaving(w http.ResponseWriter, v *visit, before connection.Connection, id connection.ID, proof string) error {
	org := v.org()
	if org == newOrganisation {
		org = orgText(id)
	}
	step := v.field("test")
	makeOne := proof == proofCertificate && before.Settings.CertPEM == "" && before.Spare.CertPEM == ""
	var err error
	switch {
	case makeOne:
		_, err = s.calendars.NewCertificate(v.Context(), id)
		step = "proof"
	case step == "app":
		s.testApp(v, id)
	case step != "":
		err = s.probe(v, id, connection.ProbeOptions{})
	case proof == proofCertificate && before.Settings.CertPEM == "":
		step = "proof" // the certificate still waits for its test
	}
	if err != nil {
		if err := s.settle(w, err); err != nil {
			return err
		}
		return s.see(w, v, withOrg(editPage, org))
	}
	switch step {
	case "app", "proof", "rights", "reach":
		return s.see(w, v, withOrg(editPage+"#step-"+step, org))
	}
	s.done(w, "office-saved")
	return s.see(w, v, withOrg(office365Page, org))
}

// testReach tests what the consent opened and comes back to the way.
func (s *server) testReach(w http.ResponseWriter, v *visit) error {
	return s.onOffice365(w, v, editPage+"#step-reach", "", func(v *visit, id connection.ID) error {
		return s.probe(v, id, connection.ProbeOptions{})
	})
}

// testApp asks Microsoft whether it knows tenant, application and redirect URI,
// as a sign-in would, and goes no further.
func (s *server) testApp(v *visit, id connection.ID) {
	_, err := s.calendars.Connect(v.Context(), id)
	check := connection.Check{Name: "app", OK: err == nil}
	var fault *connection.Error
	if errors.As(err, &fault) {
		check.Problem = &connection.Problem{Kind: fault.Kind, Code: fault.Code, Since: v.now}
	} else if err != nil {
		check.Problem = &connection.Problem{Kind: connection.InternalFault, Since: v.now}
		s.log.Error("test of the application", "connection", id, "err", err)
	}
	s.notes.edit(id, func(n *note) { n.app = probeResult{at: v.now, checks: []connection.Check{check}} })
}

// fieldOf is the field of the form that an error is about.
func fieldOf(k connection.Kind) string {
	switch k {
	case connection.BadClientID:
		return "client-id"
	case connection.BadTenant:
		return "tenant"
	case connection.WrongCloud:
		return "cloud"
	}
	return "client-secret"
}
