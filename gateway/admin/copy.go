package admin

// copyField is a value to copy: it can be selected as a whole, and with
// JavaScript a button copies it.
type copyField struct {
	ID, Value string
	Do, Done  string
}

// Copy returns a value to copy; id is unique on the page.
func (p *page) Copy(id, value string) copyField {
	return copyField{ID: id, Value: value, Do: p.T("copy.do"), Done: p.T("copy.done")}
}
