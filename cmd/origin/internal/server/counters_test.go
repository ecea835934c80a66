package server

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// census asks the server; ok is false after its end.
func (r *rig) census() (n Census, ok bool) {
	n, err := r.server.Ask(r.t.Context())
	return n, err == nil
}

// checkSums wants the sums to come out, also while something is under way.
func (r *rig) checkSums() {
	r.t.Helper()
	n, err := r.server.Ask(r.t.Context())
	if err != nil && err != loop.ErrStopped && r.t.Context().Err() == nil {
		r.t.Error(err)
	}
	sum := func(all ...uint64) (n uint64) {
		for _, one := range all {
			n += one
		}
		return n
	}
	c, clients := &n.Counters, uint64(n.Clients)
	over := sum(c.RequestEnds[:]...)
	for _, must := range []struct {
		what string
		a, b uint64
	}{
		{"connections and their ends", c.Clients, clients + sum(c.ClientEnds[:]...)},
		{"connections and who closed them", c.Clients, clients + c.ClosedByClients + c.ClosedByUs},
		{"requests and their methods", c.Requests, sum(c.Methods[:]...)},
		{"requests and what they came to", c.Requests, over + n.UnderWay()},
		{"requests and their responses", over, sum(c.Responses[:]...)},
		{"requests and how long they took", over, sum(n.Durations.Bars[:]...) + c.Responses[101]},
	} {
		if must.a != must.b {
			r.t.Errorf("%s: %d and %d", must.what, must.a, must.b)
		}
	}
	if n.UnderWay() > clients || n.IdleClients > n.Clients {
		r.t.Errorf("more than there are: %+v", n)
	}
}

// counted waits until the one connection has gone, and returns all that was counted and
// is not zero, but for bytes.
func (r *rig) counted() string {
	r.t.Helper()
	late := time.Now().Add(patience)
	for {
		n, ok := r.census()
		if ok && n.Counters.Clients == 1 && n.Clients == 0 {
			var all []string
			for name, value := range n.All {
				if value > 0 && !strings.HasPrefix(name, "bytes.") {
					all = append(all, fmt.Sprintf("%s %d", strings.Replace(name, "client-connections", "connections", 1), value))
				}
			}
			return strings.Join(all, ", ")
		}
		if !ok || time.Now().After(late) {
			r.t.Fatalf("the connection stays, or the server has gone: %+v", n)
		}
		time.Sleep(time.Millisecond)
	}
}

