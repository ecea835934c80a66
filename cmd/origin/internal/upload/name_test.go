package upload

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/cmd/origin/internal/site"
)

func TestSplit(t *testing.T) {
	long := strings.Repeat("x", 255)
	for _, c := range []struct {
		rest, folder, name string
		bad                bool
	}{
		{rest: ""},
		{rest: "/"},
		{rest: "/a.txt", name: "a.txt"},
		{rest: "/a/b c.txt", folder: "a/", name: "b c.txt"},
		{rest: "/a/", folder: "a/"},
		{rest: "/a/b/ü", folder: "a/b/", name: "ü"},
		{rest: "/" + long, name: long},
		{rest: "/x" + long, bad: true},
		{rest: "/.a", bad: true},
		{rest: "/.a/b", bad: true},
		{rest: "/" + hiddenPrefix + "x", bad: true},
		{rest: "/a\nb", bad: true},
		{rest: "/a\x00b", bad: true},
		{rest: "/a\x7fb", bad: true},
		{rest: "/a\u202eb", bad: true},
		{rest: "/\xff", bad: true},
		{rest: "/\xff/a", bad: true},
	} {
		folder, name, err := Split(c.rest)
		if folder != c.folder || name != c.name || (err == errName) != c.bad {
			t.Errorf("%q: %q, %q, %v", c.rest, folder, name, err)
		}
	}
}

func TestBaseName(t *testing.T) {
	for filename, want := range map[string]string{
		"a.txt": "a.txt", "/etc/passwd": "passwd", `C:\Users\me\a b.txt`: "a b.txt", "../../a": "a", `..\a/b\c`: "c",
		"": "", "/": "", "..": "", "a/..": "", ".a": "", `a\.b`: "", "a\r\nb": "", "a\xff": "",
	} {
		if got, err := BaseName(filename); got != want || (err == errName) != (want == "") {
			t.Errorf("%q: %q, %v; want %q", filename, got, err, want)
		}
	}
}

// Whatever a client gives, the name stays inside of the folder, and is not one that
// unfinished files have.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"/a", "/../a", "/%2e%2e/a", "/.upload-a", "/a/./../.b", `/a\..\b`, "/%00", "//a", "/a%0a", "/a/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		check := func(name string) {
			if name != "" && (!filepath.IsLocal(name) || strings.Contains("/"+name, "/.") || strings.ContainsAny(name, "\x00\r\n")) {
				t.Errorf("%q becomes %q", raw, name)
			}
		}
		if path, err := site.AppendPath(nil, []byte(raw)); err == nil {
			if folder, name, err := Split(string(path)); err == nil {
				check(folder + name)
				if strings.Contains(name, "/") || "/"+folder+name != string(path) {
					t.Errorf("%q becomes %q, %q", path, folder, name)
				}
			}
		}
		name, err := BaseName(raw)
		if check(name); err == nil && (name == "" || strings.ContainsAny(name, `/\`)) {
			t.Errorf("%q becomes %q", raw, name)
		}
	})
}
