package gateway

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// A tempo is how a script sends or takes octets: so many, then a pause.
type tempo struct {
	octets int
	pause  time.Duration
}

// sendAt offers n octets in the tempo.
func (p *peer) sendAt(m tempo, n int) {
	for n > 0 {
		k := min(n, m.octets)
		if _, err := p.Write(bytes.Repeat([]byte("x"), k)); err != nil {
			return
		}
		n -= k
		p.sleep(m.pause)
	}
}

// takeAt reads n octets in the tempo, or until the stream ends, and returns how
// many came.
func (p *peer) takeAt(m tempo, n int) (taken int) {
	b := make([]byte, m.octets)
	for taken < n {
		k, err := io.ReadFull(p, b[:min(n-taken, m.octets)])
		if taken += k; err != nil {
			return taken
		}
		p.sleep(m.pause)
	}
	return taken
}

// atOnce is as fast as it goes.
var atOnce = tempo{octets: 1 << 20}

const (
	copied  = spliceAtLeast - 1 // octets of a body too short for splicing
	spliced = 4 * spliceAtLeast // and of a longer one
)

// A client is held to the rate at which it sends a body, not to a time, and not
// for the time that the origin takes.
func TestPaceOfUploads(t *testing.T) {
	above, below := tempo{300, time.Second}, tempo{180, time.Second}
	for _, test := range []struct {
		name           string
		size           int
		client, origin tempo
		rate           int
		status, rule   string
		cause          Cause // of the client connection's end
	}{
		{"copied, above the rate", copied, above, atOnce, 240, "200 OK", "", Persists},
		{"copied, below the rate", copied, below, atOnce, 240, "408 Request Timeout", "body-rate", RequestTooSlow},
		{"copied, without a rate", copied, below, atOnce, 0, "200 OK", "", Persists},
		{"spliced, above the rate", spliced, above, atOnce, 240, "200 OK", "", Persists},
		{"spliced, below the rate", spliced, below, atOnce, 240, "408 Request Timeout", "body-rate", RequestTooSlow},
		{"spliced, without a rate", spliced, below, atOnce, 0, "200 OK", "", Persists},
		{"copied, nothing comes", copied, tempo{200, time.Hour}, atOnce, 0, "408 Request Timeout", "body-timeout", RequestStalled},
		{"spliced, nothing comes", spliced, tempo{200, time.Hour}, atOnce, 0, "408 Request Timeout", "body-timeout", RequestStalled},
		{"copied, a slow origin", copied, atOnce, tempo{1000, 15 * time.Second}, 240, "200 OK", "", Persists},
		{"spliced, a slow origin", spliced, atOnce, tempo{1000, 15 * time.Second}, 240, "200 OK", "", Persists},
	} {
		t.Run(test.name, func(t *testing.T) {
			narrow.visit(t, Config{MinRate: test.rate}, func(c *peer) {
				c.expectCause(test.cause)
				c.send(post(fmt.Sprint("Content-Length: ", test.size), ""))
				c.start(func() { c.sendAt(test.client, test.size) })
				got := c.until("\r\n\r\n")
				if !strings.HasPrefix(got, "HTTP/1.1 "+test.status) || !strings.Contains(got, test.rule) {
					c.errorf("answered %q, want %s, %s", got, test.status, test.rule)
				}
			}, func(p *peer) {
				p.head()
				p.takeAt(test.origin, test.size)
				p.offer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				p.head()
			})
		})
	}
}

