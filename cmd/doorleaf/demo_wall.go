package main

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"doorleaf/graphsync/graphtest"
)

//go:embed demo.html
var demoHTML string

//go:embed demo.css
var demoCSS []byte

//go:embed demo.js
var demoJS []byte

// wall is the practice page: the glasses of the signs, and what an organizer
// would do in Outlook.
func (d *demo) wall() http.Handler {
	d.page = template.Must(template.New("demo").Parse(demoHTML))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.showWall)
	mux.HandleFunc("GET /glass/{name}", d.showGlass)
	mux.HandleFunc("GET /demo.css", asset("text/css; charset=utf-8", demoCSS))
	mux.HandleFunc("GET /demo.js", asset("text/javascript; charset=utf-8", demoJS))
	mux.HandleFunc("POST /wake", d.wake)
	mux.HandleFunc("POST /move", d.move)
	mux.HandleFunc("POST /book", d.book)
	return http.MaxBytesHandler(http.NewCrossOriginProtection().Handler(mux), 16<<10)
}

func asset(kind string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(body)
	}
}

type wallRoom struct {
	Name, Address, Zone, Now string
	Open                     bool
	Meetings                 []wallMeeting
}

type wallMeeting struct {
	Room, ID, Start, End, Subject string
	Current                       bool
}

func (d *demo) showWall(w http.ResponseWriter, r *http.Request) {
	data := struct {
		Gateway, SetupURL, ClientID, Secret, Tenant, User, Password string
		Signs                                                       []*demoSign
		Rooms                                                       []wallRoom
		Version                                                     int64
	}{Gateway: d.conf.publicURL, SetupURL: d.setup, ClientID: d.app.ClientID, Secret: d.app.Secret, Tenant: d.graph.TenantID(),
		User: d.admin(), Password: graphtest.AdminPassword, Signs: d.signs, Version: time.Now().UnixNano()}
	for i, room := range d.graph.Rooms() {
		data.Rooms = append(data.Rooms, d.roomOf(room, i == 0 || r.URL.Query().Get("room") == room.Email))
	}
	var b bytes.Buffer
	if err := d.page.Execute(&b, data); err != nil {
		d.log.Error("practice page", "err", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
	_, _ = w.Write(b.Bytes())
}

func (d *demo) roomOf(room graphtest.Room, open bool) wallRoom {
	loc, err := time.LoadLocation(room.TimeZone)
	if err != nil {
		loc = time.UTC
	}
	now := time.Now().In(loc)
	y, m, day := now.Date()
	out := wallRoom{Name: room.Name, Address: room.Email, Zone: room.TimeZone, Now: now.Format("15:04"), Open: open}
	for _, o := range d.graph.Truth(room.Email, now, time.Date(y, m, day+1, 0, 0, 0, 0, loc)) {
		if o.Cancelled || o.ShowAs == "free" {
			continue
		}
		meeting := wallMeeting{Room: room.Email, ID: o.ID, Start: o.Start.In(loc).Format("15:04"), End: o.End.In(loc).Format("15:04"),
			Subject: o.Subject, Current: !now.Before(o.Start) && now.Before(o.End)}
		if o.AllDay {
			meeting.ID, meeting.Start, meeting.End = "", "00:00", "24:00"
		}
		out.Meetings = append(out.Meetings, meeting)
	}
	return out
}

func (d *demo) showGlass(w http.ResponseWriter, r *http.Request) {
	s := d.signByNumber(strings.TrimSuffix(r.PathValue("name"), ".png"))
	if s == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "no-store")
	_ = s.sign.Glass().EncodePNG(w)
}

func (d *demo) signByNumber(n string) *demoSign {
	i, err := strconv.Atoi(n)
	if err != nil || i < 1 || i > len(d.signs) || d.signs[i-1].sign == nil {
		return nil
	}
	return d.signs[i-1]
}

func (d *demo) wake(w http.ResponseWriter, r *http.Request) {
	if s := d.signByNumber(r.FormValue("sign")); s != nil {
		s.sign.Press(1)
	}
	http.Redirect(w, r, "/#signs", http.StatusSeeOther)
}

// move shifts or cancels one meeting.
func (d *demo) move(w http.ResponseWriter, r *http.Request) {
	cal := d.graph.Calendar(r.FormValue("room"))
	if cal == nil {
		http.NotFound(w, r)
		return
	}
	id := r.FormValue("id")
	var err error
	if by, atoi := strconv.Atoi(r.FormValue("by")); atoi == nil && by >= -600 && by <= 600 {
		err = cal.Update(id, func(e *graphtest.Event) {
			e.Start, e.End = e.Start.Add(time.Duration(by)*time.Minute), e.End.Add(time.Duration(by)*time.Minute)
		})
	} else {
		err = cal.Cancel(id)
	}
	if err != nil {
		http.Error(w, "This meeting cannot be changed: it is gone or of another kind. Go back and reload.", http.StatusConflict)
		return
	}
	back(w, r)
}

// book puts a meeting that begins at the present minute into a room.
func (d *demo) book(w http.ResponseWriter, r *http.Request) {
	cal := d.graph.Calendar(r.FormValue("room"))
	minutes, err := strconv.Atoi(r.FormValue("minutes"))
	if cal == nil || err != nil || minutes < 1 || minutes > 600 {
		http.NotFound(w, r)
		return
	}
	subject := []rune(r.FormValue("subject"))
	start := time.Now().Truncate(time.Minute)
	cal.Create(graphtest.Event{Subject: string(subject[:min(len(subject), 80)]), Start: start, End: start.Add(time.Duration(minutes) * time.Minute),
		Organizer: graphtest.Person{Name: "Robin Keller", Address: graphtest.UserName + "@" + d.graph.Domain()}})
	back(w, r)
}

func back(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/?room="+template.URLQueryEscaper(r.FormValue("room"))+"#calendar", http.StatusSeeOther)
}
