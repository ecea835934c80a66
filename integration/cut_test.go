package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// cutting serves content, but what is not asked for by range ends at half of it.
func cutting(content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
			return
		}
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		}
		w.Write(content[:len(content)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// When an origin breaks a response off, what it has sent arrives, and then the end
// of the stream, by which the client knows that it was not all: also at a client
// that takes its time.
func TestCutDownloadArrivesAsFarAsItCame(t *testing.T) {
	content := noise(4_000_000)
	_, edge, _ := behindEdge(t, cutting(content))
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
	_, edge, _ := behindEdge(t, cutting(content))
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
	status, _ := curl(t, "-C", "-", "-o", file, edge.url("/length"))
	if whole, err := os.ReadFile(file); status != "206 1.1" || !bytes.Equal(whole, content) {
		t.Errorf("resumed: %s, %d bytes and %v, want %d", status, len(whole), err, len(content))
	}
}
