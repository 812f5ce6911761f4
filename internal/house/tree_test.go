package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "doorleaf"

// sourceFile is one Go file of the repository.
type sourceFile struct {
	path   string // from the root, with slashes
	dir    string // its package: "gateway/sqlite"
	test   bool
	lines  int
	syntax *ast.File
	set    *token.FileSet
}

// imports lists import paths: ours without the module name in ours, those of
// other modules in outside, the standard library's in std.
func (f sourceFile) imports() (ours, outside, std []string) {
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser accepted it, so it cannot happen
		}
		first, _, _ := strings.Cut(p, "/")
		switch {
		case first == module:
			ours = append(ours, strings.TrimPrefix(p, module+"/"))
		case strings.Contains(first, "."):
			outside = append(outside, p)
		default:
			std = append(std, p)
		}
	}
	return ours, outside, std
}

// tree parses every Go file of the repository. Folders named testdata and those
// that begin with a dot or an underscore are not packages.
func tree(t *testing.T) []sourceFile {
	t.Helper()
	root := filepath.Join("..", "..")
	var files []sourceFile
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != root && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(base) != ".go" {
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, rel, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, sourceFile{path: rel, dir: path.Dir(rel), test: strings.HasSuffix(base, "_test.go"),
			lines: strings.Count(string(source), "\n"), syntax: syntax, set: set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("found %d Go files below %s: that is not the repository", len(files), root)
	}
	return files
}
