package gateway

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"doorleaf/devices"
)

// Limits of a factory's file [DL-FAC-1].
const (
	maxFactorySigns = 10_000
	maxFactoryFile  = 4 << 20 // bytes
	maxFactoryText  = 64      // bytes of model and serial
	maxSide         = 16384   // pixels
	maxProblems     = 50
)

// FactorySign is a sign that left its factory with a secret.
type FactorySign struct {
	Sign       Sign
	Credential devices.Credential
}

// FactoryFault is what is wrong with a line of a factory's file.
type FactoryFault string

// The faults.
const (
	FaultEncoding FactoryFault = "encoding" // not UTF-8, or not CSV
	FaultHeader   FactoryFault = "header"   // not id,secret,model,serial,width,height
	FaultColumns  FactoryFault = "columns"  // not six fields
	FaultID       FactoryFault = "id"       // not 16 characters of a-z and 2-7
	FaultSecret   FactoryFault = "secret"   // not 64 hexadecimal digits, or not random
	FaultText     FactoryFault = "text"     // model or serial is longer than 64 or not printable ASCII
	FaultSize     FactoryFault = "size"     // width or height is not 1 to 16384
	FaultTwice    FactoryFault = "twice"    // id or secret of another line
	FaultKnown    FactoryFault = "known"    // a sign with this id is here already
	FaultMany     FactoryFault = "many"     // more than 10,000 lines or 4 MiB
	FaultEmpty    FactoryFault = "empty"    // no sign in it
)

// FactoryProblem is one fault of a factory's file. It never quotes the line,
// which holds a secret.
type FactoryProblem struct {
	Line  int // from 1, of the file
	Fault FactoryFault
}

// factoryLine is one sign as the file says it.
type factoryLine struct {
	line          int
	id            devices.SignID
	secret        []byte
	model, serial string
	width, height int
}

// readFactory reads a whole file. With any problem the signs are not to be
// used. At most maxProblems are told.
func readFactory(r io.Reader) ([]factoryLine, []FactoryProblem, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFactoryFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read factory file: %w", err)
	}
	fault := func(line int, f FactoryFault) ([]factoryLine, []FactoryProblem, error) {
		return nil, []FactoryProblem{{line, f}}, nil
	}
	if len(data) > maxFactoryFile {
		return fault(1, FaultMany)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bad := firstInvalid(data); bad >= 0 {
		return fault(1+bytes.Count(data[:bad], []byte("\n")), FaultEncoding)
	}
	c := csv.NewReader(bytes.NewReader(data))
	c.FieldsPerRecord, c.ReuseRecord = -1, true
	var f factoryFile
	for {
		record, err := c.Read()
		var wrong *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return f.end()
		case errors.As(err, &wrong):
			f.problem(wrong.StartLine, FaultEncoding)
			return nil, f.problems, nil
		case err != nil:
			return nil, nil, fmt.Errorf("read factory file: %w", err)
		}
		line, _ := c.FieldPos(0)
		if !f.take(line, record) {
			return nil, f.problems, nil
		}
	}
}

// firstInvalid is the offset of the first byte that is not UTF-8, -1 for none.
func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// factoryFile is a file that is being read.
type factoryFile struct {
	header   bool
	lines    []factoryLine
	problems []FactoryProblem
	ids      map[devices.SignID]bool
	secrets  map[string]bool
}

func (f *factoryFile) problem(line int, fault FactoryFault) {
	if len(f.problems) < maxProblems {
		f.problems = append(f.problems, FactoryProblem{line, fault})
	}
}

func (f *factoryFile) end() ([]factoryLine, []FactoryProblem, error) {
	if !f.header {
		f.problem(1, FaultHeader)
	} else if len(f.lines) == 0 && len(f.problems) == 0 {
		f.problem(1, FaultEmpty)
	}
	return f.lines, f.problems, nil
}

// take takes one record; false when the rest is not worth reading.
func (f *factoryFile) take(line int, record []string) bool {
	if !f.header {
		f.header, f.ids, f.secrets = true, map[devices.SignID]bool{}, map[string]bool{}
		if strings.Join(record, ",") != "id,secret,model,serial,width,height" {
			f.problem(line, FaultHeader)
			return false
		}
		return true
	}
	if len(f.lines) == maxFactorySigns {
		f.problem(line, FaultMany)
		return false
	}
	l, fault := parseFactoryLine(line, record)
	if fault == "" && (f.ids[l.id] || f.secrets[string(l.secret)]) {
		fault = FaultTwice
	}
	if fault != "" {
		f.problem(line, fault)
		return len(f.problems) < maxProblems
	}
	f.ids[l.id], f.secrets[string(l.secret)] = true, true
	f.lines = append(f.lines, l)
	return true
}

