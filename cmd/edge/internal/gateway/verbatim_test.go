package gateway

import (
	"strings"
	"testing"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

// Both heads arrive as they were sent, and what they say of persistence holds on
// both connections.
func TestVerbatimExchanges(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nX-Odd:  \t v \r\nKeep-Alive: timeout=5\r\nContent-Length: 5\r\n\r\nhello"
	const closes = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
	const old, oldKept = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"
	for _, test := range []struct {
		name, request, response string
		client                  Cause // Persists: the client has to close
		origin                  pool.Cause
	}{
		{"all persists", get("/", "Connection: X-A", "X-A: 1", "TE: trailers"), ok, Persists, pool.Kept},
		{"the client closes", get("/", "Connection: close"), ok, ClientAsked, pool.RequestCloses},
		{"the origin closes", get("/"), closes, OriginAsked, pool.ResponseCloses},
		{"both close", get("/", "Connection: close"), closes, ClientAsked, pool.RequestCloses},
		{"absolute form, another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", ok, Persists, pool.Kept},
		{"the last hop", "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", ok, Persists, pool.Kept},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", old, ClientAsked, pool.RequestCloses},
		{"HTTP/1.0, kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", oldKept, Persists, pool.Kept},
		{"HTTP/1.0, not kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", old, OriginAsked, pool.ResponseCloses},
		{"HTTP/1.0, kept by an origin that does not tell", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", ok, OriginAsked, pool.Kept},
		{"HTTP/1.0, chunks that it cannot read", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
			"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Persists, pool.Kept},
		{"until close", get("/"), "HTTP/1.1 200 OK\r\n\r\nhello", ResponseUnframed, pool.ResponseCloses},
	} {
		t.Run(test.name, func(t *testing.T) {
			smooth.visit(t, Config{Verbatim: true}, func(c *peer) {
				c.send(test.request)
				c.expect(test.response)
				cause := test.client
				if cause == Persists {
					cause = ClientClosed
					c.CloseWrite()
				}
				c.expectEnd()
				c.Close()
				c.awaitEnd(cause)
				if n := c.counters().OriginEnds; n[test.origin] != 1 {
					c.errorf("the origin connection's ends are %v, want %v", n, test.origin)
				}
			}, func(p *peer) {
				p.expect(test.request)
				p.send(test.response)
				switch {
				case test.origin == pool.Kept:
					p.stay()
				case test.client != ResponseUnframed:
					p.expectEnd()
				}
			})
		})
	}
}

func TestVerbatimInterim(t *testing.T) {
	const hints = "HTTP/1.1 103 Early Hints\r\nConnection: X-A\r\nX-A: 1\r\n\r\n"
	smooth.visit(t, Config{Verbatim: true}, func(c *peer) {
		c.send(get("/"))
		c.expect(hints, hello)
		c.send("GET / HTTP/1.0\r\n\r\n")
		c.expect(hello)
		c.expectEnd()
	}, answering(hints+hello))
}

func TestVerbatimUpgrade(t *testing.T) {
	const other = "HTTP/1.1 101 Odd\r\nupgrade:ECHO\r\nConnection: Upgrade, X-A\r\nX-A: 1\r\n\r\n"
	smooth.visit(t, Config{Verbatim: true}, func(c *peer) {
		c.send(asked)
		c.expect(other)
		c.send("tunnel")
		c.CloseWrite()
		c.expect("tunnel")
		c.expectEnd()
	}, func(p *peer) {
		p.expect(asked)
		p.send(other)
		echo(p)
	})
}

// The field may go through for study, but not what would be hidden by it.
func TestVerbatimOpensNoTunnelForHTTP(t *testing.T) {
	request := strings.ReplaceAll(asked, "echo", "h2c")
	smooth.visit(t, Config{Verbatim: true}, func(c *peer) {
		c.send(request)
		c.expectRefusal(502, "switching-protocols-unasked")
	}, func(p *peer) {
		p.expect(request)
		p.send(strings.ReplaceAll(switching, "echo", "h2c"))
		p.expectReset()
	})
}

func TestVerbatimRefuses(t *testing.T) {
	for fields, rule := range map[string]string{
		"Content-Length: 3\r\nTransfer-Encoding: chunked": "content-length-and-transfer-encoding",
		"Content-Length: 3\r\nTransfer_Encoding: chunked": "framing-field-misspelled",
	} {
		smooth.visit(t, Config{Verbatim: true}, func(c *peer) {
			c.send(post(fields, ""))
			c.expectRefusal(400, rule)
			c.expectEnd()
		}, func(p *peer) { p.errorf("it was asked") })
	}
}
