package connection

import (
	"fmt"
	"regexp"
	"strings"
)

// The scripts an administrator runs at Microsoft. They are text only: the
// gateway runs none of them. Every value from outside stands in single quotes
// as PowerShell reads them; values that cannot stand on one line are left out.
// Sources: Exchange Online PowerShell (New-ServicePrincipal,
// New-ManagementScope, New-ManagementRoleAssignment,
// Test-ServicePrincipalAuthorization, Set-CalendarProcessing,
// Add-MailboxFolderPermission) and Microsoft Graph PowerShell
// (Remove-MgServicePrincipalAppRoleAssignment) on learn.microsoft.com.

// scopeName is what the scripts call the room mailboxes of an organisation.
const scopeName = "Door sign rooms"

// The ids of application permissions of Microsoft Graph
// (learn.microsoft.com/graph/permissions-reference).
const (
	calendarsReadID      = "798ee544-9d2d-430c-a058-570e29e34338"
	calendarsReadWriteID = "ef54d2bf-783f-4e0f-bca1-3210c0444d99"
)

// RoomScope is what the scripts that limit an application to rooms need.
type RoomScope struct {
	ClientID string // GUID of the application
	ObjectID string // GUID of the enterprise application; "" has the script ask for it
	Book     bool   // also write into room calendars
	Room     string // a room that must stay in reach; "" leaves the test out
	Outside  string // a mailbox that must be out of reach; "" leaves the test out

	// Personal are ordinary mailboxes that stay in reach. The script marks
	// them, because scopes choose recipients by their properties.
	Personal []string
}

// signMark is what CustomAttribute15 of personal mailboxes in reach holds.
const signMark = "DoorSign"

// Limit returns the script that lets the application into room mailboxes only
// (role based access control for applications in Exchange Online). It is ""
// unless ClientID is a GUID.
func (r RoomScope) Limit() string {
	head, ok := r.ids()
	if !ok {
		return ""
	}
	var b script
	b.line("Connect-ExchangeOnline")
	b.line("%s", head)
	b.line("New-ServicePrincipal -AppId $app -ObjectId $object -DisplayName 'Door signs'")
	filter := "RecipientTypeDetails -eq 'RoomMailbox'"
	if list := quoteAll(r.Personal); len(list) > 0 {
		filter += " -or CustomAttribute15 -eq '" + signMark + "'"
		b.line("%s | ForEach-Object { Set-Mailbox $_ -CustomAttribute15 '%s' }", strings.Join(list, ",\n  "), signMark)
	}
	b.line("New-ManagementScope -Name '%s' -RecipientRestrictionFilter \"%s\"", scopeName, filter)
	b.line("New-ManagementRoleAssignment -App $object -Role 'Application Calendars.Read' -CustomResourceScope '%s'", scopeName)
	if r.Book {
		b.line("New-ManagementRoleAssignment -App $object -Role 'Application Calendars.ReadWrite' -CustomResourceScope '%s'", scopeName)
	}
	b.test(r.Room, "True")
	b.test(r.Outside, "False")
	return b.String()
}

// Revoke returns the script that takes back the consent for all mailboxes,
// which would otherwise add up with the limit. It is "" unless ClientID is a
// GUID.
func (r RoomScope) Revoke() string {
	head, ok := r.ids()
	if !ok {
		return ""
	}
	var b script
	b.line("Connect-MgGraph -Scopes 'AppRoleAssignment.ReadWrite.All','Application.Read.All'")
	b.line("%s", head)
	b.line("$wide = '%s','%s' # Calendars.Read, Calendars.ReadWrite", calendarsReadID, calendarsReadWriteID)
	b.line("Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $object -All |")
	b.line("  Where-Object { $_.AppRoleId -in $wide } |")
	b.line("  ForEach-Object { Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $object -AppRoleAssignmentId $_.Id }")
	return b.String()
}