func parseFactoryLine(line int, record []string) (l factoryLine, fault FactoryFault) {
	if len(record) != 6 {
		return l, FaultColumns
	}
	// The record is used again by the reader, its strings are not.
	l = factoryLine{line: line, id: devices.SignID(record[0]), model: record[2], serial: record[3]}
	if !isSignID(record[0]) {
		return l, FaultID
	}
	secret, err := hex.DecodeString(record[1])
	if err != nil || len(secret) != 32 || !looksRandom(secret) {
		return l, FaultSecret
	}
	l.secret = secret
	if !isPlainText(l.model) || !isPlainText(l.serial) {
		return l, FaultText
	}
	var errW, errH error
	l.width, errW = strconv.Atoi(record[4])
	l.height, errH = strconv.Atoi(record[5])
	if errW != nil || errH != nil || l.width < 1 || l.width > maxSide || l.height < 1 || l.height > maxSide {
		return l, FaultSize
	}
	return l, ""
}

// isSignID reports whether s has the form of a sign's id [DL-TOP-2].
func isSignID(s string) bool {
	return len(s) == 16 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// looksRandom refuses a secret of few different bytes, such as an empty field
// filled up: 32 random ones have 16 or more but for one in 2^50 secrets.
func looksRandom(secret []byte) bool {
	var seen [256]bool
	different := 0
	for _, b := range secret {
		if !seen[b] {
			seen[b] = true
			different++
		}
	}
	return different >= 16
}

func isPlainText(s string) bool {
	return len(s) <= maxFactoryText && strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0
}

// ImportFactory takes signs with their secrets from a factory's CSV file
// [DL-FAC-1]: they are paired, without a room, and their secret is renewed when
// they first call. It returns how many; with any problem none.
func (c *Core) ImportFactory(ctx context.Context, r io.Reader) (n int, problems []FactoryProblem, err error) {
	lines, problems, err := readFactory(r)
	if err != nil || len(problems) > 0 {
		return 0, problems, err
	}
	if problems, err = c.knownSigns(ctx, lines); err != nil || len(problems) > 0 {
		return 0, problems, err
	}
	signs := make([]FactorySign, len(lines))
	for i, l := range lines {
		name := "Sign " + string(l.id[len(l.id)-4:])
		if l.serial != "" {
			name = l.serial
		}
		signs[i] = FactorySign{
			Sign: Sign{ID: l.id, Name: name, PairedAt: time.Now(),
				Hardware: devices.Hardware{Model: l.model, Serial: l.serial, Width: l.width, Height: l.height}},
			Credential: c.wire.Credential(l.id, l.secret),
		}
	}
	if err := c.store.AddFactorySigns(ctx, signs); err != nil {
		if !errors.Is(err, ErrConflict) {
			return 0, nil, fmt.Errorf("import signs: %w", err)
		}
		if problems, err = c.knownSigns(ctx, lines); err == nil && len(problems) == 0 {
			err = ErrConflict
		}
		return 0, problems, err
	}
	for _, s := range signs {
		c.signs.entry(s.Sign.ID)
		c.signs.bind(s.Sign.ID, "")
		c.queue.put(job{sign: s.Sign.ID}, false)
	}
	c.watch.notify()
	c.log.Info("signs imported from a factory's file", "count", len(signs))
	return len(signs), nil, nil
}

// knownSigns finds the lines whose signs are here already.
func (c *Core) knownSigns(ctx context.Context, lines []factoryLine) ([]FactoryProblem, error) {
	signs, err := c.store.Signs(ctx)
	if err != nil {
		return nil, err
	}
	known := map[devices.SignID]bool{}
	for _, s := range signs {
		known[s.ID] = true
	}
	var f factoryFile
	for _, l := range lines {
		if known[l.id] {
			f.problem(l.line, FaultKnown)
		}
	}
	return f.problems, nil
}
