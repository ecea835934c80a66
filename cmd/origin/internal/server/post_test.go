package server

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/origin/internal/upload"
)

// digest is what a report says of content.
func digest(content string) string {
	return fmt.Sprintf("\"bytes\": %d, \"sha256\": \"%x\"", len(content), sha256.Sum256([]byte(content)))
}

// form is a multipart/form-data with the boundary B.
func form(parts ...string) string {
	text := ""
	for _, p := range parts {
		text += "--B\r\nContent-Disposition: form-data; " + p + "\r\n"
	}
	return text + "--B--\r\n"
}

// post makes a POST with a length.
func post(target, mediaType, content string, fields ...string) string {
	fields = append(fields, fmt.Sprint("Content-Length: ", len(content)))
	if mediaType != "" {
		fields = append(fields, "Content-Type: "+mediaType)
	}
	return get("POST", target, fields...) + content
}

// chunked makes a POST in small chunks.
func chunked(target, mediaType, content string, fields ...string) string {
	var text strings.Builder
	text.WriteString(get("POST", target, append(fields, "Transfer-Encoding: chunked", "Content-Type: "+mediaType)...))
	for chunk := range slices.Chunk([]byte(content), 1+len(content)/1000) {
		fmt.Fprintf(&text, "%x\r\n%s\r\n", len(chunk), chunk)
	}
	return text.String() + "0\r\n\r\n"
}

const (
	urlencoded = "application/x-www-form-urlencoded"
	multiparts = "multipart/form-data; boundary=B"
)

var space = regexp.MustCompile(`\s+`)

// report reads a response with a report, whose whitespace becomes one space.
func (p *peer) report() (answer *http.Response, text string) {
	p.t.Helper()
	answer, err := http.ReadResponse(p.in, &http.Request{Method: "POST"})
	if err != nil {
		p.t.Fatal(err)
	}
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer, space.ReplaceAllString(string(content), " ")
}

func TestSink(t *testing.T) {
	r := start(t, files, Config{Sink: true, MaxBody: 4 << 20})
	many := form(slices.Repeat([]string{"name=a\r\n\r\n"}, upload.MaxFields)...)
	tooMany := form(slices.Repeat([]string{"name=a\r\n\r\n"}, upload.MaxFields+1)...)
	for _, c := range []struct {
		name, mediaType, content string
		status                   int
		says                     string // behind the digest
	}{
		{"nothing", "", "", 200, ""},
		{"text", "text/plain", "hello", 200, ""},
		{"what fits no buffer", "", strings.Repeat("x", 100_000), 200, ""},
		{"a form", urlencoded, "b=1&a=%20x&b=2", 200, `, "form": { "a": [ " x" ], "b": [ "1", "2" ] }`},
		{"an empty form", urlencoded, "", 200, ""},
		{"a form that is none", urlencoded, "a=%zz", 400, ""},
		{"a form that is too long", urlencoded, strings.Repeat("x", upload.MaxForm+1), 413, ""},
		{"fields and files", multiparts, form("name=a\r\n\r\n1", "name=f; filename=x.txt\r\nContent-Type: text/plain\r\n\r\nhello", "name=a\r\n\r\n", "name=f; filename=\"\"\r\n\r\n"), 200,
			`, "form": { "a": [ "1", "" ], "f": [ "" ] }, "files": [ { "field": "f", "filename": "x.txt", "type": "text/plain", ` + digest("hello") + ` } ]`},
		{"text around the parts", multiparts, "before\r\n" + form("name=a\r\n\r\n1") + strings.Repeat("behind", 20_000), 200, `, "form": { "a": [ "1" ] }`},
		{"a large file", multiparts, form("name=f; filename=x\r\n\r\n" + strings.Repeat("x", 100_000)), 200,
			`, "files": [ { "field": "f", "filename": "x", ` + digest(strings.Repeat("x", 100_000)) + ` } ]`},
		{"no parts", multiparts, "", 400, ""},
		{"no last boundary", multiparts, "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1", 400, ""},
		{"half a part's head", multiparts, "--B\r\nContent-Disposition: form-", 400, ""},
		{"a part's head without content", multiparts, "--B\r\nContent-Disposition: form-data; name=a\r\n", 400, ""},
		{"a part that says not what it is", multiparts, form("name=/\r\n\r\n1"), 400, ""},
		{"a part without a name", multiparts, form("filename=a\r\n\r\n1"), 400, ""},
		{"another disposition", multiparts, "--B\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n--B--", 400, ""},
		{"a boundary and no part", multiparts, "--B\r\n", 400, ""},
		{"half a last boundary", multiparts, "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B-", 400, ""},
		{"a last boundary without a line end", multiparts, "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--", 200, `, "form": { "a": [ "1" ] }`},
		{"another boundary", multiparts, "--C\r\n\r\n--C--\r\n", 400, ""},
		{"as many parts as are taken", multiparts, many, 200, `, "form": { "a": [ ` + strings.Repeat(`"", `, upload.MaxFields-1) + `"" ] }`},
		{"too many parts", multiparts, tooMany, 413, ""},
		{"a long part's head", multiparts, form("name=a\r\nA: " + strings.Repeat("x", 2*upload.MaxPartHeader) + "\r\n\r\n"), 413, ""},
		{"a long value", multiparts, form("name=a\r\n\r\n" + strings.Repeat("x", upload.MaxForm)), 413, ""},
		{"no boundary", "multipart/form-data", "", 415, ""},
		{"a charset", urlencoded + "; charset=latin1", "", 415, ""},
		{"too much", "", strings.Repeat("x", 4<<20+1), 413, ""},
	} {
		for kind, request := range map[string]string{"length": post("/post/a", c.mediaType, c.content), "chunks": chunked("/post", c.mediaType, c.content)} {
			t.Run(c.name+", "+kind, func(t *testing.T) {
				p := r.dial()
				go io.WriteString(p, request+get("GET", "/"))
				answer, text := p.report()
				want := ""
				if c.status == 200 {
					want = "{ " + digest(c.content) + c.says + " } "
				}
				if answer.StatusCode != c.status || text != want {
					t.Fatalf("%d\n%s\nwant %d\n%s", answer.StatusCode, text, c.status, want)
				}
				if answer.StatusCode == 200 && (answer.Close || answer.Header.Get("Content-Type") != "application/json") {
					t.Errorf("the head is %v", answer.Header)
				}
				if !answer.Close {
					if next, _ := p.report(); next.StatusCode != 200 {
						t.Errorf("the next request is answered %d", next.StatusCode)
					}
				}
			})
		}
	}
}

