package admin

import "net/http"

// routes is every path of the pages. Open routes need no session; all others
// do. GET changes nothing.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	open := func(pattern string, h handler) { mux.Handle(pattern, s.page(h, false)) }
	signedIn := func(pattern string, h handler) { mux.Handle(pattern, s.page(h, true)) }

	mux.Handle("GET /m/assets/{hash}/{name}", s.assets)
	open("GET /{$}", s.showRoot)
	open("GET /m/sign-in", s.showSignIn)
	open("POST /m/sign-in", s.signIn)
	open("GET /m/setup", s.showSetup)
	open("POST /m/setup", s.createFirstAccount)
	open("/", s.unknownPath)

	signedIn("POST /m/sign-out", s.signOut)
	signedIn("GET /m", s.showOverview)
	signedIn("GET /m/{$}", s.showOverview)
	signedIn("GET /m/more", s.showMore)
	signedIn("GET /m/help", s.showHelp)
	signedIn("GET /m/events", s.streamEvents)

	signedIn("GET /m/doors", s.showDoors)
	signedIn("GET /m/doors/{id}", s.showDoor)
	signedIn("GET /m/doors/{id}/glass.png", s.sendPicture("glass"))
	signedIn("GET /m/doors/{id}/wanted.png", s.sendPicture("wanted"))
	signedIn("POST /m/doors/{id}/bind", s.bindDoor)
	signedIn("POST /m/doors/{id}/rename", s.renameDoor)
	signedIn("POST /m/doors/{id}/refresh", s.refreshDoor)
	signedIn("GET /m/doors/{id}/unpair", s.askUnpair)
	signedIn("POST /m/doors/{id}/unpair", s.unpairDoor)

	signedIn("GET /m/pair", s.showPair)
	signedIn("POST /m/pair", s.pairSign)
	signedIn("GET /m/displays", s.showDisplays)

	signedIn("GET /m/rooms", s.showRooms)
	signedIn("GET /m/rooms/room", s.showRoom)
	signedIn("GET /m/rooms/doctor", s.showDoctor)
	signedIn("POST /m/rooms/zone", s.setRoomZone)
	signedIn("POST /m/rooms/privacy", s.setRoomPrivacy)
	signedIn("POST /m/rooms/move", s.moveSigns)
	signedIn("POST /m/rooms/refresh", s.refreshRooms)
	signedIn("POST /m/rooms/add", s.addRooms)

	signedIn("GET /m/settings", s.showSettings)
	signedIn("GET /m/settings/integration", s.showIntegration)
	signedIn("POST /m/settings/integration/tenants", s.saveTenants)
	signedIn("GET /m/settings/integration/settings", s.showIntegrationSettings)
	signedIn("GET /m/settings/integration/settings/office365", s.editOffice365)
	signedIn("POST /m/settings/integration/settings/office365", s.saveOffice365)
	signedIn("POST /m/settings/integration/settings/office365/reach", s.testReach)
	signedIn("GET /m/settings/integration/office365", s.showOffice365)
	signedIn("POST /m/settings/integration/office365/connect", s.connectOffice365)
	signedIn("POST /m/settings/integration/office365/consent", s.consentOffice365)
	signedIn("POST /m/settings/integration/office365/consent-link", s.makeConsentLink)
	signedIn("GET /m/settings/integration/office365/check", s.showCheck)
	signedIn("POST /m/settings/integration/office365/check", s.checkOffice365)
	signedIn("GET /m/settings/integration/office365/limit", s.showLimit)
	signedIn("GET /m/settings/integration/office365/lifetimes", s.showLifetimes)
	signedIn("GET /m/settings/integration/office365/certificate.cer", s.sendCertificate)
	signedIn("POST /m/settings/integration/office365/certificate", s.makeCertificate)
	signedIn("POST /m/settings/integration/office365/spare", s.saveSpareSecret)
	signedIn("POST /m/settings/integration/office365/spare/test", s.testSpare)
	signedIn("POST /m/settings/integration/office365/spare/use", s.useSpare)
	signedIn("POST /m/settings/integration/office365/spare/clear", s.clearSpare)
	signedIn("GET /m/settings/integration/office365/traffic", s.showTraffic)
	signedIn("POST /m/settings/integration/office365/rename", s.renameOffice365)
	signedIn("POST /m/settings/integration/office365/disconnect", s.disconnectOffice365)
	signedIn("GET /m/settings/integration/office365/remove", s.askRemoveOffice365)
	signedIn("POST /m/settings/integration/office365/remove", s.removeOffice365)

	signedIn("GET /m/settings/site", s.editSite)
	signedIn("POST /m/settings/site", s.saveSite)
	signedIn("GET /m/settings/look", s.showLook)
	signedIn("POST /m/settings/look", s.saveLook)
	signedIn("GET /m/settings/look/{example}/face.png", s.sendLook)
	signedIn("GET /m/settings/firmware", s.showFirmware)
	signedIn("POST /m/settings/firmware/upload", s.uploadFirmware)
	signedIn("POST /m/settings/firmware/makers", s.addMaker)
	signedIn("POST /m/settings/firmware/makers/remove", s.removeMaker)
	signedIn("POST /m/settings/firmware/{image}/{action}", s.steerFirmware)
	signedIn("GET /m/settings/network", s.showNetwork)
	signedIn("GET /m/settings/network/ca.pem", s.sendCA)
	signedIn("GET /m/settings/account", s.editAccount)
	signedIn("POST /m/settings/account/language", s.saveLanguage)
	signedIn("POST /m/settings/account/password", s.savePassword)

	return s.guard(mux)
}
