package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

func TestKeepAlive(t *testing.T) {
	kernel.visit(t, Config{}, func(c *peer) {
		for i := range 3 {
			c.send(get(fmt.Sprintf("/%d", i)))
			c.expect(fmt.Sprintf("HTTP/1.1 404 Nope\r\nx-i:%d\r\nContent-Length: 1\r\n\r\n%d", i, i))
		}
		c.CloseWrite()
		c.expectEnd()
		if n := c.made(0); n != 1 {
			c.errorf("%d origin connections", n)
		}
	}, func(p *peer) {
		for i := range 3 {
			p.expect(toOrigin(get(fmt.Sprintf("/%d", i))))
			p.send(fmt.Sprintf("HTTP/1.1 404 Nope\r\nx-i:%d\r\nContent-Length: 1\r\n\r\n%d", i, i))
		}
		p.expectEnd()
	})
}

func TestHeadsInPieces(t *testing.T) {
	bytewise.visit(t, Config{}, func(c *peer) {
		for range 2 {
			c.send("\r\n", get("/"))
			c.expect(hello)
		}
	}, answering(hello))
}

func TestPipelined(t *testing.T) {
	const n = 300 // far more than fit into a buffer
	request := func(i int) string {
		return fmt.Sprintf("POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n%s", i, strings.Repeat("x", 100))
	}
	response := func(i int) string { return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%04d", i) }
	smooth.visit(t, Config{}, func(c *peer) {
		var all strings.Builder
		for i := range n {
			all.WriteString(request(i))
		}
		c.start(func() { c.send(all.String()) })
		for i := range n {
			c.expect(response(i))
		}
		c.CloseWrite()
		c.expectEnd()
	}, func(p *peer) {
		for i := range n {
			p.expect(toOrigin(request(i)))
			p.send(response(i))
		}
		p.stay()
	})
}

func TestOriginsInTurn(t *testing.T) {
	smooth.visit(t, Config{}, func(c *peer) {
		for range 6 {
			c.send(get("/"))
			c.expectStatus(200)
		}
		// The one that is down has its turn too, and one of the others answers for it.
		if strings.Count(c.asked, "a") != 3 || strings.Count(c.asked, "c") != 3 {
			c.errorf("asked %s", c.asked)
		}
		if c.made(0) != 1 || c.made(2) != 1 {
			c.errorf("%d and %d connections", c.made(0), c.made(2))
		}
	}, steady(0), nil, steady(0))
}

func TestUses(t *testing.T) {
	smooth.visit(t, Config{Pool: pool.Limits{Uses: 2}}, func(c *peer) {
		for range 4 {
			c.send(get("/"))
			c.expect(hello)
		}
		if n := c.made(0); n != 2 {
			c.errorf("%d connections for 4 requests of 2 each", n)
		}
	}, answering(hello))
}

func TestPoolIsBoundedAndLastInFirstOut(t *testing.T) {
	const clients = 4
	smooth.play(t, Config{Pool: pool.Limits{Max: 2}}, func(s *scene) {
		var all [clients]*peer
		for i := range all {
			all[i] = s.dial()
			all[i].send(get("/"))
		}
		for _, c := range all {
			c.expectStatus(200)
		}
		ends := s.counters().OriginEnds
		if ends[pool.Kept] != clients || ends[pool.Displaced] != clients-2 {
			s.errorf("ends %v", ends)
		}
		for range 3 {
			all[0].send(get("/"))
			all[0].expectStatus(200)
		}
		if s.made(0) != clients {
			s.errorf("no connection of the pool was used")
		}
	}, steady(time.Second))
}

func TestHalfClose(t *testing.T) {
	proceed := make(chan bool)
	kernel.visit(t, Config{}, func(c *peer) {
		c.send(get("/"))
		c.CloseWrite()
		close(proceed)
		c.expect(hello)
		c.expectEnd()
	}, func(p *peer) {
		p.head()
		<-proceed
		p.send(hello)
	})
}

func TestClientResets(t *testing.T) {
	for _, test := range []struct{ name, request string }{
		{"waiting for the response", get("/")},
		{"within the request", post("Content-Length: 4", "bo")},
	} {
		t.Run(test.name, func(t *testing.T) {
			arrived := make(chan bool)
			kernel.visit(t, Config{}, func(c *peer) {
				c.send(test.request)
				<-arrived
				c.Reset()
				c.awaitEnd(ClientReset)
			}, func(p *peer) {
				p.head()
				close(arrived)
				p.expectReset()
			})
		})
	}
}

func TestClientResetsWhileIdle(t *testing.T) {
	kernel.visit(t, Config{}, func(c *peer) {
		c.send(get("/"))
		c.expect(hello)
		c.Reset()
		c.awaitEnd(ClientReset)
	}, answering(hello))
}

// awaitEnd waits until one client connection has ended so.
func (s *scene) awaitEnd(cause Cause) {
	s.t.Helper()
	s.await(cause.String(), func() bool { return s.counters().ClientEnds[cause] == 1 })
}

func TestDrain(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	stage{loops: 2}.play(t, Config{DrainIdle: patience}, func(s *scene) {
		busy, idle := s.dial(), s.dial()
		idle.send(get("/"))
		idle.expect(hello)
		busy.send(get("/slow"))
		<-asked

		drained := s.server.Drain()
		for last := false; !last; { // draining begins on each loop at a time of its own
			idle.send(get("/"))
			last = idle.expectStatus(200).Close
		}
		idle.expectEnd()
		if closed(drained) {
			s.errorf("drained while a request is under way")
		}
		close(answer)
		busy.expect(helloLast)
		busy.expectEnd()
		s.awaitClosed("the end of the drain", drained)
		if ends := s.counters().OriginEnds; ends[pool.Draining] == 0 {
			s.errorf("connections are kept: %v", ends)
		}
	}, func(p *peer) {
		for head := p.head(); head != ""; head = p.head() {
			if strings.HasPrefix(head, "GET /slow") {
				close(asked)
				<-answer
			}
			p.send(hello)
		}
	})
}

// Clients that had connected when the drain began are served, even those that
// the gateway has not seen yet, and the drain is not over before.
func TestDrainServesWhoHasConnected(t *testing.T) {
	stage{loops: 2}.play(t, Config{DrainIdle: patience}, func(s *scene) {
		hold := make(chan bool)
		for i := range s.group.Len() {
			s.group.Loop(i).Post(func() { <-hold })
		}
		var clients []*peer
		for range 20 {
			clients = append(clients, s.dial())
		}
		drained := s.server.Drain()
		close(hold)
		for i, c := range clients {
			if closed(drained) {
				s.errorf("the drain was over although %d clients were still to be served", len(clients)-i)
			}
			c.send(get("/"))
			if res := c.expectStatus(200); !res.Close {
				s.errorf("a draining gateway keeps a connection")
			}
			c.Close()
		}
		s.awaitClosed("the end of the drain", drained)
	}, answering(hello))
}

// The gateway's own answers end connections too: a client whose every request is
// refused would otherwise never be gone.
func TestDrainEndsRefusedClients(t *testing.T) {
	smooth.visit(t, Config{DrainIdle: time.Hour}, func(c *peer) {
		c.send(get("/"))
		c.expectStatus(502)
		drained := c.server.Drain()
		c.sleep(time.Millisecond)
		c.send(get("/"))
		if !c.expectStatus(502).Close {
			c.errorf("a draining gateway keeps a connection")
		}
		c.expectEnd()
		c.awaitClosed("the end of the drain", drained)
	}, nil)
}

func TestDrainEndsIdleClients(t *testing.T) {
	smooth.visit(t, Config{DrainIdle: time.Millisecond}, func(c *peer) {
		c.await("the connection", func() bool { return c.counters().Clients == 1 })
		drained := c.server.Drain()
		c.expectEnd()
		c.awaitClosed("the end of the drain", drained)
	}, nil)
}
