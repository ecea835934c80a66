//go:build !race

package server

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/hopwire/hopwire/shared/accesslog"
)

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

func asJSON(log *accesslog.Log) *accesslog.Log {
	log.JSON = true
	return log
}

// What is asked for again and again allocates nothing: measured from outside,
// with a client that allocates nothing either.
func TestHotPathAllocatesNothing(t *testing.T) {
	var store Config
	storing(t, &store)
	for _, c := range []struct {
		name, request string
		config        Config
	}{
		{"a small file", get("GET", "/", "User-Agent: test", "Accept: */*"), Config{}},
		{"a head", get("HEAD", "/"), Config{}},
		{"a logged one", get("GET", "/"), Config{AccessLog: accesslog.New(discard{}, nil)}},
		{"one logged as JSON", get("GET", "/", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), Config{AccessLog: asJSON(accesslog.New(discard{}, nil))}},
		{"pipelined", strings.Repeat(get("GET", "/"), 10), Config{}},
		{"HTTP/1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", Config{}},
		{"not modified", get("GET", "/", "If-None-Match: "+etag(10)), Config{}},
		{"a range", get("GET", "/", "Range: bytes=1-2"), Config{}},
		{"an echo", get("POST", "/post", "Content-Length: 5") + "hello", Config{}},
		{"a large file", get("GET", "/large.bin"), Config{}},
		{"a stored file", get("GET", "/post/sub/old.txt"), store},
		{"options", get("OPTIONS", "*"), Config{}},
		{"beside faults", get("GET", "/"), Config{Faults: script(t, "faults: [{path: /other/*, delay: 1h}, {share: 0.0001%, delay: 1h}]")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Cleanup(func() { c.config.AccessLog.Close() })
			p := start(t, files, c.config).dial()
			request := []byte(c.request)
			buf := make([]byte, lengthOfAnswer(t, p, c.request))
			const exchanges = 1000
			perform(t, p, request, buf, exchanges/10)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			perform(t, p, request, buf, exchanges)
			runtime.ReadMemStats(&after)
			if n := after.Mallocs - before.Mallocs; n > exchanges/50 {
				t.Errorf("%d allocations in %d exchanges", n, exchanges)
			}
		})
	}
}

// lengthOfAnswer finds out by a request behind the first one, of which the
// answer is known.
func lengthOfAnswer(t *testing.T, p *peer, request string) int {
	t.Helper()
	p.send(request, get("DELETE", "/"))
	mark := []byte("HTTP/1.1 405 ")
	var got []byte
	for {
		line, err := p.in.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.LastIndex(line, mark); at >= 0 {
			got = append(got, line[:at]...)
			break
		}
		got = append(got, line...)
	}
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = p.in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return len(got)
}

func perform(t *testing.T, c net.Conn, request, buf []byte, n int) {
	t.Helper()
	for range n {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			t.Fatal(err)
		}
	}
}

// There may be very many connections that wait.
func TestAClientIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(client{}); size > 48 {
		t.Errorf("a waiting client takes %d bytes beside its connection", size)
	}
}
