package integration

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// Each curl line of the origin's list does what it is there to show, through the edge
// as well, which is then the address in it.
func TestStudyByCurl(t *testing.T) {
	requireTool(t, "curl")
	origin := startOrigin(t, "", "--study")
	edge := startEdge(t, origin.Addr)
	shows := map[string]string{ // by endpoint, what is to be seen
		"status":    "HTTP/1.1 418 ",
		"delay":     "this took 500ms",
		"bytes":     fmt.Sprintf("%x", sha256.Sum256(splitMix64(7, 1<<20))),
		"stream":    fmt.Sprintf("%x", sha256.Sum256(splitMix64(0, 64<<10))),
		"drip":      "**********",
		"sse":       "id: 5\ndata: event 5 of 5\n\n",
		"trailers":  "\r\n0\r\nRepr-Digest: sha-256=:n97nj9P18Xj+k5Namx3d4HYScezG+HWN8309jD/0Zq8=:\r\n",
		"headers":   `"Accept": "*/*"`,
		"echo/head": "GET /_/echo/head HTTP/1.1\r\n",
		"interim":   "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n",
		"close":     "this was the last response on its connection",
		"early":     "HTTP/1.1 413 Content Too Large\r\n",
		"upload":    fmt.Sprintf("\"length\": 11,\n  \"sha256\": \"%x\"", sha256.Sum256([]byte("a few bytes"))),
		"websocket": "HTTP/1.1 101 Switching Protocols\r\n",
	}
	endpoint := regexp.MustCompile(`/_/(echo/head|\w+)`)
	for _, s := range []*server{origin, edge} {
		_, list := curl(t, s.url("/_/"))
		lines := regexp.MustCompile(`(?m)^    curl (.*'http://(.*)/_/.*)$`).FindAllStringSubmatch(string(list), -1)
		if len(lines) != len(shows) {
			t.Fatalf("%s lists %d endpoints, want %d:\n%s", s.Name, len(lines), len(shows), list)
		}
		for _, line := range lines {
			name := endpoint.FindStringSubmatch(line[1])[1]
			t.Run(s.Name+" "+name, func(t *testing.T) {
				t.Parallel()
				if line[2] != s.Addr {
					t.Errorf("the line is for %s, want %s", line[2], s.Addr)
				}
				cmd := exec.CommandContext(t.Context(), "sh", "-c", "curl -sS --noproxy '*' "+line[1])
				cmd.Dir = t.TempDir()
				out, err := cmd.Output()
				if exit, ok := err.(*exec.ExitError); err != nil && !(ok && name == "websocket" && exit.ExitCode() == 28) { // it is given a second
					t.Errorf("%s: %v", line[1], err)
				}
				if strings.Contains(line[1], "-o bytes") {
					out = fmt.Appendf(nil, "%x", sha256.Sum256(readFile(t, filepath.Join(cmd.Dir, "bytes"))))
				}
				if !bytes.Contains(out, []byte(shows[name])) {
					t.Errorf("curl %s shows\n%s\nwant in it\n%s", line[1], out, shows[name])
				}
			})
		}
	}
}

// splitMix64 is n bytes of that generator, made as its authors have it: state by
// state.
func splitMix64(state uint64, n int) (b []byte) {
	for len(b) < n {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb
		b = binary.LittleEndian.AppendUint64(b, z^(z>>31))
	}
	return b[:n]
}

