package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

// An update reaches the clients of every loop, and what the origin that left has
// counted is not forgotten.
func TestSetOriginsReachesEveryLoop(t *testing.T) {
	stage{loops: 3}.play(t, Config{}, func(s *scene) {
		s.server.SetOrigins(0, s.members(0))
		s.counters() // every loop has had its turn
		var clients []*peer
		for range 6 {
			clients = append(clients, s.dial())
		}
		ask := func(want string) {
			for _, c := range clients {
				c.send(get("/"))
				if _, content := c.response("GET"); content != want {
					s.errorf("%s answered, want %s", content, want)
				}
			}
		}
		ask("a")
		before := s.counters()
		s.server.SetOrigins(0, s.members(1))
		after := s.counters()
		if after.Origins != before.Origins || after.Origins == 0 {
			s.errorf("%d connections had been made, now %d", before.Origins, after.Origins)
		}
		ask("b")
	}, cast(2)...)
}

// A request that is sent again, and finds its origin gone, goes to another one on
// a new connection: one that waits there may be as stale as the first.
func TestSentAgainElsewhereOnANewConnection(t *testing.T) {
	var served []int
	smooth.visit(t, Config{}, func(c *peer) {
		served = nil
		for range 3 {
			c.send(get("/"))
			c.expectStatus(200)
		}
		if len(served) != 2 || served[0] != 1 || served[1] != 2 {
			c.errorf("served on connections %v of the other origin", served)
		}
		if ends := c.counters().OriginEnds; ends[pool.MadeRoom] != 1 {
			c.errorf("ends %v", ends)
		}
	}, func(p *peer) {
		p.head()
		p.send(hello)
		p.origin.refuses = true
		p.head() // and ends without an answer
	}, func(p *peer) {
		for p.head() != "" {
			served = append(served, p.number)
			p.send(hello)
		}
	})
}

// An origin that is removed gets no further request. Its idle connections are
// closed, and the one in use once the response has come to its end.
func TestRemovedOriginIsDrained(t *testing.T) {
	smooth.play(t, Config{}, func(s *scene) {
		s.expectFetch("\r\n\r\na", "/")
		s.expectFetch("\r\n\r\nb", "/")
		s.start(func() { s.expectFetch("\r\n\r\na", "/") })
		s.sleep(time.Second)
		s.expectFetch("\r\n\r\nb", "/")
		s.start(func() { s.expectFetch("\r\n\r\na", "/second") })
		s.sleep(5 * time.Second)
		s.server.SetOrigins(0, s.members(1))
		s.sleep(0)
		for range 5 {
			s.expectFetch("\r\n\r\nb", "/")
		}
		if s.origins[0].open != 2 {
			s.errorf("%d connections are left while two are in use", s.origins[0].open)
		}
		s.sleep(time.Minute)
		if c := s.counters(); s.origins[0].open != 0 || c.OriginEnds[pool.Removed] != 2 || c.Origins != 3 {
			s.errorf("%d open, %d removed, %d made", s.origins[0].open, c.OriginEnds[pool.Removed], c.Origins)
		}
	}, steady(10*time.Second), steady(0))
	smooth.play(t, Config{}, func(s *scene) {
		s.expectFetch("\r\n\r\na", "/")
		s.server.SetOrigins(0, s.members(1))
		s.sleep(time.Second)
		if s.origins[0].open != 0 || s.counters().OriginEnds[pool.Removed] != 1 {
			s.errorf("%d idle connections are left", s.origins[0].open)
		}
	}, cast(2)...)
}

// Whoever waits is served by an origin that is added, and by one that comes back.
func TestQueueIsServedByNewOrigins(t *testing.T) {
	slow, quick := steady(30*time.Second), steady(time.Second)
	smooth.play(t, oneByOne, func(s *scene) {
		s.server.SetOrigins(0, s.members(0))
		s.sleep(0)
		for range 4 {
			s.start(func() { s.expectFetch("200 OK", "/") })
		}
		s.sleep(10 * time.Second)
		if s.server.Census().Queued != 3 {
			s.errorf("%d wait", s.server.Census().Queued)
		}
		s.server.SetOrigins(1, s.members(1, 0))
		s.sleep(5 * time.Second)
		if s.asked != "abbb" || s.server.Census().Queued != 0 {
			s.errorf("asked %s, %d wait", s.asked, s.server.Census().Queued)
		}
		s.sleep(time.Minute)
	}, slow, quick)
	smooth.play(t, oneByOne, func(s *scene) {
		s.server.SetHealth(s.origins[1].address, false)
		s.sleep(0)
		for range 3 {
			s.start(func() { s.expectFetch("200 OK", "/") })
		}
		s.sleep(10 * time.Second)
		s.server.SetHealth(s.origins[1].address, true)
		s.sleep(5 * time.Second)
		if s.asked != "abb" {
			s.errorf("asked %s", s.asked)
		}
		s.sleep(time.Minute)
	}, slow, quick)
}

