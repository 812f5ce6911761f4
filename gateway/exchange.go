package gateway

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"doorleaf/devices"
	"doorleaf/gateway/calendar"
)

// Limits of a list of pairings.
const (
	maxPairings    = 500
	maxPairingFile = 256 << 10 // bytes
)

// Swap exchanges the rooms of two signs.
func (c *Core) Swap(ctx context.Context, a, b devices.SignID) error {
	if a == b {
		return fmt.Errorf("swap sign %s with itself: %w", a, ErrInvalid)
	}
	c.edit.Lock()
	defer c.edit.Unlock()
	if err := c.store.SwapRooms(ctx, a, b); err != nil {
		return err
	}
	for _, id := range []devices.SignID{a, b} {
		s, err := c.store.Sign(ctx, id)
		if err != nil {
			return err
		}
		c.signs.entry(id)
		c.signs.bind(id, s.Room)
		c.queue.put(job{sign: id}, true)
	}
	c.watch.notify()
	return nil
}

// Replace pairs the sign that shows code in the place of old: it takes over
// room, name, language and clock, and old is forgotten. Errors before that are
// those of Pair and leave old as it is.
func (c *Core) Replace(ctx context.Context, old devices.SignID, code string) (devices.SignID, error) {
	was, err := c.store.Sign(ctx, old)
	if err != nil {
		return "", err
	}
	id, err := c.Pair(ctx, code, was.Name, was.Room)
	if err != nil {
		return "", err
	}
	err = c.update(ctx, id, func(s *Sign) { s.Language, s.Hour12 = was.Language, was.Hour12 })
	if err == nil {
		err = c.Unpair(ctx, old)
	}
	if err != nil && !errors.Is(err, ErrNotFound) { // forgotten already
		return id, fmt.Errorf("sign %s hangs there now, sign %s is still known: %w", id, old, err)
	}
	return id, nil
}

// Pairing is one line of a list of signs to pair.
type Pairing struct {
	Line int // from 1
	Code string
	Room string // address or name of a room, "" for none
	Name string // of the sign, "" for the room's
}

// PairFault is what is wrong with a line of a list of pairings.
type PairFault string

// The faults. The first five keep the whole list from being used.
const (
	PairNoCSV     PairFault = "csv"      // not CSV with one to three fields
	PairBadCode   PairFault = "code"     // not 8 characters of a pairing code
	PairTwice     PairFault = "twice"    // the code of another line
	PairNoRoom    PairFault = "room"     // no room of that address or name, or several
	PairMany      PairFault = "many"     // too many lines or bytes, or none
	PairUnknown   PairFault = "unknown"  // no sign shows this code
	PairAlready   PairFault = "already"  // this code was used: the sign is paired
	PairTooMany   PairFault = "tries"    // not tried: too many wrong codes
	PairNotJoined PairFault = "not-told" // the sign could not be told
)

// PairProblem is one line that was not paired.
type PairProblem struct {
	Line  int
	Fault PairFault
	Text  string // the field that is wrong, clipped
}

// PairList pairs the signs of a list in CSV: code, room and name of each, where
// the code may be the address of a QR code and the last two may be left out. A
// first line "code,room,name" is skipped. When a line is malformed or names no
// room nothing is done; otherwise each line is paired by itself. It returns how
// many were paired and what is wrong with the others.
func (c *Core) PairList(ctx context.Context, r io.Reader) (n int, problems []PairProblem, err error) {
	lines, problems := readPairings(r)
	if len(problems) > 0 {
		return 0, problems, nil
	}
	rooms, err := c.store.Rooms(ctx)
	if err != nil {
		return 0, nil, err
	}
	chosen := make([]calendar.RoomID, len(lines))
	for i, l := range lines {
		id, ok := findRoom(rooms, l.Room)
		if !ok {
			problems = append(problems, PairProblem{l.Line, PairNoRoom, clipped(l.Room)})
		}
		chosen[i] = id
	}
	if len(problems) > 0 {
		return 0, problems, nil
	}
	for i, l := range lines {
		_, err := c.Pair(ctx, l.Code, l.Name, chosen[i])
		var spent *SpentCodeError
		switch {
		case err == nil:
			n++
		case errors.As(err, &spent) && spent.Sign != "":
			problems = append(problems, PairProblem{l.Line, PairAlready, l.Code})
		case errors.Is(err, devices.ErrUnknownCode):
			problems = append(problems, PairProblem{l.Line, PairUnknown, l.Code})
		case errors.Is(err, ErrTooMany):
			problems = append(problems, PairProblem{l.Line, PairTooMany, l.Code})
		case ctx.Err() != nil:
			return n, problems, ctx.Err()
		default:
			c.log.Warn("pair from a list", "line", l.Line, "err", err)
			problems = append(problems, PairProblem{l.Line, PairNotJoined, l.Code})
		}
	}
	return n, problems, nil
}

// readPairings reads a list; with any problem it is not to be used.
func readPairings(r io.Reader) (lines []Pairing, problems []PairProblem) {
	data, err := io.ReadAll(io.LimitReader(r, maxPairingFile+1))
	if err != nil || len(data) > maxPairingFile {
		return nil, []PairProblem{{1, PairMany, ""}}
	}
	text := strings.ToValidUTF8(strings.TrimPrefix(string(data), "\ufeff"), "\ufffd")
	reader := csv.NewReader(strings.NewReader(text))
	reader.FieldsPerRecord, reader.TrimLeadingSpace = -1, true
	if first, _, _ := strings.Cut(text, "\n"); strings.Count(first, ";") > strings.Count(first, ",") {
		reader.Comma = ';' // as spreadsheets of many countries write it
	}
	codes := map[string]bool{}
	for {
		record, err := reader.Read()
		var wrong *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			if len(lines)+len(problems) == 0 {
				problems = append(problems, PairProblem{1, PairMany, ""})
			}
			return lines, problems
		case errors.As(err, &wrong):
			return nil, append(problems, PairProblem{wrong.StartLine, PairNoCSV, ""})
		case err != nil, len(lines) == maxPairings, len(problems) == maxProblems:
			return nil, append(problems, PairProblem{1, PairMany, ""})
		}
		line, _ := reader.FieldPos(0)
		l := Pairing{Line: line}
		for i, to := range []*string{&l.Code, &l.Room, &l.Name} {
			if i < len(record) {
				*to = strings.TrimSpace(record[i])
			}
		}
		if len(lines)+len(problems) == 0 && strings.EqualFold(l.Code, "code") {
			continue
		}
		l.Code = normalizeCode(scannedCode(l.Code))
		switch {
		case len(record) > 3:
			problems = append(problems, PairProblem{line, PairNoCSV, ""})
		case len(l.Code) != 8 || strings.Trim(l.Code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
			problems = append(problems, PairProblem{line, PairBadCode, clipped(l.Code)})
		case codes[l.Code]:
			problems = append(problems, PairProblem{line, PairTwice, l.Code})
		case len([]rune(l.Name)) > 80:
			problems = append(problems, PairProblem{line, PairNoCSV, clipped(l.Name)})
		default:
			codes[l.Code] = true
			lines = append(lines, l)
		}
	}
}

// findRoom finds a room by address, or by a name that only one room has.
func findRoom(rooms []calendar.Room, text string) (calendar.RoomID, bool) {
	if text == "" {
		return "", true
	}
	var found []calendar.RoomID
	for _, r := range rooms {
		if r.Gone {
			continue
		}
		if r.ID == calendar.NewRoomID(text) {
			return r.ID, true
		}
		if strings.EqualFold(r.Name, text) {
			found = append(found, r.ID)
		}
	}
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}

func clipped(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
