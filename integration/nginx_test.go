package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/integration/internal/servers"
)

// What Via costs: nginx does not compress for requests that have it, unless
// gzip_proxied is set.
func TestViaKeepsNginxFromCompressing(t *testing.T) {
	requireTool(t, "nginx")
	root, page := t.TempDir(), new(strings.Builder)
	for n := range 10_000 {
		fmt.Fprintf(page, "<p>This is paragraph %d of a page that is long.</p>\n", n)
	}
	if err := os.WriteFile(filepath.Join(root, "page.html"), []byte(page.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	nginx, err := servers.NginxCompressing(t.TempDir(), root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nginx.Stop(patience); err != nil {
			t.Errorf("nginx: %v", err)
		}
	})
	size := func(addr string) int {
		_, _, body := splitAnswer(rawAnswer(t, addr, "GET /page.html HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"))
		return len(body)
	}
	direct, through, without := size(nginx.Addr), size(startEdge(t, nginx.Addr).Addr), size(startEdge(t, nginx.Addr, "--via", "-").Addr)
	t.Logf("of %d bytes %d come directly, %d through edge, and %d with --via -", page.Len(), direct, through, without)
	if direct > page.Len()/5 || through < page.Len() || without != direct {
		t.Error("it is Via that keeps nginx from compressing, and nothing else")
	}
}

// nginx as an origin: it has its own way of writing responses, closes
// connections when it likes, and refuses what it does not.
func TestNginxBehindEdge(t *testing.T) {
	requireTool(t, "nginx")
	nginx, err := servers.NginxFiles(t.TempDir(), writeSite(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nginx.Stop(patience); err != nil {
			t.Errorf("nginx: %v", err)
		}
	})
	edge := startEdge(t, nginx.Addr)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)

	for name, content := range site {
		for range 20 {
			if err := fetch(transport, edge.url(name), content); err != nil {
				t.Error(err)
			}
		}
	}
	for _, test := range []struct {
		method, target, fields, body string
		status                       string
	}{
		{"GET", "/nowhere", "", "", "HTTP/1.1 404 Not Found"},
		{"HEAD", largeFile, "", "", "HTTP/1.1 200 OK"},
		{"POST", smallFile, "Content-Length: 3\r\n", "a=b", "HTTP/1.1 405 Not Allowed"},
		{"PUT", smallFile, "Transfer-Encoding: chunked\r\n", "3\r\na=b\r\n0\r\n\r\n", "HTTP/1.1 405 Not Allowed"},
		{"GET", mediumFile, "Range: bytes=0-1,5-6\r\n", "", "HTTP/1.1 206 Partial Content"},
		{"GET", smallFile, "If-None-Match: *\r\n", "", "HTTP/1.1 304 Not Modified"},
	} {
		t.Run(fmt.Sprint(test.method, test.target), func(t *testing.T) {
			request := test.method + " " + test.target + " HTTP/1.1\r\nHost: a\r\n" + test.fields + "Connection: close\r\n\r\n" + test.body
			status, _, _ := splitAnswer(rawAnswer(t, edge.Addr, request))
			if status != test.status {
				t.Errorf("%q, want %q", status, test.status)
			}
		})
	}
}
