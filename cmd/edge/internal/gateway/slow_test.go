package gateway

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A tempo is how a script sends or takes octets: so many, then a pause.
type tempo struct {
	octets int
	pause  time.Duration
}

// send writes n octets in the tempo, for as long as the peer takes them.
func (m tempo) send(c *loop.Conn, n int) {
	for n > 0 {
		k := min(n, m.octets)
		if _, err := c.Write(bytes.Repeat([]byte("x"), k)); err != nil {
			return
		}
		n -= k
		c.Loop().Sleep(m.pause)
	}
}

// take reads n octets in the tempo, or until the stream ends, and returns how
// many came.
func (m tempo) take(c *loop.Conn, n int) (taken int) {
	p := make([]byte, m.octets)
	for taken < n {
		k, err := io.ReadFull(c, p[:min(n-taken, m.octets)])
		if taken += k; err != nil {
			return taken
		}
		c.Loop().Sleep(m.pause)
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
			count := slowly(t, Config{MinRate: test.rate}, func(c *loop.Conn) {
				fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", test.size)
				c.Loop().Go(loop.Func(func() { test.client.send(c, test.size) }))
				got := hear(c, "\r\n\r\n")
				if !strings.HasPrefix(got, "HTTP/1.1 "+test.status) || !strings.Contains(got, test.rule) {
					t.Errorf("answered %q, want %s, %s", got, test.status, test.rule)
				}
			}, func(c *loop.Conn) {
				hear(c, "\r\n\r\n")
				test.origin.take(c, test.size)
				c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
				hear(c, "\r\n\r\n")
			})
			wantEnd(t, count, test.cause)
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
			count := slowly(t, Config{MinRate: test.rate}, func(c *loop.Conn) {
				c.Write([]byte(get("/")))
				hear(c, "\r\n\r\n")
				n := test.client.take(c, test.size)
				if whole := n == test.size; whole != (test.cause == Persists) {
					t.Errorf("%d of %d octets arrived", n, test.size)
				}
			}, func(c *loop.Conn) {
				hear(c, "\r\n\r\n")
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", test.size)
				test.origin.send(c, test.size)
				hear(c, "\r\n\r\n")
			})
			wantEnd(t, count, test.cause)
		})
	}
}

// slowly runs a scene in which little fits between the two ends, so that it is
// their tempo that counts.
func slowly(t *testing.T, config Config, client, origin func(*loop.Conn)) Counters {
	t.Helper()
	count, err := enact(t, simnet.New(1, simnet.Options{Buffer: 1000}), config, client, origin)
	if err != nil {
		t.Error(err)
	}
	return count
}

// wantEnd checks how the one client connection has ended. One that persists is
// cut off by the end of the scene.
func wantEnd(t *testing.T, count Counters, cause Cause) {
	t.Helper()
	if cause == Persists {
		cause = CutOff
	}
	for c, n := range count.ClientEnds {
		if n > 0 && Cause(c) != cause {
			t.Errorf("the client connection ended as %v, want %v", Cause(c), cause)
		}
	}
}

// How long a client may take that sends or takes nothing any more.
func TestPatience(t *testing.T) {
	for _, test := range []struct {
		name string
		came int // octets of the body, at once
		rate int
		want time.Duration
	}{
		{"nothing came", 0, 240, 5 * time.Second},
		{"a little came", 2400, 240, 15 * time.Second},
		{"much came", 60000, 1000, 5*time.Second + burst*time.Millisecond},
		{"much came, at a low rate", 60000, 240, 5*time.Second + burst*time.Second/240},
		{"at a very low rate", 60000, 1, 75 * time.Second},
		{"at any rate", 60000, 0, 75 * time.Second},
	} {
		slowly(t, Config{MinRate: test.rate}, func(c *loop.Conn) {
			fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65000\r\n\r\n")
			c.Loop().Sleep(time.Millisecond) // the head goes alone
			atOnce.send(c, test.came)
			began := c.Loop().Now()
			hear(c, "\r\n\r\n")
			if waited := c.Loop().Now().Sub(began); waited < test.want-20*time.Millisecond || waited > test.want+20*time.Millisecond {
				t.Errorf("%s: the gateway waited %v, want %v", test.name, waited, test.want)
			}
		}, func(c *loop.Conn) { io.Copy(io.Discard, c) })
	}
}

