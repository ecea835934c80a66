package gateway

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/loop"
)

// Whoever came first gets the connection first, whether it is kept or closed
// between two of them, and there are never more than the bound.
func TestQueueIsServedInOrder(t *testing.T) {
	for _, test := range []struct {
		name  string
		uses  uint32
		bound int
		made  uint64
	}{
		{"kept", 0, 1, 1},
		{"closed", 1, 1, 6},
		{"two at once", 0, 2, 2},
	} {
		config := Config{OriginMaxConnections: test.bound, QueueMax: 10, QueueTimeout: time.Minute, Pool: pool.Limits{Uses: test.uses}}
		rehearse(t, config, []role{steady(0, time.Second)}, func(e *ensemble) {
			var order []string
			for i := range 6 {
				e.start(func() {
					e.wants("200 OK", fmt.Sprint("/", i))
					order = append(order, fmt.Sprint(i))
				})
				e.loop.Sleep(10 * time.Millisecond)
			}
			e.loop.Sleep(time.Minute)
			if got := strings.Join(order, ""); got != "012345" {
				t.Errorf("%s: answered in the order %s", test.name, got)
			}
			c := e.counters()
			if c.Queued != uint64(6-test.bound) || c.Origins != test.made || e.most[0] > test.bound {
				t.Errorf("%s: %d queued, %d connections, %d at once", test.name, c.Queued, c.Origins, e.most[0])
			}
		})
	}
}

