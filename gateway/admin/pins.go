package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"doorleaf/gateway"
)

// ServerKeys is what the pages need for the keys by which signs know the
// embedded broker.
type ServerKeys interface {
	ServerKeys(ctx context.Context) (ServerKeysView, error)
	// ChangeKey puts the backup into use; the gateway starts anew. It fails with
	// gateway.ErrConflict when signs would be lost, unless forced.
	ChangeKey(ctx context.Context, force bool) error
}

// ServerKeysView says who knows the keys that may come into use.
type ServerKeysView struct {
	Own      bool                  // the certificate in use is the administrator's
	Changing bool                  // the gateway is about to start anew with another key
	Backup   gateway.KeyKnowledge  // of the key of the gateway's that is not in use
	Next     *gateway.KeyKnowledge // of the administrator's next certificate, nil for none
}

// pinsView says it in words.
type pinsView struct {
	Own, Changing bool
	Known         string // how many know the backup
	Lacking       *lackView
	Silent        *lackView
	Lost          string // what a change would or might cost, "" for nothing
	Next          string // how many know the next certificate, "" without one
	NextLacking   *lackView
	Refused       bool // a change was refused
}

// lackView is signs that do not know a key.
type lackView struct {
	Text  string
	Signs []link
	More  string // how many are not listed, "" for none
}

type link struct{ Name, Href string }

// maxLacking bounds the list of signs that do not know a key.
const maxLacking = 20

func (s *server) pinsView(ctx context.Context, p *page) (*pinsView, error) {
	if s.keys == nil {
		return nil, nil
	}
	k, err := s.keys.ServerKeys(ctx)
	if err != nil {
		return nil, err
	}
	v := &pinsView{Own: k.Own, Changing: k.Changing, Known: p.N("pins.known", k.Backup.Know)}
	v.Lacking, v.Silent = p.lacking("pins.lacking", k.Backup.Lacking), p.lacking("pins.silent", k.Backup.Silent)
	switch lacking, silent := len(k.Backup.Lacking), len(k.Backup.Silent); {
	case lacking > 0:
		v.Lost = p.N("pins.force", lacking)
	case silent > 0: // nobody knows whether they are lost
		v.Lost = p.N("pins.unsure", silent)
	}
	if k.Next != nil {
		v.Next, v.NextLacking = p.N("pins.next", k.Next.Know), p.lacking("pins.lacking", k.Next.Lacking)
	}
	return v, nil
}

// lacking lists signs by name, nil for none.
func (p *page) lacking(key string, signs []gateway.Sign) *lackView {
	if len(signs) == 0 {
		return nil
	}
	v := &lackView{Text: p.N(key, len(signs))}
	for _, s := range signs[:min(len(signs), maxLacking)] {
		name := s.Name
		if name == "" {
			name = string(s.ID)
		}
		v.Signs = append(v.Signs, link{name, "/m/doors/" + url.PathEscape(string(s.ID))})
	}
	if more := len(signs) - len(v.Signs); more > 0 {
		v.More = p.N("health.more", more)
	}
	return v
}

// changeServerKey puts the backup into use, where no sign is lost by that or
// the administrator says so.
func (s *server) changeServerKey(w http.ResponseWriter, v *visit) error {
	if s.keys == nil {
		return errNoPage
	}
	err := s.keys.ChangeKey(v.Context(), v.field("force") == "on")
	if errors.Is(err, gateway.ErrConflict) {
		return s.renderNetwork(w, v, http.StatusConflict)
	}
	if err != nil {
		return err
	}
	return s.see(w, v, "/m/settings/network#keys")
}