// Through the edge an endpoint answers as it does directly, byte for byte.
func TestStudyThroughTheEdge(t *testing.T) {
	origin := startOrigin(t, "", "--study")
	edge := startEdge(t, origin.Addr)
	for _, request := range []string{
		"GET /_/ HTTP/1.1", "HEAD /_/ HTTP/1.1", "OPTIONS /_/bytes/1 HTTP/1.1", "BREW /_/bytes/1 HTTP/1.1", "GET /_ HTTP/1.1",
		"GET /_/status/204 HTTP/1.1", "GET /_/status/205 HTTP/1.1", "GET /_/status/304 HTTP/1.1", "GET /_/status/426 HTTP/1.1", "GET /_/status/999 HTTP/1.1", "DELETE /_/status/500 HTTP/1.1",
		"GET /_/delay/10ms HTTP/1.1", "HEAD /_/bytes/100 HTTP/1.1", "GET /_/bytes/1MB?seed=3 HTTP/1.1\r\nRange: bytes=1000-500000",
		"GET /_/stream/100000?chunk=999 HTTP/1.1", "GET /_/drip?bytes=7&duration=20ms HTTP/1.1", "GET /_/sse?every=1ms HTTP/1.1", "GET /_/trailers HTTP/1.1",
		"GET /_/stream/100000 HTTP/1.0", "GET /_/interim?100&103x3 HTTP/1.1", "GET /_/interim?102x100 HTTP/1.1", "GET /_/interim?100&103x3 HTTP/1.0", "GET /_/close HTTP/1.1",
		"POST /_/upload HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "PUT /_/upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"POST /_/early/202?after=3&then=read HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
		"GET /_/websocket HTTP/1.1", "GET /_/nothing HTTP/1.1",
	} {
		t.Run(request, func(t *testing.T) {
			line, rest, _ := strings.Cut(request, "\r\n")
			if !strings.Contains(rest, "\r\n\r\n") {
				rest = strings.TrimPrefix(rest+"\r\n\r\n", "\r\n")
			}
			text := line + "\r\nHost: example.test\r\nConnection: close\r\n" + rest
			status1, fields1, body1 := splitAnswer(rawAnswer(t, origin.Addr, text), "Date", "Connection")
			status2, fields2, body2 := splitAnswer(rawAnswer(t, edge.Addr, text), "Date", "Via", "Connection")
			body1, body2 = undated(body1), undated(body2) // of what comes behind interim responses
			if status1 != status2 || body1 != body2 || fmt.Sprint(fields1) != fmt.Sprint(fields2) {
				t.Errorf("origin: %s\n%q\n%.300q\nedge: %s\n%q\n%.300q", status1, fields1, body1, status2, fields2, body2)
			}
		})
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func undated(text string) string {
	return regexp.MustCompile(`(Date|Via): .*\r\n`).ReplaceAllString(text, "")
}

// A large upload that is answered early, with and without the rest being read.
func TestStudyOfEarlyAnswers(t *testing.T) {
	origin := startOrigin(t, "", "--study")
	edge := startEdge(t, origin.Addr)
	for _, s := range []*server{origin, edge} {
		for target, want := range map[string]int{"/_/early/413?after=100KiB": 413, "/_/early/202?after=1&then=read": 202, "/_/upload": 200} {
			c := dialRaw(t, s.Addr)
			sent := make(chan error, 1)
			go func() {
				_, err := io.WriteString(c, "POST "+target+" HTTP/1.1\r\nHost: a\r\nContent-Length: 5242897\r\n\r\n"+string(site[largeFile]))
				sent <- err
			}()
			response, body := c.response("POST")
			if response.StatusCode != want || response.Close != (want == 413) {
				t.Errorf("%s %s: %s, close %v", s.Name, target, response.Status, response.Close)
			}
			if want == 200 && !strings.Contains(body, fmt.Sprintf("%x", sha256.Sum256(site[largeFile]))) {
				t.Errorf("%s measured %s", s.Name, body)
			}
			if err := <-sent; err != nil && want != 413 {
				t.Errorf("%s %s: the rest was not read: %v", s.Name, target, err)
			}
		}
	}
}

// The origin's WebSocket is one to a client that others wrote.
func TestStudyWebSocket(t *testing.T) {
	origin := startOrigin(t, "", "--study")
	edge := startEdge(t, origin.Addr)
	for _, s := range []*server{origin, edge} {
		t.Run(s.Name, func(t *testing.T) {
			ctx, c := dialWebSocketAt(t, "ws://"+s.Addr+"/_/websocket")
			for _, message := range [][]byte{nil, []byte("a few bytes"), randomMessage(125), randomMessage(126), randomMessage(65535), randomMessage(65536), randomMessage(1 << 20)} {
				if err := exchange(ctx, c, websocket.MessageBinary, message); err != nil {
					t.Fatalf("%d bytes: %v", len(message), err)
				}
			}
			if err := exchange(ctx, c, websocket.MessageText, []byte(strings.Repeat("näher 😀 ", 100_000))); err != nil {
				t.Errorf("text: %v", err)
			}
			w, err := c.Writer(ctx, websocket.MessageText) // in fragments
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"one, ", "two, ", "three"} {
				io.WriteString(w, part)
			}
			w.Close()
			if err := expectMessage(ctx, c, websocket.MessageText, []byte("one, two, three")); err != nil {
				t.Errorf("fragments: %v", err)
			}
			if err := c.Close(4000, "enough"); err != nil {
				t.Errorf("closing: %v", err)
			}

			ctx, c = dialWebSocketAt(t, "ws://"+s.Addr+"/_/websocket")
			if err := c.Ping(c.CloseRead(ctx)); err != nil {
				t.Errorf("ping: %v", err)
			}
			ctx, c = dialWebSocketAt(t, "ws://"+s.Addr+"/_/websocket")
			c.Write(ctx, websocket.MessageText, []byte("\xff"))
			var closed websocket.CloseError
			if _, _, err := c.Read(ctx); !errors.As(err, &closed) || closed.Code != websocket.StatusInvalidFramePayloadData {
				t.Errorf("text that is none: %v", err)
			}
		})
	}
}

// The page names the address that a browser came by, and its links lead somewhere.
func TestStudyOnThePage(t *testing.T) {
	origin := startOrigin(t, "", "--study")
	edge := startEdge(t, origin.Addr)
	request, err := http.NewRequestWithContext(t.Context(), "GET", edge.url("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, page := roundTrip(t, http.DefaultTransport, request)
	if n := strings.Count(string(page), "http://"+edge.Addr+"/"); n < 10 || strings.Contains(string(page), origin.Addr) {
		t.Errorf("the page names the edge's address %d times:\n%s", n, page)
	}
	links := regexp.MustCompile(`href="(/_/[^"]*)"`).FindAllStringSubmatch(string(page), -1)
	if len(links) < 10 {
		t.Fatalf("the page has the links %q only", links)
	}
	client := &http.Client{Timeout: patience}
	for _, link := range links {
		t.Run(link[1], func(t *testing.T) {
			t.Parallel()
			response, err := client.Get(edge.url(strings.ReplaceAll(link[1], "&amp;", "&")))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != 200 && response.StatusCode != 418 {
				t.Errorf("%s, %v", response.Status, err)
			}
		})
	}
}

// A client of the edge that leaves in the middle is noticed by the origin, too.
func TestStudyOfLeavingClients(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	origin := startOrigin(t, "", "--study", "--access-log", log)
	edge := startEdge(t, origin.Addr)
	for _, target := range []string{"/_/drip?bytes=1000&duration=10m", "/_/sse?count=1000&every=1s"} {
		c := dialRaw(t, edge.Addr)
		c.send("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n")
		if _, err := c.r.Peek(1); err != nil {
			t.Fatal(err)
		}
		c.Close()
		eventually(t, func() string {
			if text := string(readFile(t, log)); !strings.Contains(text, `"GET `+target+` HTTP/1.1" 200 `) {
				return "the origin has logged " + text
			}
			return ""
		})
	}
}
