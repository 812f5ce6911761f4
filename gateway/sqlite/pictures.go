package sqlite

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"doorleaf/devices"
	"doorleaf/gateway"
	"doorleaf/render/mono"
)

// maxPicture bounds the rows of a picture, in bytes; the largest panel of the
// catalogue has 0.33 MB.
const maxPicture = 4 << 20

// packedPicture is a picture on its way into the store. deflated is nil when it
// was there already a moment ago.
type packedPicture struct {
	digest   devices.Digest
	image    *mono.Image
	deflated []byte
}

// pack names and deflates pictures on the caller's goroutine, so that the
// writer does not have to. Pictures that are stored are not deflated again.
func (s *Store) pack(ctx context.Context, pictures []*mono.Image) ([]packedPicture, error) {
	packed := make([]packedPicture, 0, len(pictures))
	for _, m := range pictures {
		if err := checkPicture(m); err != nil {
			return nil, err
		}
		p := packedPicture{digest: m.Digest(), image: m}
		if _, err := pictureKey(s.reads.view(ctx), p.digest); errors.Is(err, sql.ErrNoRows) {
			p.deflated = s.deflate(m.Pix)
		} else if err != nil {
			return nil, err
		}
		packed = append(packed, p)
	}
	return packed, nil
}

// HasPicture implements gateway.WantStore.
func (s *Store) HasPicture(ctx context.Context, d devices.Digest) (bool, error) {
	_, err := pictureKey(s.reads.view(ctx), d)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, failed("has picture", err)
}

func checkPicture(m *mono.Image) error {
	if m == nil {
		return fmt.Errorf("%w: nil picture", gateway.ErrInvalid)
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	if w < 1 || h < 1 || w > 16384 || h > 16384 || m.Stride != (w+7)/8 || len(m.Pix) != m.Stride*h {
		return fmt.Errorf("%w: picture of %d by %d pixels in %d bytes", gateway.ErrInvalid, w, h, len(m.Pix))
	}
	return within("picture", len(m.Pix), maxPicture)
}

func (s *Store) deflate(pix []byte) []byte {
	var b bytes.Buffer
	f, _ := s.flates.Get().(*flate.Writer)
	if f == nil {
		f, _ = flate.NewWriter(&b, flate.BestSpeed) // fails for unknown levels only
	} else {
		f.Reset(&b)
	}
	f.Write(pix) // a bytes.Buffer takes everything
	f.Close()
	s.flates.Put(f)
	return b.Bytes()
}

// inflate unpacks rows of w by h pixels; more or fewer bytes are an error.
func inflate(deflated []byte, w, h int) (*mono.Image, error) {
	if w < 1 || h < 1 || (w+7)/8*h > maxPicture {
		return nil, fmt.Errorf("stored picture of %d by %d pixels", w, h)
	}
	m := mono.New(w, h)
	f := flate.NewReader(bytes.NewReader(deflated))
	if _, err := io.ReadFull(f, m.Pix); err != nil {
		return nil, fmt.Errorf("stored picture: %w", err)
	}
	if n, err := f.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return nil, errors.New("stored picture: more bytes than pixels")
	}
	return m, nil
}

func pictureKey(q querier, d devices.Digest) (n int64, err error) {
	err = q.get(`SELECT n FROM pictures WHERE digest = ?`, []any{d[:]}, &n)
	return n, err
}

// wantedPictures returns the keys of the pictures that the sign's want needs.
func wantedPictures(q querier, sign int64) (map[int64]bool, error) {
	keys := make(map[int64]bool)
	err := q.each(`SELECT picture FROM want_pictures WHERE sign = ?`, []any{sign}, func(row rowScanner) error {
		var n int64
		err := row.Scan(&n)
		keys[n] = true
		return err
	})
	return keys, err
}

// putPictures stores the pictures and makes the sign refer to them and to those
// stored before that the want names. With tidy, pictures nobody needs any more
// go.
func (s *Store) putPictures(t *tx, sign int64, w gateway.Want, packed []packedPicture, tidy bool) error {
	next := make(map[int64]bool, len(packed)+2)
	seen := make(map[devices.Digest]bool, len(packed)+2)
	for _, p := range packed {
		if seen[p.digest] {
			continue
		}
		seen[p.digest] = true
		n, err := s.putPicture(t, p)
		if err != nil {
			return err
		}
		next[n] = true
	}
	for _, d := range named(w) {
		if d.IsZero() || seen[d] {
			continue
		}
		seen[d] = true
		n, err := pictureKey(t, d)
		if err == nil {
			next[n] = true
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	if !tidy {
		for n := range next {
			if err := t.exec(`INSERT OR IGNORE INTO want_pictures (sign, picture) VALUES (?, ?)`, sign, n); err != nil {
				return err
			}
		}
		return nil
	}
	old, err := wantedPictures(t, sign)
	if err != nil {
		return err
	}
	return referTo(t, sign, old, next)
}

// named returns the digests that the want names.
func named(w gateway.Want) []devices.Digest {
	list := []devices.Digest{w.Stale, w.Base}
	for _, s := range w.Steps {
		list = append(list, s.Digest)
	}
	return list
}

func (s *Store) putPicture(t *tx, p packedPicture) (int64, error) {
	n, err := pictureKey(t, p.digest)
	if !errors.Is(err, sql.ErrNoRows) {
		return n, err
	}
	if p.deflated == nil { // removed since pack looked
		p.deflated = s.deflate(p.image.Pix)
	}
	return t.insert(`INSERT INTO pictures (digest, width, height, deflated) VALUES (?, ?, ?, ?)`,
		p.digest[:], p.image.Rect.Dx(), p.image.Rect.Dy(), p.deflated)
}

func referTo(t *tx, sign int64, old, next map[int64]bool) error {
	for n := range next {
		if old[n] {
			continue
		}
		if err := t.exec(`INSERT INTO want_pictures (sign, picture) VALUES (?, ?)`, sign, n); err != nil {
			return err
		}
	}
	for n := range old {
		if next[n] {
			continue
		}
		if err := t.exec(`DELETE FROM want_pictures WHERE sign = ? AND picture = ?`, sign, n); err != nil {
			return err
		}
		if err := dropPicture(t, n); err != nil {
			return err
		}
	}
	return nil
}

// dropPicture removes the picture unless a want names it or a sign shows it.
func dropPicture(t *tx, n int64) error {
	return t.exec(`DELETE FROM pictures WHERE n = ?1
		AND NOT EXISTS (SELECT 1 FROM want_pictures WHERE picture = ?1)
		AND NOT EXISTS (SELECT 1 FROM sign_status WHERE shown = pictures.digest)`, n)
}

// dropDigest is dropPicture by digest; an unknown picture is no error.
func dropDigest(t *tx, d devices.Digest) error {
	if d.IsZero() {
		return nil
	}
	n, err := pictureKey(t, d)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	} else if err != nil {
		return err
	}
	return dropPicture(t, n)
}

// Picture implements gateway.WantStore. The picture is checked against its
// digest.
func (s *Store) Picture(ctx context.Context, d devices.Digest) (m *mono.Image, err error) {
	err = s.read(ctx, "picture", func(q querier) error {
		var w, h int
		var deflated []byte
		if err := q.get(`SELECT width, height, deflated FROM pictures WHERE digest = ?`, []any{d[:]}, &w, &h, &deflated); err != nil {
			return err
		}
		m, err = inflate(deflated, w, h)
		if err == nil && m.Digest() != d {
			return errors.New("stored picture does not match its digest")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}
