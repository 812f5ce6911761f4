package msgraph

import (
	"context"
	"net/url"
	"strings"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go/places"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

// eventMembers is the $select of a truth read; bodies and attendees are never
// asked for. createdDateTime is missing because the documentation of
// calendarView refuses it in $select.
var eventMembers = [...]string{"id", "iCalUId", "subject", "start", "end", "isAllDay", "isCancelled",
	"organizer", "showAs", "sensitivity", "responseStatus", "type", "seriesMasterId", "transactionId", "changeKey"}

// Changes is what a delta round brought.
type Changes struct {
	Items     int    // events and removals, of whatever kind
	DeltaLink string // where the next round begins
}

// Rooms lists every room of the tenant. Graph cuts the list at the page size
// without a next link, so pages are asked for until an empty one comes; a next
// link is followed when there is one.
func (c *Client) Rooms(ctx context.Context) ([]Room, error) {
	var all []Room
	seen := map[string]bool{}
	for n := range maxRoomPages {
		p, err := c.roomPage(ctx, n*roomPageSize, roomPageSize)
		fresh := 0
		for {
			if err != nil {
				return nil, err
			}
			for _, r := range p.items {
				if key := strings.ToLower(r.Address) + "\x00" + r.ID; !seen[key] {
					seen[key] = true
					fresh++
					all = append(all, r)
				}
			}
			if p.nextLink == "" {
				break
			}
			if len(all) > maxRoomPages*roomPageSize || fresh == 0 {
				return nil, &Error{Fault: Endless}
			}
			p, err = c.roomsAt(ctx, p.nextLink)
		}
		// A server that ignores $skip repeats itself: nothing fresh is the end.
		if len(p.items) == 0 || fresh == 0 {
			return all, nil
		}
	}
	return nil, &Error{Fault: Endless}
}

// SomeRooms returns the first rooms of the list, at most n; it is the cheapest
// call that shows whether rooms may be listed.
func (c *Client) SomeRooms(ctx context.Context, n int) ([]Room, error) {
	p, err := c.roomPage(ctx, 0, n)
	if err != nil {
		return nil, err
	}
	return p.items, nil
}

func (c *Client) roomPage(ctx context.Context, skip, top int) (*page[Room], error) {
	s, t := int32(skip), int32(top)
	b := places.NewPlacesRequestBuilderInternal(c.pathParameters(), c.adapter).GraphRoom()
	info, err := b.ToGetRequestInformation(ctx, &places.GraphRoomRequestBuilderGetRequestConfiguration{
		Headers:         immutable(),
		QueryParameters: &places.GraphRoomRequestBuilderGetQueryParameters{Skip: &s, Top: &t},
	})
	if err != nil {
		return nil, err
	}
	return collect(ctx, c, info, newRoom, func(p serialization.Parsable) Room { return p.(*roomItem).room })
}

func (c *Client) roomsAt(ctx context.Context, link string) (*page[Room], error) {
	if err := c.checkLink(link); err != nil {
		return nil, err
	}
	b := places.NewGraphRoomRequestBuilder(link, c.adapter)
	info, err := b.ToGetRequestInformation(ctx, &places.GraphRoomRequestBuilderGetRequestConfiguration{Headers: immutable()})
	if err != nil {
		return nil, err
	}
	return collect(ctx, c, info, newRoom, func(p serialization.Parsable) Room { return p.(*roomItem).room })
}

// View reads every event of a mailbox's calendar that touches [from, to), with
// recurrences expanded by Microsoft.
func (c *Client) View(ctx context.Context, mailbox string, from, to time.Time) ([]Event, error) {
	begin, end, top := stamp(from), stamp(to), int32(viewPageSize)
	b := c.mailbox(mailbox).CalendarView()
	info, err := b.ToGetRequestInformation(ctx, &users.ItemCalendarViewRequestBuilderGetRequestConfiguration{
		Headers: immutable(),
		QueryParameters: &users.ItemCalendarViewRequestBuilderGetQueryParameters{
			StartDateTime: &begin, EndDateTime: &end, Top: &top, Select: eventMembers[:],
		},
	})
	if err != nil {
		return nil, err
	}
	var all []Event
	links := map[string]bool{}
	for range maxViewPages {
		p, err := collect(ctx, c, info, newEvent, takeEvent)
		if err != nil {
			return nil, err
		}
		all = append(all, p.items...)
		if p.nextLink == "" {
			return all, nil
		}
		if err := c.checkNext(p.nextLink, links); err != nil {
			return nil, err
		}
		info, err = b.WithUrl(p.nextLink).ToGetRequestInformation(ctx,
			&users.ItemCalendarViewRequestBuilderGetRequestConfiguration{Headers: immutable()})
		if err != nil {
			return nil, err
		}
	}
	return nil, &Error{Fault: Endless}
}

// Delta starts a delta round over [from, to) and reads it to its end. The
// window stays inside the link for good.
func (c *Client) Delta(ctx context.Context, mailbox string, from, to time.Time) (Changes, error) {
	begin, end := stamp(from), stamp(to)
	info, err := c.mailbox(mailbox).CalendarView().Delta().ToGetRequestInformation(ctx,
		&users.ItemCalendarViewDeltaRequestBuilderGetRequestConfiguration{
			Headers:         immutable(pageSizePreference),
			QueryParameters: &users.ItemCalendarViewDeltaRequestBuilderGetQueryParameters{StartDateTime: &begin, EndDateTime: &end},
		})
	if err != nil {
		return Changes{}, err
	}
	return c.round(ctx, info)
}

// DeltaFrom goes on from the delta link of an earlier round.
func (c *Client) DeltaFrom(ctx context.Context, link string) (Changes, error) {
	info, err := c.deltaAt(ctx, link)
	if err != nil {
		return Changes{}, err
	}
	return c.round(ctx, info)
}

// pageSizePreference keeps delta pages small: their items carry whole bodies.
const pageSizePreference = "odata.maxpagesize=50"

func (c *Client) deltaAt(ctx context.Context, link string) (*abstractions.RequestInformation, error) {
	if err := c.checkLink(link); err != nil {
		return nil, err
	}
	return users.NewItemCalendarViewDeltaRequestBuilder(link, c.adapter).ToGetRequestInformation(ctx,
		&users.ItemCalendarViewDeltaRequestBuilderGetRequestConfiguration{Headers: immutable(pageSizePreference)})
}

func (c *Client) round(ctx context.Context, info *abstractions.RequestInformation) (Changes, error) {
	var ch Changes
	links := map[string]bool{}
	for range maxDeltaPages {
		p, err := collect(ctx, c, info, newEvent, takeEvent)
		if err != nil {
			return Changes{}, err
		}
		ch.Items += len(p.items)
		if p.deltaLink != "" {
			ch.DeltaLink = p.deltaLink
			return ch, c.checkLink(p.deltaLink)
		}
		if p.nextLink == "" {
			return Changes{}, &Error{Fault: Malformed, Status: 200}
		}
		if err := c.checkNext(p.nextLink, links); err != nil {
			return Changes{}, err
		}
		if info, err = c.deltaAt(ctx, p.nextLink); err != nil {
			return Changes{}, err
		}
	}
	return Changes{}, &Error{Fault: Endless}
}

func (c *Client) mailbox(address string) *users.UserItemRequestBuilder {
	return users.NewUsersRequestBuilderInternal(c.pathParameters(), c.adapter).ByUserId(address)
}

func takeEvent(p serialization.Parsable) Event { return p.(*eventItem).event }

// collect sends a request and reads a page of a collection.
func collect[T any](ctx context.Context, c *Client, info *abstractions.RequestInformation,
	factory serialization.ParsableFactory, take func(serialization.Parsable) T,
) (*page[T], error) {
	res, err := c.send(ctx, info, func(node) (serialization.Parsable, error) {
		return &page[T]{factory: factory, take: take}, nil
	})
	if err != nil {
		return nil, err
	}
	p, ok := res.(*page[T])
	if !ok || !p.hasValue {
		return nil, &Error{Fault: Malformed, Status: 200}
	}
	return p, nil
}

// checkLink refuses links to another scheme, host or API version: the SDK would
// follow them anywhere, and the link is outside input, also after a restart.
func (c *Client) checkLink(link string) error {
	u, err := url.Parse(link)
	if err != nil || len(link) > maxLinkBytes || u.Scheme != c.base.Scheme || u.User != nil || u.Fragment != "" ||
		hostPort(u) != hostPort(c.base) || !strings.HasPrefix(u.Path, apiPath+"/") || strings.Contains(u.Path, "..") {
		return &Error{Fault: BadLink}
	}
	return nil
}

// checkNext is checkLink that also refuses a link it has seen in this call.
func (c *Client) checkNext(link string, seen map[string]bool) error {
	if seen[link] {
		return &Error{Fault: Endless}
	}
	seen[link] = true
	return c.checkLink(link)
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" && u.Scheme == "https" {
		port = "443"
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// stamp writes an instant as Graph reads it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// RoomLists lists the room lists of the tenant. A list is told like a room, by
// name and address.
func (c *Client) RoomLists(ctx context.Context) ([]Room, error) {
	return c.places(ctx, func(skip, top int32) (*abstractions.RequestInformation, error) {
		return places.NewPlacesRequestBuilderInternal(c.pathParameters(), c.adapter).GraphRoomList().ToGetRequestInformation(ctx,
			&places.GraphRoomListRequestBuilderGetRequestConfiguration{Headers: immutable(),
				QueryParameters: &places.GraphRoomListRequestBuilderGetQueryParameters{Skip: &skip, Top: &top}})
	})
}

// RoomsOfList lists the rooms of a room list, which is named by its address.
func (c *Client) RoomsOfList(ctx context.Context, address string) ([]Room, error) {
	return c.places(ctx, func(skip, top int32) (*abstractions.RequestInformation, error) {
		return places.NewPlacesRequestBuilderInternal(c.pathParameters(), c.adapter).ByPlaceId(address).GraphRoomList().Rooms().ToGetRequestInformation(ctx,
			&places.ItemGraphRoomListRoomsRequestBuilderGetRequestConfiguration{Headers: immutable(),
				QueryParameters: &places.ItemGraphRoomListRoomsRequestBuilderGetQueryParameters{Skip: &skip, Top: &top}})
	})
}

// places reads a list page by page until one brings nothing new: Graph cuts it
// at the page size without a next link, as it does with rooms.
func (c *Client) places(ctx context.Context, page func(skip, top int32) (*abstractions.RequestInformation, error)) ([]Room, error) {
	var all []Room
	seen := map[string]bool{}
	for n := range maxRoomPages {
		info, err := page(int32(n*roomPageSize), roomPageSize)
		if err != nil {
			return nil, err
		}
		p, err := collect(ctx, c, info, newRoom, func(p serialization.Parsable) Room { return p.(*roomItem).room })
		if err != nil {
			return nil, err
		}
		fresh := false
		for _, r := range p.items {
			if key := strings.ToLower(r.Address) + "\x00" + r.ID; !seen[key] {
				seen[key], fresh = true, true
				all = append(all, r)
			}
		}
		if !fresh || len(p.items) < roomPageSize {
			return all, nil
		}
	}
	return nil, &Error{Fault: Endless}
}
