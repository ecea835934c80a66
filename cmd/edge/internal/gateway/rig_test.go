package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// patience bounds every wait of the tests that is not meant to end by time.
const patience = 20 * time.Second

// A rig is a gateway between peers of plain net connections.
type rig struct {
	t       *testing.T
	group   *loop.Group
	server  *Server
	address string
	ended   chan error
}

// start runs a gateway of one loop in front of the origins.
func start(t *testing.T, config Config, origins ...string) *rig {
	t.Helper()
	return startLoops(t, 1, config, origins...)
}

func startLoops(t *testing.T, loops int, config Config, origins ...string) *rig {
	t.Helper()
	for _, o := range origins {
		config.Origins = append(config.Origins, mustParse(t, o))
	}
	group, err := loop.NewGroup(loops, loop.Config{Report: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	server, err := New(group, config)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, group: group, server: server, address: ln.Addr().String(), ended: make(chan error, 1)}
	go func() { r.ended <- group.Run() }()
	t.Cleanup(r.stop)
	return r
}

func mustParse(t *testing.T, s string) *loop.Address {
	t.Helper()
	a, err := loop.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// stop ends the gateway; it may be called before the test's end.
func (r *rig) stop() {
	r.group.Stop()
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Error(err)
		}
		r.ended <- nil
	case <-time.After(patience):
		r.t.Error("the loops do not end")
	}
}

// await polls the counters until they are as wanted.
func (r *rig) await(what string, ok func(c Counters) bool) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok(r.server.Counters()) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s did not come about: %+v", what, r.server.Counters())
		}
		time.Sleep(time.Millisecond)
	}
}

// A peer is one end of a connection with the gateway.
type peer struct {
	t *testing.T
	*net.TCPConn
	in *bufio.Reader
}

func newPeer(t *testing.T, c net.Conn) *peer {
	c.SetDeadline(time.Now().Add(patience))
	return &peer{t: t, TCPConn: c.(*net.TCPConn), in: bufio.NewReader(c)}
}

// dial opens a client connection.
func (r *rig) dial() *peer {
	r.t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return newPeer(r.t, c)
}

// send writes the parts, one write each.
func (p *peer) send(parts ...string) {
	p.t.Helper()
	for _, part := range parts {
		if _, err := p.Write([]byte(part)); err != nil {
			p.t.Errorf("sending %.40q: %v", part, err)
		}
	}
}

// expect reads exactly these octets.
func (p *peer) expect(want string) {
	p.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(p.in, got)
	if string(got[:n]) != want {
		p.t.Errorf("received %q (%v)\nwant %q", got[:n], err, want)
	}
}

// expectEnd wants the end of the stream and nothing before it.
func (p *peer) expectEnd() {
	p.t.Helper()
	if rest, err := io.ReadAll(p.in); err != nil || len(rest) > 0 {
		p.t.Errorf("received %q and %v, want the end of the stream", rest, err)
	}
}

// expectReset wants the connection to be reset, whatever comes before.
func (p *peer) expectReset() {
	p.t.Helper()
	if _, err := io.Copy(io.Discard, p.in); !errors.Is(err, syscall.ECONNRESET) {
		p.t.Errorf("%v, want a reset", err)
	}
}

// head reads octets up to an empty line.
func (p *peer) head() string {
	p.t.Helper()
	var b bytes.Buffer
	for !bytes.HasSuffix(b.Bytes(), []byte("\r\n\r\n")) {
		line, err := p.in.ReadSlice('\n')
		b.Write(line)
		if err != nil {
			p.t.Errorf("a head ends after %q: %v", b.String(), err)
			break
		}
	}
	return b.String()
}

// response reads one response with net/http as the judge of its framing.
func (p *peer) response(method string) (*http.Response, string) {
	p.t.Helper()
	res, err := http.ReadResponse(p.in, &http.Request{Method: method})
	if err != nil {
		p.t.Fatalf("reading a response: %v", err)
	}
	content, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Errorf("reading content after %.40q: %v", content, err)
	}
	return res, string(content)
}

// expectStatus reads one response to a GET.
func (p *peer) expectStatus(status int) *http.Response {
	p.t.Helper()
	res, _ := p.response("GET")
	if res.StatusCode != status {
		p.t.Errorf("status %d (%s), want %d", res.StatusCode, res.Header.Get("Proxy-Status"), status)
	}
	return res
}

// expectRefusal reads an answer of the gateway's own.
func (p *peer) expectRefusal(status int, detail string) *http.Response {
	p.t.Helper()
	res := p.expectStatus(status)
	if got := res.Header.Get("Proxy-Status"); !strings.HasPrefix(got, "hopwire; error=") || !strings.Contains(got, detail) {
		p.t.Errorf("Proxy-Status %q, want one with %q", got, detail)
	}
	return res
}

// reset closes the connection so that the gateway sees a reset.
func (p *peer) reset() {
	p.SetLinger(0)
	p.Close()
}

// An origin is a listener whose connections follow a script.
type origin struct {
	address string
	ln      net.Listener
	mu      sync.Mutex
	count   int
}

// scripted starts an origin. serve is called for each connection, with its
// number from 0, in a goroutine of its own; the connection is closed when it
// returns.
func scripted(t *testing.T, serve func(i int, p *peer)) *origin {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{address: ln.Addr().String(), ln: ln}
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { ln.Close() })
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			i := o.next()
			all.Go(func() {
				defer c.Close()
				serve(i, newPeer(t, c))
			})
		}
	})
	return o
}

func (o *origin) next() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count++
	return o.count - 1
}

// connections is how many there have been.
func (o *origin) connections() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}

// answering serves every request without content by the same response, until
// the gateway closes.
func answering(response string) func(int, *peer) {
	return func(_ int, p *peer) {
		for {
			if _, err := p.in.Peek(1); err != nil {
				return
			}
			p.head()
			p.send(response)
		}
	}
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// get is a request without content.
func get(target string, fields ...string) string {
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", target, lines(fields))
}

func lines(fields []string) (s string) {
	for _, f := range fields {
		s += f + "\r\n"
	}
	return s
}
