package house

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// Longest files in lines.
const (
	longestFile = 500
	longestTest = 900
)

func TestFileLength(t *testing.T) {
	for _, f := range tree(t) {
		limit := longestFile
		if f.test {
			limit = longestTest
		}
		if f.lines > limit {
			t.Errorf("%s: %d lines, at most %d", f.path, f.lines, limit)
		}
	}
}

// TestPackageComments wants exactly one package comment, which begins as godoc
// expects and says more than the name.
func TestPackageComments(t *testing.T) {
	const shortest = 60 // characters
	comments := map[string][]string{}
	for _, f := range tree(t) {
		if f.test {
			continue
		}
		if _, ok := comments[f.dir]; !ok {
			comments[f.dir] = nil
		}
		doc := f.syntax.Doc
		if doc == nil {
			continue
		}
		comments[f.dir] = append(comments[f.dir], f.path)
		want := "Package " + f.syntax.Name.Name + " "
		if f.syntax.Name.Name == "main" {
			want = "Command " + f.dir[strings.LastIndex(f.dir, "/")+1:] + " "
		}
		if text := doc.Text(); !strings.HasPrefix(text, want) || len(text) < shortest {
			t.Errorf("%s: the package comment has to begin %q and to say what the package is for", f.path, want)
		}
	}
	for dir, files := range comments {
		if len(files) != 1 {
			t.Errorf("%s: package comment in %d files %v, want one", dir, len(files), files)
		}
	}
}

// TestNoInit forbids registration by side effect.
func TestNoInit(t *testing.T) {
	for _, f := range tree(t) {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: no init functions", f.set.Position(fn.Pos()))
			}
		}
	}
}

// TestNoPackageState forbids package variables that change: those of a kind
// made for changing, and those that some function of the package assigns to.
func TestNoPackageState(t *testing.T) {
	variables := map[string]map[string]bool{} // package: its variables
	files := tree(t)
	for _, f := range files {
		if f.test {
			continue
		}
		if variables[f.dir] == nil {
			variables[f.dir] = map[string]bool{}
		}
		for _, spec := range packageVariables(f.syntax) {
			for _, name := range spec.Names {
				variables[f.dir][name.Name] = name.Name != "_"
			}
			if kind := changingKind(spec); kind != "" {
				t.Errorf("%s: a package variable of kind %s is state", f.set.Position(spec.Pos()), kind)
			}
		}
	}
	for _, f := range files {
		if f.test {
			continue
		}
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				for _, at := range assignments(fn, variables[f.dir]) {
					t.Errorf("%s: assigns to a package variable", f.set.Position(at))
				}
			}
		}
	}
}

func packageVariables(f *ast.File) []*ast.ValueSpec {
	var specs []*ast.ValueSpec
	for _, d := range f.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.VAR {
			continue
		}
		for _, s := range decl.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				specs = append(specs, v)
			}
		}
	}
	return specs
}

// changingKind names the type of a variable that can only be meant to change.
// sync.Pool holds scratch memory, which nobody can tell from fresh memory.
func changingKind(v *ast.ValueSpec) string {
	kind := v.Type
	for _, value := range v.Values {
		switch x := value.(type) {
		case *ast.CompositeLit:
			kind = x.Type
		case *ast.CallExpr:
			if f, ok := x.Fun.(*ast.Ident); ok && (f.Name == "make" || f.Name == "new") {
				return f.Name
			}
		}
	}
	if s, ok := kind.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok && (x.Name == "sync" && s.Sel.Name != "Pool" || x.Name == "atomic") {
			return x.Name + "." + s.Sel.Name
		}
	}
	return ""
}

// assignments returns where a function assigns to one of names, or to an element
// or a member of it. Names that the function declares itself are its own.
func assignments(fn *ast.FuncDecl, names map[string]bool) []token.Pos {
	own := ownNames(fn)
	changed := func(e ast.Expr) bool {
		for {
			switch x := e.(type) {
			case *ast.Ident:
				return names[x.Name] && !own[x.Name]
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			default:
				return false
			}
		}
	}
	var found []token.Pos
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.AssignStmt:
			for _, left := range x.Lhs {
				if x.Tok != token.DEFINE && changed(left) {
					found = append(found, left.Pos())
				}
			}
		case *ast.IncDecStmt:
			if changed(x.X) {
				found = append(found, x.Pos())
			}
		case *ast.CallExpr:
			if f, ok := x.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") && changed(x.Args[0]) {
				found = append(found, x.Pos())
			}
		}
		return true
	})
	return found
}

// ownNames are the parameters, results and local variables of a function.
func ownNames(fn *ast.FuncDecl) map[string]bool {
	own := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.Field:
			for _, name := range x.Names {
				own[name.Name] = true
			}
		case *ast.AssignStmt:
			if x.Tok == token.DEFINE {
				for _, left := range x.Lhs {
					if name, ok := left.(*ast.Ident); ok {
						own[name.Name] = true
					}
				}
			}
		case *ast.ValueSpec:
			for _, name := range x.Names {
				own[name.Name] = true
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{x.Key, x.Value} {
				if name, ok := e.(*ast.Ident); ok && x.Tok == token.DEFINE {
					own[name.Name] = true
				}
			}
		}
		return true
	})
	return own
}

// TestNoDisconnectAtOnce forbids Disconnect(0) of MQTT clients: chance decides
// whether it says goodbye, and in a bubble of synctest it ends the whole test
// program now and then, because timers of 0 run wherever they are looked at and
// the race detector of Go 1.26 cannot have two of them at once
// (golang/go#78156).
func TestNoDisconnectAtOnce(t *testing.T) {
	for _, f := range tree(t) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			method, isMethod := call.Fun.(*ast.SelectorExpr)
			limit, isLiteral := call.Args[0].(*ast.BasicLit)
			if isMethod && isLiteral && method.Sel.Name == "Disconnect" && limit.Value == "0" {
				t.Errorf("%s: a client needs a millisecond for its goodbye", f.set.Position(call.Pos()))
			}
			return true
		})
	}
}
