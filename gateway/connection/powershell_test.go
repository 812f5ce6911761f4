package connection

import (
	"strings"
	"testing"
)

const (
	appID    = "0A1B2C3D-1111-2222-3333-444455556666"
	objectID = "9f8e7d6c-0000-1111-2222-333344445555"
)

func TestLimitScript(t *testing.T) {
	for _, tc := range []struct {
		name  string
		scope RoomScope
		want  string
	}{
		{"everything", RoomScope{ClientID: appID, ObjectID: objectID, Book: true, Room: "room1@contoso.example", Outside: "o'neil@contoso.example"}, `Connect-ExchangeOnline
$app = '0a1b2c3d-1111-2222-3333-444455556666'
$object = '9f8e7d6c-0000-1111-2222-333344445555'
New-ServicePrincipal -AppId $app -ObjectId $object -DisplayName 'Door signs'
New-ManagementScope -Name 'Door sign rooms' -RecipientRestrictionFilter "RecipientTypeDetails -eq 'RoomMailbox'"
New-ManagementRoleAssignment -App $object -Role 'Application Calendars.Read' -CustomResourceScope 'Door sign rooms'
New-ManagementRoleAssignment -App $object -Role 'Application Calendars.ReadWrite' -CustomResourceScope 'Door sign rooms'
Test-ServicePrincipalAuthorization -Identity $object -Resource 'room1@contoso.example' # InScope: True
Test-ServicePrincipalAuthorization -Identity $object -Resource 'o''neil@contoso.example' # InScope: False
`},
		{"reads only, object unknown", RoomScope{ClientID: appID, ObjectID: "'; Remove-Mailbox boss"}, `Connect-ExchangeOnline
$app = '0a1b2c3d-1111-2222-3333-444455556666'
$object = Read-Host 'Object ID of the enterprise application'
New-ServicePrincipal -AppId $app -ObjectId $object -DisplayName 'Door signs'
New-ManagementScope -Name 'Door sign rooms' -RecipientRestrictionFilter "RecipientTypeDetails -eq 'RoomMailbox'"
New-ManagementRoleAssignment -App $object -Role 'Application Calendars.Read' -CustomResourceScope 'Door sign rooms'
`},
		{"with an office door", RoomScope{ClientID: appID, ObjectID: objectID, Personal: []string{"anna@contoso.example", "x\ny", "bo@contoso.example"}}, `Connect-ExchangeOnline
$app = '0a1b2c3d-1111-2222-3333-444455556666'
$object = '9f8e7d6c-0000-1111-2222-333344445555'
New-ServicePrincipal -AppId $app -ObjectId $object -DisplayName 'Door signs'
'anna@contoso.example',
  'bo@contoso.example' | ForEach-Object { Set-Mailbox $_ -CustomAttribute15 'DoorSign' }
New-ManagementScope -Name 'Door sign rooms' -RecipientRestrictionFilter "RecipientTypeDetails -eq 'RoomMailbox' -or CustomAttribute15 -eq 'DoorSign'"
New-ManagementRoleAssignment -App $object -Role 'Application Calendars.Read' -CustomResourceScope 'Door sign rooms'
`},
		{"no client id", RoomScope{ClientID: "x", ObjectID: objectID}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.scope.Limit(); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestRevokeScript(t *testing.T) {
	got := RoomScope{ClientID: appID, ObjectID: objectID}.Revoke()
	for _, want := range []string{calendarsReadID, calendarsReadWriteID, "$object = '" + objectID + "'", "Remove-MgServicePrincipalAppRoleAssignment"} {
		if !strings.Contains(got, want) {
			t.Errorf("the script lacks %q:\n%s", want, got)
		}
	}
	if got := (RoomScope{}).Revoke(); got != "" {
		t.Errorf("without a client id: %q", got)
	}
}

func TestRoomScripts(t *testing.T) {
	rooms := []string{"room1@contoso.example", "", "room\n2; Remove-Mailbox boss", "r\u2019oom@contoso.example"}
	for _, tc := range []struct{ name, got, want string }{
		{"subjects", ShowSubjects(rooms), "  Set-CalendarProcessing $room -DeleteSubject $false -AddOrganizerToSubject $false -RemovePrivateProperty $false\n"},
		{"private", KeepPrivate(rooms), "  Set-CalendarProcessing $room -RemovePrivateProperty $false\n"},
		{"cancelled", RemoveCancelled(rooms), "  Set-CalendarProcessing $room -RemoveCanceledMeetings $true\n"},
		{"accept", AcceptMeetings(rooms), "  Set-CalendarProcessing $room -AutomateProcessing AutoAccept\n"},
		{"share", Share("svc@contoso.example", rooms, false), "  Add-MailboxFolderPermission \"${room}:\\Calendar\" -User 'svc@contoso.example' -AccessRights Reviewer\n"},
		{"share to book", Share("svc@contoso.example", rooms, true), "  Add-MailboxFolderPermission \"${room}:\\Calendar\" -User 'svc@contoso.example' -AccessRights Editor\n"},
	} {
		want := "Connect-ExchangeOnline\n$rooms = 'room1@contoso.example',\n  'r\u2019\u2019oom@contoso.example'\nforeach ($room in $rooms) {\n" + tc.want + "}\n"
		if tc.got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.name, tc.got, want)
		}
	}
	if got := ShowSubjects(nil) + Share("", rooms, false) + Share("svc@contoso.example", nil, false); got != "" {
		t.Errorf("scripts for nobody: %q", got)
	}
}

// Whatever is quoted stays one string: outside the doubled quotes there is none
// that would end it, and no line ends inside.
func FuzzQuote(f *testing.F) {
	f.Add("a'b")
	f.Add("\u2018; Get-Mailbox \u201b")
	f.Fuzz(func(t *testing.T, text string) {
		q, ok := quote(text)
		if !ok {
			return
		}
		inner := []rune(q[1 : len(q)-1])
		for i := 0; i < len(inner); i++ {
			switch {
			case inner[i] < ' ':
				t.Fatalf("%q holds a control character", q)
			case strings.ContainsRune("'\u2018\u2019\u201a\u201b", inner[i]):
				if i++; i == len(inner) || inner[i] != inner[i-1] {
					t.Fatalf("%q ends early", q)
				}
			}
		}
	})
}
