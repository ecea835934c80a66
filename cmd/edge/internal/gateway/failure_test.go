package gateway

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
)

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestHalfAHeadDoesNotSpread(t *testing.T) {
	o := scripted(t, answering(hello))
	r := start(t, Config{}, o.address)
	for range 2 {
		c := r.dial()
		c.send("GET /abc HTTP/1.1\r\nHo")
		c.CloseWrite()
		c.expectEnd()
		c = r.dial()
		c.send(get("/", "A: b"))
		c.expect(hello)
	}
}

// Nothing of a refused request is left over for the next client.
func TestRefusalsDoNotSpread(t *testing.T) {
	o := scripted(t, func(_ int, p *peer) { p.expectReset() })
	r := start(t, Config{}, o.address)
	for range 2 {
		c := r.dial()
		c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "zz\r\n")
		c.expectRefusal(400, "chunk-size")
		c = r.dial()
		c.send("GET /\r\n")
		c.expectRefusal(400, "version")
	}
}

func TestEarlyResponse(t *testing.T) {
	t.Run("the rest is too much", func(t *testing.T) {
		o := scripted(t, func(_ int, p *peer) {
			p.head()
			p.send(tooLarge)
			p.CloseWrite()
			p.expectReset()
		})
		c := start(t, Config{}, o.address).dial()
		c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
		c.expect(tooLarge)
		chunk := "1000\r\n" + strings.Repeat("x", 0x1000) + "\r\n"
		err := error(nil)
		for n := 0; err == nil && n < 1<<30; n += len(chunk) {
			_, err = c.Write([]byte(chunk))
		}
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("the gateway goes on reading: %v", err)
		}
	})
	t.Run("it arrives although the origin closed", func(t *testing.T) {
		o := scripted(t, func(_ int, p *peer) {
			p.head()
			p.send(tooLarge) // and closes with octets unread, which resets the connection
		})
		c := start(t, Config{}, o.address).dial()
		c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
		go c.Write(make([]byte, 10000000))
		c.expectStatus(413)
	})
}

func TestConnectionLimit(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		close(asked)
		<-answer
		p.send(hello)
	})
	r := start(t, Config{OriginMaxConnections: 1}, o.address)
	first, second := r.dial(), r.dial()
	first.send(get("/"))
	<-asked
	second.send(get("/"))
	second.expectRefusal(503, "connection_limit_reached")
	close(answer)
	first.expect(hello)
}
