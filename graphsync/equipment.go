package graphsync

import (
	"slices"
	"strings"

	"doorleaf/gateway/calendar"
	"doorleaf/graphsync/internal/msgraph"
)

// Bounds of a room's features, as the store has them.
const (
	maxFeatures = 8
	maxFeature  = 64
)

// equipment is what the directory says is in a room, the largest first: access
// by wheelchair, screen, camera, microphones, then tags. Each thing is named
// once; what has no name is left out.
func equipment(m msgraph.Room) (out []string) {
	things := append([]string{m.Display, m.Video, m.Audio}, m.Tags...)
	if m.Wheelchair {
		out = append(out, calendar.WheelchairAccessible)
	}
	for _, name := range things {
		name = calendar.Words(tidy(name, maxFeature))
		known := slices.ContainsFunc(out, func(s string) bool { return strings.EqualFold(s, name) })
		if name == "" || known || len(out) == maxFeatures {
			continue
		}
		out = append(out, name)
	}
	return out
}
