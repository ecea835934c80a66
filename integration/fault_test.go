package integration

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startFaulty starts an origin that does wrong what the script says.
func startFaulty(t *testing.T, dir, script string, args ...string) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	return startOrigin(t, dir, append(args, "--fault", file)...)
}

// outcome is what becomes of a request, in words: interim responses, the final one
// with what came of its content, and how the connection is left when nothing more has
// come for a second.
func outcome(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if errors.Is(err, syscall.ECONNRESET) {
		return "RST"
	}
	if err != nil {
		t.Fatal(err)
	}
	c := newRaw(t, conn)
	c.send(request)
	var came bytes.Buffer
	for err == nil {
		c.SetDeadline(time.Now().Add(time.Second))
		_, err = io.CopyN(&came, c.r, 1)
	}
	left := map[error]string{io.EOF: "FIN", syscall.ECONNRESET: "RST", os.ErrDeadlineExceeded: "open"}
	method, _, _ := strings.Cut(request, " ")
	told := responses(&came, method)
	for end, word := range left {
		if errors.Is(err, end) {
			return strings.Join(append(told, word), ", ")
		}
	}
	t.Error(err)
	return ""
}

// responses are the responses to one request, in words.
func responses(came io.Reader, method string) (told []string) {
	r := bufio.NewReader(came)
	interim := 0
	response, err := http.ReadResponse(r, &http.Request{Method: method})
	for ; err == nil && response.StatusCode < 200; interim++ {
		response, err = http.ReadResponse(r, &http.Request{Method: method})
	}
	if interim > 0 {
		told = append(told, fmt.Sprint(interim, " interim"))
	}
	if err != nil {
		return told
	}
	told = append(told, fmt.Sprint(response.StatusCode))
	if why := response.Header.Get("Proxy-Status"); why != "" {
		return append(told, strings.TrimPrefix(why, "hopwire; error="))
	}
	n, err := io.Copy(io.Discard, response.Body)
	if told = append(told, fmt.Sprint(n)); err != nil {
		told = append(told, "incomplete")
	}
	if rest, _ := io.Copy(io.Discard, r); rest > 0 {
		told = append(told, fmt.Sprint(rest, " more"))
	}
	return told
}

// What clients see of each fault of a response to a GET of 2000 bytes, and what the
// edge makes of it.
func TestFaultsOfResponses(t *testing.T) {
	const whole = "200, 2000, open"
	cases := []struct{ fault, direct, edge string }{
		{"delay: [1ms, 1ms in head, 1ms behind head, 1ms behind body]", whole, whole},
		{"delay: 1ms between chunks", whole, whole},
		{"dribble: 200 bytes every 1ms", whole, whole},
		{"fin: before head", "FIN", "502, http_response_incomplete, open"},
		{"reset: before head", "RST", "502, connection_terminated, open"},
		{"stop: before head", "open", "504, http_response_timeout, open"},
		{"fin: in head", "FIN", "502, http_response_incomplete, open"},
		{"stop: in head", "open", "504, http_response_timeout, open"},
		{"fin: in body", "200, 1000, incomplete, FIN", "200, 1000, incomplete, FIN"},
		{"fin: at byte 700 of body\n    chunks: 500 bytes", "200, 688, incomplete, FIN", "200, 688, incomplete, FIN"},
		{"stop: in body", "200, 1000, incomplete, open", "200, 1000, incomplete, FIN"},
		{"fin: before last chunk", "200, 2000, incomplete, FIN", "200, 2000, incomplete, FIN"},
		{"fin: behind body", "200, 2000, FIN", whole},
		{"reset: behind body", "200, 2000, RST", whole},
		{"content-length: 10 more", "200, 2000, incomplete, open", "200, 2000, incomplete, FIN"},
		{"content-length: 10 less", "200, 1990, 10 more, open", "200, 1990, open"},
		{"both-lengths: true\n    chunks: 100 bytes", whole, "502, http_protocol_error; details=\"content-length-and-transfer-encoding\", open"},
		{"connection-close: said", whole, whole},
		{"connection-close: unsaid", "200, 2000, FIN", whole},
		{"keep-alive: unsaid", whole, whole},
		{"chunks: 100 bytes", whole, whole},
		{"bad-chunk: 1", "200, 0, incomplete, 2014 more, open", "502, http_protocol_error; details=\"chunk-size\", open"},
		{"missing-last-chunk: true", "200, 2000, incomplete, open", "200, 2000, incomplete, FIN"},
		{"extra-bytes: 10", "200, 2000, 10 more, open", whole},
		{"interim: 3 times 103", "3 interim, 200, 2000, open", "3 interim, 200, 2000, open"},
		{"interim: 5000 times 103", "5000 interim, 200, 2000, open", "2340 interim, 502, http_protocol_error; details=\"interim-responses-too-large\", open"},
		{"unasked-101: websocket", "1 interim, 200, 2000, open", "502, http_protocol_error; details=\"switching-protocols-unasked\", open"},
		{"answer: 503", "503, 0, open", "503, 0, open"},
	}
	dir := t.TempDir()
	script := "faults:\n"
	for i, c := range cases {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), noise(2000), 0o644); err != nil {
			t.Fatal(err)
		}
		script += fmt.Sprintf("  - path: /%d\n    %s\n", i, c.fault)
	}
	origin := startFaulty(t, dir, script)
	edge := startEdge(t, origin.Addr, "--response-timeout", "300ms", "--stream-timeout", "300ms", "--eject-after", "1000000")
	var all sync.WaitGroup
	for i, c := range cases {
		for addr, want := range map[string]string{origin.Addr: c.direct, edge.Addr: c.edge} {
			all.Go(func() {
				if got := outcome(t, addr, fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i)); got != want {
					t.Errorf("%s: %s (through the edge: %t); want %s", c.fault, got, addr == edge.Addr, want)
				}
			})
		}
	}
	all.Wait()
}

