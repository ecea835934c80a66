package gateway

import (
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A response may take as long as it likes as long as something comes.
func TestSlowResponses(t *testing.T) {
	for _, test := range []struct{ name, head, piece, end string }{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "0123456789", ""},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n", "0\r\n\r\n"},
		{"until close", "HTTP/1.1 200 OK\r\n\r\n", "piece", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			smooth.visit(t, Config{ResponseTimeout: time.Minute}, func(c *peer) {
				c.send(get("/", "Connection: close"))
				c.until("\r\n\r\n")
				c.expect(strings.Repeat(test.piece, 10), test.end)
				c.expectEnd()
			}, func(p *peer) {
				p.head()
				p.send(test.head)
				p.sendEvery(50*time.Second, 10, test.piece)
				p.send(test.end)
			})
		})
	}
}

func TestSlowRequests(t *testing.T) {
	head := "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n"
	for _, test := range []struct {
		name, start string
		pause       time.Duration
		want        string
	}{
		{"body", head, time.Minute, "HTTP/1.1 200 OK\r\n"},
		{"body that stops", head, 2 * time.Minute, "HTTP/1.1 408 Request Timeout\r\n"},
		{"head, octet by octet", "GET / HTTP/1.1\r\nA: ", 3 * time.Second, "HTTP/1.1 408 Request Timeout\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			smooth.visit(t, Config{BodyTimeout: 75 * time.Second}, func(c *peer) {
				c.send(test.start)
				c.start(func() { c.sendEvery(test.pause, 10, "x") })
				c.expect(test.want)
			}, func(p *peer) {
				p.until("\r\n\r\nxxxxxxxxxx")
				p.offer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			})
		})
	}
}

// An upload that takes long is not the origin's silence, but silence after it is.
func TestResponseTimeoutBeginsAfterTheRequest(t *testing.T) {
	smooth.visit(t, Config{ResponseTimeout: time.Second, BodyTimeout: 75 * time.Second}, func(c *peer) {
		c.send(post("Content-Length: 10", ""))
		c.sendEvery(time.Minute, 10, "x")
		c.expectWithin(time.Second, 2*time.Second, func() { c.expect("HTTP/1.1 504 Gateway Timeout\r\n") })
	}, (*peer).drain)
}

// A head has to be whole in time, however often something of it comes, and so has
// the next one after an interim response.
func TestResponseTimeoutIsForTheWholeHead(t *testing.T) {
	smooth.visit(t, Config{ResponseTimeout: 10 * time.Second}, func(c *peer) {
		c.send(get("/"))
		c.expect(hint, hint, hint)
		c.expectWithin(9*time.Second, 11*time.Second, func() { c.expectRefusal(504, "error=http_response_timeout") })
	}, func(p *peer) {
		p.head()
		p.sendEvery(9*time.Second, 3, hint)
		for _, octet := range hello {
			p.sleep(time.Second)
			p.offer(string(octet))
		}
		p.drain()
	})
}

// A client that waits for 100 waits for the origin: its silence is not the client's
// fault, whichever bound is the lower one.
func TestSilentOriginOfAnExpectation(t *testing.T) {
	for _, config := range []Config{{MinRate: 240}, {IdleTimeout: time.Second, BodyTimeout: time.Second}} {
		smooth.visit(t, config, func(c *peer) {
			c.send(expecting)
			c.expectWithin(59*time.Second, 61*time.Second, func() { c.expectRefusal(504, "error=http_response_timeout") })
		}, (*peer).drain)
	}
}

// An expectation that nobody has to meet, or that the origin does not hear of, is not
// waited for: then a body that does not come is the client's fault.
func TestOtherExpectations(t *testing.T) {
	for _, fields := range []string{"Expect: x", "Expect: 100-continued", "Connection: expect\r\nExpect: 100-continue"} {
		smooth.visit(t, Config{MinRate: 240}, func(c *peer) {
			c.send(post(fields+"\r\nContent-Length: 3", ""))
			c.expectWithin(29*time.Second, 31*time.Second, func() { c.expectRefusal(408, "body-timeout") })
		}, (*peer).drain)
	}
}

// The first byte of a body has a time of its own, for phones and for people.
func TestBodyTimeout(t *testing.T) {
	for _, expects := range []string{"", "Expect: 100-continue\r\n"} {
		for pause, want := range map[time.Duration]string{29 * time.Second: "HTTP/1.1 200 OK\r\n", 31 * time.Second: "HTTP/1.1 408 Request Timeout\r\n"} {
			smooth.visit(t, Config{MinRate: 240}, func(c *peer) {
				c.send(post(expects+"Content-Length: 2000", ""))
				if expects != "" {
					c.expect(goOn)
				}
				c.start(func() {
					c.sleep(pause)
					c.offer(big[:1000])
					c.sleep(8 * time.Second) // no more than the bytes and the grace have earned
					c.offer(big[:1000])
				})
				c.expect(want)
			}, func(p *peer) {
				p.head()
				if expects != "" {
					p.sleep(30 * time.Second)
					p.send(goOn)
				}
				p.takeAt(atOnce, 2000)
				p.offer(hello)
			})
		}
	}
}

// An origin may answer before it was asked, and then nobody waits for the body
// that the client still owes.
func TestAnswerAtOnce(t *testing.T) {
	// Late reports let the answer come together with the connection.
	late := stage{seeds: 10, world: simnet.Options{Late: 0.5, LateBy: simnet.Range{Max: time.Millisecond}}}
	late.visit(t, Config{}, func(c *peer) {
		c.send(post("Content-Length: 1000000", ""))
		c.expectWithin(0, 6*time.Second, func() {
			c.expect("HTTP/1.1 503 Busy\r\n")
			c.drain()
		})
	}, func(p *peer) {
		p.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
		p.head()
	})
}

func TestConnectTimeout(t *testing.T) {
	hangs := stage{seeds: 10, world: simnet.Options{Fate: dialing(simnet.ConnectHangs)}}
	hangs.visit(t, Config{}, func(c *peer) {
		c.expectWithin(5*time.Second, 6*time.Second, func() {
			c.send(get("/"))
			c.expectRefusal(504, "error=connection_timeout")
		})
	}, func(p *peer) { p.errorf("it was connected to") })
}

// Idle time counts from the last response on.
func TestIdleTimeouts(t *testing.T) {
	smooth.visit(t, Config{IdleTimeout: time.Hour}, func(c *peer) {
		for range 3 {
			c.sleep(59 * time.Minute)
			c.send(get("/"))
			c.expect(hello)
		}
		c.expectWithin(time.Hour, time.Hour+time.Minute, c.expectEnd)
	}, answering(hello))
}
