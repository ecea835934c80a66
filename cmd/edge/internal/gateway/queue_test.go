package gateway

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

// oneByOne is a bound by which requests wait for each other.
var oneByOne = Config{OriginMaxConnections: 1, QueueMax: 10, QueueTimeout: time.Hour}

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
		smooth.called(test.name).play(t, config, func(s *scene) {
			var order []string
			for i := range 6 {
				s.start(func() {
					s.expectFetch("200 OK", fmt.Sprint("/", i))
					order = append(order, fmt.Sprint(i))
				})
				s.sleep(10 * time.Millisecond)
			}
			s.sleep(time.Minute)
			if got := strings.Join(order, ""); got != "012345" {
				s.errorf("answered in the order %s", got)
			}
			c := s.counters()
			if c.Queued != uint64(6-test.bound) || c.Origins != test.made || s.origins[0].most > test.bound {
				s.errorf("%d queued, %d connections, %d at once", c.Queued, c.Origins, s.origins[0].most)
			}
		}, steady(time.Second))
	}
}

// A client that comes when a connection is being handed over does not get it.
func TestQueueIsNotOvertaken(t *testing.T) {
	smooth.play(t, Config{OriginMaxConnections: 1, QueueMax: 100, QueueTimeout: time.Hour}, func(s *scene) {
		var order []int
		for i := range 40 {
			s.start(func() {
				s.expectFetch("200 OK", fmt.Sprint("/", i))
				order = append(order, i)
			})
			s.sleep(333 * time.Millisecond)
		}
		s.sleep(time.Hour)
		if len(order) != 40 || !slices.IsSorted(order) {
			s.errorf("answered in the order %v", order)
		}
	}, steady(time.Second))
}

func TestQueueIsBounded(t *testing.T) {
	smooth.play(t, Config{OriginMaxConnections: 1, QueueMax: 1, QueueTimeout: 5 * time.Second}, func(s *scene) {
		s.start(func() { s.expectFetch("200 OK", "/served") })
		s.sleep(time.Second)
		s.start(func() {
			s.expectWithin(5*time.Second, 6*time.Second, func() { s.expectFetch(`503 Service Unavailable`, "/waits") })
		})
		s.sleep(time.Second)
		s.expectFetch(`error=connection_limit_reached; details="queue-full"`, "/full")
		s.sleep(5 * time.Second)
		s.start(func() { s.expectFetch(`error=connection_limit_reached; details="queue-timeout"`, "/waits") })
		s.sleep(time.Minute)
		if c := s.counters(); c.Queued != 2 || c.QueueFull != 1 || c.QueueTimeouts != 2 || c.Refusals[ConnectionLimitReached] != 3 {
			s.errorf("%+v", c)
		}
		s.expectFetch("200 OK", "/after")
	}, steady(20*time.Second))
}

// A client that resets its connection leaves the queue at once, one that only
// has nothing more to say does not.
func TestClientVanishesFromTheQueue(t *testing.T) {
	smooth.play(t, oneByOne, func(s *scene) {
		s.start(func() { s.expectFetch("200 OK", "/served") })
		s.sleep(time.Second)
		reset, half := s.dial(), s.dial()
		reset.send(get("/reset"))
		s.sleep(time.Second)
		half.send(get("/half", "Connection: close"))
		half.CloseWrite()
		s.sleep(time.Second)
		if n := s.server.Census().Queued; n != 2 {
			s.errorf("%d wait, want 2", n)
		}
		reset.Reset()
		s.sleep(time.Second)
		if n := s.server.Census().Queued; n != 1 {
			s.errorf("%d wait after a reset, want 1", n)
		}
		half.expectStatus(200)
		if c := s.counters(); s.asked != "aa" || c.ClientEnds[ClientReset] != 1 {
			s.errorf("asked %s, %+v", s.asked, c)
		}
	}, steady(10*time.Second))
}

// Clients that vanish at the instant at which their turn comes pass it on.
func TestTurnIsPassedOn(t *testing.T) {
	smooth.play(t, oneByOne, func(s *scene) {
		first := s.dial()
		first.send(get("/first"))
		s.sleep(time.Second)
		var vanish []*peer
		for range 3 {
			c := s.dial()
			c.send(get("/vanishes"))
			vanish = append(vanish, c)
			s.sleep(time.Millisecond)
		}
		s.start(func() { s.expectFetch("200 OK", "/last") })
		s.sleep(time.Second)
		first.Reset() // which frees the connection
		for _, c := range vanish {
			c.Reset()
		}
		s.sleep(time.Minute)
		if !strings.HasSuffix(s.asked, "a") || s.counters().Requests != 5 || s.server.Census().Queued != 0 {
			s.errorf("asked %s, %+v", s.asked, s.counters())
		}
	}, steady(10*time.Second))
}