// What is counted of one connection.
func TestCounters(t *testing.T) {
	const byClient, byUs = "connections 1, connections.closed-by-client 1, ", "connections 1, connections.closed-by-origin 1, "
	none := get("GET", "/nothing")
	stalled := "POST /post HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n"
	soon := 20 * time.Millisecond
	read := func(p *peer) { io.Copy(io.Discard, p.in) }
	struck := func(lines string) Config { return Config{Faults: script(t, lines)} }
	dir := lay(t, files)
	huge := filepath.Join(dir, "huge.bin")
	resize := func(size int64) {
		if err := os.Truncate(huge, size); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	resize(100 << 20)
	for _, test := range []struct {
		name   string
		config Config
		client func(*rig, *peer)
		want   string
	}{
		{"it sends nothing", Config{}, func(r *rig, p *peer) { p.Close() }, byClient + "client-ends.client-closed 1"},
		{"it sends nothing, and waits", Config{HeadTimeout: soon}, func(r *rig, p *peer) { read(p) }, byUs + "client-ends.idle-timeout 1"},
		{"it resets", Config{}, func(r *rig, p *peer) { p.SetLinger(0); p.Close() }, byClient + "client-ends.client-reset 1"},
		{"two requests", Config{}, func(r *rig, p *peer) { p.send(get("GET", "/") + none); p.CloseWrite(); read(p) },
			byClient + "requests 2, methods.GET 2, request-ends.answered 2, responses.200 1, responses.404 1, client-ends.client-closed 1"},
		{"the last one", Config{}, func(r *rig, p *peer) { p.send(get("HEAD", "/", "Connection: close")); read(p) },
			byUs + "requests 1, methods.HEAD 1, request-ends.answered 1, responses.200 1, client-ends.client-asked 1"},
		{"one, and silence", Config{IdleTimeout: soon}, func(r *rig, p *peer) { p.send(get("OPTIONS", "*")); read(p) },
			byUs + "requests 1, methods.OPTIONS 1, request-ends.answered 1, responses.204 1, client-ends.idle-timeout 1"},
		{"none", Config{}, func(r *rig, p *peer) { p.send("nonsense\r\n\r\n"); read(p) },
			byUs + "requests 1, methods.none 1, request-ends.refused 1, responses.400 1, client-ends.refused 1"},
		{"TLS", Config{}, func(r *rig, p *peer) { p.send("\x16\x03\x01"); read(p) },
			byUs + "requests 1, other-protocols.tls-hello 1, methods.none 1, request-ends.refused 1, responses.400 1, client-ends.refused 1"},
		{"HTTP/2", Config{}, func(r *rig, p *peer) { p.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); read(p) },
			byUs + "requests 1, other-protocols.http2-preface 1, methods.none 1, request-ends.refused 1, responses.505 1, client-ends.refused 1"},
		{"one whose framing is in doubt", Config{}, func(r *rig, p *peer) {
			p.send(get("GET", "/", "Content-Length: 1", "Transfer-Encoding: chunked"))
			read(p)
		}, byUs + "requests 1, methods.GET 1, request-ends.refused 1, responses.400 1, client-ends.refused 1"},
		{"half a head", Config{}, func(r *rig, p *peer) { p.send("GET /"); p.CloseWrite(); read(p) },
			byClient + "requests 1, methods.none 1, request-ends.broken-off 1, responses.none 1, client-ends.request-truncated 1"},
		{"half a head, and silence", Config{HeadTimeout: soon}, func(r *rig, p *peer) { p.send("GET /"); read(p) },
			byUs + "requests 1, methods.none 1, request-ends.refused 1, responses.408 1, client-ends.request-timeout 1"},
		{"half a body", Config{}, func(r *rig, p *peer) { p.send(stalled, "hello"); p.CloseWrite(); read(p) },
			byClient + "requests 1, methods.POST 1, request-ends.broken-off 1, responses.200 1, client-ends.request-truncated 1"},
		{"a body that does not come", Config{BodyTimeout: soon}, func(r *rig, p *peer) { p.send(stalled); read(p) },
			byUs + "requests 1, methods.POST 1, request-ends.refused 1, responses.408 1, client-ends.request-timeout 1"},
		{"a body that ends before it begins", Config{}, func(r *rig, p *peer) { p.send(stalled); p.CloseWrite(); read(p) },
			byClient + "requests 1, methods.POST 1, request-ends.broken-off 1, responses.none 1, client-ends.request-truncated 1"},
		{"a body that breaks the grammar", Config{}, func(r *rig, p *peer) {
			p.send(get("POST", "/post", "Transfer-Encoding: chunked") + "1\r\na\r\n")
			p.in.ReadByte()
			p.send("x")
			read(p)
		}, byUs + "requests 1, methods.POST 1, request-ends.broken-off 1, responses.200 1, client-ends.refused 1"},
		{"content that nobody reads", Config{}, func(r *rig, p *peer) {
			p.send(get("DELETE", "/", "Content-Length: 1000000"))
			read(p)
		}, byUs + "requests 1, methods.other 1, request-ends.answered 1, responses.405 1, client-ends.request-unread 1"},
		{"a response that nobody takes", Config{WriteTimeout: soon}, func(r *rig, p *peer) {
			p.send(get("GET", "/huge.bin"))
		}, byUs + "requests 1, methods.GET 1, request-ends.broken-off 1, responses.200 1, client-ends.client-stalled 1"},
		{"a client that resets in a response", Config{}, func(r *rig, p *peer) {
			p.send(get("GET", "/huge.bin"))
			p.in.ReadByte()
			p.SetLinger(0)
			p.Close()
		}, byClient + "requests 1, methods.GET 1, request-ends.broken-off 1, responses.200 1, client-ends.client-reset 1"},
		{"a file that becomes shorter", Config{}, func(r *rig, p *peer) {
			p.send(get("GET", "/huge.bin"))
			p.in.ReadByte()
			resize(1000)
			read(p)
			resize(100 << 20)
		}, byUs + "requests 1, methods.GET 1, request-ends.broken-off 1, responses.200 1, client-ends.response-truncated 1"},
		{"an endpoint that closes", Config{Study: true}, func(r *rig, p *peer) { p.send(get("GET", "/_/close")); read(p) },
			byUs + "requests 1, methods.GET 1, request-ends.answered 1, responses.200 1, client-ends.study-closes 1"},
		{"a stream for HTTP/1.0", Config{Study: true}, func(r *rig, p *peer) {
			p.send("GET /_/stream/2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
			read(p)
		}, byUs + "requests 1, methods.GET 1, request-ends.answered 1, responses.200 1, client-ends.response-until-close 1"},
		{"a reset in a pause", Config{Study: true}, func(r *rig, p *peer) {
			p.send(get("GET", "/_/stream/2?chunk=1&every=10s"))
			p.in.ReadByte()
			p.SetLinger(0)
			p.Close()
		}, byClient + "requests 1, methods.GET 1, request-ends.broken-off 1, responses.200 1, client-ends.client-reset 1"},
		{"a WebSocket", Config{Study: true}, func(r *rig, p *peer) {
			p.send(get("GET", "/_/websocket", upgrade...) + masked(0x88, ""))
			read(p)
		}, byUs + "requests 1, methods.GET 1, request-ends.answered 1, responses.101 1, client-ends.tunnel-ended 1"},
		{"it is idle at the end", Config{DrainIdle: soon}, func(r *rig, p *peer) {
			w := r.server.workers[0]
			w.loop.Post(w.drain)
			read(p)
		}, byUs + "client-ends.draining 1"},
		{"one at the end", Config{}, func(r *rig, p *peer) {
			w := r.server.workers[0]
			w.loop.Post(w.drain)
			p.send(none)
			read(p)
		}, byUs + "requests 1, methods.GET 1, request-ends.answered 1, responses.404 1, client-ends.draining 1"},
		{"a fault that cuts", struck("faults: [{name: f, fin: at byte 4 of body}]"), func(r *rig, p *peer) { p.send(get("GET", "/")); read(p) },
			byUs + "requests 1, methods.GET 1, request-ends.broken-off 1, responses.200 1, client-ends.fault 1, faults.f 1"},
		{"a fault before the response", struck("faults: [{name: f, reset: before head}]"), func(r *rig, p *peer) { p.send(get("GET", "/")); read(p) },
			byUs + "requests 1, methods.GET 1, request-ends.broken-off 1, responses.none 1, client-ends.fault 1, faults.f 1"},
		{"a fault behind the response", struck("connections: [{name: f, fin: after 1 request}]"), func(r *rig, p *peer) { p.send(get("GET", "/")); read(p) },
			byUs + "requests 1, methods.GET 1, request-ends.answered 1, responses.200 1, client-ends.fault 1, faults.f 1"},
		{"a fault that does not end anything", struck("faults: [{name: f, answer: 503}]"), func(r *rig, p *peer) { p.send(get("GET", "/")); p.CloseWrite(); read(p) },
			byClient + "requests 1, methods.GET 1, request-ends.answered 1, responses.503 1, client-ends.client-closed 1, faults.f 1"},
		{"a client that goes while nothing is said", struck("faults: [{name: f, stop: in head}]"), func(r *rig, p *peer) {
			p.send(get("GET", "/"))
			p.in.ReadByte()
			p.Close()
		}, byClient + "requests 1, methods.GET 1, request-ends.broken-off 1, responses.200 1, client-ends.fault 1, faults.f 1"},
		{"a client that resets while a fault waits", struck("faults: [{name: f, delay: 1h in head}]"), func(r *rig, p *peer) {
			p.send(get("GET", "/"))
			p.in.ReadByte()
			p.SetLinger(0)
			p.Close()
		}, byClient + "requests 1, methods.GET 1, request-ends.broken-off 1, responses.200 1, client-ends.client-reset 1, faults.f 1"},
		{"an idle client meets a fault", struck("connections: [{name: f, unasked-408: after 1ms idle}]"), func(r *rig, p *peer) { read(p) },
			byUs + "client-ends.fault 1, faults.f 1"},
		{"a client that nobody reads", struck("connections: [{name: f, never-read: true}]"), func(r *rig, p *peer) { p.CloseWrite(); read(p) },
			byClient + "client-ends.fault 1, faults.f 1"},
		{"a stale connection", struck("connections: [{name: f, stale: 100%}]"), func(r *rig, p *peer) {
			p.send(none)
			p.expect(response("404 Not Found", "Content-Length: 0"))
			p.send(none)
			read(p)
		}, byUs + "requests 1, methods.GET 1, request-ends.answered 1, responses.404 1, client-ends.fault 1, faults.f 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := startFolder(t, dir, test.config)
			test.client(r, r.dial())
			if got := r.counted(); got != test.want {
				t.Errorf("counted: %s\nwant     %s", got, test.want)
			}
		})
	}
}

