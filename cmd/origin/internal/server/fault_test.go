package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/origin/internal/fault"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

func script(t *testing.T, lines string) *fault.Script {
	t.Helper()
	s, err := fault.Parse("script", []byte(lines))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// How a connection ends.
const (
	fin   = "FIN"
	reset = "RST"
	open  = "open"
)

// ending reads to the end of the connection, or until nothing has come for a while: at
// once if nothing is to come.
func (p *peer) ending(silent bool) (got, end string) {
	p.t.Helper()
	var b strings.Builder
	buf := make([]byte, 1<<16)
	for wait := patience; ; wait = 100 * time.Millisecond {
		if silent {
			wait = 100 * time.Millisecond
		}
		p.SetReadDeadline(time.Now().Add(wait))
		n, err := p.in.Read(buf)
		b.Write(buf[:n])
		switch {
		case err == nil:
			continue
		case err == io.EOF:
			end = fin
		case errors.Is(err, syscall.ECONNRESET):
			end = reset
		case errors.Is(err, os.ErrDeadlineExceeded):
			end = open
		default:
			p.t.Fatal(err)
		}
		return undated(p.t, b.String()), end
	}
}

// What each fault makes of a response, to the byte.
func TestFaultsOfResponses(t *testing.T) {
	page := response("200 OK", "Content-Type: text/html; charset=utf-8", "Content-Length: 10", validators(10), "Accept-Ranges: bytes") + hello
	head := strings.TrimSuffix(page, hello)
	with := func(before, after string) string { return strings.Replace(page, before, after, 1) }
	coded := strings.Replace(strings.Replace(head, "Content-Length: 10\r\n", "", 1), "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", 1)
	largeHead := response("200 OK", "Content-Type: application/octet-stream", "Content-Length: 320000", validators(320000), "Accept-Ranges: bytes")
	const twoChunks = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
	echoed := response("200 OK", "Transfer-Encoding: chunked")
	post := get("POST", "/post", "Transfer-Encoding: chunked") + twoChunks
	for _, c := range []struct{ fault, request, want, end string }{
		{"delay: 1ms", "", page, open},
		{"delay: [1ms in head, 1ms behind head, 1ms in body, 1ms behind body]", "", page, open},
		{"delay: 1ms between chunks", post, echoed + twoChunks, open},
		{"dribble: 20 bytes every 1ms", "", page, open},
		{"dribble: 100000 bytes every 1ms", get("GET", "/large.bin"), largeHead + large, open},
		{"fin: before head", "", "", fin},
		{"reset: before head", "", "", reset},
		{"fin: at byte 12 of head", "", "HTTP/1.1 200", fin},
		{"stop: at byte 12 of head", "", "HTTP/1.1 200", open},
		{"fin: at byte 4 of body", "", head + hello[:4], fin},
		{"stop: at byte 4 of body", "", head + hello[:4], open},
		{"fin: in body", get("GET", "/large.bin"), largeHead + large[:160_000], fin},
		{"fin: behind body", "", page, fin},
		{"fin: before last chunk", post, echoed + strings.TrimSuffix(twoChunks, "0\r\n\r\n"), fin},
		{"content-length: 10 more", "", with("Length: 10", "Length: 20"), open},
		{"content-length: 3 less", "", with("Length: 10", "Length: 7"), open},
		{"content-length: 10 more", get("HEAD", "/"), strings.TrimSuffix(with("Length: 10", "Length: 20"), hello), open},
		{"both-lengths: true", "", strings.Replace(head, "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", 1) + hello, open},
		{"connection-close: said", "", with(kept, "Connection: close\r\n"), open},
		{"connection-close: unsaid", "", with(kept, ""), fin},
		{"connection-close: unsaid", get("GET", "/", "Connection: close"), with(kept, ""), fin},
		{"keep-alive: unsaid", "", with(kept, ""), open},
		{"chunks: 6 bytes", "", coded + "6\r\n" + hello[:6] + "\r\n4\r\n" + hello[6:] + "\r\n0\r\n\r\n", open},
		{"bad-chunk: 2", post, echoed + strings.Replace(twoChunks, "2\r\nde", "no size\r\nde", 1), open},
		{"missing-last-chunk: true", post, echoed + strings.TrimSuffix(twoChunks, "0\r\n\r\n"), open},
		{"missing-last-chunk: true", "", coded + "a\r\n" + hello + "\r\n", open},
		{"extra-bytes: 3", "", page + "xxx", open},
		{"interim: 3 times 103", "", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 3) + page, open},
		{"unasked-101: websocket", "", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + page, open},
		{"answer: 503", "", response("503 Service Unavailable", "Content-Length: 0"), open},
		{"answer: 413", get("POST", "/post", "Content-Length: 1000000"), closing(response("413 Content Too Large", "Content-Length: 0")), fin},
		{"answer: 413 after 3 bytes", get("POST", "/post", "Content-Length: 1000000") + "abc", closing(response("413 Content Too Large", "Content-Length: 0")), fin},
		{"answer: 413 after 3 bytes", get("POST", "/post", "Content-Length: 3", "Expect: 100-continue"), "HTTP/1.1 100 Continue\r\n\r\n", open},
		{"answer: 413\n    reset: behind body", get("POST", "/post", "Content-Length: 1000000"), "", reset},
		{"fin: behind body", get("GET", "/", "Connection: close"), closing(page[:len(head)]) + hello, fin},
		{"fin: behind body", get("POST", "/post", "Content-Length: 3", "Transfer-Encoding: chunked"), closing(response("400 Bad Request", "Content-Length: 0")), fin}, // was never chosen
		{"fin: behind body\n    every: 2", get("GET", "/") + get("GET", "/") + get("GET", "/"), page + page, fin},
		{"reset: before head\n    path: /images/*", "", page, open},
	} {
		t.Run(c.fault, func(t *testing.T) {
			r := start(t, files, Config{Faults: script(t, "faults:\n  - "+c.fault)})
			p := r.dial()
			if c.request == "" {
				c.request = get("GET", "/")
			}
			p.send(c.request)
			got, end := p.ending(false)
			if end != c.end || got != c.want && end != reset {
				t.Errorf("got %q and then %s; want %q and then %s", got, end, c.want, c.end)
			}
		})
	}
}

