package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds of the site's settings.
const (
	maxSoon    = 60 * time.Minute
	minCheckIn = time.Minute
	maxCheckIn = 24 * time.Hour
)

type siteView struct {
	*page
	Zone, Language   string
	DayStart, DayEnd string // "08:00", as a time field wants it
	Soon, CheckIn    string // minutes
	KeyDays          string
	Zones            []string
	Problems         problems
}

func (s *server) editSite(w http.ResponseWriter, v *visit) error {
	site, err := s.store.Site(v.Context())
	if err != nil {
		return err
	}
	return s.renderSite(w, v, http.StatusOK, siteView{
		Zone: site.Zone, Language: site.Language, DayStart: clockField(site.DayStart), DayEnd: clockField(site.DayEnd),
		Soon: strconv.Itoa(int(site.SoonLimit / time.Minute)), CheckIn: strconv.Itoa(int(site.CheckIn / time.Minute)), KeyDays: strconv.Itoa(site.KeyDays),
	})
}

func (s *server) renderSite(w http.ResponseWriter, v *visit, status int, view siteView) error {
	view.page = s.newPage(v, "site.title", "settings")
	view.Zones = zoneNames()
	return s.render(w, v, status, "site", &view)
}

// saveSite stores the settings that hold for every sign and has all signs
// planned again.
func (s *server) saveSite(w http.ResponseWriter, v *visit) error {
	site, err := s.store.Site(v.Context())
	if err != nil {
		return err
	}
	p := s.newPage(v, "", "")
	view := siteView{Zone: v.field("zone"), Language: v.field("language"), DayStart: v.field("day-start"), DayEnd: v.field("day-end"),
		Soon: v.field("soon"), CheckIn: v.field("check-in"), KeyDays: v.field("key-days"), Problems: problems{}}
	if !validZone(view.Zone) {
		view.Problems.add(p, "zone", "problem.zone")
	}
	if !s.speaks(view.Language) {
		view.Problems.add(p, "language", "problem.language")
	}
	start, okStart := parseClock(view.DayStart)
	end, okEnd := parseClock(view.DayEnd)
	if end == 0 {
		end = 24 * 60 // midnight is the end of the day
	}
	if !okStart || !okEnd || start >= end {
		view.Problems.add(p, "day-end", "problem.hours")
	}
	soon, err := strconv.Atoi(view.Soon)
	if err != nil || soon < 0 || soon > int(maxSoon/time.Minute) {
		view.Problems.add(p, "soon", "problem.soon")
	}
	checkIn, err := strconv.Atoi(view.CheckIn)
	if err != nil || checkIn < int(minCheckIn/time.Minute) || checkIn > int(maxCheckIn/time.Minute) {
		view.Problems.add(p, "check-in", "problem.check-in")
	}
	keyDays, err := strconv.Atoi(view.KeyDays)
	if view.KeyDays == "" {
		keyDays, err = site.KeyDays, nil
	}
	if err != nil || keyDays < 0 || keyDays > 3650 {
		view.Problems.add(p, "key-days", "problem.key-days")
	}
	if len(view.Problems) > 0 {
		return s.renderSite(w, v, http.StatusUnprocessableEntity, view)
	}
	site.Zone, site.Language, site.DayStart, site.DayEnd = view.Zone, view.Language, start, end
	site.KeyDays = keyDays
	site.SoonLimit, site.CheckIn = time.Duration(soon)*time.Minute, time.Duration(checkIn)*time.Minute
	if err := s.saveSiteSettings(v.Context(), site); err != nil {
		return err
	}
	s.done(w, "saved")
	return s.see(w, v, "/m/settings/site")
}

func clockField(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60%24, minutes%60) }

// parseClock reads "8:00" or "08:00" as minutes after midnight.
func parseClock(text string) (minutes int, ok bool) {
	hour, minute, found := strings.Cut(text, ":")
	h, errH := strconv.Atoi(hour)
	m, errM := strconv.Atoi(minute)
	if !found || errH != nil || errM != nil || h < 0 || h > 24 || m < 0 || m > 59 || h*60+m > 24*60 {
		return 0, false
	}
	return h*60 + m, true
}

// validZone reports whether the time zone database knows the name. "Local"
// would mean the machine's zone and is refused.
func validZone(name string) bool {
	if name == "" || name == "Local" || len(name) > 64 {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

// zoneNames are offered while typing; every name of the time zone database is
// accepted.
func zoneNames() []string {
	return []string{
		"UTC", "Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi", "America/Anchorage", "America/Argentina/Buenos_Aires",
		"America/Bogota", "America/Chicago", "America/Denver", "America/Halifax", "America/Lima", "America/Los_Angeles", "America/Mexico_City",
		"America/New_York", "America/Phoenix", "America/Santiago", "America/Sao_Paulo", "America/St_Johns", "America/Toronto", "America/Vancouver",
		"Asia/Almaty", "Asia/Bangkok", "Asia/Dhaka", "Asia/Dubai", "Asia/Ho_Chi_Minh", "Asia/Hong_Kong", "Asia/Jakarta", "Asia/Jerusalem",
		"Asia/Karachi", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Kuala_Lumpur", "Asia/Manila", "Asia/Novosibirsk", "Asia/Riyadh", "Asia/Seoul",
		"Asia/Shanghai", "Asia/Singapore", "Asia/Taipei", "Asia/Tashkent", "Asia/Tbilisi", "Asia/Tehran", "Asia/Tokyo", "Asia/Vladivostok",
		"Asia/Yekaterinburg", "Asia/Yerevan", "Atlantic/Reykjavik", "Australia/Adelaide", "Australia/Brisbane", "Australia/Melbourne",
		"Australia/Perth", "Australia/Sydney", "Europe/Amsterdam", "Europe/Athens", "Europe/Belgrade", "Europe/Berlin", "Europe/Brussels",
		"Europe/Bucharest", "Europe/Budapest", "Europe/Copenhagen", "Europe/Dublin", "Europe/Helsinki", "Europe/Istanbul", "Europe/Kaliningrad",
		"Europe/Kyiv", "Europe/Lisbon", "Europe/London", "Europe/Luxembourg", "Europe/Madrid", "Europe/Minsk", "Europe/Moscow", "Europe/Oslo",
		"Europe/Paris", "Europe/Prague", "Europe/Riga", "Europe/Rome", "Europe/Samara", "Europe/Sofia", "Europe/Stockholm", "Europe/Tallinn",
		"Europe/Vienna", "Europe/Vilnius", "Europe/Warsaw", "Europe/Zagreb", "Europe/Zurich", "Pacific/Auckland", "Pacific/Honolulu",
	}
}
