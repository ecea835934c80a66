package replay

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/loop"
)

// A server runs a script on each connection that it accepts.
type server struct {
	address string
	mu      sync.Mutex
	seen    [][]string // by connection, the targets that were asked for
}

// A peer is the server's end of one connection.
type peer struct {
	net.Conn
	server *server
	number int // of the connection, from 0
	reader *bufio.Reader
}

// serve starts a server whose script is called for each connection, which is
// closed when the script returns.
func serve(t *testing.T, script func(p *peer)) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{address: ln.Addr().String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			p := s.welcome(conn)
			running.Go(func() {
				defer conn.Close()
				script(p)
			})
		}
	})
	t.Cleanup(func() { ln.Close(); running.Wait() })
	return s
}

func (s *server) welcome(conn net.Conn) *peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, nil)
	conn.SetDeadline(time.Now().Add(20 * time.Second)) // so that no test hangs
	return &peer{Conn: conn, server: s, number: len(s.seen) - 1, reader: bufio.NewReader(conn)}
}

// connections gives what was asked for, by connection.
func (s *server) connections() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := make([][]string, len(s.seen))
	for i := range seen {
		seen[i] = slices.Clone(s.seen[i])
	}
	return seen
}

// next reads a whole request, and returns nil at the end of the connection. The
// parser is not ours.
func (p *peer) next() *http.Request {
	r, err := http.ReadRequest(p.reader)
	if err != nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	p.server.mu.Lock()
	p.server.seen[p.number] = append(p.server.seen[p.number], r.URL.RequestURI())
	p.server.mu.Unlock()
	return r
}

func (p *peer) say(octets string) { io.WriteString(p, octets) }

// reset closes the connection so that the client sees a reset.
func (p *peer) reset() {
	if secure, ok := p.Conn.(*tls.Conn); ok {
		p.Conn = secure.NetConn()
	}
	p.Conn.(*net.TCPConn).SetLinger(0)
	p.Close()
}

// always answers every request with the same bytes.
func always(octets string) func(*peer) {
	return func(p *peer) {
		for p.next() != nil {
			p.say(octets)
		}
	}
}

// planned is the plan of sessions.
func planned(t *testing.T, sessions ...[]plantest.Exchange) *plan.Plan {
	t.Helper()
	p, err := plan.FromRecording(plantest.Record(sessions...), events.ClientHop)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run replays a plan to an address, and ends the test if that takes too long.
func replayed(t *testing.T, plan *plan.Plan, address string, config Config) *Result {
	t.Helper()
	target, err := loop.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	config.Target = target
	config.Grace = cmp.Or(config.Grace, time.Second)
	ctx, cancel := context.WithTimeoutCause(context.Background(), 30*time.Second, errors.New("the run does not end"))
	defer cancel()
	result, err := Run(ctx, plan, config)
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatal(context.Cause(ctx))
	}
	return result
}
