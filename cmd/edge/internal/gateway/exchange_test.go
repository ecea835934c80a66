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

func TestPipelinedBehindARefusal(t *testing.T) {
	o := scripted(t, answering(hello))
	c := start(t, Config{}, o.address).dial()
	c.send(get("/") + "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + get("/secret"))
	c.expectStatus(200)
	c.expectRefusal(400, "host-repeated")
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

func TestHTTP10(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX: y\r\n\r\n"
	for _, test := range []struct{ name, request, answer, want string }{
		{"chunked is decoded and closed", "GET / HTTP/1.0\r\n\r\n", chunked,
			"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello world"},
		{"also for one that would be kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", chunked,
			"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello world"},
		{"a length", "GET / HTTP/1.0\r\n\r\n", hello,
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"},
		{"interim responses are left out", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n" + hello,
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := scripted(t, answering(test.answer))
			c := start(t, Config{}, o.address).dial()
			c.send(test.request)
			c.expect(test.want)
			c.expectEnd()
		})
	}
}

func TestHTTP10KeptAlive(t *testing.T) {
	o := scripted(t, answering(hello))
	c := start(t, Config{}, o.address).dial()
	for range 2 {
		c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		c.expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello")
	}
}

func TestHTTP10Origin(t *testing.T) {
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		p.send("HTTP/1.0 200 OK\r\n\r\nuntil close")
	})
	c := start(t, Config{}, o.address).dial()
	c.send(get("/"))
	c.expect("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil close")
	c.expectEnd()
}

func TestResponsesWithoutContent(t *testing.T) {
	for _, test := range []struct{ method, response string }{
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
		{"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"HEAD", "HTTP/1.1 200 OK\r\n\r\n"},
		{"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	} {
		o := scripted(t, answering(test.response))
		c := start(t, Config{}, o.address).dial()
		for range 2 {
			c.send(test.method + " / HTTP/1.1\r\nHost: a\r\n\r\n")
			c.expect(test.response)
		}
		if o.connections() != 1 {
			t.Errorf("%s, %q: %d origin connections", test.method, test.response, o.connections())
		}
	}
}

func TestClientAsksToClose(t *testing.T) {
	o := scripted(t, answering(hello))
	r := start(t, Config{}, o.address)
	for range 2 {
		c := r.dial()
		c.send(get("/", "Connection: close"))
		c.expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
		c.expectEnd()
	}
	if o.connections() != 1 {
		t.Errorf("%d origin connections: the client's wish is for its own hop", o.connections())
	}
}

func TestInterimResponses(t *testing.T) {
	const early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		p.send("HTTP/1.1 103 Early Hints\r\nConnection: x\r\nLink: </a>\r\nX: y\r\n\r\n", early)
		p.expect("seen") // the body comes after the client has read both
		p.send(hello)
	})
	c := start(t, Config{}, o.address).dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
	c.expect(early + early)
	c.send("seen")
	c.expect(hello)
}

func TestExpect(t *testing.T) {
	const expecting = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
	t.Run("continued", func(t *testing.T) {
		o := scripted(t, func(_ int, p *peer) {
			for range 2 {
				p.head()
				p.send("HTTP/1.1 100 Continue\r\n\r\n")
				p.expect("body")
				p.send(hello)
			}
		})
		c := start(t, Config{}, o.address).dial()
		for range 2 {
			c.send(expecting)
			c.expect("HTTP/1.1 100 Continue\r\n\r\n")
			c.send("body")
			c.expect(hello)
		}
	})
	t.Run("refused by the origin", func(t *testing.T) {
		o := scripted(t, func(_ int, p *peer) {
			p.head()
			p.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
			p.expectReset()
		})
		c := start(t, Config{}, o.address).dial()
		c.send(expecting)
		c.expect("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		c.expectEnd()
	})
	t.Run("not waited for", func(t *testing.T) {
		o := scripted(t, func(_ int, p *peer) {
			p.head()
			p.expect("body")
			p.send(hello)
		})
		c := start(t, Config{}, o.address).dial()
		c.send(expecting, "body")
		c.expect(hello)
	})
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

func TestHalfCloseWithinARequest(t *testing.T) {
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		p.expectReset()
	})
	r := start(t, Config{}, o.address)
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo")
	c.CloseWrite()
	c.expectEnd()
	r.await("the cause", func(c Counters) bool { return c.ClientEnds[RequestTruncated] == 1 })
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
