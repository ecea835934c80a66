package gateway

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

var eject = origins.Ejection{After: 3, For: 10 * time.Second, Max: time.Minute}

// An origin that refuses connections costs three tries, then one after 10 s, one
// after 20 s more, and so on, and none of the clients notices. When it answers
// again it has its part of the requests again.
func TestEjectionInTime(t *testing.T) {
	smooth.play(t, Config{Eject: eject, Pool: pool.Limits{Max: -1}}, func(s *scene) {
		s.origins[0].refuses = true
		tries := func(during time.Duration) (n int) {
			before := strings.Count(s.asked, "A")
			for range during / time.Second {
				s.expectFetch("200 OK", "/")
				s.sleep(time.Second)
			}
			return strings.Count(s.asked, "A") - before
		}
		// Ejections may be a tenth longer than they say.
		for i, step := range []struct {
			during time.Duration
			want   int
		}{
			{9 * time.Second, 3}, {9 * time.Second, 1}, {18 * time.Second, 0}, {9 * time.Second, 1}, {30 * time.Second, 0},
		} {
			if n := tries(step.during); n != step.want {
				s.errorf("step %d: %d tries within %v, want %d", i, n, step.during, step.want)
			}
		}
		s.origins[0].refuses = false
		tries(time.Minute)
		s.asked = ""
		tries(10 * time.Second)
		if strings.Count(s.asked, "a") != 5 {
			s.errorf("after it came back: %s", s.asked)
		}
		want := []string{"a out after 3", "a out after 4", "a out after 5", "a back"}
		if c := s.counters(); !slices.Equal(s.changes, want) || c.Ejections != 3 || c.Restorations != 1 {
			s.errorf("%q, want %q; %d and %d counted", s.changes, want, c.Ejections, c.Restorations)
		}
	}, cast(2)...)
}

// What counts as a failure, and what does not.
func TestWhatEjects(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	answers := func(response string) script {
		return func(p *peer) { p.head(); p.offer(response) }
	}
	for _, test := range []struct {
		name    string
		bad     script
		request string
		ejects  bool
	}{
		{"closes without an answer", silent, request, true},
		{"an answer that is no HTTP", answers("SSH-2.0\r\n\r\n"), request, true},
		{"a response cut off", answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), request, true},
		{"a broken chunk", answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx"), request, true},
		{"silence", waits(time.Hour), request, true},
		{"silence where 100 is waited for", waits(time.Hour), "PUT" + expecting[len("POST"):], true},
		{"an error of its own", answers("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"), request, false},
		{"a tunnel that it resets", func(p *peer) {
			p.head()
			p.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
			p.expect("x")
			p.Reset()
		}, "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", false},
		{"a client that goes away", waits(time.Minute),
			"GET /gone HTTP/1.1\r\nHost: a\r\n\r\n", false},
		{"a client whose chunks are broken", (*peer).drain,
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := Config{Eject: eject, ResponseTimeout: 10 * time.Second}
			smooth.play(t, config, func(s *scene) {
				for range 8 {
					c := s.dial()
					c.send(test.request)
					s.sleep(time.Second)
					switch {
					case strings.HasPrefix(test.request, "GET /gone"):
						c.Reset()
					case strings.HasPrefix(test.request, "GET /tunnel"):
						c.until("\r\n\r\n")
						c.expect("hello")
						c.send("x")
					case strings.HasPrefix(test.request, "POST"):
						c.send("x\r\n")
					}
					c.drain()
					c.Close()
				}
				if ejected := s.counters().Ejections > 0; ejected != test.ejects {
					s.errorf("ejected: %v (%q)", ejected, s.changes)
				}
			}, test.bad, test.bad)
		})
	}
}

// Connections that turn out to be stale say nothing about the origin.
func TestStaleConnectionsDoNotEject(t *testing.T) {
	once := func(p *peer) {
		p.head()
		p.offer(hello)
		p.head() // and ends, instead of answering
	}
	smooth.play(t, Config{Eject: origins.Ejection{After: 1, For: time.Hour}}, func(s *scene) {
		for range 20 {
			s.expectFetch("200 OK", "/")
			c := s.dial()
			c.send(post("Content-Length: 0\r\nConnection: close", ""))
			c.drain()
		}
		if c := s.counters(); c.Replays[Replayed] < 5 || c.Replays[Abandoned] < 5 || c.Ejections != 0 {
			s.errorf("%d replayed, %d abandoned, %d ejected", c.Replays[Replayed], c.Replays[Abandoned], c.Ejections)
		}
	}, once, once)
}

// While the one request that is the trial has no answer, the others go elsewhere.
func TestOneRequestIsTheTrial(t *testing.T) {
	smooth.play(t, Config{Eject: origins.Ejection{After: 1, For: 10 * time.Second}}, func(s *scene) {
		s.origins[0].refuses = true
		s.expectFetch("200 OK", "/")
		s.expectFetch("200 OK", "/")
		s.origins[0].refuses = false
		s.sleep(12 * time.Second)
		s.asked = ""
		for range 10 {
			s.start(func() { s.expectFetch("200 OK", "/") })
			s.sleep(100 * time.Millisecond)
		}
		if strings.Count(s.asked, "a") != 1 || len(s.changes) != 1 {
			s.errorf("asked %s, %q", s.asked, s.changes)
		}
		s.sleep(5 * time.Second)
		if want := []string{"a out after 1", "a back"}; !slices.Equal(s.changes, want) {
			s.errorf("%q", s.changes)
		}
	}, steady(5*time.Second), steady(0))
}

