package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop"
)

var eject = origins.Ejection{After: 3, For: 10 * time.Second, Max: time.Minute}

// An origin that refuses connections costs three tries, then one after 10 s, one
// after 20 s more, and so on, and none of the clients notices. When it answers
// again it has its part of the requests again.
func TestEjectionInTime(t *testing.T) {
	rehearse(t, Config{Eject: eject, Pool: pool.Limits{Max: -1}}, cast(2), func(e *ensemble) {
		e.refuses[0] = true
		tries := func(during time.Duration) (n int) {
			before := strings.Count(e.asked, "A")
			for range during / time.Second {
				e.wants("200 OK", "/")
				e.loop.Sleep(time.Second)
			}
			return strings.Count(e.asked, "A") - before
		}
		// Ejections may be a tenth longer than they say.
		for i, step := range []struct {
			during time.Duration
			want   int
		}{
			{9 * time.Second, 3}, {9 * time.Second, 1}, {18 * time.Second, 0}, {9 * time.Second, 1}, {30 * time.Second, 0},
		} {
			if n := tries(step.during); n != step.want {
				t.Errorf("step %d: %d tries within %v, want %d", i, n, step.during, step.want)
			}
		}
		e.refuses[0] = false
		tries(time.Minute)
		e.asked = ""
		tries(10 * time.Second)
		if strings.Count(e.asked, "a") != 5 {
			t.Errorf("after it came back: %s", e.asked)
		}
		want := []string{"a out after 3", "a out after 4", "a out after 5", "a back"}
		if c := e.counters(); !slices.Equal(e.changes, want) || c.Ejections != 3 || c.Restorations != 1 {
			t.Errorf("%q, want %q; %d and %d counted", e.changes, want, c.Ejections, c.Restorations)
		}
	})
}

// What counts as a failure, and what does not.
func TestWhatEjects(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	answers := func(response string) role {
		return func(_ *ensemble, c *loop.Conn) { hear(c, "\r\n\r\n"); c.Write([]byte(response)) }
	}
	for _, test := range []struct {
		name    string
		bad     role
		request string
		ejects  bool
	}{
		{"closes without an answer", nobody, request, true},
		{"an answer that is no HTTP", answers("SSH-2.0\r\n\r\n"), request, true},
		{"a response cut off", answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), request, true},
		{"a broken chunk", answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx"), request, true},
		{"silence", func(e *ensemble, c *loop.Conn) { e.loop.Sleep(time.Hour) }, request, true},
		{"an error of its own", answers("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"), request, false},
		{"a tunnel that it resets", func(_ *ensemble, c *loop.Conn) {
			hear(c, "\r\n\r\n")
			c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello"))
			hear(c, "x")
			c.Reset()
		}, "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", false},
		{"a client that goes away", func(e *ensemble, c *loop.Conn) { e.loop.Sleep(time.Minute) },
			"GET /gone HTTP/1.1\r\nHost: a\r\n\r\n", false},
		{"a client whose chunks are broken", func(e *ensemble, c *loop.Conn) { hear(c, "never") },
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := Config{Eject: eject, ResponseTimeout: 10 * time.Second}
			rehearse(t, config, []role{test.bad, test.bad}, func(e *ensemble) {
				for range 8 {
					c := e.client()
					c.Write([]byte(test.request))
					e.loop.Sleep(time.Second)
					switch {
					case strings.HasPrefix(test.request, "GET /gone"):
						c.Reset()
					case strings.HasPrefix(test.request, "GET /tunnel"):
						if got := hear(c, "hello"); !strings.HasSuffix(got, "hello") {
							t.Errorf("no tunnel: %q", got)
						}
						c.Write([]byte("x"))
						hear(c, "never")
					case strings.HasPrefix(test.request, "POST"):
						c.Write([]byte("x\r\n"))
						hear(c, "never")
					default:
						hear(c, "never")
					}
					c.Close()
				}
				if ejected := e.counters().Ejections > 0; ejected != test.ejects {
					t.Errorf("ejected: %v (%q)", ejected, e.changes)
				}
			})
		})
	}
}

