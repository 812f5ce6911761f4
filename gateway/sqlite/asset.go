package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"doorleaf/gateway"
)

// PutAsset implements gateway.AssetStore. Equal files are kept once.
func (s *Store) PutAsset(ctx context.Context, a gateway.Asset, file []byte) error {
	if err := a.Check(file); err != nil {
		return failed("put asset", err)
	}
	return s.write(ctx, "put asset", func(t *tx) error {
		others, err := otherAssets(t, a.Name)
		if err == nil && others >= gateway.MaxAssets {
			err = gateway.ErrTooMany
		}
		if err != nil {
			return err
		}
		old, err := assetFile(t, a.Name)
		if err != nil {
			return err
		}
		if err := t.exec(`INSERT INTO asset_files (content, bytes) VALUES (?, ?) ON CONFLICT (content) DO NOTHING`, a.Content[:], file); err != nil {
			return err
		}
		err = t.exec(`INSERT INTO assets (name, file, bytes, style, width, height, ink_x0, ink_y0, ink_x1, ink_y1, added)
			VALUES (?, (SELECT n FROM asset_files WHERE content = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET file = excluded.file, bytes = excluded.bytes, style = excluded.style, width = excluded.width,
			height = excluded.height, ink_x0 = excluded.ink_x0, ink_y0 = excluded.ink_y0, ink_x1 = excluded.ink_x1, ink_y1 = excluded.ink_y1, added = excluded.added`,
			a.Name, a.Content[:], a.Bytes, string(a.Style), a.Size.X, a.Size.Y, a.Ink.Min.X, a.Ink.Min.Y, a.Ink.Max.X, a.Ink.Max.Y, ms(a.Added))
		if err != nil {
			return err
		}
		return dropFile(t, old)
	})
}

// otherAssets counts the pictures that have another name.
func otherAssets(q querier, name string) (n int, err error) {
	err = q.each(`SELECT name FROM assets`, nil, func(row rowScanner) error {
		var other string
		err := row.Scan(&other)
		if other != name {
			n++
		}
		return err
	})
	return n, err
}

// assetFile is the number of a picture's file, 0 when there is no such picture.
func assetFile(q querier, name string) (n int64, err error) {
	err = q.get(`SELECT file FROM assets WHERE name = ?`, []any{name}, &n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

// dropFile removes a file that no picture has any more.
func dropFile(t *tx, n int64) error {
	return t.exec(`DELETE FROM asset_files WHERE n = ? AND NOT EXISTS (SELECT 1 FROM assets WHERE file = ?)`, n, n)
}

// Assets implements gateway.AssetStore.
func (s *Store) Assets(ctx context.Context) (list []gateway.Asset, err error) {
	err = s.read(ctx, "assets", func(q querier) error {
		return q.each(`SELECT name, content, assets.bytes, style, width, height, ink_x0, ink_y0, ink_x1, ink_y1, added
			FROM assets JOIN asset_files ON n = file ORDER BY name`, nil, func(row rowScanner) error {
			var a gateway.Asset
			err := row.Scan(&a.Name, scan32(&a.Content), &a.Bytes, &a.Style, &a.Size.X, &a.Size.Y,
				&a.Ink.Min.X, &a.Ink.Min.Y, &a.Ink.Max.X, &a.Ink.Max.Y, instant{&a.Added})
			list = append(list, a)
			return err
		})
	})
	return list, err
}

// AssetFile implements gateway.AssetStore.
func (s *Store) AssetFile(ctx context.Context, content [32]byte) (file []byte, err error) {
	err = s.read(ctx, "asset file", func(q querier) error {
		return q.get(`SELECT bytes FROM asset_files WHERE content = ?`, []any{content[:]}, &file)
	})
	return file, err
}

// RemoveAsset implements gateway.AssetStore.
func (s *Store) RemoveAsset(ctx context.Context, name string) error {
	return s.write(ctx, "remove asset", func(t *tx) error {
		file, err := assetFile(t, name)
		if err != nil {
			return err
		}
		if err := found(t.affect(`DELETE FROM assets WHERE name = ?`, name)); err != nil {
			return err
		}
		return dropFile(t, file)
	})
}
