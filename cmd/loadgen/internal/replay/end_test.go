package replay

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

func TestDurationEndsTheRun(t *testing.T) {
	s := serve(t, always(okHi))
	r := replayed(t, planned(t, gets("/1", "/2")), s.address, Config{Connections: 4, Loops: 2, Duration: 100 * time.Millisecond})
	if r.Ending != Elapsed || r.Requests == 0 || r.Errors != 0 || r.Unfinished != 0 {
		t.Errorf("%s: %+v", r.Ending, countsOf(r))
	}
	if r.Elapsed < 100*time.Millisecond || r.Elapsed > 5*time.Second {
		t.Errorf("it took %s", r.Elapsed)
	}
	if r.CPU <= 0 {
		t.Errorf("the processor time is %s", r.CPU)
	}
}

func TestWhatIsOutstandingAtTheEndMayComeIn(t *testing.T) {
	s := serve(t, func(p *peer) {
		p.next()
		time.Sleep(200 * time.Millisecond)
		p.say(okHi)
	})
	r := replayed(t, planned(t, gets("/1")), s.address, Config{Duration: 20 * time.Millisecond})
	if r.Requests != 1 || r.Unfinished != 0 || r.Latency.Max() < 200*time.Millisecond {
		t.Errorf("%+v, latency %s", countsOf(r), r.Latency.Max())
	}
}

func TestWhatNeverComesInIsUnfinished(t *testing.T) {
	s := serve(t, func(p *peer) { p.next(); p.next() })
	r := replayed(t, planned(t, gets("/1")), s.address, Config{Connections: 3, Duration: 20 * time.Millisecond, Timeout: 100 * time.Millisecond})
	if r.Requests+r.Unfinished != 3 || r.Elapsed > time.Second {
		t.Errorf("%+v in %s", countsOf(r), r.Elapsed)
	}
}

func TestInterruption(t *testing.T) {
	for _, hurry := range []bool{false, true} {
		t.Run(fmt.Sprintf("hurry %t", hurry), func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			hurried := make(chan struct{})
			s := serve(t, func(p *peer) {
				for p.next() != nil {
					p.say(okHi)
					if len(p.server.connections()[p.number]) != 10 {
						continue
					}
					if cancel(); hurry {
						close(hurried)
						p.next()
						p.next()
					}
				}
			})
			target, _ := loop.ParseAddress(s.address)
			r, err := Run(ctx, planned(t, gets("/1")), Config{Target: target, RequestsPerConnection: 1000, Duration: time.Minute, Hurry: hurried})
			if err != nil {
				t.Fatal(err)
			}
			if r.Ending != Interrupted || r.Requests < 9 || r.Elapsed > 10*time.Second {
				t.Errorf("%s: %+v in %s", r.Ending, countsOf(r), r.Elapsed)
			}
			if hurry && r.Unfinished > 1 || !hurry && r.Unfinished != 0 {
				t.Errorf("%d unfinished", r.Unfinished)
			}
		})
	}
}

// closedPort is an address that refuses connections.
func closedPort(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestNothingCanConnect(t *testing.T) {
	r := replayed(t, planned(t, gets("/1", "/2"), gets("/3")), closedPort(t),
		Config{Connections: 3, Duration: time.Minute, patience: 100 * time.Millisecond})
	if r.Ending != Unreachable || r.Requests != 3 || r.Errors != 3 || r.Causes[ConnectRefused] != 3 {
		t.Errorf("%s: %+v, causes %v", r.Ending, countsOf(r), r.Causes)
	}
	// From 5 ms on the pause doubles: there is no time for many attempts.
	if n := countsOf(r).failures; n < 6 || n > 3*8 {
		t.Errorf("%d attempts in %s", n, r.Elapsed)
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "no connection could be opened") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("the error is %v", err)
	}
}

func TestServerThatStartsLate(t *testing.T) {
	address := closedPort(t)
	go func() {
		time.Sleep(50 * time.Millisecond)
		ln, err := net.Listen("tcp", address)
		if err != nil {
			return // the test fails by itself
		}
		defer ln.Close()
		conn, err := ln.Accept()
		if err == nil {
			defer conn.Close()
			conn.Read(make([]byte, 1000))
			conn.Write([]byte(okHi))
		}
	}()
	r := replayed(t, planned(t, gets("/1")), address, Config{patience: 10 * time.Second})
	if c := countsOf(r); c.requests != 1 || c.errors != 0 || c.failures == 0 {
		t.Errorf("%+v", c)
	}
	if r.Err() != nil {
		t.Errorf("a request that was sent in the end failed: %v", r.Err())
	}
}

