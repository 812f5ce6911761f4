package storetest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"testing"

	"doorleaf/gateway"
)

// asset returns a picture of so many bytes that begin with n.
func asset(name string, n, size int) (gateway.Asset, []byte) {
	file := bytes.Repeat([]byte{byte(n), byte(n >> 8), 3, 5, 8}, size/5+1)[:size]
	return gateway.Asset{Name: name, Content: sha256.Sum256(file), Bytes: size, Style: gateway.DrawingStyle, Added: noon,
		Size: image.Pt(640, 200), Ink: image.Rect(10, 20, 630, 180)}, file
}

func testAssets(s *suite) {
	ctx := s.Context()
	logo, file := asset(gateway.LogoName, 1, gateway.MaxAssetBytes)
	s.ok(s.PutAsset(ctx, logo, file))
	plan, planFile := asset("floor plan 2", 2, 100)
	plan.Style = gateway.PhotoStyle
	s.ok(s.PutAsset(ctx, plan, planFile))
	s.assets("two", plan, logo)
	s.file("logo", logo, file)

	same := logo
	same.Name = "another name"
	s.ok(s.PutAsset(ctx, same, file))
	s.ok(s.RemoveAsset(ctx, logo.Name))
	s.assets("the name is gone", same, plan)
	s.file("a file with another name", same, file)

	next, nextFile := asset(same.Name, 3, 7)
	next.Added, next.Size, next.Ink = noon.AddDate(0, 0, 1), image.Pt(3, 4), image.Rect(0, 0, 3, 4)
	s.ok(s.PutAsset(ctx, next, nextFile))
	s.assets("replaced", next, plan)
	s.file("replaced", next, nextFile)
	_, err := s.AssetFile(ctx, same.Content)
	s.fails("a file that no picture has", err, gateway.ErrNotFound)

	s.Store = s.reopen(s.T, s.Store)
	s.assets("after reopening", next, plan)
	s.file("after reopening", plan, planFile)
	s.ok(s.RemoveAsset(ctx, next.Name))
	s.fails("removed again", s.RemoveAsset(ctx, next.Name), gateway.ErrNotFound)
	_, err = s.AssetFile(ctx, next.Content)
	s.fails("file of a removed picture", err, gateway.ErrNotFound)
}

func testAssetBounds(s *suite) {
	ctx := s.Context()
	for name, change := range map[string]func(a *gateway.Asset, file *[]byte){
		"no name":        func(a *gateway.Asset, _ *[]byte) { a.Name = "" },
		"capitals":       func(a *gateway.Asset, _ *[]byte) { a.Name = "Logo" },
		"markup":         func(a *gateway.Asset, _ *[]byte) { a.Name = "<b>" },
		"no style":       func(a *gateway.Asset, _ *[]byte) { a.Style = "" },
		"another length": func(a *gateway.Asset, _ *[]byte) { a.Bytes++ },
		"another file":   func(_ *gateway.Asset, f *[]byte) { *f = append([]byte{9}, (*f)[1:]...) },
		"empty":          func(a *gateway.Asset, f *[]byte) { *a, *f = asset("x", 1, 0) },
		"too long":       func(a *gateway.Asset, f *[]byte) { *a, *f = asset("x", 1, gateway.MaxAssetBytes+1) },
	} {
		s.Run(name, func(t *testing.T) {
			a, file := asset("x", 1, 10)
			change(&a, &file)
			s.fails(name, s.PutAsset(ctx, a, file), gateway.ErrInvalid)
		})
	}
	s.assets("nothing of it is kept")
	for n := range gateway.MaxAssets {
		a, file := asset(fmt.Sprint("picture ", n), n, 9)
		s.ok(s.PutAsset(ctx, a, file))
	}
	a, file := asset("one more", 99, 9)
	s.fails("one more", s.PutAsset(ctx, a, file), gateway.ErrTooMany)
	_, err := s.AssetFile(ctx, a.Content)
	s.fails("its file", err, gateway.ErrNotFound)
	a.Name = "picture 3"
	s.ok(s.PutAsset(ctx, a, file))
	_, old := asset("", 3, 9)
	_, err = s.AssetFile(ctx, sha256.Sum256(old))
	s.fails("the file in whose place it came", err, gateway.ErrNotFound)
}

func (s *suite) assets(what string, want ...gateway.Asset) {
	s.Helper()
	list, err := s.Assets(s.Context())
	s.ok(err)
	s.equal(what, list, want)
}

func (s *suite) file(what string, a gateway.Asset, want []byte) {
	s.Helper()
	got, err := s.AssetFile(s.Context(), a.Content)
	s.ok(err)
	if !bytes.Equal(got, want) {
		s.Errorf("%s: got a file of %d bytes, want %d others", what, len(got), len(want))
	}
}
