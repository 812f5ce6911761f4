package admin

import (
	"net/url"
	"strconv"
)

// onPage is how many rows of a long list one page shows.
const onPage = 50

// stretch is the part of a long list that a page shows, and the way to the next
// one.
type stretch struct {
	From, To, Of int    // first and last row from 1, and all rows
	Prev, Next   string // addresses, "" for none
}

// stretchOf is the part of n rows on a page, from 0; a page behind the end is
// the last one. The rows of it are [from:to]. href is the address of a page.
func stretchOf(n, page int, href func(page int) string) (s stretch, from, to int) {
	from = min(page*onPage, max(0, (n-1)/onPage*onPage))
	to = min(from+onPage, n)
	s = stretch{From: min(from+1, to), To: to, Of: n}
	if from > 0 {
		s.Prev = href(from/onPage - 1)
	}
	if to < n {
		s.Next = href(from/onPage + 1)
	}
	return s, from, to
}

// pageOf is the page, from 0, that an address asks for.
func pageOf(q url.Values) int {
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 1 && n < 1e6 {
		return n - 1
	}
	return 0
}

// withPage adds a page to the parameters of an address.
func withPage(q url.Values, page int) {
	if page > 0 {
		q.Set("page", strconv.Itoa(page+1))
	}
}
