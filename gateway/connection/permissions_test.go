package connection

import (
	"slices"
	"testing"
)

func TestPermissions(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  Settings
		want []Permission
	}{
		{"show only", Settings{}, []Permission{CalendarsRead}},
		{"show and book", Settings{Book: true}, []Permission{CalendarsRead, CalendarsReadWrite}},
		{"find rooms too", Settings{Book: true, Find: true}, []Permission{CalendarsRead, CalendarsReadWrite, PlaceReadAll}},
		{"as a person", Settings{Access: Delegated, Book: true}, []Permission{CalendarsReadShared, CalendarsReadWriteShared}},
	} {
		if got := Permissions(tc.set); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestCompareRights(t *testing.T) {
	excess, missing := CompareRights([]Permission{"openid", "User.Read", CalendarsRead, "Mail.Read", "Mail.Read"}, []Permission{CalendarsRead, PlaceReadAll})
	if !slices.Equal(excess, []Permission{"Mail.Read"}) || !slices.Equal(missing, []Permission{PlaceReadAll}) {
		t.Errorf("excess %v, missing %v", excess, missing)
	}
	excess, _ = CompareRights([]Permission{CalendarsRead, CalendarsReadShared}, []Permission{CalendarsReadShared})
	if len(excess) != 0 {
		t.Errorf("a person's own calendar counts as excess: %v", excess)
	}
}