// Of more content than there may be nothing is taken, whatever becomes of it.
func TestMaxBody(t *testing.T) {
	tooLarge, none := response("413 Content Too Large", "Content-Length: 0"), response("404 Not Found", "Content-Length: 0")
	for mode, config := range map[string]Config{"echo": {MaxBody: 10}, "sink": {MaxBody: 10, Sink: true}} {
		t.Run(mode, func(t *testing.T) {
			r := start(t, files, config)
			for name, c := range map[string]struct{ request, want string }{
				"a little more":     {post("/post", "", "01234567890") + get("GET", "/nothing"), tooLarge + none},
				"much more":         {post("/post", "", strings.Repeat("x", maxDiscard+1)), closing(tooLarge)},
				"chunks":            {get("POST", "/post", "Transfer-Encoding: chunked") + "b\r\n01234567890\r\n", closing(tooLarge)},
				"an expectation":    {get("POST", "/post", "Content-Length: 11", "Expect: 100-continue"), closing(tooLarge)},
				"what nobody takes": {get("PUT", "/", "Content-Length: 11") + "01234567890" + get("GET", "/nothing"), response("405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS", "Content-Length: 0") + none},
			} {
				if got := r.converse(c.request); got != c.want {
					t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
				}
			}
			if got := r.converse(post("/post", "", "0123456789")); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
				t.Errorf("as much as there may be: %s", got)
			}
			if got := r.converse(chunked("/post", "", "0123456789")); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
				t.Errorf("as much as there may be, in chunks: %s", got)
			}
		})
	}
	// When a part of it has gone back already, only a reset is left to say it.
	p := start(t, files, Config{MaxBody: 10}).dial()
	p.send(get("POST", "/post", "Transfer-Encoding: chunked"), "1\r\na\r\n")
	p.expect(response("200 OK", "Transfer-Encoding: chunked") + "1\r\na\r\n")
	p.send("a\r\n0123456789\r\n0\r\n\r\n")
	if rest, err := io.ReadAll(p.in); err == nil {
		t.Errorf("%q and the end of stream; want a reset", rest)
	}
}

// startStore is start with a folder that what is posted is stored in.
func startStore(t *testing.T, config Config, expected ...string) (r *rig, dir string) {
	t.Helper()
	dir = storing(t, &config, expected...)
	return start(t, files, config), dir
}