// A connection that was not ended is of use for the next request.
func TestConnectionGoesOnBehindAFault(t *testing.T) {
	r := start(t, files, Config{Faults: script(t, "faults:\n  - path: /nothing\n    delay: 1ms\n    first: 1")})
	p := r.dial()
	for range 3 {
		p.send(get("GET", "/nothing"))
		p.expect(response("404 Not Found", "Content-Length: 0"))
	}
	if got := fmt.Sprint(r.server.Faults()); got != "map[delay-1ms:1]" {
		t.Errorf("the first one of the connection is to be struck: %s", got)
	}
}

// What goes wrong with connections, as their clients see it: each asks, waits for the
// answer if one is to come, and asks again. Who asks does so long before a connection that
// is idle would be struck, on a busy machine as well.
func TestFaultsOfConnections(t *testing.T) {
	answer := response("404 Not Found", "Content-Length: 0")
	unasked := "HTTP/1.1 200 OK\r\nDate: D\r\nServer: hopwire-origin\r\nContent-Length: 8\r\n\r\nunasked\n"
	timeout := closing(response("408 Request Timeout", "Content-Length: 0"))
	for _, c := range []struct {
		fault    string
		answered int    // requests
		then     string // without a further request
		end      string
		unread   bool // a further request is sent, and gets no answer
	}{
		{fault: "refuse: true", end: reset},
		{fault: "never-read: true", end: open, unread: true},
		{fault: "slow-accept: 20ms", answered: 2, end: open},
		{fault: "fin: after 2 requests", answered: 2, end: fin},
		{fault: "reset: after 2 requests", answered: 1, end: reset, unread: true},
		{fault: "fin: after 500ms idle", answered: 1, end: fin},
		{fault: "fin: after 20ms idle", end: fin},
		{fault: "reset: after 500ms idle", answered: 1, end: reset},
		{fault: "unasked-408: after 500ms idle", answered: 1, then: timeout, end: fin},
		{fault: "unasked-response: after 500ms idle", answered: 1, then: unasked, end: open},
		{fault: "stale: 100%", answered: 1, end: fin, unread: true},
		{fault: "stale: 100% by reset", answered: 1, end: reset, unread: true},
	} {
		t.Run(c.fault, func(t *testing.T) {
			r := start(t, files, Config{Faults: script(t, "connections:\n  - "+c.fault)})
			conn, err := net.Dial("tcp", r.addr)
			if c.end == reset && errors.Is(err, syscall.ECONNRESET) && c.fault == "refuse: true" {
				return // before the client could look
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			p := &peer{t: t, TCPConn: conn.(*net.TCPConn), in: bufio.NewReader(conn)}
			for range c.answered {
				p.send(get("GET", "/nothing"))
				p.expect(answer)
			}
			if c.unread {
				p.send(get("GET", "/nothing"))
			}
			if c.end == open && c.then != "" {
				p.expect(c.then)
				return
			}
			got, end := p.ending(c.end == open && c.then == "")
			if c.unread && end == reset && strings.HasPrefix(c.fault, "stale") {
				end = c.end // FIN, and the RST that follows it, are one or the other to a client
			}
			if end != c.end || got != c.then && end != reset {
				t.Errorf("got %q and then %s; want %q and then %s", got, end, c.then, c.end)
			}
			for name, n := range r.server.Faults() {
				if n != 1 {
					t.Errorf("%s struck %d times", name, n)
				}
			}
		})
	}
}

// Below /_/ a request may ask for faults in its query, if it may.
func TestFaultsInTheQuery(t *testing.T) {
	const none = "HTTP/1.1 404 Not Found\r\n"
	for _, c := range []struct {
		target  string
		allowed bool
		begins  string
		end     string
	}{
		{"/_/x?a=b&fault=fin:at+byte+12+of+head", true, "HTTP/1.1 404", fin},
		{"/_/x?fault=interim:1+times+103;fin:behind%20body", true, "HTTP/1.1 103 Early Hints\r\n\r\n" + none, fin},
		{"/%5f/x?fault=interim:1+times+103&fault=fin:behind+body", true, "HTTP/1.1 103 Early Hints\r\n\r\n" + none, fin},
		{"/_/trailers?fault=fin:before+last+chunk", true, "HTTP/1.1 200 OK", fin},
		{"/_/bytes/9?seed=1&fault=fin:at+byte+0+of+body", true, "HTTP/1.1 200 OK", fin},
		{"/_/x?fault=", true, none, open},
		{"/_/x?fault=nonsense:1", true, "HTTP/1.1 400 Bad Request\r\n", fin},
		{"/_/x?fault=fin:before+head", false, none, open},
		{"/x?fault=fin:before+head", true, none, open},
	} {
		p := start(t, files, Config{Study: c.allowed}).dial()
		p.send(get("GET", c.target))
		if got, end := p.ending(false); !strings.HasPrefix(got, c.begins) || len(c.begins) < 13 && got != c.begins || end != c.end {
			t.Errorf("%s: got %q and then %s; want %q and then %s", c.target, got, end, c.begins, c.end)
		}
	}
	p := start(t, files, Config{Study: true}).dial()
	p.send(get("GET", "/_/?fault=delay:soon"))
	if got, _ := p.ending(false); !strings.HasSuffix(got, "\r\n\r\n\"soon\" is no value of delay; write one like delay: 500ms behind head\n") {
		t.Errorf("got %q", got)
	}
}

// What comes behind a 101 that was asked for goes through a strike as it is.
func TestFaultsOfWebSockets(t *testing.T) {
	p := start(t, files, Config{Study: true}).dial()
	p.send(get("GET", "/_/websocket?fault=delay:1ms+in+head", upgrade...) + masked(0x81, "hi"))
	p.expect(switched + "\x81\x02hi")
	p = start(t, files, Config{Study: true}).dial()
	p.send(get("GET", "/_/websocket?fault=fin:at+byte+3+of+body", upgrade...) + masked(0x81, "hi"))
	if got, end := p.ending(false); got != switched+"\x81\x02h" || end == open {
		t.Errorf("got %q and then %s", got, end)
	}
}

// Each strike is counted by its name and stands in the log; what found nothing to
// strike does not.
func TestFaultsAreCountedAndLogged(t *testing.T) {
	var out page
	log := accesslog.New(&out, nil)
	r := start(t, files, Config{AccessLog: log, Study: true, Faults: script(t, `
faults:
  - {path: /, name: short, fin: at byte 4 of body}
  - {path: /nothing, fin: at byte 4 of body}
connections:
  - {name: hasty, fin: after 2 requests, every: 2}
  - {name: race, stale: 100%}
`)})
	p := r.dial()
	p.send(get("GET", "/nothing"))
	p.expect(response("404 Not Found", "Content-Length: 0"))
	p.send(get("GET", "/"))
	p.ending(false)
	p = r.dial()
	p.send(get("GET", "/nothing") + get("GET", "/nothing"))
	p.ending(false)
	p = r.dial()
	p.send(get("GET", "/"))
	p.ending(false)
	p = r.dial()
	p.send(get("GET", "/_/status/204?fault=delay:1ms") + get("GET", "/nothing"))
	p.ending(false)
	want := map[string]uint64{"short": 1, "fin-at-byte-4-of-body": 0, "hasty": 2, "race": 1, "query": 1}
	if got := r.server.Faults(); !maps.Equal(got, want) {
		t.Errorf("counted: %v; want %v", got, want)
	}
	r.stop()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		_, rest, _ := strings.Cut(line, "] ")
		lines = append(lines, strings.TrimSpace(rest))
	}
	const wanted = `"GET /nothing HTTP/1.1" 404 -
"-" - - fault=race
"GET /nothing HTTP/1.1" 404 -
"GET /nothing HTTP/1.1" 404 - fault=hasty
"GET / HTTP/1.1" 200 4 fault=short
"GET /_/status/204?fault=delay:1ms HTTP/1.1" 204 - fault=delay-1ms
"GET /nothing HTTP/1.1" 404 - fault=hasty`
	if got := strings.Join(lines, "\n"); got != wanted {
		t.Errorf("logged:\n%s\nwant\n%s", got, wanted)
	}
}