// A client that comes when a connection is being handed over does not get it.
func TestQueueIsNotOvertaken(t *testing.T) {
	rehearse(t, Config{OriginMaxConnections: 1, QueueMax: 100, QueueTimeout: time.Hour}, []role{steady(0, time.Second)}, func(e *ensemble) {
		var order []int
		for i := range 40 {
			e.start(func() {
				e.wants("200 OK", fmt.Sprint("/", i))
				order = append(order, i)
			})
			e.loop.Sleep(333 * time.Millisecond)
		}
		e.loop.Sleep(time.Hour)
		if len(order) != 40 || !slices.IsSorted(order) {
			t.Errorf("answered in the order %v", order)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	rehearse(t, Config{OriginMaxConnections: 1, QueueMax: 1, QueueTimeout: 5 * time.Second}, []role{steady(0, 20*time.Second)}, func(e *ensemble) {
		e.start(func() { e.wants("200 OK", "/served") })
		e.loop.Sleep(time.Second)
		began := e.loop.Now()
		e.start(func() {
			e.wants(`503 Service Unavailable`, "/waits")
			if waited := e.loop.Now().Sub(began); waited < 5*time.Second || waited > 6*time.Second {
				t.Errorf("waited %v", waited)
			}
		})
		e.loop.Sleep(time.Second)
		e.wants(`error=connection_limit_reached; details="queue-full"`, "/full")
		e.loop.Sleep(5 * time.Second)
		e.start(func() { e.wants(`error=connection_limit_reached; details="queue-timeout"`, "/waits") })
		e.loop.Sleep(time.Minute)
		if c := e.counters(); c.Queued != 2 || c.QueueFull != 1 || c.QueueTimeouts != 2 || c.Refusals[ConnectionLimitReached] != 3 {
			t.Errorf("%+v", c)
		}
		e.wants("200 OK", "/after")
	})
}

// A client that resets its connection leaves the queue at once, one that only
// has nothing more to say does not.
func TestClientVanishesFromTheQueue(t *testing.T) {
	rehearse(t, Config{OriginMaxConnections: 1, QueueMax: 10, QueueTimeout: time.Hour}, []role{steady(0, 10*time.Second)}, func(e *ensemble) {
		e.start(func() { e.wants("200 OK", "/served") })
		e.loop.Sleep(time.Second)
		reset, half := e.client(), e.client()
		reset.Write([]byte(get("/reset")))
		e.loop.Sleep(time.Second)
		half.Write([]byte(get("/half", "Connection: close")))
		half.CloseWrite()
		e.loop.Sleep(time.Second)
		if n := e.set().Waiting(); n != 2 {
			t.Errorf("%d wait, want 2", n)
		}
		reset.Reset()
		e.loop.Sleep(time.Second)
		if n := e.set().Waiting(); n != 1 {
			t.Errorf("%d wait after a reset, want 1", n)
		}
		if got := hear(half, "\r\n\r\na"); !strings.Contains(got, "200 OK") {
			t.Errorf("after a half-close: %q", got)
		}
		if c := e.counters(); e.asked != "aa" || c.ClientEnds[ClientReset] != 1 {
			t.Errorf("asked %s, %+v", e.asked, c)
		}
	})
}

// Clients that vanish at the instant at which their turn comes pass it on.
func TestTurnIsPassedOn(t *testing.T) {
	rehearse(t, Config{OriginMaxConnections: 1, QueueMax: 10, QueueTimeout: time.Hour}, []role{steady(0, 10*time.Second)}, func(e *ensemble) {
		first := e.client()
		first.Write([]byte(get("/first")))
		e.loop.Sleep(time.Second)
		var vanish []*loop.Conn
		for range 3 {
			c := e.client()
			c.Write([]byte(get("/vanishes")))
			vanish = append(vanish, c)
			e.loop.Sleep(time.Millisecond)
		}
		e.start(func() { e.wants("200 OK", "/last") })
		e.loop.Sleep(time.Second)
		first.Reset() // which frees the connection
		for _, c := range vanish {
			c.Reset()
		}
		e.loop.Sleep(time.Minute)
		if !strings.HasSuffix(e.asked, "a") || e.counters().Exchanges != 5 || e.set().Waiting() != 0 {
			t.Errorf("asked %s, %+v", e.asked, e.counters())
		}
	})
}

// The log's phases tell how long a request waited for its turn, and a drain
// serves those who wait.
func TestQueueIsServedWhileDraining(t *testing.T) {
	rehearse(t, Config{OriginMaxConnections: 1, QueueMax: 10, QueueTimeout: time.Hour}, []role{steady(0, 10*time.Second)}, func(e *ensemble) {
		answered := 0
		for range 3 {
			e.start(func() { e.wants("200 OK", "/"); answered++ })
		}
		e.loop.Sleep(time.Second)
		e.server.Drain()
		e.loop.Sleep(time.Hour)
		if answered != 3 {
			t.Errorf("%d of 3 were answered", answered)
		}
	})
}

// A stale connection is replaced in its own place, not behind those who wait.
func TestReplayKeepsItsPlace(t *testing.T) {
	served := 0
	stale := func(e *ensemble, c *loop.Conn) {
		for n := 0; strings.HasSuffix(hear(c, "\r\n\r\n"), "\r\n\r\n"); n++ {
			e.loop.Sleep(time.Second)
			if served++; n == 1 && served == 2 {
				return
			}
			c.Write([]byte(hello))
		}
	}
	rehearse(t, Config{OriginMaxConnections: 1, QueueMax: 10, QueueTimeout: time.Hour}, []role{stale}, func(e *ensemble) {
		served = 0
		e.wants("hello", "/warm")
		var order []int
		for i := range 3 {
			e.start(func() {
				e.wants("hello", "/")
				order = append(order, i)
			})
			e.loop.Sleep(100 * time.Millisecond)
		}
		e.loop.Sleep(time.Minute)
		if c := e.counters(); !slices.Equal(order, []int{0, 1, 2}) || c.Replays[Replayed] != 1 || e.most[0] > 1 {
			t.Errorf("in the order %v, %d replayed, %d at once", order, c.Replays[Replayed], e.most[0])
		}
	})
}

// The log tells how long a request waited, as one of the phases.
func TestQueueTimeIsLogged(t *testing.T) {
	config := Config{OriginMaxConnections: 1, QueueMax: 10, QueueTimeout: 15 * time.Second}
	var lines strings.Builder
	config.Log = accesslog.New(struct {
		io.Writer
		io.Closer
	}{&lines, io.NopCloser(nil)}, nil)
	rehearse(t, config, []role{steady(0, 10*time.Second)}, func(e *ensemble) {
		for i := range 3 {
			e.start(func() { e.ask(fmt.Sprint("/", i)) })
			e.loop.Sleep(time.Millisecond)
		}
		e.loop.Sleep(time.Minute)
	})
	config.Log.Close()
	for _, want := range []string{
		`/0 .* read=\d+us connect=\d+us send=\d+us wait=100\d{5}us relay=\d+us total=100\d{5}us .*/kept\n`,
		`/1 .* read=\d+us queue=99\d{5}us connect=0us send=0us wait=100\d{5}us relay=\d+us total=(199|200)\d{5}us .*/kept\n`,
		`/2 .* 503 - read=\d+us queue=150\d{5}us connect=0us send=0us wait=0us relay=0us total=150\d{5}us .* !connection_limit_reached:queue-timeout\n`,
	} {
		if n := len(regexp.MustCompile(want).FindAllString(lines.String(), -1)); n != 5 {
			t.Errorf("%d lines of 5 are like %s:\n%s", n, want, lines.String())
		}
	}
}

// An idle connection that ends at the very moment of a request leaves its place
// to it, also where nobody may wait.
func TestIdleEndIsNoReasonToRefuse(t *testing.T) {
	brief := func(e *ensemble, c *loop.Conn) {
		hear(c, "\r\n\r\n")
		c.Write([]byte(hello))
		e.loop.Sleep(time.Second)
	}
	rehearse(t, Config{OriginMaxConnections: 1}, []role{brief}, func(e *ensemble) {
		c := e.client()
		for range 50 {
			c.Write([]byte(get("/")))
			if got := hear(c, "hello"); !strings.HasSuffix(got, "hello") {
				t.Errorf("answered %q", got)
				return
			}
			e.loop.Sleep(time.Second)
		}
	})
}

// A request that waits twice, since the place that it got was of no use, is one
// that waited.
func TestWaitingTwiceIsCountedOnce(t *testing.T) {
	once := func(e *ensemble, c *loop.Conn) {
		hear(c, "\r\n\r\n")
		e.loop.Sleep(5 * time.Second)
		c.Write([]byte(hello))
	}
	config := Config{OriginMaxConnections: 1, QueueMax: 10, QueueTimeout: time.Hour}
	rehearse(t, config, []role{once, steady(1, 20*time.Second)}, func(e *ensemble) {
		e.start(func() { e.wants("200 OK", "/") })
		e.start(func() { e.wants("200 OK", "/") })
		e.loop.Sleep(time.Second)
		e.refuses[0] = true
		e.wants("\r\n\r\nb", "/waits")
		if c := e.counters(); c.Queued != 1 || !strings.Contains(e.asked, "A") {
			t.Errorf("%d are said to have waited; asked were %s", c.Queued, e.asked)
		}
	})
}
