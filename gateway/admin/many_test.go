package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A company of ten thousand signs is looked at on a phone: no page is more than
// a quarter of a megabyte or offers everything at once.
func TestTenThousandSigns(t *testing.T) {
	const n = 10_000
	o := newOffice(time.Now())
	o.fillFirmware()
	o.fillMany(n)
	b := open(t, o).enter(o)
	for _, tc := range []struct{ path, says string }{
		{"/m", "more doors"},
		{"/m/doors", "1–50 of 10008"},
		{"/m/doors?page=201", "10001–10008 of 10008"},
		{"/m/doors?page=9999999", "1–50 of 10008"},
		{"/m/doors?state=late", "of 201"},
		{"/m/doors?building=House+7&q=room+4", "House 7 (500)"},
		{"/m/displays", "1–50 of 10008"},
		{"/m/displays?q=many000000009999", "1–1 of 1"},
		{"/m/displays?q=nowhere", "No sign fits these filters"},
		{"/m/doors/many000000000004", "Type a part of the name"},
		{"/m/pair", ""},
		{"/m/rooms", "1–50 of 10011"},
		{"/m/health", "900 more are not listed here"},
		{firmwarePage, "Type a part of the name"},
	} {
		page := b.get(tc.path).want(t, http.StatusOK, "").says(t, tc.says)
		if got := len(page.body); got > 256<<10 {
			t.Errorf("%s has %d bytes", tc.path, got)
		}
	}
}

func TestTypedChoices(t *testing.T) {
	o := newOffice(time.Now())
	o.fillMany(2 * maxChoices)
	b := open(t, o).enter(o)
	const door = "/m/doors/many000000000004"
	b.get(door).shows(t, `value="Meeting room 4 · House 4 · 4"`).shows(t, `data-choices="/m/choices/rooms"`).shows(t, `data-choices="/m/choices/signs"`)
	for _, tc := range []struct {
		name, typed string
		room        string // "" for none that fits
	}{
		{"an address", "Many7@contoso.example", "many7@contoso.example"},
		{"a label", "meeting room 8 · house 8 · 1", "many8@contoso.example"},
		{"words of one room only", "house 19 room 599", "many599@contoso.example"},
		{"words of many rooms", "meeting room", ""},
		{"words of none", "winter garden", ""},
		{"a very long text", strings.Repeat("many8 ", 300), ""},
	} {
		answer := b.post(door+"/bind", "room", tc.typed)
		if tc.room == "" {
			answer.want(t, http.StatusUnprocessableEntity, "").says(t, "Nothing fits what was typed")
			continue
		}
		answer.want(t, http.StatusSeeOther, door)
		if d, err := o.core.Door(t.Context(), "many000000000004"); err != nil || string(d.Sign.Room) != tc.room {
			t.Errorf("%s: room %q, want %q (%v)", tc.name, d.Sign.Room, tc.room, err)
		}
	}
	b.post(door+"/bind", "room", "").want(t, http.StatusSeeOther, door)
	b.post(door+"/swap", "with", "Meeting room 5").want(t, http.StatusSeeOther, door)
	b.post(door+"/swap", "with", "Meeting room").want(t, http.StatusUnprocessableEntity, "").says(t, "Nothing fits what was typed")
	b.post(door+"/swap", "with", "").want(t, http.StatusUnprocessableEntity, "")
}

func TestSuggestions(t *testing.T) {
	o := newOffice(time.Now())
	o.fillMany(2 * maxChoices)
	twin := o.store.rooms[len(o.store.rooms)-1]
	twin.ID = "twin@contoso.example"
	o.store.rooms = append(o.store.rooms, twin)
	b := open(t, o)
	b.get("/m/choices/rooms?q=room").want(t, http.StatusSeeOther, "/m/sign-in?next=%2Fm%2Fchoices%2Frooms%3Fq%3Droom")
	b.enter(o)
	for _, tc := range []struct {
		of, typed string
		n         int
		first     string
	}{
		{"rooms", "room 42", 16, "Meeting room 42 · House 2 · 0"},
		{"rooms", "meeting", maxSuggestions, "Meeting room 0 · House 0 · 0"},
		{"rooms", "aalto", 1, "Aalto 2.14 · Head office · 2"},
		{"rooms", "old lab", 0, ""},
		{"rooms", "room 599", 2, "many599@contoso.example"},
		{"signs", "werkstatt", 1, "Werkstatt"},
		{"signs", "room 42", 16, "Meeting room 420"},
	} {
		answer := b.get("/m/choices/"+tc.of+"?q="+url.QueryEscape(tc.typed)).want(t, http.StatusOK, "")
		var got []string
		if err := json.Unmarshal([]byte(answer.body), &got); err != nil || len(got) != tc.n || tc.n > 0 && got[0] != tc.first {
			t.Errorf("%s %q: got %q (%v), want %d with %q first", tc.of, tc.typed, got, err, tc.n, tc.first)
		}
	}
}
