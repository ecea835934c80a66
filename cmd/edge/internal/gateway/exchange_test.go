package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

func TestKeepAlive(t *testing.T) {
	o := scripted(t, func(_ int, p *peer) {
		for i := range 3 {
			p.expect(fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: a\r\nVia: 1.1 hopwire\r\n\r\n", i))
			p.send(fmt.Sprintf("HTTP/1.1 404 Nope\r\nx-i:%d\r\nContent-Length: 1\r\n\r\n%d", i, i))
		}
		p.expectEnd()
	})
	r := start(t, Config{}, o.address)
	c := r.dial()
	for i := range 3 {
		c.send(get(fmt.Sprintf("/%d", i)))
		c.expect(fmt.Sprintf("HTTP/1.1 404 Nope\r\nx-i:%d\r\nContent-Length: 1\r\n\r\n%d", i, i))
	}
	c.CloseWrite()
	c.expectEnd()
	if n := o.connections(); n != 1 {
		t.Errorf("%d origin connections", n)
	}
	r.stop()
}

func TestHeadsInPieces(t *testing.T) {
	o := scripted(t, func(_ int, p *peer) {
		for {
			if _, err := p.in.Peek(1); err != nil {
				return
			}
			p.head()
			for _, octet := range strings.Split(hello, "") {
				p.send(octet)
			}
		}
	})
	c := start(t, Config{}, o.address).dial()
	c.SetNoDelay(true)
	for range 2 {
		for _, octet := range strings.Split("\r\n"+get("/"), "") {
			c.send(octet)
		}
		c.expect(hello)
	}
}

func TestPipelined(t *testing.T) {
	const n = 300 // far more than fit into a buffer
	o := scripted(t, func(_ int, p *peer) {
		for i := range n {
			p.expect(fmt.Sprintf("POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nVia: 1.1 hopwire\r\n\r\n", i))
			p.expect(strings.Repeat("x", 100))
			p.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%04d", i))
		}
		p.expectEnd()
	})
	c := start(t, Config{}, o.address).dial()
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n%s", i, strings.Repeat("x", 100))
	}
	go c.send(all.String())
	for i := range n {
		c.expect(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%04d", i))
	}
	c.CloseWrite()
	c.expectEnd()
}

func TestOriginsInTurn(t *testing.T) {
	a := scripted(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"))
	b := scripted(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"))
	down := closedPort(t)
	c := start(t, Config{}, a.address, down, b.address).dial()
	var got string
	for range 6 {
		c.send(get("/"))
		_, content := c.response("GET")
		got += content
	}
	// The one that is down has its turn too, and one of the others answers for it.
	if strings.Count(got, "a") != 3 || strings.Count(got, "b") != 3 {
		t.Errorf("answers %s", got)
	}
	if a.connections() != 1 || b.connections() != 1 {
		t.Errorf("%d and %d connections", a.connections(), b.connections())
	}
}

func TestHalfClose(t *testing.T) {
	proceed := make(chan bool)
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		<-proceed
		p.send(hello)
	})
	c := start(t, Config{}, o.address).dial()
	c.send(get("/"))
	c.CloseWrite()
	close(proceed)
	c.expect(hello)
	c.expectEnd()
}

func TestClientResets(t *testing.T) {
	for _, test := range []struct{ name, request string }{
		{"waiting for the response", get("/")},
		{"within the request", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo"},
	} {
		t.Run(test.name, func(t *testing.T) {
			arrived := make(chan bool)
			o := scripted(t, func(_ int, p *peer) {
				p.head()
				close(arrived)
				p.expectReset()
			})
			r := start(t, Config{}, o.address)
			c := r.dial()
			c.send(test.request)
			<-arrived
			c.reset()
			r.await("the cause", func(c Counters) bool { return c.ClientEnds[ClientReset] == 1 })
		})
	}
}

func TestClientResetsWhileIdle(t *testing.T) {
	o := scripted(t, answering(hello))
	r := start(t, Config{}, o.address)
	c := r.dial()
	c.send(get("/"))
	c.expect(hello)
	c.reset()
	r.await("the cause", func(c Counters) bool { return c.ClientEnds[ClientReset] == 1 })
}

func TestDrain(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	o := scripted(t, func(_ int, p *peer) {
		for {
			if _, err := p.in.Peek(1); err != nil {
				return
			}
			if strings.HasPrefix(p.head(), "GET /slow") {
				close(asked)
				<-answer
			}
			p.send(hello)
		}
	})
	r := startLoops(t, 2, Config{DrainIdle: patience}, o.address)
	busy, idle := r.dial(), r.dial()
	idle.send(get("/"))
	idle.expect(hello)
	busy.send(get("/slow"))
	<-asked

	drained := r.server.Drain()
	const last = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
	idle.awaitClosing(last)
	select {
	case <-drained:
		t.Error("drained while a request is under way")
	default:
	}
	close(answer)
	busy.expect(last)
	busy.expectEnd()
	select {
	case <-drained:
	case <-time.After(patience):
		t.Error("not drained after the last request")
	}
	if ends := r.server.Counters().OriginEnds; ends[pool.Draining] == 0 {
		t.Errorf("connections are kept: %v", ends)
	}
}

// awaitClosing asks until the answer says that the connection closes: draining
// begins on each loop at a time of its own.
func (p *peer) awaitClosing(last string) {
	p.t.Helper()
	for {
		p.send(get("/"))
		if head := p.head(); strings.Contains(head, "close") {
			if head+"hello" != last {
				p.t.Errorf("%q, want %q", head, last)
			}
			p.expect("hello")
			p.expectEnd()
			return
		}
		p.expect("hello")
	}
}

// The gateway's own answers end connections too: a client whose every request is
// refused would otherwise never be gone.
// Clients that had connected when the drain began are served, even those that
// the gateway has not seen yet, and the drain is not over before.
func TestDrainServesWhoHasConnected(t *testing.T) {
	o := scripted(t, answering(hello))
	r := startLoops(t, 2, Config{DrainIdle: patience}, o.address)
	hold := make(chan bool)
	for i := range r.group.Len() {
		r.group.Loop(i).Post(func() { <-hold })
	}
	var clients []*peer
	for range 20 {
		clients = append(clients, r.dial())
	}
	drained := r.server.Drain()
	close(hold)
	for i, c := range clients {
		select {
		case <-drained:
			t.Errorf("the drain was over although %d clients were still to be served", len(clients)-i)
		default:
		}
		c.send(get("/"))
		if res := c.expectStatus(200); !res.Close {
			t.Error("a draining gateway keeps a connection")
		}
		c.Close()
	}
	<-drained
}

func TestDrainEndsRefusedClients(t *testing.T) {
	r := start(t, Config{DrainIdle: patience}, closedPort(t))
	c := r.dial()
	c.send(get("/"))
	c.expectStatus(502)
	drained := r.server.Drain()
	for closes := false; !closes; {
		c.send(get("/"))
		closes = c.expectStatus(502).Close
	}
	c.expectEnd()
	select {
	case <-drained:
	case <-time.After(patience):
		t.Error("not drained")
	}
}

func TestDrainEndsIdleClients(t *testing.T) {
	r := start(t, Config{DrainIdle: time.Millisecond}, closedPort(t))
	c := r.dial()
	r.await("the connection", func(c Counters) bool { return c.Clients == 1 })
	drained := r.server.Drain()
	c.expectEnd()
	select {
	case <-drained:
	case <-time.After(patience):
		t.Error("not drained")
	}
}
