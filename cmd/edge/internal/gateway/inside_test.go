package gateway

import (
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

// What tests know of the inside of a gateway stands here.

// gateway is that of the first loop.
func (s *scene) gateway() *Gateway { return s.server.gateways[0] }

// checkRest looks for what the gateway still holds when its clients have gone.
func (s *scene) checkRest() {
	g := s.gateway()
	if g.clients() != 0 {
		s.errorf("%d clients are said to be there", g.clients())
	}
	for x, ok := g.free.Get(); ok; x, ok = g.free.Get() {
		if x.clientHop.buffer != nil || x.originHop.buffer != nil || x.pad != nil || x.upstream.conn != nil || x.client != nil || x.upload.running {
			s.errorf("an exchange has not let go: %+v", x)
		}
	}
}

// A task that panics costs its own exchange, which is logged and counted, and
// nobody else notices.
func TestPanics(t *testing.T) {
	for _, test := range []struct {
		name, request string
		breaks        []move
		log           string
	}{
		{"between request and response", get("/"), []move{breaksHeads, says(hello)}, `"GET / HTTP/1.1" - - c1#1 -> o1#1 broken/aborted`},
		{"while the rest of the request is waited for", post("Content-Length: 4", ""), []move{breaksHeads, says(hello)}, `"POST / HTTP/1.1" - - c1#1 -> o1#1 broken/aborted`},
		{"in the task that reads the rest of the request", post("Content-Length: 4", ""), []move{breaksUpload}, `"POST / HTTP/1.1" - - c1#1 -> o1#1 broken/aborted`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rule{
				client:  []move{says(test.request), waits(time.Second), shouts("x"), isReset},
				origins: [][]move{slices.Concat([]move{hears(toOrigin(test.request))}, test.breaks, []move{isReset})},
				log:     []string{test.log},
			}
			smooth.visit(t, r.config, r.visit, r.serve)
		})
	}
}

// breaksHeads has the gateway panic when it reads the next head.
func breaksHeads(p *peer) {
	p.expectPanic("nil pointer")
	p.gateway().pads.Put(nil)
}

// breaksUpload has it panic when it reads more of the request.
func breaksUpload(p *peer) {
	p.expectPanic("nil pointer")
	p.gateway().busy.First().exchange.clientHop.buffer = nil
}

// A task that breaks costs the tunnel, and nothing else.
func TestTunnelBreaks(t *testing.T) {
	smooth.playTunnel(t, Config{}, func(c *peer) {
		c.expectPanic("nil pointer")
		c.gateway().busy.First().exchange.tunnel.up.to = nil
		c.send("hello")
		c.expectReset()
	}, (*peer).expectReset, endsBy(Broken, pool.Aborted))
}

// What every idle client connection costs beside its loop.Conn.
func TestClientIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(client{}); n > 64 {
		t.Errorf("%d octets", n)
	}
}

// An idle tunnel has no task and no buffer: what it costs are its structs, and
// those of its two connections.
func TestIdleTunnelCosts(t *testing.T) {
	if n := unsafe.Sizeof(tunnel{}); n > 256 {
		t.Errorf("a tunnel has %d octets", n)
	}
	if n := unsafe.Sizeof(exchange{}); n > 768 {
		t.Errorf("an exchange has %d octets", n)
	}
	smooth.playTunnel(t, Config{}, func(c *peer) {
		for range 3 {
			c.send("hello")
			c.expect("hello")
			c.sleep(2 * tunnelRest)
			x := c.gateway().busy.First().exchange
			if tn := x.tunnel; tn.tasks > 0 || x.clientHop.buffer != nil || x.originHop.buffer != nil || x.pad != nil {
				c.errorf("%+v of %+v", tn, x)
			}
		}
	}, echo, endsBy(TunnelEnded, pool.Tunneled))
}

// What a burst needed is let go when it is over: exchanges, and the pads with the
// heads that they hold.
func TestBurstLeavesNothing(t *testing.T) {
	smooth.visit(t, Config{}, func(c *peer) {
		c.send(get("/"))
		c.expect(hello)
		c.sleep(5 * time.Second)
		g := c.gateway()
		if x, ok := g.free.Get(); ok {
			c.errorf("an exchange is kept: %+v", x)
		}
		if p, ok := g.pads.Get(); ok {
			c.errorf("a pad is kept: %+v", p)
		}
	}, answering(hello))
}
