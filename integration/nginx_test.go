package integration

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/hopwire/hopwire/integration/internal/servers"
)

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
