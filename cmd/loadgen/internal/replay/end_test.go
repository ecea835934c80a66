package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
	"golang.org/x/sys/unix"
)

func TestDurationEndsTheRun(t *testing.T) {
	s := serve(t, always(plantest.OK))
	r := replayed(t, planned(t, plantest.Gets("/1", "/2")), s.address, Config{Connections: 4, Loops: 2, Duration: 100 * time.Millisecond})
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
		p.say(plantest.OK)
	})
	r := replayed(t, planned(t, plantest.Gets("/1")), s.address, Config{Duration: 20 * time.Millisecond})
	if r.Requests != 1 || r.Unfinished != 0 || r.Latency.Max() < 200*time.Millisecond {
		t.Errorf("%+v, latency %s", countsOf(r), r.Latency.Max())
	}
}

func TestWhatNeverComesInIsUnfinished(t *testing.T) {
	s := serve(t, func(p *peer) { p.next(); p.next() })
	r := replayed(t, planned(t, plantest.Gets("/1")), s.address, Config{Connections: 3, Duration: 20 * time.Millisecond, Grace: 50 * time.Millisecond})
	if r.Requests != 0 || r.Unfinished != 3 || r.Elapsed > time.Second {
		t.Errorf("%+v in %s", countsOf(r), r.Elapsed)
	}
	if r.Err() == nil || r.Err().Error() != "3 of 3 requests had no whole response when the run was over" {
		t.Errorf("the run ended with %v", r.Err())
	}
}

func TestWhatTimesOutInTheGraceHasFailed(t *testing.T) {
	s := serve(t, func(p *peer) { p.next(); p.next() })
	r := replayed(t, planned(t, plantest.Gets("/1")), s.address, Config{Connections: 3, Duration: 20 * time.Millisecond, Timeout: 100 * time.Millisecond})
	if r.Unfinished != 0 || r.Causes[Timeout] != 3 {
		t.Errorf("%+v", countsOf(r))
	}
}

// TestFewUnfinishedRequestsAreNoFailure: one in a thousand may be.
func TestFewUnfinishedRequestsAreNoFailure(t *testing.T) {
	for _, test := range []struct {
		requests, unfinished int64
		fails                bool
	}{{999, 1, false}, {998, 1, true}, {0, 1, true}, {1e6, 1000, false}, {1e6, 1002, true}} {
		r := &Result{Ending: Elapsed}
		r.Requests, r.Unfinished = test.requests, test.unfinished
		if err := r.Err(); (err != nil) != test.fails {
			t.Errorf("%d and %d unfinished: %v", test.requests, test.unfinished, err)
		}
	}
}

// TestServerThatStopsListening: of each request it is known what became of it.
func TestServerThatStopsListening(t *testing.T) {
	for _, loops := range []int{1, 3} {
		for _, config := range []Config{
			{Connections: 8, Loops: loops, patience: 50 * time.Millisecond},
			{Connections: 8, Loops: loops, patience: time.Minute, Duration: 100 * time.Millisecond, Requests: 40},
			{Connections: 8, Loops: loops, patience: time.Minute, Duration: 100 * time.Millisecond},
		} {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			answered := make(chan int64, 1)
			go func() {
				conn, err := ln.Accept()
				ln.Close()
				n := int64(0)
				for octets := make([]byte, 1000); err == nil && n < 5; n++ {
					if _, err = conn.Read(octets); err == nil {
						_, err = conn.Write([]byte(plantest.OK))
					}
				}
				answered <- n
			}()
			var sessions [][]plantest.Exchange
			for range 8 {
				sessions = append(sessions, plantest.Gets("/1", "/2", "/3", "/4", "/5"))
			}
			r := replayed(t, planned(t, sessions...), ln.Addr().String(), config)
			n := <-answered
			if r.Requests-r.Errors != n || r.Errors == 0 || r.Attempts() == 0 || r.Err() == nil {
				t.Errorf("%+v, of which the server answered %d: %v", countsOf(r), n, r.Err())
			}
			if limited := config.Requests > 0 || config.Duration == 0; limited && (r.Requests+r.Unfinished+r.Unsent != 40 || r.Unsent == 0) {
				t.Errorf("%+v do not add up to 40", countsOf(r))
			}
			if want := []Ending{Unreachable, Elapsed}[btoi(config.Duration > 0)]; r.Ending != want {
				t.Errorf("%s, want %s: %+v", r.Ending, want, countsOf(r))
			}
		}
	}
}

