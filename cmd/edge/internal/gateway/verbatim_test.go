package gateway

import (
	"io"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
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
			o := scripted(t, func(_ int, p *peer) {
				p.expect(test.request)
				p.send(test.response)
				if strings.HasSuffix(test.response, "OK\r\n\r\nhello") {
					return
				}
				p.expectEnd()
			})
			r := start(t, Config{Verbatim: true}, o.address)
			c := r.dial()
			c.send(test.request)
			c.expect(test.response)
			if test.client == Persists {
				test.client = ClientClosed
				c.CloseWrite()
			}
			c.expectEnd()
			c.Close()
			r.await("the end", func(n Counters) bool { return n.ClientEnds[test.client] == 1 && n.OriginEnds[test.origin] == 1 })
		})
	}
}

func TestVerbatimInterim(t *testing.T) {
	const hints = "HTTP/1.1 103 Early Hints\r\nConnection: X-A\r\nX-A: 1\r\n\r\n"
	o := scripted(t, answering(hints+hello))
	c := start(t, Config{Verbatim: true}, o.address).dial()
	c.send(get("/"))
	c.expect(hints + hello)
	c.send("GET / HTTP/1.0\r\n\r\n")
	c.expect(hello)
	c.expectEnd()
}

func TestVerbatimUpgrade(t *testing.T) {
	const other = "HTTP/1.1 101 Odd\r\nupgrade:ECHO\r\nConnection: Upgrade, X-A\r\nX-A: 1\r\n\r\n"
	scene(t, simnet.Options{}, Config{Verbatim: true}, func(c *loop.Conn) {
		c.Write([]byte(asked))
		if got := hear(c, "\r\n\r\n"); got != other {
			t.Errorf("the client received %q", got)
		}
		c.Write([]byte("tunnel"))
		c.CloseWrite()
		expectAll(t, c, []byte("tunnel"))
	}, func(c *loop.Conn) {
		if got := hear(c, "\r\n\r\n"); got != asked {
			t.Errorf("the origin received %q", got)
		}
		c.Write([]byte(other))
		io.Copy(c, c)
	})
}

// The field may go through for study, but not what would be hidden by it.
func TestVerbatimOpensNoTunnelForHTTP(t *testing.T) {
	request := strings.ReplaceAll(asked, "echo", "h2c")
	o := scripted(t, func(_ int, p *peer) {
		p.expect(request)
		p.send(strings.ReplaceAll(switching, "echo", "h2c"))
		p.expectReset()
	})
	c := start(t, Config{Verbatim: true}, o.address).dial()
	c.send(request)
	if res := c.expectStatus(502); !strings.Contains(res.Header.Get("Proxy-Status"), "switching-protocols-unasked") {
		t.Errorf("fields %v", res.Header)
	}
}

func TestVerbatimRefuses(t *testing.T) {
	o := scripted(t, func(int, *peer) { t.Error("the origin was asked") })
	c := start(t, Config{Verbatim: true}, o.address).dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n")
	c.expectRefusal(400, "content-length-and-transfer-encoding")
	c.expectEnd()
}
