package gateway

import (
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// full is a stage with places for two clients.
var full = stage{seeds: 10, places: 2}

// fetch has a client ask, and be answered.
func fetch(c *peer) {
	c.send(get("/"))
	c.expect(hello)
}

// Where all places are taken, the idle client that has been so for longest makes
// way for a new one; who never sent a request does so before all others, and nobody
// within the first second.
func TestIdleClientsGiveWay(t *testing.T) {
	for _, test := range []struct {
		name string
		plot func(first, second *peer) (goes *peer, from, to time.Duration)
	}{
		{"the one that was idle for longest", func(first, second *peer) (*peer, time.Duration, time.Duration) {
			fetch(second)
			first.sleep(time.Minute)
			fetch(first)
			first.sleep(2 * time.Second)
			return second, 0, 0
		}},
		{"not by when it came, but by when it was of use", func(first, second *peer) (*peer, time.Duration, time.Duration) {
			fetch(first)
			fetch(second)
			first.sleep(10 * time.Second)
			fetch(first)
			first.sleep(2 * time.Second)
			return second, 0, 0
		}},
		{"the one that never sent a request, though it came later", func(first, second *peer) (*peer, time.Duration, time.Duration) {
			fetch(first)
			first.sleep(3 * time.Second)
			return second, 0, 0
		}},
		{"the first of those that never sent one", func(first, second *peer) (*peer, time.Duration, time.Duration) {
			first.sleep(2 * time.Second)
			return first, 0, 0
		}},
		{"none before a second has passed", func(first, second *peer) (*peer, time.Duration, time.Duration) {
			fetch(first)
			fetch(second)
			return first, 900 * time.Millisecond, 1100 * time.Millisecond
		}},
		{"none that is in the middle of a head", func(first, second *peer) (*peer, time.Duration, time.Duration) {
			first.send("GET / HTTP/1.1\r\n")
			first.sleep(2 * time.Second)
			fetch(second)
			return second, 900 * time.Millisecond, 1100 * time.Millisecond
		}},
	} {
		full.called(test.name).play(t, Config{}, func(s *scene) {
			first := s.dial()
			s.sleep(time.Millisecond)
			second := s.dial()
			s.sleep(time.Millisecond)
			goes, from, to := test.plot(first, second)
			third := s.dial()
			s.expectWithin(from, to+10*time.Millisecond, func() { fetch(third) })
			goes.expectEnd()
			c := s.counters()
			if c.ClientEnds[GaveWay] != 1 || c.Clients != 3 {
				s.errorf("%d of %d clients gave way", c.ClientEnds[GaveWay], c.Clients)
			}
		}, answering(hello))
	}
}

// While nobody waits, an idle client stays, all places taken or not.
func TestNobodyGivesWayToNobody(t *testing.T) {
	full.play(t, Config{}, func(s *scene) {
		first, second := s.dial(), s.dial()
		fetch(first)
		s.sleep(30 * time.Second)
		fetch(second)
		fetch(first)
		if c := s.counters(); c.ClientEnds[GaveWay] != 0 {
			s.errorf("%d clients gave way", c.ClientEnds[GaveWay])
		}
	}, answering(hello))
}

// Those that are busy are waited for.
func TestBusyClientsKeepTheirPlaces(t *testing.T) {
	full.play(t, Config{}, func(s *scene) {
		for range 2 {
			c := s.dial()
			c.send(get("/"))
			s.start(func() { c.expectStatus(200) })
		}
		s.sleep(time.Second)
		s.expectWithin(19*time.Second, 22*time.Second, func() {
			c := s.dial()
			c.send(get("/"))
			s.await("it has a place", func() bool { return s.counters().Clients == 3 })
		})
	}, steady(20*time.Second))
}

// Silent clients take all places, on all loops, and many others come.
func TestSilentClientsOnManyLoopsGiveWay(t *testing.T) {
	stage{loops: 3, places: 5}.play(t, Config{}, func(s *scene) {
		for range 5 {
			s.dial()
		}
		s.await("all places are taken", func() bool { return s.counters().Clients == 5 })
		for range 10 {
			fetch(s.dial())
		}
		if c := s.counters(); c.ClientEnds[GaveWay] != 10 {
			s.errorf("%d clients gave way", c.ClientEnds[GaveWay])
		}
	}, answering(hello))
}

// On a network of any kind, however many there are, all are served in the end.
func TestEverybodyGetsAPlace(t *testing.T) {
	for seed := range seeds(30) {
		stage{name: "rough", seed: seed, places: 2, world: simnet.Rough(seed)}.play(t, Config{}, func(s *scene) {
			served := 0
			for range 10 {
				s.start(func() {
					fetch(s.dial())
					served++
				})
			}
			s.await("all are served", func() bool { return served == 10 })
			if c := s.counters(); c.ClientEnds[GaveWay] < 8 {
				s.errorf("%d clients gave way", c.ClientEnds[GaveWay])
			}
		}, answering(hello))
	}
}

// Where all descriptors for origin connections are taken, an idle one makes room for
// the connection that a request needs, to whichever origin it goes.
func TestIdleOriginConnectionsMakeRoom(t *testing.T) {
	smooth.play(t, Config{OriginDescriptors: 2}, func(s *scene) {
		for range 2 {
			for _, name := range []string{"a", "b", "c"} { // in turn
				s.expectFetch("\r\n\r\n"+name, "/")
			}
		}
		s.sleep(time.Second)
		open := 0
		for _, o := range s.origins {
			open += o.open
		}
		if c := s.counters(); open != 2 || c.Origins < 3 || c.OriginEnds[pool.MadeRoom] != c.Origins-2 {
			s.errorf("%d are open of %d, %d made room", open, c.Origins, c.OriginEnds[pool.MadeRoom])
		}
	}, cast(3)...)
}