// TestShortRunToADeadServer: however short the run and however long the pauses,
// that nothing could connect is known by its cause.
func TestShortRunToADeadServer(t *testing.T) {
	full := fullListener(t)
	for _, test := range []struct {
		name, address string
		cause         Cause
	}{
		{"nobody listens", closedPort(t), ConnectRefused},
		{"the queue is full", full, ConnectTimeout},
	} {
		for _, loops := range []int{1, 2} {
			r := replayed(t, planned(t, plantest.Gets("/1")), test.address, Config{Connections: 3, Loops: loops, Duration: 100 * time.Millisecond})
			if r.Errors != 3 || r.Causes[test.cause] != 3 || r.ConnectFailures[test.cause] < 3 || r.Unfinished != 0 || r.Err() == nil {
				t.Errorf("%s, %d loops: %+v, causes %v: %v", test.name, loops, countsOf(r), r.Causes, r.Err())
			}
		}
	}
}

// fullListener is an address where nobody is accepted and no other can wait.
func fullListener(t *testing.T) string {
	t.Helper()
	full, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { full.Close() })
	raw, err := full.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { unix.Listen(int(fd), 0) }) // from here on its queue holds one
	for filled := false; !filled; {
		conn, err := net.DialTimeout("tcp", full.Addr().String(), 100*time.Millisecond)
		if filled = err != nil; !filled {
			t.Cleanup(func() { conn.Close() })
		}
	}
	return full.Addr().String()
}

// TestStillConnectingAtTheEnd: of a run that is shorter than it takes to know that
// nobody answers, it is known how many connections were not there yet.
func TestStillConnectingAtTheEnd(t *testing.T) {
	r := replayed(t, planned(t, plantest.Gets("/1")), fullListener(t), Config{Connections: 3, Duration: 20 * time.Millisecond, Grace: 20 * time.Millisecond})
	if r.Connecting != 3 || r.Unfinished != 3 || r.Requests != 0 || r.Attempts() != 0 {
		t.Errorf("%d connecting, %+v", r.Connecting, countsOf(r))
	}
	if err := r.Err(); err == nil || err.Error() != "3 of 3 requests had no whole response when the run was over, 3 connections still being opened" {
		t.Errorf("the run ended with %v", err)
	}
}

// TestFewConnectingAreNoFailure: one connection in a thousand may be.
func TestFewConnectingAreNoFailure(t *testing.T) {
	for _, test := range []struct {
		opened, connecting int64
		fails              bool
	}{{999, 1, false}, {998, 1, true}, {13, 3, true}, {1e6, 16, false}} {
		r := &Result{Ending: Elapsed}
		r.Requests, r.Unfinished, r.Opened, r.Connecting = 1e6, test.connecting, test.opened, test.connecting
		if err := r.Err(); (err != nil) != test.fails {
			t.Errorf("%d opened and %d connecting: %v", test.opened, test.connecting, err)
		}
	}
}

// TestNobodyGivesUpWhileOthersAreAnswered: on whichever loop those are.
func TestNobodyGivesUpWhileOthersAreAnswered(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		conn, err := ln.Accept()
		ln.Close()
		for octets := make([]byte, 1000); err == nil; {
			if _, err = conn.Read(octets); err == nil {
				time.Sleep(10 * time.Millisecond) // it takes its time
				_, err = conn.Write([]byte(plantest.OK))
			}
		}
	}()
	config := Config{Connections: 2, Loops: 2, Duration: 1200 * time.Millisecond, RequestsPerConnection: 1 << 20, patience: 600 * time.Millisecond}
	r := replayed(t, planned(t, plantest.Gets("/1")), ln.Addr().String(), config)
	if r.GaveUp != 0 || r.Ending != Elapsed || r.Requests < 20 || r.Errors == 0 || r.Errors > 2 || r.Attempts() < 5 {
		t.Errorf("%d gave up, %s, %+v", r.GaveUp, r.Ending, countsOf(r))
	}
}

