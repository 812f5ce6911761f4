package admin

import "net/http"

func (s *server) showSettings(w http.ResponseWriter, v *visit) error {
	return s.render(w, v, http.StatusOK, "settings", s.newPage(v, "settings.title", "settings"))
}

type networkView struct {
	*page
	URLs        []string
	Fingerprint string
	HasCA       bool
	OldTLS      bool        // TLS 1.2 is let in
	Broker      *brokerView // nil for the embedded one
	Keys        *pinsView   // nil where signs do not know the embedded one by its key
}

// showNetwork says how signs reach the gateway.
func (s *server) showNetwork(w http.ResponseWriter, v *visit) error {
	return s.renderNetwork(w, v, http.StatusOK)
}

// renderNetwork shows the page; a conflict is a change of the key that was
// refused.
func (s *server) renderNetwork(w http.ResponseWriter, v *visit, status int) error {
	view := &networkView{page: s.newPage(v, "network.title", "settings"), URLs: s.mqtt.URLs, Fingerprint: s.mqtt.CAFingerprint, HasCA: len(s.mqtt.CAPEM) > 0, OldTLS: s.mqtt.OldTLS}
	view.Broker = s.brokerView(view.page)
	var err error
	if view.Keys, err = s.pinsView(v.Context(), view.page); err != nil {
		return err
	}
	if view.Keys != nil {
		view.Keys.Refused = status == http.StatusConflict
	}
	return s.render(w, v, status, "network", view)
}

// sendCA answers with the certificate that signs may trust.
func (s *server) sendCA(w http.ResponseWriter, v *visit) error {
	if len(s.mqtt.CAPEM) == 0 {
		return errNoPage
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("Content-Disposition", `attachment; filename="doorleaf-ca.pem"`)
	_, err := w.Write(s.mqtt.CAPEM)
	if err != nil {
		s.log.Debug("certificate not sent", "err", err)
	}
	return nil
}