// Bytes are those of the sockets.
func TestBytesAreCounted(t *testing.T) {
	r := start(t, files, Config{})
	requests := get("GET", "/") + get("GET", "/large.bin") + get("POST", "/post", "Content-Length: 5") + "hello"
	p := r.dial()
	p.send(requests)
	p.CloseWrite()
	n, err := io.Copy(io.Discard, p.in)
	if err != nil {
		t.Fatal(err)
	}
	r.counted()
	if c, _ := r.census(); c.Counters.BytesIn != uint64(len(requests)) || c.Counters.BytesOut != uint64(n) {
		t.Errorf("%d in, %d out, want %d and %d", c.Counters.BytesIn, c.Counters.BytesOut, len(requests), n)
	}
}

// A panic ends a request and a connection, and both are counted.
func TestPanicsAreCounted(t *testing.T) {
	r := start(t, files, Config{Report: func(error) {}})
	w, done := r.server.workers[0], make(chan bool)
	cache := w.cache
	w.loop.Post(func() { w.cache = nil; close(done) })
	<-done
	p := r.dial()
	p.send(get("GET", "/"))
	io.Copy(io.Discard, p.in)
	const want = "connections 1, connections.closed-by-origin 1, requests 1, methods.GET 1, request-ends.broken-off 1, responses.none 1, client-ends.broken 1"
	if got := r.counted(); got != want {
		t.Errorf("counted: %s\nwant     %s", got, want)
	}
	restored := make(chan bool)
	w.loop.Post(func() { w.cache = cache; close(restored) })
	<-restored
}

