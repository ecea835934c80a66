package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const hello = "<p>Hello.\n"

var files = map[string]string{
	"index.html":        hello,
	"style.css":         "p { color: red }\n",
	"empty.txt":         "",
	"a b.txt":           "spaced\n",
	"folder/index.html": hello,
	"folder/data.json":  "{}",
	"bare/data.json":    "{}",
	"large.bin":         large,
}

var large = strings.Repeat("0123456789abcdef", 20_000) // 320,000 octets

func TestFiles(t *testing.T) {
	r := start(t, files, Config{})
	page := response("200 OK", "Content-Type: text/html; charset=utf-8", "Content-Length: 10", validators(10), "Accept-Ranges: bytes")
	notFound := response("404 Not Found", "Content-Length: 0")
	badRequest := response("400 Bad Request", "Content-Length: 0")
	for _, c := range []struct{ name, request, want string }{
		{"the root", get("GET", "/"), page + hello},
		{"a file", get("GET", "/index.html"), page + hello},
		{"a head only", get("HEAD", "/"), page},
		{"a query", get("GET", "/index.html?a=/../b"), page + hello},
		{"an absolute-form target", get("GET", "http://test/index.html?q"), page + hello},
		{"an absolute-form target without path", get("GET", "http://test"), page + hello},
		{"an absolute-form target with a query only", get("GET", "http://test?q"), page + hello},
		{"dot segments", get("GET", "/folder/./.././index.html"), page + hello},
		{"several slashes", get("GET", "//folder///"), page + hello},
		{"percent-encoding", get("GET", "/%69ndex.html"), page + hello},
		{"a directory", get("GET", "/folder/"), page + hello},
		{"an empty file", get("GET", "/empty.txt"), response("200 OK", "Content-Type: text/plain; charset=utf-8", "Content-Length: 0", validators(0), "Accept-Ranges: bytes")},
		{"a space", get("GET", "/a%20b.txt"), response("200 OK", "Content-Type: text/plain; charset=utf-8", "Content-Length: 7", validators(7), "Accept-Ranges: bytes") + "spaced\n"},

		{"a directory without its slash", get("GET", "/folder"), response("301 Moved Permanently", "Location: /folder/", "Content-Length: 0")},
		{"the same with a query", get("HEAD", "/./folder?a=b"), response("301 Moved Permanently", "Location: /folder/?a=b", "Content-Length: 0")},
		{"no way to another host", get("GET", "//folder"), response("301 Moved Permanently", "Location: /folder/", "Content-Length: 0")},
		{"no listing", get("GET", "/bare/"), notFound},

		{"a missing file", get("GET", "/nothing"), notFound},
		{"a missing file's head", get("HEAD", "/nothing"), notFound},
		{"a file taken for a directory", get("GET", "/index.html/"), notFound},
		{"an encoded slash", get("GET", "/folder%2Fdata.json"), notFound},
		{"a climb", get("GET", "/../etc/passwd"), badRequest},
		{"an encoded climb", get("GET", "/%2e%2e/etc/passwd"), badRequest},
		{"NUL", get("GET", "/index.html%00.css"), badRequest},

		{"a range", get("GET", "/", "Range: bytes=3-7"), response("206 Partial Content", "Content-Type: text/html; charset=utf-8", "Content-Length: 5", "Content-Range: bytes 3-7/10", validators(10)) + "Hello"},
		{"a suffix", get("GET", "/", "Range: bytes=-2"), response("206 Partial Content", "Content-Type: text/html; charset=utf-8", "Content-Length: 2", "Content-Range: bytes 8-9/10", validators(10)) + ".\n"},
		{"a range of HEAD", get("HEAD", "/", "Range: bytes=3-7"), page},
		{"a range behind the end", get("GET", "/", "Range: bytes=10-"), response("416 Range Not Satisfiable", "Content-Range: bytes */10", "Content-Length: 0")},
		{"several ranges", get("GET", "/", "Range: bytes=0-0,2-2"), page + hello},
		{"a range of another version", get("GET", "/", "Range: bytes=3-7", `If-Range: "old"`), page + hello},
		{"a range of this version", get("GET", "/", "Range: bytes=3-7", "If-Range: "+etag(10)), response("206 Partial Content", "Content-Type: text/html; charset=utf-8", "Content-Length: 5", "Content-Range: bytes 3-7/10", validators(10)) + "Hello"},

		{"the same tag", get("GET", "/", "If-None-Match: "+etag(10)), response("304 Not Modified", validators(10))},
		{"the same tag, HEAD", get("HEAD", "/", "If-None-Match: "+etag(10)), response("304 Not Modified", validators(10))},
		{"the same time", get("GET", "/", "If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT"), response("304 Not Modified", validators(10))},
		{"an older time", get("GET", "/", "If-Modified-Since: Fri, 02 Jan 2026 03:04:04 GMT"), page + hello},
		{"another tag wanted", get("GET", "/", `If-Match: "other"`), response("412 Precondition Failed", "Content-Length: 0")},

		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", closing(page) + hello},
		{"HTTP/1.0, HEAD", "HEAD / HTTP/1.0\r\n\r\n", closing(page)},
		{"HTTP/1.0 that persists", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", page + hello},
		{"the last request", get("GET", "/", "Connection: close"), closing(page) + hello},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := r.converse(c.request); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// closing has a head say that the connection will not persist.
func closing(head string) string { return strings.Replace(head, kept, "Connection: close\r\n", 1) }

// Responses say for how long the connection persists, in whole seconds.
func TestKeepAliveTimeout(t *testing.T) {
	const old = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	for _, c := range []struct {
		timeout       time.Duration
		says, toldOld string
	}{
		{5 * time.Hour, "Connection: keep-alive\r\nKeep-Alive: timeout=18000\r\n", "Connection: keep-alive\r\nKeep-Alive: timeout=18000\r\n"},
		{5900 * time.Millisecond, "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n", "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"},
		{999 * time.Millisecond, "", "Connection: keep-alive\r\n"},
	} {
		r := start(t, files, Config{IdleTimeout: c.timeout})
		page := response("200 OK", "Content-Type: text/html; charset=utf-8", "Content-Length: 10", validators(10), "Accept-Ranges: bytes")
		none := response("404 Not Found", "Content-Length: 0")
		for _, e := range []struct{ request, want, says string }{
			{get("GET", "/"), page + hello, c.says},
			{get("HEAD", "/"), page, c.says},
			{old, page + hello, c.toldOld},
			{get("GET", "/nothing"), none, c.says},
			{get("GET", "/", "Connection: close"), page + hello, "Connection: close\r\n"},
			{"GET / HTTP/1.0\r\n\r\n", page + hello, "Connection: close\r\n"},
		} {
			if got, want := r.converse(e.request), strings.Replace(e.want, kept, e.says, 1); got != want {
				t.Errorf("%v, %q: got\n%s\nwant\n%s", c.timeout, e.request, got, want)
			}
		}
	}
}

func TestMethods(t *testing.T) {
	r := start(t, files, Config{})
	notAllowed := func(allow string) string {
		return response("405 Method Not Allowed", "Allow: "+allow, "Content-Length: 0")
	}
	noContent := func(allow string) string { return response("204 No Content", "Allow: "+allow) }
	for _, c := range []struct{ request, want string }{
		{get("PUT", "/"), notAllowed("GET, HEAD, OPTIONS")},
		{get("DELETE", "/nothing"), notAllowed("GET, HEAD, OPTIONS")},
		{get("TRACE", "/"), notAllowed("GET, HEAD, OPTIONS")},
		{get("get", "/"), notAllowed("GET, HEAD, OPTIONS")},
		{get("PUT", "/post/x"), notAllowed("POST, OPTIONS")},
		{get("PUT", "/../x"), response("400 Bad Request", "Content-Length: 0")},
		{"CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n", notAllowed("GET, HEAD, POST, OPTIONS")},
		{get("POST", "/index.html", "Content-Length: 0"), notAllowed("GET, HEAD, OPTIONS")},
		{get("POST", "/folder", "Content-Length: 0"), notAllowed("GET, HEAD, OPTIONS")},
		{get("POST", "/nothing", "Content-Length: 0"), response("404 Not Found", "Content-Length: 0")},
		{get("POST", "/../post", "Content-Length: 0"), response("400 Bad Request", "Content-Length: 0")},
		{get("GET", "/post"), notAllowed("POST, OPTIONS")},
		{get("HEAD", "/post/below"), notAllowed("POST, OPTIONS")},
		{get("GET", "/%70ost"), notAllowed("POST, OPTIONS")},
		{get("GET", "/postage"), response("404 Not Found", "Content-Length: 0")},
		{get("OPTIONS", "*"), noContent("GET, HEAD, POST, OPTIONS")},
		{get("OPTIONS", "/"), noContent("GET, HEAD, OPTIONS")},
		{get("OPTIONS", "/folder"), noContent("GET, HEAD, OPTIONS")},
		{get("OPTIONS", "/post?x"), noContent("POST, OPTIONS")},
		{get("OPTIONS", "/nothing"), response("404 Not Found", "Content-Length: 0")},
		{get("OPTIONS", "/.."), response("400 Bad Request", "Content-Length: 0")},
	} {
		if got := r.converse(c.request); got != c.want {
			t.Errorf("%s\ngot\n%s\nwant\n%s", c.request, got, c.want)
		}
	}
}

// Requests that arrive together are answered in their order, however they are
// cut.
func TestPipelining(t *testing.T) {
	r := start(t, files, Config{})
	requests := get("GET", "/") + get("HEAD", "/") + "\r\n" + get("GET", "/nothing") + get("POST", "/post", "Content-Length: 3") + "abc" +
		get("POST", "/index.html", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n" + get("GET", "/large.bin") + get("GET", "/", "Connection: close")
	page := response("200 OK", "Content-Type: text/html; charset=utf-8", "Content-Length: 10", validators(10), "Accept-Ranges: bytes")
	want := page + hello + page + response("404 Not Found", "Content-Length: 0") + response("200 OK", "Content-Length: 3") + "abc" +
		response("405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS", "Content-Length: 0") +
		response("200 OK", "Content-Type: application/octet-stream", "Content-Length: 320000", validators(320000), "Accept-Ranges: bytes") + large +
		closing(page) + hello
	if got := r.converse(requests); got != want {
		t.Errorf("in one piece: got\n%q\nwant\n%q", shorten(got), shorten(want))
	}
	octets := strings.Split(requests, "")
	if got := r.converse(octets...); got != want {
		t.Errorf("byte by byte: got\n%q\nwant\n%q", shorten(got), shorten(want))
	}
	for cut := 1; cut < len(requests); cut += 7 {
		if got := r.converse(requests[:cut], requests[cut:]); got != want {
			t.Fatalf("cut at %d: got\n%q\nwant\n%q", cut, shorten(got), shorten(want))
		}
	}
}

func shorten(responses string) string { return strings.ReplaceAll(responses, large, "(large)") }

// What follows the request that was said to be the last is not looked at, and
// does not keep its response from arriving.
func TestWhatFollowsTheLastRequest(t *testing.T) {
	r := start(t, files, Config{})
	want := response("404 Not Found", "Content-Length: 0", "Connection: close")
	if got := r.converse(get("GET", "/nothing", "Connection: close") + strings.Repeat(get("GET", "/"), 1000)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Many requests at once make more responses than are gathered.
func TestDeepPipelining(t *testing.T) {
	r := start(t, map[string]string{"a": strings.Repeat("x", 1000), "b": strings.Repeat("y", 30_000)}, Config{})
	one := get("GET", "/a") + get("GET", "/b") + get("GET", "/a")
	p := r.dial()
	go io.WriteString(p, strings.Repeat(one, 200))
	answer := func(name string, size int) string {
		return response("200 OK", "Content-Type: application/octet-stream", fmt.Sprint("Content-Length: ", size), validators(size), "Accept-Ranges: bytes") + strings.Repeat(name, size)
	}
	for range 200 {
		p.expect(answer("x", 1000) + answer("y", 30_000) + answer("x", 1000))
	}
}

func TestLargeFile(t *testing.T) {
	r := start(t, files, Config{})
	p := r.dial()
	head := response("200 OK", "Content-Type: application/octet-stream", "Content-Length: 320000", validators(320000), "Accept-Ranges: bytes")
	for range 3 {
		p.send(get("GET", "/large.bin"))
		p.expect(head + large)
		p.send(get("HEAD", "/large.bin"))
		p.expect(head)
		p.send(get("GET", "/large.bin", "Range: bytes=100001-300000"))
		p.expect(response("206 Partial Content", "Content-Type: application/octet-stream", "Content-Length: 200000", "Content-Range: bytes 100001-300000/320000", validators(320000)) + large[100001:300001])
	}
}

// A file that becomes shorter while it is sent must not end in a response that
// looks whole, nor in one padded with something else.
func TestFileThatShrinks(t *testing.T) {
	const size = 64 << 20 // more than the socket buffers hold
	dir := lay(t, map[string]string{"big": ""})
	name := filepath.Join(dir, "big")
	if err := errors.Join(os.Truncate(name, size), os.Chtimes(name, modified, modified)); err != nil {
		t.Fatal(err)
	}
	r := startFolder(t, dir, Config{})
	p := r.dial()
	p.send(get("GET", "/big"))
	p.expect(response("200 OK", "Content-Type: application/octet-stream", fmt.Sprint("Content-Length: ", size), validators(size), "Accept-Ranges: bytes"))
	if err := os.Truncate(name, 1000); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, p.in)
	if !errors.Is(err, syscall.ECONNRESET) || n >= size {
		t.Errorf("%d bytes and %v came; want fewer than %d and a reset", n, err, size)
	}
}

// The site may change while it is served.
func TestChangesAreNoticed(t *testing.T) {
	dir := lay(t, map[string]string{"page.html": "one"})
	r := startFolder(t, dir, Config{})
	p := r.dial()
	p.send(get("GET", "/page.html"))
	p.expect(response("200 OK", "Content-Type: text/html; charset=utf-8", "Content-Length: 3", validators(3), "Accept-Ranges: bytes") + "one")
	if err := os.WriteFile(filepath.Join(dir, "page.html"), []byte("three"), 0o644); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for !strings.HasSuffix(r.converse(get("GET", "/page.html")), "\r\n\r\nthree") {
		if time.Since(began) > patience {
			t.Fatal("a changed file is still served as it was")
		}
	}
}
