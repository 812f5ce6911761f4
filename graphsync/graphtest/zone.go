package graphtest

import (
	"strings"
	"time"
)

// zonePair is a Windows zone name and the IANA zone it stands for in its main
// territory (Unicode CLDR, windowsZones).
type zonePair struct{ windows, iana string }

func zones() []zonePair {
	return []zonePair{
		{"UTC", "UTC"}, {"UTC", "Etc/UTC"}, {"Pacific Standard Time", "America/Los_Angeles"},
		{"Mountain Standard Time", "America/Denver"}, {"Central Standard Time", "America/Chicago"},
		{"Eastern Standard Time", "America/New_York"}, {"GMT Standard Time", "Europe/London"},
		{"W. Europe Standard Time", "Europe/Berlin"}, {"Romance Standard Time", "Europe/Paris"},
		{"Central Europe Standard Time", "Europe/Budapest"}, {"Central European Standard Time", "Europe/Warsaw"},
		{"FLE Standard Time", "Europe/Helsinki"}, {"FLE Standard Time", "Europe/Kyiv"},
		{"GTB Standard Time", "Europe/Bucharest"}, {"Turkey Standard Time", "Europe/Istanbul"},
		{"Russian Standard Time", "Europe/Moscow"}, {"India Standard Time", "Asia/Kolkata"},
		{"China Standard Time", "Asia/Shanghai"}, {"Singapore Standard Time", "Asia/Singapore"},
		{"Tokyo Standard Time", "Asia/Tokyo"}, {"AUS Eastern Standard Time", "Australia/Sydney"},
		{"Arabian Standard Time", "Asia/Dubai"}, {"Israel Standard Time", "Asia/Jerusalem"},
		{"E. South America Standard Time", "America/Sao_Paulo"},
	}
}

// windowsZone gives the Windows name Outlook would store; an IANA name that
// has none in the list stays.
func windowsZone(iana string) string {
	for _, z := range zones() {
		if z.iana == iana {
			return z.windows
		}
	}
	return iana
}

// loadZone reads a Windows or IANA zone name and returns the IANA one.
func loadZone(name string) (*time.Location, bool) {
	for _, z := range zones() {
		if strings.EqualFold(z.windows, name) {
			name = z.iana
			break
		}
	}
	if name == "" || name == "Local" {
		return nil, false
	}
	l, err := time.LoadLocation(name)
	return l, err == nil
}
