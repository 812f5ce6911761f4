package wire

import (
	"encoding/hex"
	"strings"
	"testing"
)

// A genuine manifest of an older epoch, or of the same one and an older number,
// changes nothing and is reported, however great the other number is; so is the
// same number with another body [DL-MAN-6].
func TestCEpochs(t *testing.T) {
	t.Parallel()
	w := openWorld(t, buildRenew(t), true, true)
	force, err := ParseBody(w.body)
	if err != nil {
		t.Fatal(err)
	}
	force.Epoch, force.Seq = 3, 7
	if w.body, err = force.Append(nil); err != nil {
		t.Fatal(err)
	}
	w.insist(0, func() bool { return w.shown })
	const bodyRecord = 2
	before := hex.EncodeToString(w.record(bodyRecord))
	for _, tt := range []struct {
		name       string
		epoch, seq uint32
		change     int32 // 1: another size of the object, -1: of the panel
		want       string
	}{
		{"older epoch, greater number", force.Epoch - 1, force.Seq + 1000, 0, cNoteError + "3"},
		{"older number", force.Epoch, force.Seq - 1, 0, cNoteError + "3"},
		{"same number, other body", force.Epoch, force.Seq, 1, cNoteError + "4"},
		{"another panel", force.Epoch + 1, 1, -1, cNoteError + "10"},
	} {
		body := force
		body.Epoch, body.Seq = tt.epoch, tt.seq
		body.Steps = append([]Step(nil), force.Steps...)
		if tt.change > 0 {
			body.Steps[0].Size--
		}
		if tt.change < 0 {
			body.Width += 8
		}
		data, err := body.Append(nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		key := w.keys(0).Manifest
		message, err := AppendManifest(nil, data, 1700000000000, 600, 0, &key, cSignID)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		said := strings.TrimSpace(strings.Join(w.since("message want "+hex.EncodeToString(message)), " "))
		if !strings.HasPrefix(said, tt.want+" ") {
			t.Errorf("%s: the sign says\n%s\nwant %q", tt.name, said, tt.want)
		}
		if got := hex.EncodeToString(w.record(bodyRecord)); got != before {
			t.Errorf("%s: it is in force", tt.name)
		}
	}
}
