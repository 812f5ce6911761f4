package connection

// Redirect is where a browser has to go next in a sign-in, and the value its
// short-lived cookie must carry so that only this browser can come back.
type Redirect struct {
	URL    string // absolute; "" when the flow is finished
	Cookie string // opaque, at most 128 bytes; "" removes the cookie
	Mailed bool   // the answer to a mailed consent link: whoever it is needs no session
}

// Query names the members of the answer that Microsoft sends to the redirect
// URI /m in the query: code, state, error, error_description, admin_consent,
// tenant. Only these are read, each bounded to 8 KiB.
type Query map[string]string

// RoomList is a list of rooms of the directory, such as a building.
type RoomList struct {
	Name    string
	Address string   // e-mail address of the list
	Rooms   []string // e-mail addresses
}