// While faults hold up some clients for hours, the others are answered at once.
func TestOthersNoticeNothingOfAFault(t *testing.T) {
	dir := lay(t, files)
	faults := script(t, `
faults:
  - {path: /delay, delay: 1h}
  - {path: /dribble, dribble: 1 byte every 1h}
  - {path: /stop, stop: in head}
  - {path: /storm, interim: 1000000 times 103 every 1m}
connections:
  - {first: 1, never-read: true}
`)
	w := simnet.New(1, simnet.Options{Lifetime: 24 * time.Hour})
	answered := 0
	err := w.Run(loop.Config{}, func(g *loop.Group) error {
		server, err := New(g, Config{Site: openSite(t, dir), Faults: faults})
		if err != nil {
			return err
		}
		addr, err := server.Listen("127.0.0.1:80")
		if err != nil {
			return err
		}
		at, err := loop.ParseAddress(addr.String())
		l := g.Loop(0)
		ask := func(path string) *loop.Conn {
			c, err := l.Dial(at, 0)
			if err == nil {
				_, err = io.WriteString(c, get("GET", path))
			}
			if err != nil {
				t.Error(err)
			}
			return c
		}
		l.Go(loop.Func(func() {
			defer g.Stop()
			for _, path := range []string{"/never", "/delay", "/dribble", "/stop", "/storm"} {
				defer ask(path).Close()
			}
			l.Sleep(time.Second)
			for range 100 {
				c := ask("/nothing")
				asked := l.Now()
				n, err := c.Read(make([]byte, 1000))
				if took := l.Now().Sub(asked); err != nil || n == 0 || took > time.Second {
					t.Errorf("%d bytes and %v after %v", n, err, took)
				}
				answered++
				c.Close()
			}
		}))
		return err
	})
	if err != nil || answered != 100 {
		t.Errorf("%d answers, %v", answered, err)
	}
	for name, n := range faults.Counts() {
		if strings.HasPrefix(name, "never") && n != 1 {
			t.Errorf("%s struck %d times", name, n)
		}
	}
}

