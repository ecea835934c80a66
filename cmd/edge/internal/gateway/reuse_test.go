package gateway

import (
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

// stale serves one request, waits for a second one and closes without a word;
// connections after the first one answer all.
func stale(t *testing.T, onSecond func(p *peer)) *origin {
	return scripted(t, func(i int, p *peer) {
		p.head()
		p.send(hello)
		if i > 0 {
			answering(hello)(i, p)
			return
		}
		if _, err := p.in.Peek(1); err == nil {
			onSecond(p)
		}
	})
}

func TestStaleConnection(t *testing.T) {
	hangUp := func(p *peer) { p.head() }
	reset := func(p *peer) { p.reset() }
	post := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
	for _, test := range []struct {
		name     string
		onSecond func(*peer)
		request  string
		want     Replay
	}{
		{"end of stream", hangUp, get("/"), Replayed},
		{"reset", reset, get("/"), Replayed},
		{"not safe", hangUp, post, Abandoned},
		{"not safe, reset", reset, post, Abandoned},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := stale(t, test.onSecond)
			r := start(t, Config{}, o.address)
			c := r.dial()
			c.send(get("/"))
			c.expect(hello)
			c.send(test.request)
			if test.want == Replayed {
				c.expect(hello)
			} else {
				c.expectEnd()
				r.await("the cause", func(c Counters) bool { return c.ClientEnds[OriginStale] == 1 })
			}
			if n := r.server.Counters().Replays[test.want]; n != 1 {
				t.Errorf("%d times %v, want once", n, test.want)
			}
		})
	}
}

// What has left the buffer cannot be sent again, whatever the method.
func TestStaleConnectionUnderAnUpload(t *testing.T) {
	o := stale(t, func(p *peer) {
		p.head()
		p.expect(strings.Repeat("x", 100_000))
	})
	r := start(t, Config{}, o.address)
	c := r.dial()
	c.send(get("/"))
	c.expect(hello)
	c.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", strings.Repeat("x", 100_000))
	c.expectEnd()
	if n := r.server.Counters().Replays; n[Abandoned] != 1 || n[Replayed] != 0 {
		t.Errorf("replays %v", n)
	}
}

func TestStaleConnectionWithBrokenAnswer(t *testing.T) {
	o := stale(t, func(p *peer) {
		p.head()
		p.send("HTTP/1.1 2")
	})
	r := start(t, Config{}, o.address)
	c := r.dial()
	c.send(get("/"))
	c.expect(hello)
	c.send(get("/"))
	c.expectRefusal(502, "http_response_incomplete") // an octet came: it is the origin's failure
	if o.connections() != 1 {
		t.Error("sent again")
	}
}

func TestReplayFailsToo(t *testing.T) {
	o := scripted(t, func(i int, p *peer) {
		p.head()
		if i == 0 {
			p.send(hello)
			p.head()
		}
	})
	c := start(t, Config{}, o.address).dial()
	c.send(get("/"))
	c.expect(hello)
	c.send(get("/"))
	c.expectRefusal(502, "http_response_incomplete")
	if n := o.connections(); n != 2 {
		t.Errorf("%d connections, want 2: one replay and no more", n)
	}
}

func TestIdleConnectionEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*peer)
		want pool.Cause
	}{
		{"closed", func(*peer) {}, pool.Ended},
		{"reset", (*peer).reset, pool.Reset},
		{"octets that answer nothing", func(p *peer) { p.send("HTTP/1.1 200 OK\r\n\r\n"); p.in.ReadByte() }, pool.Dirty},
	} {
		t.Run(test.name, func(t *testing.T) {
			idle := make(chan bool)
			o := scripted(t, func(i int, p *peer) {
				if i > 0 {
					answering(hello)(i, p)
					return
				}
				p.head()
				p.send(hello)
				<-idle
				test.end(p)
			})
			r := start(t, Config{}, o.address)
			c := r.dial()
			c.send(get("/"))
			c.expect(hello)
			r.await("keeping", func(c Counters) bool { return c.OriginEnds[pool.Kept] == 1 })
			close(idle)
			r.await("the cause", func(c Counters) bool { return c.OriginEnds[test.want] == 1 })
			c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
			c.expect(hello)
		})
	}
}

func TestNotKept(t *testing.T) {
	for _, test := range []struct {
		name, response string
		limits         pool.Limits
		want           pool.Cause
	}{
		{"octets behind the response", hello + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", pool.Limits{}, pool.Excess},
		{"response closes", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", pool.Limits{}, pool.ResponseCloses},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", pool.Limits{}, pool.ResponseCloses},
		{"nothing is kept", hello, pool.Limits{Max: -1}, pool.Displaced},
		{"one use", hello, pool.Limits{Uses: 1}, pool.Used},
		{"no age", hello, pool.Limits{Age: 1}, pool.Aged},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := scripted(t, answering(test.response))
			r := start(t, Config{Pool: test.limits}, o.address)
			c := r.dial()
			for range 3 {
				c.send(get("/"))
				if res, content := c.response("GET"); content != "hello" || res.Close {
					t.Errorf("content %q, close %v", content, res.Close)
				}
			}
			if o.connections() != 3 || r.server.Counters().OriginEnds[test.want] != 3 {
				t.Errorf("%d connections, ends %v", o.connections(), r.server.Counters().OriginEnds)
			}
		})
	}
}

func TestUses(t *testing.T) {
	o := scripted(t, answering(hello))
	c := start(t, Config{Pool: pool.Limits{Uses: 2}}, o.address).dial()
	for range 4 {
		c.send(get("/"))
		c.expect(hello)
	}
	if n := o.connections(); n != 2 {
		t.Errorf("%d connections for 4 requests of 2 each", n)
	}
}

func TestPoolIsBoundedAndLastInFirstOut(t *testing.T) {
	const clients = 4
	asked, answer := make(chan bool, clients), make(chan bool)
	o := scripted(t, func(i int, p *peer) {
		for {
			if _, err := p.in.Peek(1); err != nil {
				return
			}
			p.head()
			asked <- true
			<-answer
			p.send(hello)
		}
	})
	r := start(t, Config{Pool: pool.Limits{Max: 2}}, o.address)
	var all [clients]*peer
	for i := range all {
		all[i] = r.dial()
		all[i].send(get("/"))
		<-asked
	}
	for range all {
		answer <- true
	}
	for _, c := range all {
		c.expect(hello)
	}
	ends := r.server.Counters().OriginEnds
	if ends[pool.Kept] != clients || ends[pool.Displaced] != clients-2 {
		t.Errorf("ends %v", ends)
	}
	close(answer)
	for range 3 {
		all[0].send(get("/"))
		all[0].expect(hello)
	}
	if o.connections() != clients {
		t.Error("no connection of the pool was used")
	}
}

func TestPoolIdle(t *testing.T) {
	o := scripted(t, answering(hello))
	r := start(t, Config{Pool: pool.Limits{Idle: 10 * time.Millisecond}}, o.address)
	c := r.dial()
	c.send(get("/"))
	c.expect(hello)
	r.await("the cause", func(c Counters) bool { return c.OriginEnds[pool.Expired] == 1 })
}
