package gateway

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
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

func TestRefusedRequests(t *testing.T) {
	for _, test := range []struct {
		name, request string
		status        int
		detail        string
	}{
		{"grammar", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "field-name-space"},
		{"smuggling", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "content-length-and-transfer-encoding"},
		{"coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "transfer-encoding-unknown"},
		{"version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "version-major"},
		{"head too large", "GET / HTTP/1.1\r\nHost: a\r\nA: " + strings.Repeat("a", 20000) + "\r\n\r\n", 431, "head-too-large"},
		{"target too long", "GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414, "target-too-long"},
		{"tunnel", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501, "connect"},
		{"scheme", "GET https://a/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 421, "target-scheme"},
		{"connection names framing", "POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 3\r\n\r\nabc", 400, "connection-option"},
		{"too many options", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close" + strings.Repeat(",x", maxOptions) + "\r\n\r\n", 400, "connection-options-too-many"},
		{"chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400, "chunk-size"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := scripted(t, func(int, *peer) { t.Error("the origin was asked") })
			c := start(t, Config{}, o.address).dial()
			c.send(test.request)
			res := c.expectRefusal(test.status, "http_request_error; details=\""+test.detail+"\"")
			if !res.Close {
				t.Error("the connection is not said to close")
			}
			c.expectEnd()
		})
	}
}

func TestLastHop(t *testing.T) {
	o := scripted(t, func(int, *peer) { t.Error("the origin was asked") })
	c := start(t, Config{}, o.address).dial()
	c.send("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n" + "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")
	if res := c.expectStatus(200); res.Header.Get("Proxy-Status") != `hopwire; details="max-forwards"` {
		t.Errorf("fields %v", res.Header)
	}
	c.expectRefusal(501, "max-forwards")
}

func TestRefusalAfterAWholeRequestKeepsTheConnection(t *testing.T) {
	c := start(t, Config{}, closedPort(t)).dial()
	for range 2 {
		c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
		c.expectRefusal(502, "connection_refused")
	}
}

func TestRefusalReadsTheRestOfTheRequest(t *testing.T) {
	c := start(t, Config{}, closedPort(t)).dial()
	body := strings.Repeat("x", 100<<10)
	for range 2 {
		c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 102400\r\n\r\n" + body)
		c.expectRefusal(502, "connection_refused")
	}
}

func TestMalformedChunkOnItsWayUp(t *testing.T) {
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		p.expectReset()
	})
	c := start(t, Config{}, o.address).dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "zz\r\n")
	c.expectRefusal(400, "chunk-size")
	c.expectEnd()
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

func TestBadResponses(t *testing.T) {
	for _, test := range []struct{ name, response, detail string }{
		{"nothing", "", "http_response_incomplete"},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-", "http_response_incomplete"},
		{"half of a longer head", "HTTP/1.1 404 Not Found\r\nA: b\r\nContent-", "http_response_incomplete"},
		{"not HTTP", "220 mail.example ESMTP\r\n", "http_protocol_error"},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "http_protocol_error; details=\"content-length-repeated\""},
		{"chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "http_protocol_error; details=\"chunk-size\""},
		{"connection names framing", "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 1\r\n\r\nx", "connection-option"},
		{"too many options", "HTTP/1.1 200 OK\r\nConnection: x" + strings.Repeat(",x", maxOptions) + "\r\nContent-Length: 1\r\n\r\nx", "connection-options-too-many"},
		{"upgrade unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "switching-protocols-unasked"},
		{"head too large", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 20000) + "\r\n\r\n", "http_response_header_section_size"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := scripted(t, func(i int, p *peer) {
				p.head()
				p.send([]string{test.response, test.response, hello}[i])
			})
			c := start(t, Config{}, o.address).dial()
			c.send(get("/") + get("/") + get("/"))
			c.expectRefusal(502, test.detail)
			c.expectRefusal(502, test.detail)
			c.expect(hello) // nothing is left over of the others
		})
	}
}

func TestTooManyInterimResponses(t *testing.T) {
	hint := "HTTP/1.1 103 Early Hints\r\nLink: " + strings.Repeat("x", 4000) + "\r\n\r\n"
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		for {
			if _, err := p.Write([]byte(hint)); err != nil {
				return
			}
		}
	})
	c := start(t, Config{}, o.address).dial()
	c.send(get("/"))
	n := 0
	for head := c.head(); strings.Contains(head, "103"); head = c.head() {
		if n += len(head); n > maxInterim {
			t.Fatal("interim responses without end")
		}
	}
}

