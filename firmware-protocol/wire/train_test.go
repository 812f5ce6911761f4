package wire

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var trainOn = flag.String("train", "", "a `folder` of training frames, as firmware-protocol/measure draws them: make the start weights anew")

// TestTrain makes the start weights [DL-TAB-1] of both profiles from frames
// "n.pbm", each with "n.base.pbm" if there is a reference.
func TestTrain(t *testing.T) {
	if *trainOn == "" {
		return // only firmware-protocol/measure asks for it
	}
	files, err := filepath.Glob(filepath.Join(*trainOn, "*.pbm"))
	if err != nil || len(files) == 0 {
		t.Fatal("no frames", err)
	}
	var frames []pair
	for _, file := range files {
		name, isFrame := strings.CutSuffix(file, ".pbm")
		if strings.HasSuffix(name, ".base") || !isFrame {
			continue
		}
		p := pair{next: readPBM(t, file)}
		if base := name + ".base.pbm"; exists(base) {
			p.ref = ptr(readPBM(t, base))
		}
		frames = append(frames, p)
	}
	for _, p := range []profile{small, full} {
		start := train(p, frames)
		if err := os.WriteFile(fmt.Sprintf("tables/%s.bin", [...]string{"small", "full"}[p]), start, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func readPBM(t *testing.T, file string) Bitmap {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var w, h int
	if _, err := fmt.Fscanf(bytes.NewReader(data), "P4\n%d %d\n", &w, &h); err != nil {
		t.Fatal(file, err)
	}
	b := NewBitmap(w, h)
	copy(b.Pix, data[len(data)-len(b.Pix):])
	return b
}

// decision is one decision of training: its weights and what it was.
type decision struct {
	weights []uint16
	bit     byte
}

// most bounds the decisions taken from one frame, so that dithered ones do not
// outweigh the rest.
const most = 150000

// train follows the gradient of the code length over all frames, first without
// references, then the weights for references alone, whose frames have both.
func train(p profile, frames []pair) []byte {
	order := rand.New(rand.NewPCG(5, 8))
	weights := make([]float64, p.weights())
	var alone, referred [][]decision
	for _, f := range frames {
		if f.ref == nil {
			alone = append(alone, decisions(p, f))
		} else {
			referred = append(referred, decisions(p, f))
		}
	}
	const first = 0.05
	for epoch := range 6 {
		rate := first * math.Pow(0.5, float64(epoch))
		for _, i := range order.Perm(len(alone)) {
			descend(weights, alone[i], rate, nil)
		}
	}
	// The weights of pixels stay, but adapt within a frame as they will in a
	// decoder.
	from := tables * p.pixels()
	for epoch := range 6 {
		rate := first * math.Pow(0.5, float64(epoch))
		for _, i := range order.Perm(len(referred)) {
			descend(weights, referred[i], rate, weights[:from])
		}
	}
	out := make([]byte, len(weights))
	for i, w := range weights {
		out[i] = byte(int8(math.Round(math.Max(-127, math.Min(127, w*16)))))
	}
	return out
}

// descend goes along one frame; the weights in keep have their old values
// after it.
func descend(weights []float64, list []decision, rate float64, keep []float64) {
	kept := append([]float64(nil), keep...)
	for _, d := range list {
		sum := 0.0
		for _, w := range d.weights {
			sum += weights[w]
		}
		if len(d.weights) == 1 {
			sum *= 2
		}
		step := float64(d.bit) - 1/(1+math.Exp(-sum))
		for _, w := range d.weights {
			r := rate
			if int(w) < len(keep) {
				r = 0.125
			}
			weights[w] += r * step
		}
	}
	copy(keep, kept)
}

// decisions lists what a coder would decide.
func decisions(p profile, f pair) (list []decision) {
	w := walker{profile: p, out: NewBitmap(f.next.Width, f.next.Height), ref: f.ref, known: &f.next}
	w.bit = func(weights []int, want int) int {
		if len(list) < most {
			d := decision{bit: byte(want)}
			for _, n := range weights {
				d.weights = append(d.weights, uint16(n))
			}
			list = append(list, d)
		}
		return want
	}
	w.walk()
	return list
}
