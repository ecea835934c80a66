package checks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A scene is a checker in front of one origin in simulated time.
type scene struct {
	t       *testing.T
	loop    *loop.Loop
	checker *Checker
	origin  *loop.Address
	begin   loop.Time
	healths string // each health that was told, "u" or "d"
	changes []string
}

// play runs a scene for as long as during does. serve is called for each
// connection to the origin, with its number from 0.
func play(t *testing.T, o simnet.Options, config Config, serve func(i int, c *loop.Conn), during func(s *scene)) {
	t.Helper()
	err := simnet.New(1, o).Run(loop.Config{Report: func(err error) { t.Error(err) }}, func(g *loop.Group) error {
		s := &scene{t: t, loop: g.Loop(0)}
		connections := 0
		ln, err := g.Listen("127.0.0.1:0", func(conn *loop.Conn) {
			i := connections
			connections++
			s.loop.Go(loop.Func(func() {
				defer conn.Close()
				serve(i, conn)
			}))
		})
		if err != nil {
			return err
		}
		s.origin = ln.Address()
		config.Target, config.Host = "/health", func(*loop.Address) string { return "app:80" }
		config.Health = func(at *loop.Address, up bool) { s.healths += map[bool]string{true: "u", false: "d"}[up] }
		config.Report = func(c Change) {
			s.changes = append(s.changes, fmt.Sprintf("%v %v", s.loop.Now().Sub(s.begin).Round(time.Second), c))
		}
		s.checker = New(s.loop, config)
		s.loop.Post(func() {
			s.begin = s.loop.Now()
			s.loop.Go(loop.Func(func() { during(s); g.Stop() }))
		})
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// answering answers the request of connection i by the i-th of the words: a
// status, or "hang", or "close"; the last one goes for all further ones.
func answering(t *testing.T, words string) func(int, *loop.Conn) {
	all := strings.Fields(words)
	return func(i int, c *loop.Conn) {
		const want = "GET /health HTTP/1.1\r\nHost: app:80\r\nUser-Agent: hopwire-check\r\nConnection: close\r\n\r\n"
		var p [512]byte
		if n, err := c.Read(p[:]); err != nil || string(p[:n]) != want {
			t.Errorf("check %d sent %q, %v", i, p[:n], err)
		}
		switch word := all[min(i, len(all)-1)]; word {
		case "hang":
			c.Read(p[:])
		case "close":
		default:
			c.Write(fmt.Appendf(nil, "HTTP/1.1 %s X\r\nContent-Length: 2\r\n\r\nok", word))
		}
	}
}

func (s *scene) expect(name, healths string, changes ...string) {
	s.t.Helper()
	if s.healths != healths {
		s.t.Errorf("%s: told %s, want %s", name, s.healths, healths)
	}
	for i, c := range s.changes {
		s.changes[i] = strings.ReplaceAll(c, s.origin.String(), "O")
	}
	if !slices.Equal(s.changes, changes) {
		s.t.Errorf("%s: reported %q\nwant %q", name, s.changes, changes)
	}
	s.healths, s.changes = "", nil
}

// The interval is 10 seconds, so that its variation does not move a check by as
// much as another one takes.
var ordinary = Config{Interval: 10 * time.Second, Timeout: time.Second, Thresholds: Thresholds{Rise: 2, Fall: 3}}

func TestChecks(t *testing.T) {
	for _, test := range []struct {
		name, words   string
		options       simnet.Options
		healths       string
		changes       []string
		what          Verdict
		how, ups, off uint64
	}{
		{"well", "200", simnet.Options{}, "uuuuuu", nil, Passed, 6, 0, 0},
		{"redirects", "302", simnet.Options{}, "uuuuuu", nil, Passed, 6, 0, 0},
		{"unwell", "500", simnet.Options{}, "dddddd", []string{"0s origin O is down: the check was answered 500 Internal Server Error"}, Unwell, 6, 0, 1},
		{"not there", "404", simnet.Options{}, "dddddd", []string{"0s origin O is down: the check was answered 404 Not Found"}, Unwell, 6, 0, 1},
		{"another protocol", "101", simnet.Options{}, "dddddd", []string{"0s origin O is down: the check was answered 101 Switching Protocols"}, Unwell, 6, 0, 1},
		{"refuses", "", simnet.Options{Refuse: 1}, "dddddd", []string{"0s origin O is down: the check could not connect: connection refused"}, Unreachable, 6, 0, 1},
		{"cannot be reached", "", simnet.Options{Hang: 1}, "ddddd", []string{"1s origin O is down: the check got no whole response within 1s"}, TimedOut, 5, 0, 1},
		{"hangs", "hang", simnet.Options{}, "ddddd", []string{"1s origin O is down: the check got no whole response within 1s"}, TimedOut, 5, 0, 1},
		{"closes", "close", simnet.Options{}, "dddddd", []string{"0s origin O is down: the check got no valid response: the stream ended before the response did"}, Malformed, 6, 0, 1},
		{"falls", "200 500", simnet.Options{}, "uuuddd", []string{"31s origin O is down: the check was answered 500 Internal Server Error"}, Unwell, 5, 0, 1},
		{"recovers", "500 200", simnet.Options{}, "dduuuu", []string{"0s origin O is down: the check was answered 500 Internal Server Error", "21s origin O is up: the check passed"}, Passed, 5, 1, 1},
		{"flaps", "200 500 500 200 500 500", simnet.Options{}, "uuuuuu", nil, Unwell, 4, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			play(t, test.options, ordinary, answering(t, test.words), func(s *scene) {
				s.checker.Begin(s.origin)
				s.loop.Sleep(54 * time.Second)
				totals := s.checker.Totals()
				s.near(test.healths, test.changes)
				if totals.Findings[test.what] != test.how || totals.Ups != test.ups || totals.Downs != test.off {
					t.Errorf("%+v", totals)
				}
			})
		})
	}
}

// near compares what happened; the time of a change may be off by the variation
// of the intervals before it.
func (s *scene) near(healths string, changes []string) {
	s.t.Helper()
	for i := range min(len(changes), len(s.changes)) {
		var got, want time.Duration
		at, _, _ := strings.Cut(s.changes[i], " ")
		got, _ = time.ParseDuration(at)
		at, _, _ = strings.Cut(changes[i], " ")
		want, _ = time.ParseDuration(at)
		if d := got - want; d.Abs() <= want/9 {
			s.changes[i] = at + strings.TrimPrefix(s.changes[i], got.String())
		}
	}
	s.expect("", healths, changes...)
}

// What a response may look like, octet by octet.
func TestResponsesToChecks(t *testing.T) {
	for _, test := range []struct {
		name, response string
		end            bool
		want           Verdict
	}{
		{"interim responses first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", false, Passed},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false, Passed},
		{"until close", "HTTP/1.1 200 OK\r\n\r\nok", true, Passed},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n", true, Passed},
		{"long", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 100_000), false, Passed},
		{"broken off", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", true, Malformed},
		{"head broken off", "HTTP/1.1 200 OK\r\nContent", true, Malformed},
		{"chunks broken off", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", true, Malformed},
		{"wrong chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false, Malformed},
		{"wrong framing", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", false, Malformed},
		{"another protocol", "SSH-2.0-OpenSSH_9.2\r\n", false, Malformed},
		{"endless head", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 100_000), false, Malformed},
		{"endless interim responses", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10_000), false, Malformed},
		{"silence in the head", "HTTP/1.1 200 OK\r\n", false, TimedOut},
		{"silence in the body", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", false, TimedOut},
		{"an error is an error however it goes on", "HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nok", true, Unwell},
	} {
		t.Run(test.name, func(t *testing.T) {
			play(t, simnet.Options{}, Config{Timeout: time.Second}, func(_ int, c *loop.Conn) {
				var p [512]byte
				c.Read(p[:])
				c.Write([]byte(test.response))
				for !test.end {
					if _, err := c.Read(p[:]); err != nil {
						return
					}
				}
			}, func(s *scene) {
				s.checker.Begin(s.origin)
				s.loop.Sleep(1500 * time.Millisecond)
				if n := s.checker.Totals().Findings[test.want]; n != 1 {
					t.Errorf("%+v, %q", s.checker.Totals(), s.changes)
				}
			})
		})
	}
}

// A response may come slowly, as long as it is there in time as a whole.
func TestSlowResponsesToChecks(t *testing.T) {
	for _, test := range []struct {
		pause time.Duration
		want  Verdict
	}{{0, Passed}, {20 * time.Millisecond, Passed}, {30 * time.Millisecond, TimedOut}} {
		play(t, simnet.Options{}, Config{Timeout: time.Second}, func(_ int, c *loop.Conn) {
			for _, octet := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") { // 40 octets
				c.Loop().Sleep(test.pause)
				c.Write([]byte{octet})
			}
		}, func(s *scene) {
			s.checker.Begin(s.origin)
			s.loop.Sleep(2 * time.Second)
			if n := s.checker.Totals().Findings[test.want]; n != 1 {
				t.Errorf("%v between bytes: %+v", test.pause, s.checker.Totals())
			}
		})
	}
}

// An origin that is no longer one is left alone, even in the middle of a check,
// and may come back.
func TestEnd(t *testing.T) {
	asked, ended := 0, 0
	play(t, simnet.Options{}, ordinary, func(_ int, c *loop.Conn) {
		asked++
		var p [512]byte
		for {
			if _, err := c.Read(p[:]); err != nil {
				ended++
				return
			}
		}
	}, func(s *scene) {
		s.checker.Begin(s.origin)
		s.loop.Sleep(time.Millisecond)
		s.checker.End(s.origin)
		s.checker.End(s.origin)
		s.loop.Sleep(time.Minute)
		s.expect("ended", "")
		if asked != 1 || ended != 1 {
			t.Errorf("%d connections, of which %d ended", asked, ended)
		}
		s.checker.Begin(s.origin)
		s.loop.Sleep(2 * time.Second)
		s.expect("begun again", "d", "1m1s origin O is down: the check got no whole response within 1s")
		s.checker.End(s.origin)
	})
}

// In a hostile network every check ends, in time, and nothing is left open.
func TestChecksInHostileWorlds(t *testing.T) {
	var all Totals
	for seed := range uint64(40) {
		o := simnet.Hostile(seed)
		err := simnet.New(seed, o).Run(loop.Config{Report: func(err error) { t.Error(err) }}, func(g *loop.Group) error {
			l := g.Loop(0)
			ln, err := g.Listen("127.0.0.1:0", func(conn *loop.Conn) {
				l.Go(loop.Func(func() {
					defer conn.Close()
					var p [512]byte
					conn.Read(p[:])
					conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
					conn.CloseWrite()
					conn.Read(p[:])
				}))
			})
			if err != nil {
				return err
			}
			checker := New(l, Config{Target: "/", Host: (*loop.Address).String, Seed: seed, Health: func(*loop.Address, bool) {}})
			checker.Begin(ln.Address())
			l.After(time.Minute, func() {
				n := uint64(0)
				for v, found := range checker.Totals().Findings {
					n += found
					all.Findings[v] += found
				}
				if n < 15 || n > 34 {
					t.Errorf("seed %d: %d checks in a minute", seed, n)
				}
				g.Stop()
			})
			return nil
		})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if all.Findings[Passed] == 0 || all.Findings[Unreachable] == 0 || all.Findings[TimedOut] == 0 || all.Findings[Malformed] == 0 {
		t.Errorf("the worlds were not hostile, or nothing but: %v", all)
	}
}

// A check that panics is the last one of nobody.
func TestChecksGoOnAfterAPanic(t *testing.T) {
	panics, told := 0, 0
	report := func(error) { panics++ }
	err := simnet.New(1, simnet.Options{Refuse: 1}).Run(loop.Config{Report: report}, func(g *loop.Group) error {
		checker := New(g.Loop(0), Config{Target: "/", Host: (*loop.Address).String, Health: func(*loop.Address, bool) {
			if told++; told == 1 {
				panic("once")
			}
		}})
		checker.Begin(&loop.Address{TCP: netip.MustParseAddrPort("10.0.0.1:80")})
		g.Loop(0).After(7*time.Second, g.Stop)
		return nil
	})
	if err != nil || panics != 1 || told != 4 {
		t.Errorf("%d panics, told %d times, %v", panics, told, err)
	}
}
