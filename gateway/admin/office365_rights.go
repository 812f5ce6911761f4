package admin

import "doorleaf/gateway/connection"

// right is one permission as it stands in Microsoft's list.
type right struct {
	Copy      copyField
	Delegated bool   // else of type Application
	Why       string // what it is needed for
	When      string // "book" or "find" where only that choice needs it
}

// rights are the exact permissions of every choice on the page, in the order of
// Microsoft's lists. The sentences are "right.<way>.<permission>".
func (p *page) rights() []right {
	var list []right
	for _, r := range []struct {
		name      string
		delegated bool
		when      string
	}{
		{string(connection.CalendarsRead), false, ""},
		{string(connection.CalendarsReadWrite), false, "book"},
		{string(connection.PlaceReadAll), false, "find"},
		{string(connection.CalendarsReadShared), true, ""},
		{"offline_access", true, ""},
		{"Calendars.ReadWrite.Shared", true, "book"},
		{string(connection.PlaceReadAll), true, "find"},
	} {
		way := "app"
		if r.delegated {
			way = "delegated"
		}
		list = append(list, right{Copy: p.Copy("right-"+way+"-"+r.name, r.name), Delegated: r.delegated, When: r.when, Why: p.T("right." + way + "." + r.name)})
	}
	return list
}

// portal is where an application is registered in a cloud.
func portal(c connection.Cloud) string {
	switch c {
	case connection.USGovL4, connection.USGovL5:
		return "https://portal.azure.us/"
	case connection.China:
		return "https://portal.azure.cn/"
	}
	return "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade"
}
