package server

import (
	"io"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/wiretest"
)

func TestRefusals(t *testing.T) {
	r := start(t, files, Config{})
	for _, c := range []struct{ name, request, status string }{
		{"no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request"},
		{"no host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
		{"a bare line feed", "GET / HTTP/1.1\nHost: a\n\n", "400 Bad Request"},
		{"two lengths", get("POST", "/post", "Content-Length: 1", "Content-Length: 1") + "a", "400 Bad Request"},
		{"a length and chunks", get("POST", "/post", "Content-Length: 3", "Transfer-Encoding: chunked") + "0\r\n\r\n", "400 Bad Request"},
		{"chunks in HTTP/1.0", "POST /post HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 Bad Request"},
		{"another coding", get("POST", "/post", "Transfer-Encoding: gzip, chunked") + "0\r\n\r\n", "501 Not Implemented"},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400 Bad Request"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 HTTP Version Not Supported"},
		{"another version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported"},
		{"a percent sign that encodes nothing", get("GET", "/%zz"), "400 Bad Request"},
		{"a fragment", get("GET", "/#a"), "400 Bad Request"},
		{"a long target", get("GET", "/"+strings.Repeat("a", 9000)), "414 URI Too Long"},
		{"a long head", get("GET", "/", "A: "+strings.Repeat("a", 20_000)), "431 Request Header Fields Too Large"},
		{"many field lines", get("GET", "/", strings.Split(strings.Repeat("A: b\n", 200), "\n")[:200]...), "431 Request Header Fields Too Large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// What follows a request of which the end is not known is not looked at.
			got := r.converse(c.request + get("GET", "/"))
			if want := response(c.status, "Content-Length: 0", "Connection: close"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// No request of the vectors that must be refused gets to see a file, and none
// that is complete remains without an answer.
func TestVectors(t *testing.T) {
	r := start(t, files, Config{})
	for _, v := range wiretest.Vectors("request") {
		if v.Limits != (wiretest.Limits{}) {
			continue // other ones than ours
		}
		p := r.dial()
		p.send(string(v.Input))
		p.CloseWrite()
		got, err := io.ReadAll(p.in)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
		first, _, _ := strings.Cut(string(got), "\r\n")
		refused := strings.HasPrefix(first, "HTTP/1.1 4") || strings.HasPrefix(first, "HTTP/1.1 5")
		switch {
		case v.Expect.Incomplete:
			if len(got) > 0 && !refused {
				t.Errorf("%s: half a request is answered %q", v.Name, first)
			}
		case !v.Expect.OK && !refused:
			t.Errorf("%s: %q; want a refusal", v.Name, first)
		case v.Expect.OK && len(got) == 0:
			t.Errorf("%s: no answer", v.Name)
		}
		p.Close()
	}
}

func TestConfigErrors(t *testing.T) {
	if _, err := (Config{PostPath: "post/"}).withDefaults(); err == nil || !strings.Contains(err.Error(), `"post/"`) {
		t.Errorf("%v does not mention the path", err)
	}
	for path, good := range map[string]bool{"": true, "/post": true, "/a/b": true, "/": false, "/post/": false, "/a/../b": false, "//a": false, "/%61": false} {
		if IsPostPath(path) != good {
			t.Errorf("the post path %q: good is %v", path, !good)
		}
	}
}