// A client is held to the rate at which it takes a response, but not for the
// time in which the origin has nothing to send.
func TestPaceOfResponses(t *testing.T) {
	above, below := tempo{300, time.Second}, tempo{120, time.Second}
	for _, test := range []struct {
		name           string
		size           int
		client, origin tempo
		rate           int
		cause          Cause
	}{
		{"copied, above the rate", copied, above, atOnce, 240, Persists},
		{"copied, below the rate", copied, below, atOnce, 240, ClientTooSlow},
		{"copied, without a rate", copied, below, atOnce, 0, Persists},
		{"spliced, above the rate", spliced, above, atOnce, 240, Persists},
		{"spliced, below the rate", spliced, below, atOnce, 240, ClientTooSlow},
		{"spliced, without a rate", spliced, below, atOnce, 0, Persists},
		{"copied, nothing is taken", copied, tempo{200, time.Hour}, atOnce, 0, ClientStalled},
		{"spliced, nothing is taken", spliced, tempo{200, time.Hour}, atOnce, 0, ClientStalled},
		{"copied, a slow origin", copied, atOnce, tempo{500, 50 * time.Second}, 240, Persists},
		{"spliced, a slow origin", spliced, atOnce, tempo{500, 50 * time.Second}, 240, Persists},
	} {
		t.Run(test.name, func(t *testing.T) {
			narrow.visit(t, Config{MinRate: test.rate}, func(c *peer) {
				c.expectCause(test.cause)
				c.send(get("/"))
				c.until("\r\n\r\n")
				n := c.takeAt(test.client, test.size)
				if whole := n == test.size; whole != (test.cause == Persists) {
					c.errorf("%d of %d octets arrived", n, test.size)
				}
			}, func(p *peer) {
				p.head()
				p.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", test.size))
				p.sendAt(test.origin, test.size)
				p.head()
			})
		})
	}
}

// expectCause wants the one client connection to end so. One that persists is cut
// off by the end of the scene.
func (s *scene) expectCause(cause Cause) {
	if cause == Persists {
		cause = CutOff
	}
	s.atEnd(func() {
		for c, n := range s.counters().ClientEnds {
			if n > 0 && Cause(c) != cause {
				s.errorf("the client connection ended as %v, want %v", Cause(c), cause)
			}
		}
	})
}

// How long a client may take that sends or takes nothing any more.
func TestPatience(t *testing.T) {
	for _, test := range []struct {
		name string
		came int // octets of the body, at once
		rate int
		want time.Duration
	}{
		{"nothing came", 0, 240, 30 * time.Second},
		{"a little came", 2400, 240, 15 * time.Second},
		{"much came", 60000, 1000, 5*time.Second + burst*time.Millisecond},
		{"much came, at a low rate", 60000, 240, 5*time.Second + burst*time.Second/240},
		{"at a very low rate", 60000, 1, 75 * time.Second},
		{"at any rate", 60000, 0, 75 * time.Second},
	} {
		narrow.called(test.name).visit(t, Config{MinRate: test.rate}, func(c *peer) {
			c.send(post("Content-Length: 65000", ""))
			c.sleep(time.Millisecond) // the head goes alone
			c.sendAt(atOnce, test.came)
			c.expectWithin(test.want-20*time.Millisecond, test.want+20*time.Millisecond, func() { c.expectRefusal(408, "body") })
		}, (*peer).drain)
	}
}

// An interim response gives no time to a client that did not wait for it.
func TestPatienceIsNotRenewed(t *testing.T) {
	narrow.visit(t, Config{MinRate: 240}, func(c *peer) {
		c.expectWithin(0, 6*time.Second, func() {
			c.send(post("Expect: 100-continue\r\nContent-Length: 9", "x"))
			c.expect(goOn, goOn)
			c.expectRefusal(408, "body")
		})
	}, func(p *peer) {
		p.until("x")
		p.offer(goOn)
		p.sendEvery(4*time.Second, 4, goOn)
	})
}

// And how long one that takes nothing. What fits between the two ends, which is
// twice a buffer, counts as taken.
func TestPatienceWithReaders(t *testing.T) {
	for _, test := range []struct {
		rate  int
		want  time.Duration
		cause Cause
	}{
		{0, 75 * time.Second, ClientStalled},
		{1000, 7 * time.Second, ClientTooSlow},
		{1, 75 * time.Second, ClientStalled},
	} {
		narrow.called(fmt.Sprint("rate ", test.rate)).play(t, Config{MinRate: test.rate}, func(s *scene) {
			s.expectCause(test.cause)
			s.dial().send(get("/"))
			s.sleep(time.Hour)
		}, func(p *peer) {
			p.head()
			p.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", spliced))
			p.expectWithin(test.want, test.want+20*time.Millisecond, func() {
				p.sendAt(atOnce, spliced)
				p.drain()
			})
		})
	}
}