// storing has what is posted stored in a folder, which has a folder "sub". At the end,
// nothing may be there but what is expected, and no file be open.
func storing(t *testing.T, config *Config, expected ...string) (dir string) {
	t.Helper()
	dir = lay(t, map[string]string{"sub/old.txt": "old"})
	store, err := upload.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	config.Uploads, config.Stored = store, openSite(t, dir)
	t.Cleanup(func() {
		closed := make(chan error)
		go func() { closed <- store.Close() }()
		select {
		case err := <-closed:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("a file is open still")
		}
		var got []string
		err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
			if !d.IsDir() {
				got = append(got, path)
			}
			return err
		})
		want := append([]string{"sub/old.txt"}, expected...)
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the folder has %q, want %q", got, want)
		}
	})
	return dir
}

func TestStore(t *testing.T) {
	large := strings.Repeat("large ", 50_000)
	r, _ := startStore(t, Config{}, "a.txt", "page.html", "curl.bin", "ü b", "sub/new", "one.txt", "two.png", "sub/three", "path.txt", "large.txt", "empty", "low")
	for _, c := range []struct {
		name, request      string
		location, mime     string // at which the content is, with that type
		content, elsewhere string // what the report says beyond
	}{
		{"text", post("/post/a.txt", "text/plain", "hello"), "/post/a.txt", "text/plain; charset=utf-8", "hello", ""},
		{"a page", post("/post/page.html", "text/html", "<p>"), "/post/page.html", "text/html; charset=utf-8", "<p>", ""},
		{"what curl calls a form", post("/post/curl.bin", urlencoded, "%zz"), "/post/curl.bin", "application/octet-stream", "%zz", ""},
		{"a name that needs escapes", post("/post/%c3%bc%20b", "", "x"), "/post/%C3%BC%20b", "application/octet-stream", "x", ""},
		{"a folder", post("/post/sub/./x/../new", "", "x"), "/post/sub/new", "application/octet-stream", "x", ""},
		{"much", post("/post/large.txt", "", large), "/post/large.txt", "text/plain; charset=utf-8", large, ""},
		{"nothing", get("POST", "/post/empty"), "/post/empty", "application/octet-stream", "", ""},
		{"chunks", chunked("/post/low", "", "0123"), "/post/low", "application/octet-stream", "0123", ""},
		{"a file of a form", post("/post", multiparts, form("name=a\r\n\r\n1", "name=f; filename=\"/x/one.txt\"\r\n\r\n1", "name=g; filename=two.png\r\n\r\n22")), "/post/one.txt", "text/plain; charset=utf-8", "1", `"location": "/post/two.png"`},
		{"a file of a form in a folder", chunked("/post/sub/", multiparts, form("name=f; filename=three\r\n\r\n3")), "/post/sub/three", "application/octet-stream", "3", ""},
		{"a file of a form under the path's name", post("/post/path.txt", multiparts, form("name=f; filename=.hidden\r\n\r\n4")), "/post/path.txt", "text/plain; charset=utf-8", "4", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := r.dial()
			go io.WriteString(p, c.request+get("GET", c.location)+get("HEAD", c.location)+get("GET", c.location, "Range: bytes=0-0"))
			answer, text := p.report()
			if answer.StatusCode != 201 || answer.Header.Get("Location") != c.location || answer.Close || !strings.Contains(text, digest(c.content)) ||
				!strings.Contains(text, `"location": "`+c.location+`"`) || !strings.Contains(text, c.elsewhere) {
				t.Errorf("%d, %v, %s", answer.StatusCode, answer.Header, text)
			}
			found, err := http.ReadResponse(p.in, &http.Request{Method: "GET"})
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(found.Body)
			if err != nil || found.StatusCode != 200 || string(content) != c.content {
				t.Errorf("GET gives %d, %.20q, %v", found.StatusCode, content, err)
			}
			expectStored(t, found, c.mime)
			head, err := http.ReadResponse(p.in, &http.Request{Method: "HEAD"})
			if err != nil || head.ContentLength != int64(len(c.content)) {
				t.Fatalf("HEAD: %v, %v", head, err)
			}
			expectStored(t, head, c.mime)
			if part, _ := p.report(); len(c.content) > 0 {
				expectStored(t, part, c.mime)
			}
		})
	}
}

