package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/calendar"
)

// A list of more than maxChoices is typed into instead: ten thousand rooms in a
// list are a megabyte, and nobody finds one in it on a phone.
const (
	maxChoices     = 300
	maxSuggestions = 20
	maxTyped       = 320 // characters of a name or an address
)

// errNoChoice is that what was typed names nothing, or more than one thing.
var errNoChoice = errors.New("no such choice")

// chooser is one field of a form to choose a room or a sign by: a list, or where
// that would be too long a field to type into.
type chooser struct {
	ID, Name, Label, Hint string
	None                  string // what choosing nothing means, "" where it must not be
	Groups                []choiceGroup
	Value                 string // what is chosen, or typed
	From                  string // address of suggestions; "" where there is a list
}

type choiceGroup struct {
	Label   string
	Options []option
}

// chooseRoom is the field for a room, the free ones first. The room of except
// counts as free.
func (s *server) chooseRoom(ctx context.Context, p *page, c chooser, except devices.SignID) (chooser, error) {
	groups, err := s.roomGroups(ctx, except)
	if err != nil {
		return c, err
	}
	n, times := 0, map[string]int{}
	for _, g := range groups {
		n += len(g.Rooms)
		for _, r := range g.Rooms {
			times[strings.ToLower(r.Label)]++
		}
	}
	for _, g := range groups {
		one := choiceGroup{Label: p.T(g.Label)}
		for _, r := range g.Rooms {
			if n > maxChoices {
				if string(r.ID) == c.Value && times[strings.ToLower(r.Label)] == 1 {
					c.Value = r.Label
				}
				continue
			}
			one.Options = append(one.Options, option{string(r.ID), r.Label})
		}
		c.Groups = append(c.Groups, one)
	}
	return c.typed(p, n, "rooms"), nil
}

// typed makes a field to type into of one with too many choices.
func (c chooser) typed(p *page, n int, of string) chooser {
	if n <= maxChoices {
		return c
	}
	c.Groups, c.From = nil, "/m/choices/"+of
	c.Hint = strings.TrimSpace(p.T("choose.hint") + " " + c.Hint)
	return c
}

// chooseSign is the field for one of the signs.
func chooseSign(p *page, c chooser, signs []option) chooser {
	c.Groups = []choiceGroup{{Options: signs}}
	return c.typed(p, len(signs), "signs")
}

// typedRoom is the room that a field names: by its address, or by a text that
// fits this room only. "" is no room.
func (s *server) typedRoom(ctx context.Context, text string) (calendar.RoomID, error) {
	if text == "" {
		return "", nil
	}
	if r, err := s.store.Room(ctx, calendar.NewRoomID(clip(text, maxTyped))); err == nil {
		return r.ID, nil
	}
	list, err := s.roomOptions(ctx)
	if err != nil {
		return "", err
	}
	id, err := theOne(list, text)
	return calendar.RoomID(id), err
}

// typedSign is the sign that a field names, likewise.
func (s *server) typedSign(ctx context.Context, text string) (devices.SignID, error) {
	signs, err := s.store.Signs(ctx)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(signs, func(x gateway.Sign) bool { return string(x.ID) == text }) {
		return devices.SignID(text), nil
	}
	id, err := theOne(signOptions(signs), text)
	return devices.SignID(id), err
}

// theOne finds the option that a text names: its label, or the only one that
// has all words.
func theOne(list []option, text string) (string, error) {
	text = clip(text, maxTyped)
	for _, fits := range []func(option) bool{
		func(o option) bool { return strings.EqualFold(o.Label, text) },
		func(o option) bool { return hasWords(o, text) },
	} {
		found := slices.DeleteFunc(slices.Clone(list), func(o option) bool { return !fits(o) })
		if len(found) == 1 {
			return found[0].Value, nil
		}
	}
	return "", errNoChoice
}

func hasWords(o option, text string) bool {
	whole := strings.ToLower(o.Label + "\n" + o.Value)
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		if word != "·" && !strings.Contains(whole, word) {
			return false
		}
	}
	return true
}

func (s *server) roomOptions(ctx context.Context) ([]option, error) {
	rooms, err := s.store.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	rooms = slices.DeleteFunc(rooms, func(r calendar.Room) bool { return r.Gone })
	list := make([]option, 0, len(rooms))
	for _, r := range rooms {
		list = append(list, option{string(r.ID), roomLabel(r)})
	}
	return list, nil
}

func signOptions(signs []gateway.Sign) []option {
	list := make([]option, 0, len(signs))
	for _, x := range signs {
		list = append(list, option{string(x.ID), cmp.Or(x.Name, string(x.ID))})
	}
	return list
}

func (s *server) suggestRooms(w http.ResponseWriter, v *visit) error {
	list, err := s.roomOptions(v.Context())
	if err != nil {
		return err
	}
	return suggest(w, v, list)
}

func (s *server) suggestSigns(w http.ResponseWriter, v *visit) error {
	signs, err := s.store.Signs(v.Context())
	if err != nil {
		return err
	}
	return suggest(w, v, signOptions(signs))
}

// suggest answers with the labels that fit what was typed so far, as a list in
// JSON. For a label that stands twice there is the value.
func suggest(w http.ResponseWriter, v *visit, list []option) error {
	text := clip(v.URL.Query().Get("q"), maxTyped)
	times := map[string]int{}
	for _, o := range list {
		times[strings.ToLower(o.Label)]++
	}
	labels := []string{}
	for _, o := range list {
		if len(labels) == maxSuggestions {
			break
		}
		if !hasWords(o, text) {
			continue
		}
		if times[strings.ToLower(o.Label)] > 1 {
			o.Label = o.Value
		}
		labels = append(labels, o.Label)
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(labels)
}
