package integration

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root   = ".." // of the repository
	prefix = "github.com/hopwire/hopwire/"
)

var modules = []string{"shared", "cmd/origin", "cmd/edge", "cmd/loadgen", "integration"}

// A pkg is a package of this repository, without the prefix.
type pkg struct {
	path    string
	imports []string // by its code, not its tests
}

func TestTopLevel(t *testing.T) {
	allowed := regexp.MustCompile(`^(\..*|cmd|shared|integration|scripts|go\.work|go\.work\.sum|README\.md|LICENSE)$`)
	commands := regexp.MustCompile(`^cmd/(origin|edge|loadgen)/`)
	for _, file := range strings.Fields(run(t, root, nil, "git", "ls-files")) {
		if top, _, _ := strings.Cut(file, "/"); !allowed.MatchString(top) {
			t.Errorf("%s: nothing but the given folders stands at the top level", file)
		}
		if strings.HasPrefix(file, "cmd/") && !commands.MatchString(file) {
			t.Errorf("%s: cmd holds origin, edge and loadgen", file)
		}
	}
}

// An importRule says what the packages whose path matches importer may import.
type importRule struct{ importer, may, reason string }

// Who may import whom, by code that is not a test. The first rule whose pattern
// matches the importing package decides.
var importRules = []importRule{
	{`^shared/wire$`, `^(bytes|cmp|errors|fmt|io|strconv|strings|unicode|unicode/utf8)$`, "wire is grammar: it opens nothing and knows no clock"},
	{`^shared/lexer$`, `^` + prefix + `shared/wire$`, "the lexer has no grammar but wire's"},
	{`^shared/events$`, `^[^.]*$`, "events are values, whoever makes them and whoever looks"},
	{`^shared/events/view$`, `^([^.]*|github\.com/mattn/go-runewidth|` + prefix + `shared/(english|events|lexer|wire))$`, "view knows events and text only"},
	{`^shared/english$`, `^(fmt|str.*|unicode.*)$`, "english is words only"},
	{`^shared/jsonline$`, `^(net/netip|strconv|time|unicode/utf8)$`, "jsonline makes text of values, whatever they mean"},
	{`^shared/tally$`, `^(fmt|strconv|time)$`, "a tally is numbers"},
	{`^shared/list$`, `^iter$`, "a list knows nothing of its elements but their links"},
	{`^shared/loop(/.*)?$`, `^([^.]*|golang\.org/x/.*|` + prefix + `shared/(list|loop(/.*)?))$`, "loop knows no HTTP"},
	{`^shared/capture$`, `^([^.]*|github\.com/gopacket/.*|golang\.org/x/.*|` + prefix + `shared/(english|events|wire))$`, "capture knows streams and messages only"},
	{`^shared/accesslog$`, `^([^.]*|` + prefix + `shared/(jsonline|loop|wire))$`, "accesslog knows lines, the loops that they come from, and heads of requests"},
	{`^shared/program$`, `^([^.]*|github\.com/(urfave|hashicorp)/.*|golang\.org/x/sys/unix|` + prefix + `shared/(english|jsonline))$`, "program knows command lines only"},
	{`^shared/admin$`, `^([^.]*|github\.com/(prometheus|urfave)/.*|golang\.org/x/net/netutil|` + prefix + `shared/(loop|program|tally))$`, "admin knows names and numbers only"},
	{`^shared/`, `.*`, ""},
	{`^cmd/(\w+)$`, `.*`, ""},
	{`^cmd/loadgen/internal/filter$`, `^([^.]*|github\.com/expr-lang/.*|` + prefix + `shared/events/view)$`, "a filter knows exchanges only"},
	{`^cmd/(\w+)/internal/`, `^([^.]*|github\.com/(aclements|HdrHistogram|goccy|hashicorp|miekg)/.*|golang\.org/x/.*|` +
		prefix + `shared/(english|events|size|wire|list|loop|capture|accesslog|jsonline|tally)|` + prefix + `cmd/\w+/internal/.*)$`, "the parts of a program know neither its command line nor other programs"},
	{`^integration`, `.*`, ""},
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		i := slices.IndexFunc(importRules, func(r importRule) bool {
			return regexp.MustCompile(r.importer).MatchString(p.path)
		})
		if i < 0 {
			t.Errorf("%s: no rule says what it may import", p.path)
			continue
		}
		rule := importRules[i]
		for _, imported := range p.imports {
			if !regexp.MustCompile(rule.may).MatchString(imported) {
				t.Errorf("%s imports %s: %s", p.path, imported, rule.reason)
			}
			if imported == prefix+"shared/wiretest" && p.path != "shared/wiretest" {
				t.Errorf("%s imports wiretest outside its tests", p.path)
			}
		}
	}
}

// No binary carries the code that only tests use.
func TestDependenciesOfTheBinaries(t *testing.T) {
	forbidden := regexp.MustCompile(`^(testing(/.*)?|` + prefix + `shared/(wiretest|loop/simnet)(/.*)?)$`)
	for _, name := range []string{"origin", "edge", "loadgen"} {
		deps := dependencies(t, "./cmd/"+name)
		if !slices.Contains(deps, prefix+"shared/wire") {
			t.Errorf("%s does not use wire", name)
		}
		for _, dep := range deps {
			if forbidden.MatchString(dep) {
				t.Errorf("%s is linked into %s", dep, name)
			}
		}
	}
}

