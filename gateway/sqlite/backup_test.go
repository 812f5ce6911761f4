package sqlite

import (
	"os"
	"path/filepath"
	"testing"
)

// A store is opened, copied and read whole wherever it lies and however its
// folder is named.
func TestBackupOfAnyPath(t *testing.T) {
	for name, folder := range map[string]string{
		"plain": "doorleaf-data", "deep": "a/b", "space": "door leaf", "question mark": "a?mode=memory", "hash": "a#b",
		"percent": "100%", "escape": "a%20b", "other letters": "Türschilder Таблички 看板", "looks like an address": "file:data",
	} {
		for kind, root := range map[string]string{"relative": "", "dot": "./", "absolute": t.TempDir()} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Chdir(t.TempDir())
				dir := root + folder
				if kind == "absolute" {
					dir = filepath.Join(root, folder)
				}
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				o := temp(t)
				o.Path = dir + "/doorleaf.db"
				store := opened(t, o)
				if err := store.SetSecret(t.Context(), "a", []byte("kept")); err != nil {
					t.Fatal(err)
				}
				copied := dir + "/copy.db"
				if err := Backup(t.Context(), o.Path, copied); err != nil {
					t.Fatal(err)
				}
				if err := Verify(t.Context(), copied); err != nil {
					t.Error(err)
				}
				var files []string
				for _, f := range []string{o.Path, copied} {
					if info, err := os.Stat(f); err == nil && info.Size() > 0 {
						files = append(files, f)
					}
				}
				if len(files) != 2 {
					t.Errorf("files %q, want the database and its copy", files)
				}
			})
		}
	}
}