// Every counter is told, once, under a name of its own, and what several loops have
// counted is added up.
func TestAllCounters(t *testing.T) {
	var one, sum Census
	filled := uint64(0)
	fill(reflect.ValueOf(&one).Elem(), &filled)
	sum.add(&one)
	sum.Counters.LogLost, sum.Faults = one.Counters.LogLost, one.Faults // are not a loop's
	if !reflect.DeepEqual(one, sum) {
		t.Errorf("added up:\n%+v, want\n%+v", sum, one)
	}
	names, values := make(map[string]bool), make(map[uint64]bool)
	for name, value := range one.All {
		if names[name] || values[value] {
			t.Errorf("%s %d is told twice", name, value)
		}
		names[name], values[value] = true, true
	}
	histogram := uint64(reflect.TypeOf(one.Durations.Bars).Len() + 1)
	if want := filled - histogram + 1; uint64(len(names)) != want { // and those under way
		t.Errorf("%d counters are told of %d", len(names), want)
	}
}

// fill gives every number a value of its own.
func fill(v reflect.Value, n *uint64) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		*n++
		v.Set(reflect.ValueOf(map[string]uint64{"fault": *n}))
	default:
		*n++
		v.Set(reflect.ValueOf(*n).Convert(v.Type()))
	}
}
