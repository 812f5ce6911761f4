package admin

import "time"

// ExternalBroker is how the connection to a broker that is not ours stands.
type ExternalBroker struct {
	Connected bool
	Since     time.Time // connected or failing since; zero before the first try ended
	Trouble   string    // why not: the end of a key broker.trouble.*, "" for none
	Kept      bool      // the gateway keeps the signs' users there
	KeptSince time.Time // in order or failing since; zero before the first comparison
	KeptWhy   string    // why they cannot be kept: the end of a key broker.kept.*, "" when in order
	Unknown   int       // signs that have to be paired again
}

// brokerView says it in words.
type brokerView struct {
	State, Why   string // of the connection
	Users, Wrong string // of the signs' users
	Unknown      string
}

func (s *server) brokerView(p *page) *brokerView {
	if s.mqtt.External == nil {
		return nil
	}
	b := s.mqtt.External()
	v := &brokerView{}
	switch {
	case b.Since.IsZero():
		v.State = p.T("broker.trying")
	case b.Connected:
		v.State = p.T("broker.connected", p.When(b.Since))
	default:
		v.State = p.T("broker.failing", p.When(b.Since))
	}
	if b.Trouble != "" {
		v.Why = p.T("broker.trouble." + b.Trouble)
	}
	switch {
	case !b.Kept:
		v.Users = p.T("broker.users.hand")
	case b.KeptSince.IsZero():
		v.Users = p.T("broker.users.trying")
	case b.KeptWhy == "":
		v.Users = p.T("broker.users.kept", p.When(b.KeptSince))
	default:
		v.Users, v.Wrong = p.T("broker.users.failing", p.When(b.KeptSince)), p.T("broker.kept."+b.KeptWhy)
	}
	if b.Unknown > 0 {
		v.Unknown = p.N("broker.users.unknown", b.Unknown)
	}
	return v
}