// What is sent and received is written by this repository: no package of the data
// path has the library's HTTP. Admin does, beside the loops, and only main starts it.
func TestDataPathIsWithoutNetHTTP(t *testing.T) {
	path := []string{"./cmd/loadgen"}
	beside := regexp.MustCompile(`^(integration(/.*)?|cmd/(origin|edge)|shared/admin)$`)
	for _, p := range packages(t) {
		if !beside.MatchString(p.path) {
			path = append(path, "./"+p.path)
		}
	}
	for _, dep := range dependencies(t, path...) {
		if dep == "net/http" || strings.HasPrefix(dep, "net/http/") || dep == prefix+"shared/admin" {
			t.Errorf("the data path has %s; go list -deps of %v tells where", dep, path)
		}
	}
}

// dependencies are the packages that are linked with these, they themselves included.
func dependencies(t *testing.T, packages ...string) []string {
	t.Helper()
	return strings.Fields(run(t, root, nil, "go", append([]string{"list", "-deps"}, packages...)...))
}

func TestEverythingExportedIsDocumented(t *testing.T) {
	inspectSource(t, func(dir string, files []*ast.File, set *token.FileSet) {
		if !slices.ContainsFunc(files, func(f *ast.File) bool { return f.Doc != nil }) {
			t.Errorf("%s: the package has no comment", dir)
		}
		for _, file := range files {
			if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc"}, file.Name.Name) {
				t.Errorf("%s: the name of package %s says nothing", dir, file.Name.Name)
			}
			for _, name := range undocumented(file) {
				t.Errorf("%s: %s has no comment", set.Position(name.Pos()), name.Name)
			}
		}
	})
}

// undocumented lists the exported names of a file that nothing is said about.
// A comment on a group of constants or variables counts for all of them, and so
// does the one on their type.
func undocumented(file *ast.File) (names []*ast.Ident) {
	missing := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		documented := slices.ContainsFunc(docs, func(doc *ast.CommentGroup) bool { return doc != nil })
		if name.IsExported() && !documented {
			names = append(names, name)
		}
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if !wellKnown[decl.Name.Name] && (decl.Recv == nil || exportedReceiver(decl.Recv)) {
				missing(decl.Name, decl.Doc)
			}
		case *ast.GenDecl:
			typed := decl.Tok == token.CONST && decl.Specs[0].(*ast.ValueSpec).Type != nil
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					missing(spec.Name, decl.Doc, spec.Doc, spec.Comment)
				case *ast.ValueSpec:
					if typed {
						continue
					}
					missing(spec.Names[0], decl.Doc, spec.Doc, spec.Comment)
				}
			}
		}
	}
	return names
}

// wellKnown are the methods whose interface in the standard library says it all.
var wellKnown = map[string]bool{
	"Error": true, "String": true, "Unwrap": true, "Close": true, "Write": true, "Len": true,
	"Less": true, "Swap": true, "Push": true, "Pop": true, "LocalAddr": true, "RemoteAddr": true,
	"SetDeadline": true, "SetReadDeadline": true, "SetWriteDeadline": true, "Network": true,
	"Timeout": true, "Temporary": true, "MarshalJSON": true, "MarshalText": true, "UnmarshalText": true,
}

func exportedReceiver(receiver *ast.FieldList) bool {
	exported := false
	ast.Inspect(receiver.List[0].Type, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok && name.IsExported() {
			exported = true
		}
		return true
	})
	return exported
}

// A file is one noun of the problem, a function one thought, which fits a screen.
func TestFilesAndFunctionsAreShort(t *testing.T) {
	const fileLines, functionLines = 500, 70
	inspectSource(t, func(_ string, files []*ast.File, set *token.FileSet) {
		for _, file := range files {
			if n := set.Position(file.FileEnd).Line; n > fileLines {
				t.Errorf("%s has %d lines, more than %d", set.Position(file.Pos()).Filename, n, fileLines)
			}
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > functionLines {
					t.Errorf("%s: %s has %d lines, more than %d", set.Position(f.Pos()), f.Name.Name, n, functionLines)
				}
			}
		}
	})
}

// Each module stands on its own feet: its go.mod names all it needs.
func TestModulesBuildWithoutTheWorkspace(t *testing.T) {
	for _, module := range modules {
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			run(t, filepath.Join(root, module), []string{"GOWORK=off"}, "go", "build", "./...")
		})
	}
}

// The loop is Linux's epoll. Elsewhere a build fails, and has to say so in words
// rather than with a list of names that do not exist.
func TestOtherSystemsAreToldClearly(t *testing.T) {
	cmd := exec.Command("go", "build", "-o", os.DevNull, "./cmd/edge")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=darwin", "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("a build for another system succeeded")
	}
	if !regexp.MustCompile(`(?i)linux`).Match(out) || strings.Count(string(out), "\n") > 5 {
		t.Errorf("the message does not say that Linux is needed, or not clearly:\n%s", out)
	}
}

// packages lists this repository's packages.
func packages(t *testing.T) (list []pkg) {
	t.Helper()
	args := []string{"list", "-f", `{{.ImportPath}} {{join .Imports " "}}`}
	for _, module := range modules {
		args = append(args, "./"+module+"/...")
	}
	for line := range strings.Lines(run(t, root, nil, "go", args...)) {
		f := strings.Fields(line)
		list = append(list, pkg{path: strings.TrimPrefix(f[0], prefix), imports: f[1:]})
	}
	if len(list) < len(modules) {
		t.Fatalf("go list found only %d packages", len(list))
	}
	return list
}

// inspectSource parses the code, not the tests, folder by folder.
func inspectSource(t *testing.T, inspect func(dir string, files []*ast.File, set *token.FileSet)) {
	t.Helper()
	for _, module := range modules {
		err := filepath.WalkDir(filepath.Join(root, module), func(dir string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return err
			}
			if entry.Name() == "testdata" {
				return fs.SkipDir
			}
			set := token.NewFileSet()
			if files := parseFolder(t, set, dir); len(files) > 0 {
				inspect(dir, files, set)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func parseFolder(t *testing.T, set *token.FileSet, dir string) (files []*ast.File) {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
