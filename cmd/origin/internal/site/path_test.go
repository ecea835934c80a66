package site

import (
	"strings"
	"testing"
)

func TestAppendPath(t *testing.T) {
	for _, c := range []struct {
		raw, want string
		err       error
	}{
		{raw: "/", want: "/"},
		{raw: "/a", want: "/a"},
		{raw: "/a/", want: "/a/"},
		{raw: "/a/b.css", want: "/a/b.css"},
		{raw: "//a///b//", want: "/a/b/"},
		{raw: "/a/.", want: "/a/"},
		{raw: "/a/./b", want: "/a/b"},
		{raw: "/a/..", want: "/"},
		{raw: "/a/b/..", want: "/a/"},
		{raw: "/a/b/../c", want: "/a/c"},
		{raw: "/a/../b/../c/", want: "/c/"},
		{raw: "/a%20b", want: "/a b"},
		{raw: "/%61%62", want: "/ab"},
		{raw: "/caf%C3%a9", want: "/café"},
		{raw: "/a/%2e/b", want: "/a/b"},
		{raw: "/a/%2E%2e/b", want: "/b"},
		{raw: "/a/.%2e/b", want: "/b"},
		{raw: "/%252e%252e/a", want: "/%2e%2e/a"},
		{raw: "/...", want: "/..."},
		{raw: "/..a/a..", want: "/..a/a.."},
		{raw: "/.hidden", want: "/.hidden"},
		{raw: `/a\..\b`, want: `/a\..\b`},
		{raw: "/%3f%23", want: "/?#"},
		{raw: "", err: ErrTarget},
		{raw: "a", err: ErrTarget},
		{raw: "*", err: ErrTarget},
		{raw: "/..", err: ErrTarget},
		{raw: "/../", err: ErrTarget},
		{raw: "/a/../../b", err: ErrTarget},
		{raw: "/%2e%2e/etc/passwd", err: ErrTarget},
		{raw: "//..", err: ErrTarget},
		{raw: "/a%00.html", err: ErrTarget},
		{raw: "/a\x00", err: ErrTarget},
		{raw: "/%", err: ErrTarget},
		{raw: "/%4", err: ErrTarget},
		{raw: "/%4g", err: ErrTarget},
		{raw: "/%zz", err: ErrTarget},
		{raw: "/a%2fb", err: ErrMissing},
		{raw: "/..%2f..%2fetc", err: ErrMissing},
		{raw: "/a%2F", err: ErrMissing},
	} {
		got, err := AppendPath(nil, []byte(c.raw))
		if err != c.err || err == nil && string(got) != c.want {
			t.Errorf("AppendPath(%q) = %q, %v; want %q, %v", c.raw, got, err, c.want, c.err)
		}
	}
}

func TestEscapedPathReadsBack(t *testing.T) {
	for _, path := range []string{"/", "/a b/", "/100%/", "/?#/", "/café", "/a;b=c,d&e'(f)*g+h!i@j:k$", "/\xff\x01\r\n"} {
		escaped := AppendEscaped(nil, []byte(path))
		if strings.ContainsAny(string(escaped), " ?#\r\n") {
			t.Errorf("AppendEscaped(%q) = %q, which is no path of a URI", path, escaped)
		}
		if back, err := AppendPath(nil, escaped); err != nil || string(back) != path {
			t.Errorf("AppendPath(%q) = %q, %v; want %q", escaped, back, err, path)
		}
	}
}

// Whatever the target is, the path stays below the root and reading it a second
// time changes nothing.
func FuzzAppendPath(f *testing.F) {
	for _, seed := range []string{"/", "/a/../b", "/%2e%2e/x", "//x/./y/", "/%2525", "/a%2fb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		path, err := AppendPath(nil, []byte(raw))
		if err != nil {
			return
		}
		for segment := range strings.SplitSeq(string(path[1:]), "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("%q: the path %q has a dot segment", raw, path)
			}
		}
		if path[0] != '/' || strings.Contains(string(path), "//") || strings.Contains(string(path), "\x00") {
			t.Fatalf("%q: the path %q is not clean", raw, path)
		}
		again, err := AppendPath(nil, AppendEscaped(nil, path))
		if err != nil || string(again) != string(path) {
			t.Fatalf("%q: %q becomes %q, %v", raw, path, again, err)
		}
	})
}

func TestContentType(t *testing.T) {
	for name, want := range map[string]string{
		"index.html":     "text/html; charset=utf-8",
		"INDEX.HTML":     "text/html; charset=utf-8",
		"a/b.min.css":    "text/css; charset=utf-8",
		"app.mjs":        "text/javascript; charset=utf-8",
		"data.json":      "application/json",
		"hop.svg":        "image/svg+xml",
		"bytes.png":      "image/png",
		"site.tar.gz":    "application/gzip",
		"README":         defaultType,
		"a.html/README":  defaultType,
		"strange.ending": defaultType,
		"dot.":           defaultType,
		".html":          "text/html; charset=utf-8",
	} {
		if got := contentType(name); got != want {
			t.Errorf("contentType(%q) = %q; want %q", name, got, want)
		}
	}
}

func TestTypesOfTextSayTheirCharset(t *testing.T) {
	for extension, mediaType := range types {
		if strings.HasPrefix(mediaType, "text/") != strings.HasSuffix(mediaType, "; charset=utf-8") {
			t.Errorf("%s: %q", extension, mediaType)
		}
		if extension != strings.ToLower(extension) {
			t.Errorf("%s is never found: the table is searched in lower case", extension)
		}
	}
}