// A valid head ends the trial. What follows may take hours, and clients need not
// wait for that.
func TestTrialEndsWithTheHead(t *testing.T) {
	long := func(p *peer) {
		p.head()
		p.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
		p.sendEvery(30*time.Second, 100, "x")
	}
	smooth.play(t, Config{Eject: origins.Ejection{After: 1, For: 10 * time.Second}}, func(s *scene) {
		s.origins[0].refuses = true
		s.expectFetch("200 OK", "/")
		s.origins[0].refuses = false
		s.sleep(12 * time.Second)
		for range 6 {
			s.start(func() { s.fetch("/") })
			s.sleep(time.Second)
		}
		if want := []string{"a out after 1", "a back"}; !slices.Equal(s.changes, want) || strings.Count(s.asked, "a") < 3 {
			s.errorf("%q, asked %s", s.changes, s.asked)
		}
	}, long, steady(0))
}

// A client that goes away while its request is the trial leaves it to the next.
func TestTrialThatIsGivenUp(t *testing.T) {
	smooth.play(t, Config{Eject: origins.Ejection{After: 1, For: 10 * time.Second}}, func(s *scene) {
		s.origins[0].refuses = true
		s.expectFetch("200 OK", "/")
		s.expectFetch("200 OK", "/")
		s.origins[0].refuses = false
		s.sleep(12 * time.Second)
		s.asked = ""
		for !strings.Contains(s.asked, "a") {
			c := s.dial()
			c.send(get("/"))
			s.sleep(time.Second)
			c.Reset()
		}
		s.expectFetch("200 OK", "/")
		s.expectFetch("200 OK", "/")
		if strings.Count(s.asked, "a") != 2 || !slices.Contains(s.changes, "a back") {
			s.errorf("asked %s, %q", s.asked, s.changes)
		}
	}, steady(5*time.Second), steady(0))
}

// The only origin is asked whatever it did, and of several that all failed the
// one that will be back first.
func TestLastResort(t *testing.T) {
	smooth.play(t, Config{Eject: eject}, func(s *scene) {
		s.origins[0].refuses = true
		for range 10 {
			s.expectFetch("connection_refused", "/")
		}
		s.origins[0].refuses = false
		s.expectFetch("200 OK", "/")
		if len(s.changes) > 0 {
			s.errorf("%q", s.changes)
		}
	}, cast(1)...)
	smooth.play(t, Config{Eject: origins.Ejection{After: 1, For: time.Hour}}, func(s *scene) {
		s.origins[0].refuses, s.origins[1].refuses = true, true
		s.expectFetch("connection_refused", "/")
		s.expectFetch("connection_refused", "/")
		if len(s.changes) != 2 {
			s.errorf("%q", s.changes)
			return
		}
		s.origins[1].refuses = false
		s.expectFetch("200 OK", "/")
		s.origins[0].refuses = false
		s.asked = ""
		s.expectFetch("200 OK", "/")
		if s.asked != "b" || s.changes[2] != "b back" {
			s.errorf("asked %s, %q", s.asked, s.changes)
		}
	}, cast(2)...)
}

// An origin that was left out, and then is the only one, is back as soon as it
// answers.
func TestTheOnlyOriginComesBack(t *testing.T) {
	smooth.play(t, Config{Eject: origins.Ejection{After: 1, For: time.Hour}}, func(s *scene) {
		s.origins[0].refuses = true
		s.expectFetch("b", "/")
		s.origins[0].refuses = false
		s.server.SetOrigins(0, s.members(0))
		s.sleep(time.Second)
		s.expectFetch("a", "/")
		if want := []string{"a out after 1", "a back"}; !slices.Equal(s.changes, want) {
			s.errorf("%q, want %q", s.changes, want)
		}
	}, cast(2)...)
}

func TestDecideHealth(t *testing.T) {
	for _, test := range []struct {
		name string
		conduct
		want origins.Verdict
	}{
		{"a whole response", conduct{complete: true}, origins.Success},
		{"nothing yet", conduct{}, origins.Unknown},
		{"broken", conduct{failed: true}, origins.Failure},
		{"not HTTP", conduct{malformed: true}, origins.Failure},
		{"broken at the end", conduct{failed: true, complete: true}, origins.Failure},
		{"the client went", conduct{givenUp: true, failed: true}, origins.Unknown},
		{"stale", conduct{stale: true, failed: true}, origins.Unknown},
		{"a tunnel, whatever became of it", conduct{tunneled: true, failed: true, givenUp: true}, origins.Success},
		{"stopped", conduct{stopped: true, failed: true}, origins.Unknown},
	} {
		if got := decideHealth(test.conduct); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