// expectStored looks at what keeps a browser from taking a stored file for more than
// its name says.
func expectStored(t *testing.T, answer *http.Response, mediaType string) {
	t.Helper()
	for name, want := range map[string]string{"Content-Type": mediaType, "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// What the path gives no name has one of its own, by which the type is found again.
func TestOwnNames(t *testing.T) {
	r, dir := startStore(t, Config{})
	for _, target := range []string{"/post", "/post/", "/post/sub/"} {
		for mediaType, want := range map[string]string{"image/png": ".png", "TEXT/Plain; charset=utf-8": ".txt", "x/y": "", "": ""} {
			p := r.dial()
			p.send(post(target, mediaType, "x"))
			answer, _ := p.report()
			location := answer.Header.Get("Location")
			name, ok := strings.CutPrefix(location, strings.TrimSuffix(target, "/")+"/")
			if answer.StatusCode != 201 || !ok || len(name) != 26+len(want) || !strings.HasSuffix(name, want) {
				t.Errorf("%s: %d, %q", mediaType, answer.StatusCode, location)
			}
			p.send(get("GET", location))
			if answer, text := p.report(); answer.StatusCode != 200 || text != "x" {
				t.Errorf("%s: %d, %q", location, answer.StatusCode, text)
			}
			if err := os.Remove(filepath.Join(dir, strings.TrimPrefix(location, "/post/"))); err != nil {
				t.Error(err)
			}
		}
	}
}

// A request that cannot be taken is refused by its head, before 100.
func TestStoreRefuses(t *testing.T) {
	roomy, _ := startStore(t, Config{MaxBody: 1000})
	r, dir := startStore(t, Config{MaxBody: 100}, ".secret", "out")
	if err := os.WriteFile(filepath.Join(dir, ".secret"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	for target, status := range map[string]string{
		"/post/sub/old.txt": "409 Conflict", "/post/sub": "409 Conflict", "/post/none/a": "409 Conflict", "/post/none/": "409 Conflict",
		"/post/.secret": "403 Forbidden", "/post/.upload-a": "403 Forbidden", "/post/%2ea": "403 Forbidden", "/post/a%0ab": "403 Forbidden",
		"/post/out/a": "403 Forbidden", "/post/" + strings.Repeat("x", 300): "403 Forbidden",
		"/post/a%2fb": "404 Not Found", "/post/a%00b": "400 Bad Request", "/post/../../a": "400 Bad Request",
		"/post/../a": "404 Not Found", "/posted": "404 Not Found",
	} {
		want := response(status, "Content-Length: 0")
		if got := r.converse(get("POST", target, "Content-Length: 1", "Expect: 100-continue")); got != closing(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", target, got, closing(want))
		}
		if got := r.converse(post(target, "", "x")); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", target, got, want)
		}
	}
	for name, c := range map[string]struct{ request, status, field string }{
		"a coding":            {post("/post", "", "x", "Content-Encoding: identity", "Content-Encoding: gzip"), "415 Unsupported Media Type", "Accept-Encoding: identity"},
		"no boundary":         {post("/post", "multipart/form-data", "x"), "415 Unsupported Media Type", ""},
		"too much":            {post("/post/a", "", strings.Repeat("x", 101)), "413 Content Too Large", ""},
		"a hidden file":       {get("GET", "/post/.secret"), "404 Not Found", ""},
		"a file that is none": {get("GET", "/post/none"), "404 Not Found", ""},
		"the outside":         {get("GET", "/post/out/"), "404 Not Found", ""},
		"the post path":       {get("GET", "/post"), "405 Method Not Allowed", "Allow: GET, HEAD, POST, OPTIONS"},
		"the folder":          {get("GET", "/post/"), "405 Method Not Allowed", "Allow: GET, HEAD, POST, OPTIONS"},
		"another method":      {get("DELETE", "/post/sub/old.txt"), "405 Method Not Allowed", "Allow: GET, HEAD, POST, OPTIONS"},
	} {
		want := response(c.status, "Content-Length: 0")
		if c.field != "" {
			want = response(c.status, c.field, "Content-Length: 0")
		}
		if got := r.converse(c.request); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
	// What turns out later.
	for name, c := range map[string]struct{ content, status string }{
		"a name that is taken": {form("name=f; filename=a\r\n\r\n", "name=f; filename=a\r\n\r\n"), "409 Conflict"},
		"a hidden name":        {form("name=f; filename=a\r\n\r\n", "name=f; filename=.a\r\n\r\n"), "403 Forbidden"},
		"half a form":          {strings.TrimSuffix(form("name=f; filename=a\r\n\r\nx"), "--\r\n"), "400 Bad Request"},
		"too much":             {form("name=f; filename=a\r\n\r\n", "name=f; filename=b\r\n\r\n"+strings.Repeat("x", 1000)), "413 Content Too Large"},
		"too many files":       {form(slices.Repeat([]string{"name=f; filename=a\r\n\r\n"}, upload.MaxFiles+1)...), "413 Content Too Large"},
	} {
		got := roomy.converse(chunked("/post", multiparts, c.content))
		if want := response(c.status, "Content-Length: 0"); got != want && got != closing(want) {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
}
