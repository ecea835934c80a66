package gateway

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestHalfAHeadDoesNotSpread(t *testing.T) {
	smooth.play(t, Config{}, func(s *scene) {
		for range 2 {
			c := s.dial()
			c.send("GET /abc HTTP/1.1\r\nHo")
			c.CloseWrite()
			c.expectEnd()
			c = s.dial()
			c.send(get("/", "A: b"))
			c.expect(hello)
		}
	}, answering(hello))
}

// Nothing of a refused request is left over for the next client.
func TestRefusalsDoNotSpread(t *testing.T) {
	bytewise.play(t, Config{}, func(s *scene) {
		for range 2 {
			c := s.dial()
			c.send(post("Transfer-Encoding: chunked", "3\r\nabc\r\nzz\r\n"))
			c.expectRefusal(400, "chunk-size")
			c = s.dial()
			c.send("GET /\r\n")
			c.expectRefusal(400, "version")
		}
	}, (*peer).expectReset)
}

func TestEarlyResponse(t *testing.T) {
	t.Run("the rest takes too long", func(t *testing.T) {
		kernel.visit(t, Config{Linger: 100 * time.Millisecond}, func(c *peer) {
			c.send(post("Transfer-Encoding: chunked", ""))
			c.expect(tooLargeLast)
			chunk := "1000\r\n" + strings.Repeat("x", 0x1000) + "\r\n"
			err := error(nil)
			for n := 0; err == nil && n < 1<<30; n += len(chunk) {
				_, err = c.Write([]byte(chunk))
			}
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				c.errorf("the gateway goes on reading: %v", err)
			}
		}, func(p *peer) {
			p.head()
			p.send(tooLargeLast)
			p.expectReset()
		})
	})
	t.Run("it arrives although the origin closed", func(t *testing.T) {
		kernel.visit(t, Config{}, func(c *peer) {
			c.send(post("Content-Length: 10000000", ""))
			c.start(func() { c.Write(make([]byte, 10000000)) })
			c.expectStatus(413)
		}, func(p *peer) {
			p.head()
			p.send(tooLarge) // and closes with octets unread, which resets the connection
		})
	})
}

func TestConnectionLimit(t *testing.T) {
	smooth.play(t, Config{OriginMaxConnections: 1}, func(s *scene) {
		first, second := s.dial(), s.dial()
		first.send(get("/"))
		s.await("the first request", func() bool { return s.asked == "a" })
		second.send(get("/"))
		second.expectRefusal(503, "connection_limit_reached")
		first.expect("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
	}, steady(time.Second))
}