// ids are the lines that name the application.
func (r RoomScope) ids() (string, bool) {
	if !IsGUID(r.ClientID) {
		return "", false
	}
	object := "Read-Host 'Object ID of the enterprise application'"
	if IsGUID(r.ObjectID) {
		object = "'" + strings.ToLower(r.ObjectID) + "'"
	}
	return fmt.Sprintf("$app = '%s'\n$object = %s", strings.ToLower(r.ClientID), object), true
}

// Share returns the script that lets an account read rooms as a person; with
// book it may also write into them. It is "" without an account or rooms.
func Share(account string, rooms []string, book bool) string {
	right := "Reviewer"
	if book {
		right = "Editor"
	}
	user, ok := quote(account)
	if !ok {
		return ""
	}
	return forRooms(rooms, func(b *script) {
		b.line("  Add-MailboxFolderPermission \"${room}:\\Calendar\" -User %s -AccessRights %s", user, right)
	})
}

// ShowSubjects returns the script that keeps subjects of later meetings, and
// their private flag with them. It is "" without rooms.
func ShowSubjects(rooms []string) string {
	return forRooms(rooms, func(b *script) {
		b.line("  Set-CalendarProcessing $room -DeleteSubject $false -AddOrganizerToSubject $false -RemovePrivateProperty $false")
	})
}

// KeepPrivate returns the script that keeps the private flag of later meetings
// and leaves subjects as they are. It is "" without rooms.
func KeepPrivate(rooms []string) string {
	return forRooms(rooms, func(b *script) { b.line("  Set-CalendarProcessing $room -RemovePrivateProperty $false") })
}

// RemoveCancelled returns the script that has rooms drop cancelled meetings. It
// is "" without rooms.
func RemoveCancelled(rooms []string) string {
	return forRooms(rooms, func(b *script) { b.line("  Set-CalendarProcessing $room -RemoveCanceledMeetings $true") })
}

// AcceptMeetings returns the script that has rooms accept meetings by
// themselves. It is "" without rooms.
func AcceptMeetings(rooms []string) string {
	return forRooms(rooms, func(b *script) { b.line("  Set-CalendarProcessing $room -AutomateProcessing AutoAccept") })
}

// forRooms repeats commands for each room, which they know as $room.
func forRooms(rooms []string, each func(*script)) string {
	list := quoteAll(rooms)
	if len(list) == 0 {
		return ""
	}
	var b script
	b.line("Connect-ExchangeOnline")
	b.line("$rooms = %s", strings.Join(list, ",\n  "))
	b.line("foreach ($room in $rooms) {")
	each(&b)
	b.line("}")
	return b.String()
}

// quoteAll quotes what can be quoted.
func quoteAll(texts []string) []string {
	var list []string
	for _, t := range texts {
		if q, ok := quote(t); ok {
			list = append(list, q)
		}
	}
	return list
}

// script is text that grows by lines.
type script struct{ strings.Builder }

func (b *script) line(format string, args ...any) {
	fmt.Fprintf(b, format+"\n", args...)
}

// test asks Exchange what it would answer for a mailbox.
func (b *script) test(mailbox, want string) {
	if q, ok := quote(mailbox); ok {
		b.line("Test-ServicePrincipalAuthorization -Identity $object -Resource %s # InScope: %s", q, want)
	}
}

// quote puts text in single quotes. PowerShell takes four curly quotes for the
// straight one, so all of them are doubled. ok is false for empty text and for
// text with control characters.
func quote(text string) (quoted string, ok bool) {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 }) {
		return "", false
	}
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range text {
		if strings.ContainsRune("'\u2018\u2019\u201a\u201b", r) {
			b.WriteRune(r)
		}
		b.WriteRune(r)
	}
	b.WriteByte('\'')
	return b.String(), true
}

var guidText = regexp.MustCompile(`^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// IsGUID reports whether text is a GUID as Microsoft's portals show them.
func IsGUID(text string) bool { return guidText.MatchString(text) }