func TestResponseCutOff(t *testing.T) {
	for _, test := range []struct {
		name, response string
		want           Cause
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", ResponseTruncated},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", ResponseTruncated},
		{"spliced", "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\nhalf", ResponseTruncated},
		{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n|x\r\n", ResponseMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			read := make(chan bool)
			o := scripted(t, func(_ int, p *peer) {
				p.head()
				head, rest, bad := strings.Cut(test.response, "|")
				p.send(head)
				<-read
				if bad {
					p.send(rest)
					p.expectReset()
				}
			})
			r := start(t, Config{}, o.address)
			c := r.dial()
			c.send(get("/"))
			c.expect(strings.Split(test.response, "|")[0])
			close(read)
			c.expectReset()
			r.await("the cause", func(c Counters) bool { return c.ClientEnds[test.want] == 1 })
		})
	}
}

func TestUntilCloseCutOff(t *testing.T) {
	read := make(chan bool)
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		p.send("HTTP/1.1 200 OK\r\n\r\nhalf")
		<-read
		p.reset()
	})
	c := start(t, Config{}, o.address).dial()
	c.send(get("/"))
	c.expect("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf")
	close(read)
	c.expectReset() // an end of stream would say that this was all
}

func TestEarlyResponse(t *testing.T) {
	const tooLarge = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nbig!"
	t.Run("the rest is read", func(t *testing.T) {
		o := scripted(t, func(_ int, p *peer) {
			p.head()
			p.send(tooLarge)
			p.expectReset()
		})
		r := start(t, Config{}, o.address)
		c := r.dial()
		for range 2 {
			c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n")
			c.expect(tooLarge)
			c.send(strings.Repeat("x", 20000))
		}
		r.await("the cause", func(c Counters) bool { return c.OriginEnds[pool.RequestUnfinished] == 2 })
	})
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

func TestTimeouts(t *testing.T) {
	short := 20 * time.Millisecond
	t.Run("head", func(t *testing.T) {
		c := start(t, Config{HeadTimeout: short}, closedPort(t)).dial()
		c.send("GET / HT")
		c.expectRefusal(408, "head-timeout")
		c.expectEnd()
	})
	t.Run("idle", func(t *testing.T) {
		r := start(t, Config{IdleTimeout: short}, closedPort(t))
		r.dial().expectEnd()
		r.await("the cause", func(c Counters) bool { return c.ClientEnds[ClientIdle] == 1 })
	})
	t.Run("idle between requests", func(t *testing.T) {
		o := scripted(t, answering(hello))
		c := start(t, Config{IdleTimeout: short}, o.address).dial()
		c.send(get("/"))
		c.expect(hello)
		c.expectEnd()
	})
	t.Run("body", func(t *testing.T) {
		o := scripted(t, func(_ int, p *peer) {
			p.head()
			p.expectReset()
		})
		c := start(t, Config{IdleTimeout: short}, o.address).dial()
		c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo")
		c.expectRefusal(408, "body-timeout")
		c.expectEnd()
	})
	t.Run("response", func(t *testing.T) {
		o := scripted(t, func(_ int, p *peer) {
			p.head()
			p.expectReset()
		})
		r := start(t, Config{ResponseTimeout: short}, o.address)
		c := r.dial()
		for range 2 {
			c.send(get("/"))
			c.expectRefusal(504, "http_response_timeout")
		}
		if ends := r.server.Counters().OriginEnds; ends[pool.Failed] != 2 {
			t.Errorf("ends %v", ends)
		}
	})
	t.Run("rest of the response", func(t *testing.T) {
		o := scripted(t, func(_ int, p *peer) {
			p.head()
			p.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo")
			p.in.ReadByte()
		})
		c := start(t, Config{ResponseTimeout: short}, o.address).dial()
		c.send(get("/"))
		c.expect("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo")
		c.expectReset()
	})
	t.Run("a stalled client", func(t *testing.T) {
		for _, framing := range []string{"Content-Length: 1000000000\r\n", ""} {
			o := scripted(t, func(_ int, p *peer) {
				p.head()
				p.send("HTTP/1.1 200 OK\r\n" + framing + "\r\n")
				for {
					if _, err := p.Write(make([]byte, 1<<20)); err != nil {
						return
					}
				}
			})
			r := start(t, Config{IdleTimeout: short}, o.address)
			r.dial().send(get("/"))
			r.await("the cause", func(c Counters) bool { return c.ClientEnds[ClientStalled] == 1 })
		}
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
	r := start(t, Config{MaxPerOrigin: 1}, o.address)
	first, second := r.dial(), r.dial()
	first.send(get("/"))
	<-asked
	second.send(get("/"))
	second.expectRefusal(503, "connection_limit_reached")
	close(answer)
	first.expect(hello)
}
