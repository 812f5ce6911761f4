package health

import (
	"strconv"
	"strings"
)

// firmware is the newest release of a model.
type firmware struct {
	number uint32
	text   string
}

// newest finds the firmware that signs of a model should run: what is rolled
// out, else the newest that several of them run. One sign alone proves nothing:
// it may lie.
func newest(h House) map[string]firmware {
	type release struct {
		model string
		firmware
	}
	runs := map[release]int{}
	for _, s := range h.Signs {
		runs[release{s.Model, firmware{s.FirmwareNo, s.Firmware}}]++
	}
	best := map[string]firmware{}
	for r, n := range runs {
		target, fixed := h.Target[r.model]
		switch have, ok := best[r.model]; {
		case fixed && r.number != target, !fixed && n < signsToTrust:
		case !ok, r.number > have.number, r.number == have.number && laterText(r.text, have.text):
			best[r.model] = r.firmware
		}
	}
	for model, number := range h.Target {
		if _, ok := best[model]; !ok {
			best[model] = firmware{number: number}
		}
	}
	return best
}

// newer reports whether f is newer than what a sign runs.
func (f firmware) newer(s Sign) bool {
	if f.number != 0 && s.FirmwareNo != 0 {
		return f.number > s.FirmwareNo
	}
	return f.number == 0 && s.FirmwareNo == 0 && f.text != "" && s.Firmware != "" && laterText(f.text, s.Firmware)
}

// laterText compares versions like 1.10.2 by their numbers, other text not at
// all.
func laterText(a, b string) bool {
	x, y := numbers(a), numbers(b)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] > y[i]
		}
	}
	return len(y) > 0 && len(x) > len(y)
}

// numbers are the leading numbers of a version, nil when it has none.
func numbers(text string) []int {
	var list []int
	for _, part := range strings.Split(strings.TrimPrefix(strings.ToLower(text), "v"), ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			break
		}
		list = append(list, n)
	}
	return list
}
