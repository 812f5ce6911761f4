package connection

import "slices"

// Permissions are the Graph permissions that what is switched on needs, as the
// application's own when Access is not Delegated. Nothing else should be
// granted.
func Permissions(s Settings) []Permission {
	read, write := CalendarsRead, CalendarsReadWrite
	if s.Access == Delegated {
		read, write = CalendarsReadShared, CalendarsReadWriteShared
	}
	list := []Permission{read}
	if s.Book {
		list = append(list, write)
	}
	if s.Find {
		list = append(list, PlaceReadAll)
	}
	return list
}

// CompareRights says which permissions are granted beyond what is needed, and
// which are missing. Names that are part of every sign-in do not count.
func CompareRights(granted, needed []Permission) (excess, missing []Permission) {
	for _, g := range granted {
		switch g {
		case "openid", "profile", "email", "offline_access", "User.Read":
			continue
		}
		if g == CalendarsRead && slices.Contains(needed, CalendarsReadShared) {
			continue // the person's own calendar is part of what they share
		}
		if !slices.Contains(needed, g) && !slices.Contains(excess, g) {
			excess = append(excess, g)
		}
	}
	for _, n := range needed {
		if !slices.Contains(granted, n) {
			missing = append(missing, n)
		}
	}
	return excess, missing
}