func TestServerThatHangsUpIsNotHammered(t *testing.T) {
	s := serve(t, func(p *peer) { p.reset() })
	r := replayed(t, planned(t, gets("/1")), s.address, Config{Duration: 300 * time.Millisecond})
	// 5 + 10 + 20 + 40 + 80 + 160 ms
	// Where the reset is quicker than we are, connecting fails already.
	if c := countsOf(r); c.opened+c.failures > 10 || c.opened+c.failures < 3 || c.errors != c.requests {
		t.Errorf("%+v", c)
	}
}

func TestProgressIsTold(t *testing.T) {
	s := serve(t, always(okHi))
	var last Progress
	r := replayed(t, planned(t, gets("/1")), s.address, Config{
		Connections: 2, Loops: 2, Duration: 700 * time.Millisecond, RequestsPerConnection: 1000,
		Progress: func(p Progress) {
			if p.Requests < last.Requests || p.Elapsed < last.Elapsed {
				t.Errorf("%+v follows %+v", p, last)
			}
			last = p
		},
	})
	if last.Requests == 0 || last.Requests > r.Requests || last.Elapsed == 0 || last.Elapsed > r.Elapsed {
		t.Errorf("the last progress is %d of %d, after %s of %s", last.Requests, r.Requests, last.Elapsed, r.Elapsed)
	}
}

func TestProgressTellsThatNothingCanConnect(t *testing.T) {
	var last Progress
	r := replayed(t, planned(t, gets("/1")), closedPort(t), Config{Duration: time.Minute, patience: 700 * time.Millisecond, Progress: func(p Progress) { last = p }})
	if last.ConnectFailures == 0 || last.ConnectFailures > r.ConnectFailures[ConnectRefused] || last.Requests != 0 {
		t.Errorf("the last progress is %+v", last)
	}
}

func TestRate(t *testing.T) {
	r := Result{Elapsed: 10 * time.Second}
	r.Requests, r.Errors = 100, 40
	p := Progress{Elapsed: r.Elapsed, Requests: r.Requests, Errors: r.Errors}
	if r.Rate() != 6 || p.Rate() != 6 || (Progress{Requests: 1}).Rate() != 0 {
		t.Errorf("%g and %g per second", r.Rate(), p.Rate())
	}
}

func TestUnixSocket(t *testing.T) {
	path := t.TempDir() + "/s"
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if conn, err := ln.Accept(); err == nil {
			defer conn.Close()
			conn.Read(make([]byte, 1000))
			conn.Write([]byte(okHi))
		}
	}()
	r := replayed(t, planned(t, gets("/1")), "unix:"+path, Config{Verify: true})
	if r.Requests != 1 || r.Errors != 0 {
		t.Errorf("%+v: %v", countsOf(r), r.Explanations)
	}
}

// TestNoAllocationPerRequest compares two runs: what the longer one allocates
// more is what its additional requests cost.
func TestNoAllocationPerRequest(t *testing.T) {
	for _, verify := range []bool{false, true} {
		t.Run(fmt.Sprintf("verify %t", verify), func(t *testing.T) {
			s := serve(t, answerBlindly)
			plan := planned(t, gets("/1", "/2"), []exchange{{"HEAD /3 HTTP/1.1\r\nHost: h\r\n\r\n", okHi[:len(okHi)-2]}})
			plan.Sessions = plan.Sessions[:1]
			mallocs := func(requests int64) uint64 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				r := replayed(t, plan, s.address, Config{Requests: requests, RequestsPerConnection: 1 << 20, Verify: verify})
				runtime.ReadMemStats(&after)
				if r.Errors != 0 {
					t.Fatal(r.Explanations)
				}
				return after.Mallocs - before.Mallocs
			}
			mallocs(100)
			few, many := mallocs(100), mallocs(5100)
			if many > few+500 {
				t.Errorf("5000 requests more allocate %d times more", many-few)
			}
		})
	}
}

// answerBlindly takes each read for one request, and allocates nothing.
func answerBlindly(p *peer) {
	octets, answer := make([]byte, 4096), []byte(okHi)
	for {
		if _, err := p.Read(octets); err != nil {
			return
		}
		p.Write(answer)
	}
}