// A drain serves those who wait.
func TestQueueIsServedWhileDraining(t *testing.T) {
	smooth.play(t, oneByOne, func(s *scene) {
		answered := 0
		for range 3 {
			s.start(func() { s.expectFetch("200 OK", "/"); answered++ })
		}
		s.sleep(time.Second)
		s.server.Drain()
		s.sleep(time.Hour)
		if answered != 3 {
			s.errorf("%d of 3 were answered", answered)
		}
	}, steady(10*time.Second))
}

// A stale connection is replaced in its own place, not behind those who wait.
func TestReplayKeepsItsPlace(t *testing.T) {
	served := 0
	stale := func(p *peer) {
		for n := 0; p.head() != ""; n++ {
			p.sleep(time.Second)
			if served++; n == 1 && served == 2 {
				return
			}
			p.send(hello)
		}
	}
	smooth.play(t, oneByOne, func(s *scene) {
		served = 0
		s.expectFetch("hello", "/warm")
		var order []int
		for i := range 3 {
			s.start(func() {
				s.expectFetch("hello", "/")
				order = append(order, i)
			})
			s.sleep(100 * time.Millisecond)
		}
		s.sleep(time.Minute)
		if c := s.counters(); !slices.Equal(order, []int{0, 1, 2}) || c.Replays[Replayed] != 1 || s.origins[0].most > 1 {
			s.errorf("in the order %v, %d replayed, %d at once", order, c.Replays[Replayed], s.origins[0].most)
		}
	}, stale)
}

// The log tells how long a request waited, as one of the phases.
func TestQueueTimeIsLogged(t *testing.T) {
	smooth.play(t, Config{OriginMaxConnections: 1, QueueMax: 10, QueueTimeout: 15 * time.Second}, func(s *scene) {
		for i := range 3 {
			s.start(func() { s.fetch(fmt.Sprint("/", i)) })
			s.sleep(time.Millisecond)
		}
		s.sleep(time.Minute)
		for _, want := range []string{
			`/0 .* read=\d+us connect=\d+us send=\d+us wait=100\d{5}us relay=\d+us total=100\d{5}us .*/kept\n`,
			`/1 .* read=\d+us queue=99\d{5}us connect=0us send=0us wait=100\d{5}us relay=\d+us total=(199|200)\d{5}us .*/kept\n`,
			`/2 .* 503 111 read=\d+us queue=150\d{5}us connect=0us send=0us wait=0us relay=0us total=150\d{5}us .* !connection_limit_reached:queue-timeout\n`,
		} {
			if n := len(regexp.MustCompile(want).FindAllString(s.page.String(), -1)); n != 1 {
				s.errorf("%d lines, not one, are like %s", n, want)
			}
		}
	}, steady(10*time.Second))
}

// An idle connection that ends at the very moment of a request leaves its place
// to it, also where nobody may wait.
func TestIdleEndIsNoReasonToRefuse(t *testing.T) {
	brief := func(p *peer) {
		p.head()
		p.send(hello)
		p.sleep(time.Second)
	}
	smooth.visit(t, Config{OriginMaxConnections: 1}, func(c *peer) {
		for range 50 {
			c.send(get("/"))
			if c.expect(hello); c.failed {
				return
			}
			c.sleep(time.Second)
		}
	}, brief)
}

// A request that waits twice, since the place that it got was of no use, is one
// that waited.
func TestWaitingTwiceIsCountedOnce(t *testing.T) {
	once := func(p *peer) {
		p.head()
		p.sleep(5 * time.Second)
		p.send(hello)
	}
	smooth.play(t, oneByOne, func(s *scene) {
		s.start(func() { s.expectFetch("200 OK", "/") })
		s.start(func() { s.expectFetch("200 OK", "/") })
		s.sleep(time.Second)
		s.origins[0].refuses = true
		s.expectFetch("\r\n\r\nb", "/waits")
		if c := s.counters(); c.Queued != 1 || !strings.Contains(s.asked, "A") {
			s.errorf("%d are said to have waited; asked were %s", c.Queued, s.asked)
		}
	}, once, steady(20*time.Second))
}