// What clients of the edge see of each fault of its origin's connections: nothing,
// where it can be helped.
func TestFaultsOfConnections(t *testing.T) {
	const get, post = "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na"
	for _, c := range []struct {
		fault, request string
		want           string // after a GET
	}{
		{"refuse: true", get, "502"},
		{"never-read: true", get, "504"},
		{"slow-accept: 50ms", get, "200"},
		{"fin: after 1 request", get, "200"},
		{"reset: after 1 request", get, "200"},
		{"fin: after 50ms idle", post, "200"},
		{"reset: after 50ms idle", post, "200"},
		{"unasked-408: after 50ms idle", post, "200"},
		{"unasked-response: after 50ms idle", post, "200"},
		{"stale: 100%", get, "200"},
		{"stale: 100% by reset", get, "200"},
		{"stale: 100% by fin", post, "nothing"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			origin := startFaulty(t, "", "connections:\n  - name: it\n    "+c.fault, "--access-log", "-")
			edge := startEdge(t, origin.Addr, "--loops", "1", "--response-timeout", "500ms")
			client := dialRaw(t, edge.Addr)
			ask := func(request string) string {
				client.send(request)
				response, err := http.ReadResponse(client.r, nil)
				if err != nil {
					return "nothing"
				}
				io.Copy(io.Discard, response.Body)
				return fmt.Sprint(response.StatusCode)
			}
			first := ask(get)
			if strings.Contains(c.fault, " idle") {
				if _, err := origin.WaitLog(regexp.MustCompile(`fault=it`), patience); err != nil {
					t.Fatal(err)
				}
			}
			if first != c.want && c.want != "nothing" {
				t.Errorf("first %s", first)
			}
			if got := ask(c.request); got != c.want {
				t.Errorf("then %s, want %s", got, c.want)
			}
			if _, err := origin.WaitLog(regexp.MustCompile(`fault=it`), patience); err != nil {
				t.Error(err)
			}
		})
	}
}

// An upload that is answered early gets the answer, whether the origin then reads on
// or closes.
func TestEarly413(t *testing.T) {
	edge := startEdge(t, startOrigin(t, "", "--fault", "early-413").Addr)
	for range 2 {
		request := fmt.Sprintf("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n%s", noise(2000))
		if got := outcome(t, edge.Addr, request); got != "413, 0, open" && got != "413, 0, FIN" {
			t.Error(got)
		}
	}
}

// What the edge makes of ready scripts: of twelve responses as many are whole as the
// origin sent whole, and no part looks whole.
func TestReadyScripts(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), noise(2000), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]map[string]int{
		"truncating":   {"200, 2000, open": 3},
		"lying-length": {"200, 2000, open": 0, "200, 2000, incomplete, FIN": 4, "200, 1990, open": 4},
	} {
		edge := startEdge(t, startOrigin(t, dir, "--fault", name).Addr, "--eject-after", "1000000")
		var all sync.WaitGroup
		var mu sync.Mutex
		got := map[string]int{}
		for range 12 {
			all.Go(func() {
				o := outcome(t, edge.Addr, "GET /file HTTP/1.1\r\nHost: a\r\n\r\n")
				mu.Lock()
				got[o]++
				mu.Unlock()
			})
		}
		all.Wait()
		for o, n := range want {
			if got[o] != n {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
}

// No client notices that its GET met a stale connection.
func TestStaleScript(t *testing.T) {
	origin := startOrigin(t, "", "--fault", "stale", "--access-log", "-", "--admin", "127.0.0.1:0")
	c := dialRaw(t, startEdge(t, origin.Addr).Addr)
	for range 100 {
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if response, _ := c.response("GET"); response.StatusCode != 200 {
			t.Fatal(response.Status)
		}
	}
	n := adminOf(t, origin.Process).counters()
	if _, err := origin.WaitLog(regexp.MustCompile(`fault=stale-by-`), patience); err != nil || n.all("faults.stale-by-") == 0 {
		t.Errorf("%v, counted %v", err, n)
	}
}