// An interim response gives no time to a client that did not wait for it.
func TestPatienceIsNotRenewed(t *testing.T) {
	slowly(t, Config{MinRate: 240}, func(c *loop.Conn) {
		began := c.Loop().Now()
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\nx")
		for !strings.HasPrefix(hear(c, "\r\n\r\n"), "HTTP/1.1 408") {
			if c.Loop().Now().Sub(began) > 6*time.Second {
				t.Error("the gateway still waits")
				return
			}
		}
	}, func(c *loop.Conn) {
		hear(c, "x")
		for range 5 {
			c.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
			c.Loop().Sleep(4 * time.Second)
		}
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
		count := slowly(t, Config{MinRate: test.rate}, func(c *loop.Conn) {
			c.Write([]byte(get("/")))
			c.Loop().Sleep(time.Hour)
		}, func(c *loop.Conn) {
			hear(c, "\r\n\r\n")
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", spliced)
			began := c.Loop().Now()
			atOnce.send(c, spliced)
			hear(c, "the end")
			if waited := c.Loop().Now().Sub(began); waited < test.want || waited > test.want+20*time.Millisecond {
				t.Errorf("rate %d: the gateway waited %v, want %v", test.rate, waited, test.want)
			}
		})
		wantEnd(t, count, test.cause)
	}
}

// A client that holds its body back until it is told to send waits for the
// origin. Its time begins when it is told, or when it begins all the same.
func TestPaceWaitsForContinue(t *testing.T) {
	const minute = time.Minute
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
		slowly(t, Config{MinRate: 240}, func(c *loop.Conn) {
			fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\nExpect: 100-continue\r\n\r\n")
			if c.Loop().Sleep(10 * time.Second); test.waits {
				hear(c, "HTTP/1.1 100 Continue\r\n\r\n")
			}
			c.Loop().Go(loop.Func(func() { test.client.send(c, 60000) }))
			if got := hear(c, "\r\n"); got != "HTTP/1.1 "+test.want+"\r\n" {
				t.Errorf("%s: answered %q, want %s", test.name, got, test.want)
			}
		}, func(c *loop.Conn) {
			hear(c, "\r\n\r\n")
			if test.told {
				c.Loop().Sleep(minute)
				c.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
			}
			atOnce.take(c, 60000)
			c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
		})
	}
}

// A stream of events may be silent for as long as the origin's timeout allows.
func TestEventStream(t *testing.T) {
	slowly(t, Config{MinRate: 240, ResponseTimeout: time.Hour}, func(c *loop.Conn) {
		c.Write([]byte(get("/")))
		hear(c, "\r\n\r\n")
		for i := range 100 {
			if got := hear(c, "\n\n\r\n"); got == "" {
				t.Errorf("the stream ended after %d events", i)
				return
			}
		}
	}, func(c *loop.Conn) {
		hear(c, "\r\n\r\n")
		c.Write([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
		say(c, 100, time.Minute, "b\r\ndata: now\n\n\r\n")
		hear(c, "\r\n\r\n")
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
		count := slowly(t, Config{MinRate: 240}, func(c *loop.Conn) {
			fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 6000\r\n\r\n")
			if got := hear(c, "\r\n\r\nhello"); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
				t.Errorf("answered %q", got)
			}
			test.client.send(c, 6000)
			c.Write([]byte(get("/")))
			if got := hear(c, "\r\n\r\nhello"); got != "" != (test.cause == Persists) {
				t.Errorf("after the rest in the tempo %v answered %q", test.client, got)
			}
		}, func(c *loop.Conn) {
			hear(c, "\r\n\r\n")
			c.Write([]byte(hello))
			hear(c, "\r\n\r\n")
		})
		wantEnd(t, count, test.cause)
	}
}

// The kernel says that there is room to write when a third of its buffer is free.
// A peer that takes longer for that than a timeout has not stalled.
func TestSlowPeersHaveNotStalled(t *testing.T) {
	const timeout, size = 500 * time.Millisecond, 64 << 20
	slowly := func(p *peer) {
		buf := make([]byte, 40<<10) // 50 times a second: 2 MB/s
		for began := time.Now(); time.Since(began) < 4*timeout; time.Sleep(20 * time.Millisecond) {
			if _, err := p.in.Read(buf); err != nil {
				t.Errorf("cut off after %v: %v", time.Since(began), err)
				return
			}
		}
	}
	t.Run("client", func(t *testing.T) {
		o := scripted(t, func(_ int, p *peer) {
			p.head()
			p.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size))
			p.Write(make([]byte, size))
		})
		c := start(t, Config{IdleTimeout: timeout}, o.address).dial()
		c.send(get("/"))
		slowly(c)
	})
	t.Run("origin", func(t *testing.T) {
		done := make(chan bool)
		o := scripted(t, func(_ int, p *peer) {
			slowly(p)
			close(done)
		})
		c := start(t, Config{ResponseTimeout: timeout}, o.address).dial()
		c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size))
		go c.Write(make([]byte, size))
		<-done
	})
}
