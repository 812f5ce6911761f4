package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/gateway/rollout"
)

// fakeFirmware is firmware in memory: a file is a release when it begins with
// "DLF".
type fakeFirmware struct {
	list   []gateway.RolloutView
	makers []gateway.Maker
	hold   time.Duration
	first  devices.SignID
}

func (f *fakeFirmware) Rollouts(context.Context) ([]gateway.RolloutView, error) { return f.list, nil }
func (f *fakeFirmware) Makers(context.Context) ([]gateway.Maker, error)         { return f.makers, nil }

func (f *fakeFirmware) AddRelease(_ context.Context, file []byte) (devices.Release, error) {
	if len(file) < 3 || string(file[:3]) != "DLF" {
		return devices.Release{}, gateway.ErrInvalid
	}
	r := devices.Release{Model: "800x480", Version: "2.1.0", Number: 21, Size: len(file), Image: sha256.Sum256(file)}
	for _, v := range f.list {
		if v.Release.Image == r.Image {
			return r, gateway.ErrConflict
		}
	}
	f.list = append(f.list, gateway.RolloutView{Rollout: rollout.Rollout{Release: r, State: rollout.Waiting, Added: time.Now()}, Count: rollout.Count{Signs: 1},
		Signs: []gateway.RolloutSign{{ID: "abcdefghijklmnop", Name: "Aalto"}}})
	return r, nil
}

func (f *fakeFirmware) set(image devices.ObjectHash, from, to rollout.State) error {
	for i := range f.list {
		if r := &f.list[i]; r.Release.Image == image {
			if r.State != from {
				return gateway.ErrConflict
			}
			r.State = to
			return nil
		}
	}
	return gateway.ErrNotFound
}

func (f *fakeFirmware) StartRollout(_ context.Context, image devices.ObjectHash, first devices.SignID, hold time.Duration) error {
	f.first, f.hold = first, hold
	return f.set(image, rollout.Waiting, rollout.Running)
}

func (f *fakeFirmware) PauseRollout(_ context.Context, image devices.ObjectHash) error {
	return f.set(image, rollout.Running, rollout.Paused)
}

func (f *fakeFirmware) ResumeRollout(_ context.Context, image devices.ObjectHash) error {
	return f.set(image, rollout.Paused, rollout.Running)
}

func (f *fakeFirmware) RemoveRelease(_ context.Context, image devices.ObjectHash) error {
	if err := f.set(image, rollout.Paused, "removed"); err != nil {
		return err
	}
	f.list = slices.DeleteFunc(f.list, func(v gateway.RolloutView) bool { return v.State == "removed" })
	return nil
}

func (f *fakeFirmware) AddMaker(_ context.Context, name, key string) error {
	b, err := hex.DecodeString(key)
	if err != nil || len(b) != 32 || name == "" {
		return gateway.ErrInvalid
	}
	f.makers = append(f.makers, gateway.Maker{Name: name, Key: b})
	return nil
}

func (f *fakeFirmware) RemoveMaker(_ context.Context, key string) error {
	n := len(f.makers)
	f.makers = slices.DeleteFunc(f.makers, func(m gateway.Maker) bool { return hex.EncodeToString(m.Key) == key })
	if len(f.makers) == n {
		return gateway.ErrNotFound
	}
	return nil
}

// fillFirmware gives the office releases in every state.
func (o *office) fillFirmware() {
	o.firmware.makers = []gateway.Maker{{Name: "Inkplate Works", Key: make([]byte, 32)}}
	release := func(model, version string, number uint32) devices.Release {
		return devices.Release{Model: model, Version: version, Number: number, Size: 412_000, Image: sha256.Sum256([]byte(model + version))}
	}
	o.firmware.list = []gateway.RolloutView{
		{Rollout: rollout.Rollout{Release: release("800x480", "2.1.0", 21), State: rollout.Running, Stage: 2, Since: o.now.Add(-5 * time.Hour), Hold: 24 * time.Hour, Added: o.now.Add(-50 * time.Hour)},
			Count: rollout.Count{Signs: 184, Quota: 46, Offered: 40, Runs: 38, Failed: 1, Refused: 1},
			Signs: []gateway.RolloutSign{
				{ID: "abcdefghijklmnop", Name: "Aalto", Number: 20, Mark: rollout.Mark{Offered: o.now, Failed: o.now, Code: devices.ErrFirmwareBack}},
				{ID: "abcdefghijklmnoq", Name: "Lovelace", Number: 20, Mark: rollout.Mark{Offered: o.now, Failed: o.now, Code: devices.ErrFirmwareRefused}}}},
		{Rollout: rollout.Rollout{Release: release("296x128", "1.4.2", 9), State: rollout.Waiting, Added: o.now},
			Count: rollout.Count{Signs: 2}, Signs: []gateway.RolloutSign{{ID: "abcdefghijklmnor", Name: "Nook 1", Number: 8}, {ID: "abcdefghijklmnos", Name: "Nook 2", Number: 8}}},
		{Rollout: rollout.Rollout{Release: release("1304x984", "1.0.9", 4), State: rollout.Stopped, Why: rollout.Silent, Stage: 1, Added: o.now.Add(-200 * time.Hour)},
			Count: rollout.Count{Signs: 24, Quota: 2, Offered: 2, Runs: 1, Silent: 1},
			Signs: []gateway.RolloutSign{{ID: "abcdefghijklmnot", Name: "Auditorium", Number: 3, Silent: true, Mark: rollout.Mark{Offered: o.now}}}},
		{Rollout: rollout.Rollout{Release: release("400x300", "1.4.1", 8), State: rollout.Paused, Stage: 1, Added: o.now.Add(-300 * time.Hour)},
			Count: rollout.Count{Signs: 60, Quota: 3, Offered: 2, Runs: 2}},
		{Rollout: rollout.Rollout{Release: release("648x480", "1.2.0", 5), State: rollout.Done, Stage: 3, Added: o.now.Add(-900 * time.Hour)},
			Count: rollout.Count{Signs: 31, Quota: 31, Offered: 31, Runs: 31}},
	}
}
