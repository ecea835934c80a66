package integration

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// behindCut starts an edge in front of an origin that serves content under several
// names, and under all but "whole" no more than half of it.
func behindCut(t *testing.T, content []byte) (edge *server) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"length", "chunked", "whole"} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script := "faults: [{path: /length, fin: in body}, {path: /chunked, fin: in body, chunks: 100000000 bytes}]"
	return startEdge(t, startFaulty(t, dir, script).Addr)
}

// When an origin breaks a response off, what it has sent arrives, and then the end
// of the stream, by which the client knows that it was not all: also at a client
// that takes its time.
func TestCutDownloadArrivesAsFarAsItCame(t *testing.T) {
	content := noise(4_000_000)
	edge := behindCut(t, content)
	for _, path := range []string{"/length", "/chunked"} {
		t.Run(path[1:], func(t *testing.T) {
			c := dialRaw(t, edge.Addr)
			c.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
			response, err := http.ReadResponse(c.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(200 * time.Millisecond) // which the client has to do
			body, err := io.ReadAll(response.Body)
			if half := content[:len(content)/2]; err != io.ErrUnexpectedEOF || !bytes.Equal(body, half) {
				t.Errorf("%d bytes and %v, want %d and the end of the stream", len(body), err, len(half))
			}
		})
	}
}

// curl goes on with a download where the origin broke it off.
func TestCurlResumesCutDownload(t *testing.T) {
	requireTool(t, "curl")
	content := noise(4_000_000)
	edge := behindCut(t, content)
	file := filepath.Join(t.TempDir(), "download")
	const partial = 18 // curl's exit status when it was not all
	var exit *exec.ExitError
	out, err := curlCommand(t, "--limit-rate", "10M", "-o", file, edge.url("/length")).CombinedOutput()
	if !errors.As(err, &exit) || exit.ExitCode() != partial {
		t.Errorf("curl: %v, want exit status %d\n%s", err, partial, out)
	}
	if half, err := os.ReadFile(file); !bytes.Equal(half, content[:len(content)/2]) {
		t.Errorf("%d bytes and %v, want %d", len(half), err, len(content)/2)
	}
	status, _ := curl(t, "-C", "-", "-o", file, edge.url("/whole"))
	if whole, err := os.ReadFile(file); status != "206 1.1" || !bytes.Equal(whole, content) {
		t.Errorf("resumed: %s, %d bytes and %v, want %d", status, len(whole), err, len(content))
	}
}