// A response that waits, waits as long as it is to: by a clock that costs no time.
func TestWaitingTakesItsTime(t *testing.T) {
	for _, c := range []struct {
		lines    string
		from, to time.Duration
	}{
		{"faults: [{delay: [1m before head, 2m in body], fin: behind body}]", 3 * time.Minute, 3*time.Minute + time.Second},
		{"faults: [{dribble: 1 byte every 1s from behind head, fin: behind body}]", 9 * time.Second, 10 * time.Second},
		{"faults: [{stop: behind body}]", 10 * time.Minute, 11 * time.Minute},
		{"connections: [{slow-accept: 5s, fin: after 1 request}]", 5 * time.Second, 6 * time.Second},
		{"connections: [{never-read: true}]", 10 * time.Minute, 11 * time.Minute},
		{"connections: [{fin: after 3s idle}]", 3 * time.Second, 4 * time.Second},
	} {
		var took time.Duration
		dir := lay(t, files)
		w := simnet.New(1, simnet.Options{Lifetime: time.Hour})
		err := w.Run(loop.Config{}, func(g *loop.Group) error {
			server, err := New(g, Config{Site: openSite(t, dir), Faults: script(t, c.lines)})
			if err != nil {
				return err
			}
			addr, err := server.Listen("127.0.0.1:80")
			if err != nil {
				return err
			}
			at, err := loop.ParseAddress(addr.String())
			client := &simnet.Client{Loop: g.Loop(0), To: at, Sends: []byte(get("GET", "/")), Done: func(*simnet.Client) {
				took = w.Elapsed()
				g.Stop()
			}}
			g.Loop(0).Go(client)
			return err
		})
		if err != nil || took < c.from || took > c.to {
			t.Errorf("%s: it took %v, %v; want %v to %v", c.lines, took, err, c.from, c.to)
		}
	}
}

// SIGTERM does not wait for connections on which nothing is said any more.
func TestDrainEndsHeldConnections(t *testing.T) {
	r := start(t, files, Config{DrainTimeout: time.Hour, Faults: script(t, "connections: [{never-read: true}]")})
	r.dial().send(get("GET", "/"))
	for r.server.Faults()["never-read-true"] == 0 {
		time.Sleep(time.Millisecond)
	}
	r.signal()
	r.await()
}