// Connections that turn out to be stale say nothing about the origin.
func TestStaleConnectionsDoNotEject(t *testing.T) {
	once := func(e *ensemble, c *loop.Conn) {
		hear(c, "\r\n\r\n")
		c.Write([]byte(hello))
		hear(c, "\r\n\r\n") // and ends, instead of answering
	}
	rehearse(t, Config{Eject: origins.Ejection{After: 1, For: time.Hour}}, []role{once, once}, func(e *ensemble) {
		for range 20 {
			e.wants("200 OK", "/")
			c := e.client()
			c.Write([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
			hear(c, "never")
		}
		if c := e.counters(); c.Replays[Replayed] < 5 || c.Replays[Abandoned] < 5 || c.Ejections != 0 {
			t.Errorf("%d replayed, %d abandoned, %d ejected", c.Replays[Replayed], c.Replays[Abandoned], c.Ejections)
		}
	})
}

// While the one request that is the trial has no answer, the others go elsewhere.
func TestOneRequestIsTheTrial(t *testing.T) {
	rehearse(t, Config{Eject: origins.Ejection{After: 1, For: 10 * time.Second}}, []role{steady(0, 5*time.Second), steady(1, 0)}, func(e *ensemble) {
		e.refuses[0] = true
		e.wants("200 OK", "/")
		e.wants("200 OK", "/")
		e.refuses[0] = false
		e.loop.Sleep(12 * time.Second)
		e.asked = ""
		for range 10 {
			e.start(func() { e.wants("200 OK", "/") })
			e.loop.Sleep(100 * time.Millisecond)
		}
		if strings.Count(e.asked, "a") != 1 || len(e.changes) != 1 {
			t.Errorf("asked %s, %q", e.asked, e.changes)
		}
		e.loop.Sleep(5 * time.Second)
		if want := []string{"a out after 1", "a back"}; !slices.Equal(e.changes, want) {
			t.Errorf("%q", e.changes)
		}
	})
}

// A valid head ends the trial. What follows may take hours, and clients need not
// wait for that.
func TestTrialEndsWithTheHead(t *testing.T) {
	long := func(e *ensemble, c *loop.Conn) {
		hear(c, "\r\n\r\n")
		e.asked += "a"
		c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"))
		say(c, 100, 30*time.Second, "x")
	}
	rehearse(t, Config{Eject: origins.Ejection{After: 1, For: 10 * time.Second}}, []role{long, steady(1, 0)}, func(e *ensemble) {
		e.refuses[0] = true
		e.wants("200 OK", "/")
		e.refuses[0] = false
		e.loop.Sleep(12 * time.Second)
		for range 6 {
			e.start(func() { e.ask("/") })
			e.loop.Sleep(time.Second)
		}
		if want := []string{"a out after 1", "a back"}; !slices.Equal(e.changes, want) || strings.Count(e.asked, "a") < 3 {
			t.Errorf("%q, asked %s", e.changes, e.asked)
		}
	})
}

// A client that goes away while its request is the trial leaves it to the next.
func TestTrialThatIsGivenUp(t *testing.T) {
	rehearse(t, Config{Eject: origins.Ejection{After: 1, For: 10 * time.Second}}, []role{steady(0, 5*time.Second), steady(1, 0)}, func(e *ensemble) {
		e.refuses[0] = true
		e.wants("200 OK", "/")
		e.wants("200 OK", "/")
		e.refuses[0] = false
		e.loop.Sleep(12 * time.Second)
		e.asked = ""
		for !strings.Contains(e.asked, "a") {
			c := e.client()
			c.Write([]byte(get("/")))
			e.loop.Sleep(time.Second)
			c.Reset()
		}
		e.wants("200 OK", "/")
		e.wants("200 OK", "/")
		if strings.Count(e.asked, "a") != 2 || !slices.Contains(e.changes, "a back") {
			t.Errorf("asked %s, %q", e.asked, e.changes)
		}
	})
}

// The only origin is asked whatever it did, and of several that all failed the
// one that will be back first.
func TestLastResort(t *testing.T) {
	rehearse(t, Config{Eject: eject}, cast(1), func(e *ensemble) {
		e.refuses[0] = true
		for range 10 {
			e.wants("connection_refused", "/")
		}
		e.refuses[0] = false
		e.wants("200 OK", "/")
		if len(e.changes) > 0 {
			t.Errorf("%q", e.changes)
		}
	})
	rehearse(t, Config{Eject: origins.Ejection{After: 1, For: time.Hour}}, cast(2), func(e *ensemble) {
		e.refuses[0], e.refuses[1] = true, true
		e.wants("connection_refused", "/")
		e.wants("connection_refused", "/")
		if len(e.changes) != 2 {
			t.Fatalf("%q", e.changes)
		}
		e.refuses[1] = false
		e.wants("200 OK", "/")
		e.refuses[0] = false
		e.asked = ""
		e.wants("200 OK", "/")
		if e.asked != "b" || e.changes[2] != "b back" {
			t.Errorf("asked %s, %q", e.asked, e.changes)
		}
	})
}

// An origin that is removed gets no further request. Its idle connections are
// closed, and the one in use once the response has come to its end.
func TestRemovedOriginIsDrained(t *testing.T) {
	rehearse(t, Config{}, []role{steady(0, 10*time.Second), steady(1, 0)}, func(e *ensemble) {
		e.wants("\r\n\r\na", "/")
		e.wants("\r\n\r\nb", "/")
		e.start(func() { e.wants("\r\n\r\na", "/") })
		e.loop.Sleep(time.Second)
		e.wants("\r\n\r\nb", "/")
		e.start(func() { e.wants("\r\n\r\na", "/second") })
		e.loop.Sleep(5 * time.Second)
		e.server.SetOrigins(0, []origins.Member{{Address: e.at[1]}})
		e.loop.Sleep(0)
		for range 5 {
			e.wants("\r\n\r\nb", "/")
		}
		if e.open[0] != 2 {
			t.Errorf("%d connections are left while two are in use", e.open[0])
		}
		e.loop.Sleep(time.Minute)
		if c := e.counters(); e.open[0] != 0 || c.OriginEnds[pool.Removed] != 2 || c.Origins != 3 {
			t.Errorf("%d open, %d removed, %d made", e.open[0], c.OriginEnds[pool.Removed], c.Origins)
		}
	})
	rehearse(t, Config{}, cast(2), func(e *ensemble) {
		e.wants("\r\n\r\na", "/")
		e.server.SetOrigins(0, []origins.Member{{Address: e.at[1]}})
		e.loop.Sleep(time.Second)
		if e.open[0] != 0 || e.counters().OriginEnds[pool.Removed] != 1 {
			t.Errorf("%d idle connections are left", e.open[0])
		}
	})
}

// Whoever waits is served by an origin that is added, and by one that comes back.
func TestQueueIsServedByNewOrigins(t *testing.T) {
	config := Config{OriginMaxConnections: 1, QueueMax: 10, QueueTimeout: time.Hour}
	roles := []role{steady(0, 30*time.Second), steady(1, time.Second)}
	rehearse(t, config, roles, func(e *ensemble) {
		e.server.SetOrigins(0, []origins.Member{{Address: e.at[0]}})
		e.loop.Sleep(0)
		for range 4 {
			e.start(func() { e.wants("200 OK", "/") })
		}
		e.loop.Sleep(10 * time.Second)
		if e.set().Waiting() != 3 {
			t.Errorf("%d wait", e.set().Waiting())
		}
		e.server.SetOrigins(1, []origins.Member{{Address: e.at[1]}, {Address: e.at[0]}})
		e.loop.Sleep(5 * time.Second)
		if e.asked != "abbb" || e.set().Waiting() != 0 {
			t.Errorf("asked %s, %d wait", e.asked, e.set().Waiting())
		}
		e.loop.Sleep(time.Minute)
	})
	rehearse(t, config, roles, func(e *ensemble) {
		e.server.SetHealth(e.at[1], false)
		e.loop.Sleep(0)
		for range 3 {
			e.start(func() { e.wants("200 OK", "/") })
		}
		e.loop.Sleep(10 * time.Second)
		e.server.SetHealth(e.at[1], true)
		e.loop.Sleep(5 * time.Second)
		if e.asked != "abb" {
			t.Errorf("asked %s", e.asked)
		}
		e.loop.Sleep(time.Minute)
	})
}

// Whoever waits when an ejection ends is the trial, but not the request that the
// origin was ejected for: that one waits for the other origin, and is not in the
// way of those behind it.
func TestQueueIsServedAfterAnEjection(t *testing.T) {
	config := Config{OriginMaxConnections: 1, QueueMax: 10, QueueTimeout: time.Hour, Eject: origins.Ejection{After: 1, For: 10 * time.Second}}
	rehearse(t, config, []role{steady(0, 30*time.Second), steady(1, time.Second)}, func(e *ensemble) {
		e.refuses[1] = true
		e.start(func() { e.wants("200 OK", "/") })
		e.loop.Sleep(time.Second)
		for range 3 {
			e.start(func() { e.wants("200 OK", "/") })
		}
		e.loop.Sleep(time.Second)
		e.refuses[1] = false
		e.loop.Sleep(15 * time.Second)
		if e.asked != "aBbb" || e.set().Waiting() != 1 {
			t.Errorf("asked %s, %d wait", e.asked, e.set().Waiting())
		}
		e.loop.Sleep(time.Minute)
	})
}

// A request whose connection was stale goes elsewhere if the origin has left, on a
// new connection there too.
func TestReplayAfterRemoval(t *testing.T) {
	stale := func(e *ensemble, c *loop.Conn) {
		hear(c, "\r\n\r\n")
		c.Write([]byte(hello))
		hear(c, "\r\n\r\n")
		e.loop.Sleep(10 * time.Second)
	}
	rehearse(t, Config{}, []role{stale, steady(1, 0)}, func(e *ensemble) {
		e.wants("hello", "/")
		e.wants("\r\n\r\nb", "/")
		e.start(func() { e.wants("\r\n\r\nb", "/") })
		e.loop.Sleep(time.Second)
		e.server.SetOrigins(0, []origins.Member{{Address: e.at[1]}})
		e.loop.Sleep(time.Minute)
		if c := e.counters(); c.Replays[Replayed] != 1 || c.Origins != 3 {
			t.Errorf("%d replayed, %d connections", c.Replays[Replayed], c.Origins)
		}
	})
}

// When the last origin leaves, those who wait are told, and so is who comes.
func TestNoOriginIsLeft(t *testing.T) {
	rehearse(t, Config{OriginMaxConnections: 1, QueueMax: 10, QueueTimeout: time.Hour}, []role{steady(0, 30*time.Second)}, func(e *ensemble) {
		e.start(func() { e.wants("200 OK", "/served") })
		e.loop.Sleep(time.Second)
		e.start(func() { e.wants(`error=destination_unavailable; details="no-origin"`, "/waits") })
		e.loop.Sleep(time.Second)
		e.server.SetOrigins(0, nil)
		e.loop.Sleep(time.Second)
		e.wants(`error=destination_unavailable; details="no-origin"`, "/comes")
		e.loop.Sleep(time.Hour)
	})
}

// Like requests go to one origin, past it only while it has no room, and an
// origin that is down has its part done by the others.
func TestHashedRequests(t *testing.T) {
	balance, err := origins.ParseBalance("hash:x-user")
	if err != nil {
		t.Fatal(err)
	}
	slow := []role{steady(0, time.Second), steady(1, time.Second), steady(2, time.Second)}
	rehearse(t, Config{Balance: balance, OriginMaxConnections: 1, QueueMax: 10}, slow, func(e *ensemble) {
		var parts [10]string
		for i := range parts {
			e.asked = ""
			for range 3 {
				e.wants("200 OK", "/", fmt.Sprint("X-User: ", i))
			}
			if parts[i] = e.asked; strings.Count(parts[i], parts[i][:1]) != 3 {
				t.Errorf("user %d went to %s", i, parts[i])
			}
		}
		e.asked = ""
		for range 3 {
			e.start(func() { e.wants("200 OK", "/", "X-User: 0") })
			e.loop.Sleep(time.Millisecond)
		}
		e.loop.Sleep(time.Minute)
		order := strings.Split(e.asked, "")
		if slices.Sort(order); strings.Join(order, "") != "abc" || e.asked[:1] != parts[0][:1] {
			t.Errorf("with no room: %s, before: %s", e.asked, parts[0])
		}
	})
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
		{"the client went", conduct{aborted: true, failed: true}, origins.Unknown},
		{"stale", conduct{stale: true, failed: true}, origins.Unknown},
		{"a tunnel, whatever became of it", conduct{tunneled: true, failed: true, aborted: true}, origins.Success},
		{"stopped", conduct{stopped: true, failed: true}, origins.Unknown},
	} {
		if got := decideHealth(test.conduct); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// An origin that was left out, and then is the only one, is back as soon as it
// answers.
func TestTheOnlyOriginComesBack(t *testing.T) {
	rehearse(t, Config{Eject: origins.Ejection{After: 1, For: time.Hour}}, cast(2), func(e *ensemble) {
		e.refuses[0] = true
		e.wants("b", "/")
		e.refuses[0] = false
		e.server.SetOrigins(0, []origins.Member{{Address: e.at[0]}})
		e.loop.Sleep(time.Second)
		e.wants("a", "/")
		if want := []string{"a out after 1", "a back"}; !slices.Equal(e.changes, want) {
			t.Errorf("%q, want %q", e.changes, want)
		}
	})
}