// A client that holds its body back until it is told to send waits for the
// origin. Its time begins when it is told, or when it begins all the same.
func TestPaceWaitsForContinue(t *testing.T) {
	for _, test := range []struct {
		name   string
		told   bool // to go on, after a minute
		waits  bool // for that
		client tempo
		want   string
	}{
		{"told to send, and sends", true, true, tempo{300, time.Second}, "200 OK"},
		{"told to send, and does not", true, true, tempo{100, time.Second}, "408 Request Timeout"},
		{"not told, and sends", false, false, tempo{300, time.Second}, "200 OK"},
		{"not told, and begins to send", false, false, tempo{100, time.Second}, "408 Request Timeout"},
	} {
		narrow.called(test.name).visit(t, Config{MinRate: 240, ResponseTimeout: 2 * time.Minute}, func(c *peer) {
			c.send(post("Content-Length: 60000\r\nExpect: 100-continue", ""))
			if c.sleep(10 * time.Second); test.waits {
				c.expect(goOn)
			}
			c.start(func() { c.sendAt(test.client, 60000) })
			c.expect("HTTP/1.1 " + test.want + "\r\n")
		}, func(p *peer) {
			p.head()
			if test.told {
				p.sendEvery(time.Minute, 1, goOn)
			}
			p.takeAt(atOnce, 60000)
			p.offer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		})
	}
}

// A stream of events may be silent for longer than an origin may be that has not
// begun to answer, but not for ever.
func TestEventStream(t *testing.T) {
	const event = "b\r\ndata: now\n\n\r\n"
	narrow.visit(t, Config{MinRate: 240}, func(c *peer) {
		c.send(get("/"))
		c.expect(chunkedHead, strings.Repeat(event, 100))
		c.expectWithin(5*time.Minute-time.Second, 5*time.Minute+time.Second, c.expectEnd)
	}, func(p *peer) {
		p.head()
		p.send(chunkedHead)
		p.sendEvery(time.Minute, 100, event)
		p.expectReset()
	})
}

// What is left of a body that nobody needs has to come at the rate, too.
func TestPaceOfWhatIsPassedOver(t *testing.T) {
	for _, test := range []struct {
		client tempo
		cause  Cause
	}{
		{tempo{300, time.Second}, Persists},
		{tempo{100, time.Second}, RequestTooSlow},
	} {
		narrow.visit(t, Config{MinRate: 240}, func(c *peer) {
			c.expectCause(test.cause)
			c.send(get("/", "Content-Length: 6000"))
			c.expect(hello)
			c.sendAt(test.client, 6000)
			c.offer(get("/"))
			if got := c.until("hello"); got != "" != (test.cause == Persists) {
				c.errorf("after the rest in the tempo %v answered %q", test.client, got)
			}
		}, func(p *peer) {
			p.head()
			p.send(hello)
			p.head()
		})
	}
}

// The kernel says that there is room to write when a third of its buffer is free.
// A peer that takes longer for that than a timeout has not stalled.
func TestSlowPeersHaveNotStalled(t *testing.T) {
	const timeout, size = 500 * time.Millisecond, 64 << 20
	takeSlowly := func(p *peer) {
		buf := make([]byte, 40<<10) // 50 times a second: 2 MB/s
		longest := time.Duration(0)
		for began := time.Now(); time.Since(began) < 4*timeout; {
			_, err := p.Read(buf)
			switch {
			case err != nil && longest > timeout/2:
				t.Logf("%s has paused for %v, since the machine is busy: it may have stalled", p.name, longest)
				return
			case err != nil:
				p.errorf("cut off after %v: %v", time.Since(began), err)
				return
			}
			slept := time.Now()
			time.Sleep(20 * time.Millisecond)
			longest = max(longest, time.Since(slept))
		}
	}
	t.Run("client", func(t *testing.T) {
		kernel.visit(t, Config{IdleTimeout: timeout}, func(c *peer) {
			c.send(get("/"))
			takeSlowly(c)
		}, func(p *peer) {
			p.head()
			p.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size))
			p.Write(make([]byte, size))
		})
	})
	t.Run("origin", func(t *testing.T) {
		done := make(chan struct{})
		kernel.visit(t, Config{ResponseTimeout: timeout}, func(c *peer) {
			c.send(post(fmt.Sprint("Content-Length: ", size), ""))
			c.start(func() { c.Write(make([]byte, size)) })
			c.awaitClosed("the origin's end", done)
		}, func(p *peer) {
			defer close(done)
			takeSlowly(p)
		})
	})
}