// TestEqualFailuresAreOneExplanation: with their number, whichever lanes and
// connections they are of.
func TestEqualFailuresAreOneExplanation(t *testing.T) {
	reset := serve(t, func(p *peer) { p.next(); p.reset() })
	for _, test := range []struct {
		name, address string
		want          []string
	}{
		{"nobody listens", closedPort(t), []string{"GET /1 (request 1 of connection c1 from 127.0.0.1:50001): connect-refused: dial tcp ADDRESS: connect: connection refused (6 times)"}},
		{"resets", reset.address, []string{"GET /1 (request 1 of connection c1 from 127.0.0.1:50001): closed-before-response: read: connection reset by peer (12 times)"}},
	} {
		r := replayed(t, planned(t, plantest.Gets("/1")), test.address, Config{Connections: 6, Loops: 2, Requests: 12, NoBackoff: true, patience: 100 * time.Millisecond})
		if got := strings.ReplaceAll(strings.Join(r.Explanations, "\n"), test.address, "ADDRESS"); got != strings.Join(test.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, strings.Join(test.want, "\n"))
		}
	}
}

// TestOwnLimitsAreNamedAsOurs: ports to connect from, and descriptors.
func TestOwnLimitsAreNamedAsOurs(t *testing.T) {
	for errno, cause := range map[syscall.Errno]Cause{
		syscall.EADDRNOTAVAIL: OutOfPorts, syscall.EMFILE: OutOfFiles, syscall.ENFILE: OutOfFiles,
		syscall.ENOBUFS: OutOfMemory, syscall.ENOMEM: OutOfMemory,
	} {
		target, _ := loop.ParseAddress("127.0.0.1:80")
		run, err := newRun(planned(t, plantest.Gets("/1", "/2")), Config{Target: target, patience: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		world := simnet.New(1, simnet.Options{})
		group, err := loop.NewGroup(1, loop.Config{Engine: func(i int) (loop.Engine, error) {
			e, err := world.Engine(i)
			return limitedEngine{e, errno}, err
		}})
		if err != nil {
			t.Fatal(err)
		}
		run.startOn(group)
		err = group.Run()
		r := run.result()
		if err != nil || r.Ending != Limited || r.Causes[cause] != 1 || r.Unsent != 1 {
			t.Errorf("%v: %v, %s, %+v", errno, err, r.Ending, countsOf(r))
		}
		if err := r.Err(); !errors.Is(err, errno) || !strings.HasPrefix(err.Error(), "this ") || strings.Contains(err.Error(), "server") {
			t.Errorf("%v: the error is %v", errno, err)
		}
	}
}

// limitedEngine opens no connection.
type limitedEngine struct {
	loop.Engine
	errno syscall.Errno
}

func (e limitedEngine) Connect(*loop.Address) (loop.Handle, error) { return 0, e.errno }

func TestInterruption(t *testing.T) {
	for _, hurry := range []bool{false, true} {
		t.Run(fmt.Sprintf("hurry %t", hurry), func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			hurried := make(chan struct{})
			s := serve(t, func(p *peer) {
				for p.next() != nil {
					p.say(plantest.OK)
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
			r, err := Run(ctx, planned(t, plantest.Gets("/1")), Config{Target: target, RequestsPerConnection: 1000, Duration: time.Minute, Grace: 5 * time.Second, Hurry: hurried})
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
	r := replayed(t, planned(t, plantest.Gets("/1", "/2"), plantest.Gets("/3")), closedPort(t),
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
			conn.Write([]byte(plantest.OK))
		}
	}()
	r := replayed(t, planned(t, plantest.Gets("/1")), address, Config{patience: 10 * time.Second})
	if c := countsOf(r); c.requests != 1 || c.errors != 0 || c.failures == 0 {
		t.Errorf("%+v", c)
	}
	if r.Ending != Complete || r.ConnectFailures[ConnectRefused] == 0 || r.Err() != nil {
		t.Errorf("%s, %d attempts refused: %v", r.Ending, r.ConnectFailures[ConnectRefused], r.Err())
	}
}

func TestServerThatHangsUpIsNotHammered(t *testing.T) {
	s := serve(t, func(p *peer) { p.reset() })
	r := replayed(t, planned(t, plantest.Gets("/1")), s.address, Config{Duration: 300 * time.Millisecond})
	// 5 + 10 + 20 + 40 + 80 + 160 ms
	// Where the reset is quicker than we are, connecting fails already; opened, by the
	// server, is such a connection too.
	if c := countsOf(r); c.opened > 10 || c.opened < 3 || c.errors != c.requests {
		t.Errorf("%+v", c)
	}
}

// TestPausesAreCountedAndCanBeSwitchedOff: after failures of either kind.
func TestPausesAreCountedAndCanBeSwitchedOff(t *testing.T) {
	for _, address := range []string{closedPort(t), serve(t, func(p *peer) { p.reset() }).address} {
		config := Config{Duration: 200 * time.Millisecond}
		paused := replayed(t, planned(t, plantest.Gets("/1")), address, config)
		if paused.Pauses == 0 || paused.Paused <= 0 {
			t.Errorf("%d pauses of %s in all: %+v", paused.Pauses, paused.Paused, countsOf(paused))
		}
		config.NoBackoff = true
		hammered := replayed(t, planned(t, plantest.Gets("/1")), address, config)
		tries := func(r *Result) int64 { return r.Opened + r.Attempts() }
		if hammered.Pauses != 0 || hammered.Paused != 0 || tries(hammered) <= tries(paused) {
			t.Errorf("%d pauses without back-off: %+v, with it %+v", hammered.Pauses, countsOf(hammered), countsOf(paused))
		}
	}
}

func TestProgressIsTold(t *testing.T) {
	s := serve(t, always(plantest.OK))
	var last Progress
	r := replayed(t, planned(t, plantest.Gets("/1")), s.address, Config{
		Connections: 2, Loops: 2, Duration: 700 * time.Millisecond, RequestsPerConnection: 1000,
		Progress: func(p Progress) {
			if p.Requests < last.Requests || p.Elapsed < last.Elapsed || p.Done < last.Done || p.Requests > 0 && p.P99 == 0 {
				t.Errorf("%+v follows %+v", p, last)
			}
			last = p
		},
	})
	if last.Requests == 0 || last.Requests > r.Requests || last.Elapsed == 0 || last.Elapsed > r.Elapsed {
		t.Errorf("the last progress is %d of %d, after %s of %s", last.Requests, r.Requests, last.Elapsed, r.Elapsed)
	}
	if whole := last.Elapsed + last.Left; last.Done == 0 || (whole-700*time.Millisecond).Abs() > time.Microsecond && last.Done < 1 || last.P99 > r.Latency.Max() {
		t.Errorf("%g are done, and %s left after %s, with a p99 of %s", last.Done, last.Left, last.Elapsed, last.P99)
	}
}

// TestForesee: a run ends by the nearer bound, behind the warm-up.
func TestForesee(t *testing.T) {
	for _, test := range []struct {
		elapsed  time.Duration
		requests int64
		bounds   Config
		done     float64
		left     time.Duration
	}{
		{time.Second, 10, Config{Duration: 4 * time.Second}, 0.25, 3 * time.Second},
		{time.Second, 10, Config{Requests: 20}, 0.5, time.Second},
		{time.Second, 10, Config{Duration: 4 * time.Second, Requests: 20}, 0.5, time.Second},
		{time.Second, 10, Config{Duration: 2 * time.Second, Requests: 100}, 0.5, time.Second},
		{3 * time.Second, 10, Config{Duration: 2 * time.Second}, 1, 0},
		{time.Second, 0, Config{Requests: 20}, 0, 0},
		{0, 0, Config{Duration: time.Second}, 0, 0},
		{time.Second, 0, Config{Duration: time.Second, Warmup: 3 * time.Second}, 0.25, 3 * time.Second},
		{time.Second, 5, Config{Requests: 20, Warmup: time.Second}, 0.25, 3 * time.Second},
	} {
		l := &lane{}
		l.published.spent.Store(int64(test.elapsed))
		l.published.ended.Store(test.requests)
		r := &run{config: test.bounds, lanes: []*lane{l}}
		if p := r.progress(); p.Done != test.done || p.Left != test.left {
			t.Errorf("after %s and %d requests of %s and %d: %g, %s left", test.elapsed, test.requests, test.bounds.Duration, test.bounds.Requests, p.Done, p.Left)
		}
	}
}

func TestProgressTellsThatNothingCanConnect(t *testing.T) {
	t.Parallel()
	var last Progress
	r := replayed(t, planned(t, plantest.Gets("/1")), closedPort(t), Config{Duration: time.Minute, patience: 700 * time.Millisecond, Progress: func(p Progress) { last = p }})
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
			conn.Write([]byte(plantest.OK))
		}
	}()
	r := replayed(t, planned(t, plantest.Gets("/1")), "unix:"+path, Config{Verify: true})
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
			plan := planned(t, plantest.Gets("/1", "/2"), []plantest.Exchange{{"HEAD /3 HTTP/1.1\r\nHost: h\r\n\r\n", plantest.OK[:len(plantest.OK)-2]}})
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

// TestNoAllocationPerUpload is the same for requests that do not fit into one write.
func TestNoAllocationPerUpload(t *testing.T) {
	session := []plantest.Exchange{postOf(1 << 20)}
	s := serve(t, func(p *peer) {
		octets, answer := make([]byte, len(session[0][0])), []byte(plantest.OK)
		for {
			if _, err := io.ReadFull(p, octets); err != nil {
				return
			}
			p.Write(answer)
		}
	})
	plan := planned(t, session)
	mallocs := func(requests int64) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := replayed(t, plan, s.address, Config{Requests: requests, RequestsPerConnection: 1 << 20})
		runtime.ReadMemStats(&after)
		if r.Errors != 0 || r.Opened != 1 {
			t.Fatal(r.Explanations)
		}
		return after.Mallocs - before.Mallocs
	}
	mallocs(10)
	// A second of a run allocates, too, and it is seconds on a busy machine.
	if few, many := mallocs(10), mallocs(510); many > few+250 {
		t.Errorf("500 uploads more allocate %d times more", many-few)
	}
}

// answerBlindly takes each read for one request, and allocates nothing.
func answerBlindly(p *peer) {
	octets, answer := make([]byte, 4096), []byte(plantest.OK)
	for {
		if _, err := p.Read(octets); err != nil {
			return
		}
		p.Write(answer)
	}
}

// TestBusy: the busiest loop counts, in the time of the whole run.
func TestBusy(t *testing.T) {
	const s = time.Second
	at := func(d time.Duration) loop.Time { return loop.Time(s + d) }
	for _, test := range []struct {
		lanes []*lane
		want  float64
	}{
		{[]*lane{{began: at(0), left: at(10 * s), waited: 8 * s}, {began: at(0), left: at(10 * s), waited: s / 2}}, 0.95},
		{[]*lane{{began: at(0), left: at(10 * s), waited: 5 * s}, {began: at(0), left: at(s)}}, 0.5},
		{[]*lane{{began: at(0), left: at(0)}}, 0},
	} {
		r, err := newRun(planned(t, plantest.Gets("/1")), Config{})
		if err != nil {
			t.Fatal(err)
		}
		r.lanes = test.lanes
		if got := r.result().Busy; got != test.want {
			t.Errorf("busy for %g of the time, want %g", got, test.want)
		}
	}
	idle := replayed(t, planned(t, plantest.Gets("/1")), serve(t, func(p *peer) {
		p.next()
		time.Sleep(100 * time.Millisecond)
		p.say(plantest.OK)
	}).address, Config{})
	if idle.Busy == 0 || idle.Busy > 0.9 || idle.Wanted != 1 || idle.Reached != 1 {
		t.Errorf("busy for %g of the time, %d of %d connections", idle.Busy, idle.Reached, idle.Wanted)
	}
}