// Whoever waits when an ejection ends is the trial, but not the request that the
// origin was ejected for: that one waits for the other origin, and is not in the
// way of those behind it.
func TestQueueIsServedAfterAnEjection(t *testing.T) {
	config := oneByOne
	config.Eject = origins.Ejection{After: 1, For: 10 * time.Second}
	smooth.play(t, config, func(s *scene) {
		s.origins[1].refuses = true
		s.start(func() { s.expectFetch("200 OK", "/") })
		s.sleep(time.Second)
		for range 3 {
			s.start(func() { s.expectFetch("200 OK", "/") })
		}
		s.sleep(time.Second)
		s.origins[1].refuses = false
		s.sleep(15 * time.Second)
		if s.asked != "aBbb" || s.server.Census().Queued != 1 {
			s.errorf("asked %s, %d wait", s.asked, s.server.Census().Queued)
		}
		s.sleep(time.Minute)
	}, steady(30*time.Second), steady(time.Second))
}

// A request whose connection was stale goes elsewhere if the origin has left, on a
// new connection there too.
func TestReplayAfterRemoval(t *testing.T) {
	stale := func(p *peer) {
		p.head()
		p.send(hello)
		p.head()
		p.sleep(10 * time.Second)
	}
	smooth.play(t, Config{}, func(s *scene) {
		s.expectFetch("hello", "/")
		s.expectFetch("\r\n\r\nb", "/")
		s.start(func() { s.expectFetch("\r\n\r\nb", "/") })
		s.sleep(time.Second)
		s.server.SetOrigins(0, s.members(1))
		s.sleep(time.Minute)
		if c := s.counters(); c.Replays[Replayed] != 1 || c.Origins != 3 {
			s.errorf("%d replayed, %d connections", c.Replays[Replayed], c.Origins)
		}
	}, stale, steady(0))
}

// When the last origin leaves, those who wait are told, and so is who comes.
func TestNoOriginIsLeft(t *testing.T) {
	smooth.play(t, oneByOne, func(s *scene) {
		s.start(func() { s.expectFetch("200 OK", "/served") })
		s.sleep(time.Second)
		s.start(func() { s.expectFetch(`error=destination_unavailable; details="no-origin"`, "/waits") })
		s.sleep(time.Second)
		s.server.SetOrigins(0, nil)
		s.sleep(time.Second)
		s.expectFetch(`error=destination_unavailable; details="no-origin"`, "/comes")
		s.sleep(time.Hour)
	}, steady(30*time.Second))
}

// Like requests go to one origin, past it only while it has no room, and an
// origin that is down has its part done by the others.
func TestHashedRequests(t *testing.T) {
	balance, err := origins.ParseBalance("hash:x-user")
	if err != nil {
		t.Fatal(err)
	}
	smooth.play(t, Config{Balance: balance, OriginMaxConnections: 1, QueueMax: 10}, func(s *scene) {
		var parts [10]string
		for i := range parts {
			s.asked = ""
			for range 3 {
				s.expectFetch("200 OK", "/", fmt.Sprint("X-User: ", i))
			}
			if parts[i] = s.asked; strings.Count(parts[i], parts[i][:1]) != 3 {
				s.errorf("user %d went to %s", i, parts[i])
			}
		}
		s.asked = ""
		for range 3 {
			s.start(func() { s.expectFetch("200 OK", "/", "X-User: 0") })
			s.sleep(time.Millisecond)
		}
		s.sleep(time.Minute)
		order := strings.Split(s.asked, "")
		if slices.Sort(order); strings.Join(order, "") != "abc" || s.asked[:1] != parts[0][:1] {
			s.errorf("with no room: %s, before: %s", s.asked, parts[0])
		}
	}, slices.Repeat([]script{steady(time.Second)}, 3)...)
}
