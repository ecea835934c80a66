package replay

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/pace"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
	"github.com/hopwire/hopwire/shared/wiretest"
)

const ms = time.Millisecond

// TestKnownLatencies: where the server's latencies are known, each histogram has the
// percentiles that must come out. Connecting takes 2 ms.
func TestKnownLatencies(t *testing.T) {
	constant := func(int) time.Duration { return 4 * ms }
	bimodal := func(n int) time.Duration {
		if n%10 == 9 {
			return 50 * ms
		}
		return 4 * ms
	}
	stall := func(n int) time.Duration {
		if n == 100 {
			return time.Second
		}
		return 4 * ms
	}
	type of = [3]time.Duration // p50, p90, p99
	for _, test := range []struct {
		name              string
		config            Config
		takes             func(n int) time.Duration
		latency, response of
		max               time.Duration // of both, with more connections than are needed
	}{
		{"constant", Config{Connections: 8}, constant, of{4 * ms, 4 * ms, 4 * ms}, of{4 * ms, 4 * ms, 4 * ms}, 4 * ms},
		{"bimodal", Config{Connections: 64}, bimodal, of{4 * ms, 4 * ms, 50 * ms}, of{4 * ms, 4 * ms, 50 * ms}, 50 * ms},
		// A second without answers is one slow request of 500 to who waits for it, and
		// to those who come every 10 ms 100 and, until the queue is gone, as many again.
		{"a stall of a second, one connection", Config{Connections: 1}, stall, of{4 * ms, 4 * ms, 4 * ms}, of{4 * ms, 700 * ms, 970 * ms}, time.Second},
		{"a stall of a second, many connections", Config{Connections: 64}, stall, of{4 * ms, 4 * ms, 4 * ms}, of{4 * ms, 4 * ms, 4 * ms}, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.config.Arrivals.PerSecond = 100
			test.config.Requests = 500
			r := takingTime(t, test.config, planned(t, plantest.Gets("/")), test.takes)
			for _, kind := range []struct {
				name string
				got  *measure.Histogram
				want of
				max  time.Duration
			}{
				{"latency", &r.Latency, test.latency, test.max},
				{"response", &r.Response, test.response, test.max},
				{"lateness", &r.Lateness, of{}, 0},
			} {
				if kind.got.Count() != 500 {
					t.Errorf("%s: %d requests", kind.name, kind.got.Count())
				}
				for i, p := range []float64{50, 90, 99} {
					want := kind.want[i]
					if got := kind.got.Percentile(p); got < want-want/10 || got > want+want/10+4*ms {
						t.Errorf("%s: p%g is %s, not %s", kind.name, p, got, want)
					}
				}
				if got := kind.got.Max(); got < kind.max || got > kind.max+6*ms {
					t.Errorf("%s: the longest is %s, not %s", kind.name, got, kind.max)
				}
			}
		})
	}
}

// takingTime replays to a server that takes a known time for the n-th request.
func takingTime(t *testing.T, config Config, p *plan.Plan, takes func(n int) time.Duration) *Result {
	t.Helper()
	n := 0
	options := simnet.Options{Delay: simnet.Range{Min: ms / 2, Max: ms / 2}}
	r := served(t, options, config, p, func(l *loop.Loop, _ int, target string) {
		n++
		l.Sleep(takes(n-1) - ms)
	})
	if r.Errors != 0 || r.Ending != Complete {
		t.Fatalf("%s, %v", r.Ending, r.Explanations)
	}
	checkBooks(t, 0, r)
	return r
}

// served replays to a server that answers what is asked for on a connection once
// before has returned.
func served(t *testing.T, options simnet.Options, config Config, p *plan.Plan, before func(l *loop.Loop, connection int, target string)) *Result {
	t.Helper()
	connections := 0
	r, err := watched(t, 1, options, p, config, func(o *simOrigin) {
		i := connections
		connections++
		o.before = func(target string) { before(o.loop, i, target) }
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRoughPace: whatever the network does, each request that was due is answered,
// failed, unfinished or unsent, and each that was taken up was late or not.
func TestRoughPace(t *testing.T) {
	t.Parallel()
	plans := simPlan(t)
	for i := range plans.Sessions {
		for j := range plans.Sessions[i].Requests {
			plans.Sessions[i].Requests[j].At = time.Duration(i*30+j*70) * ms
		}
	}
	for seed := range simSeeds() / 5 {
		for _, config := range []Config{
			{Connections: 3, Requests: 40, Arrivals: pace.Arrivals{PerSecond: 50}},
			{Connections: 3, Requests: 40, Arrivals: pace.Arrivals{PerSecond: 500, Poisson: true}, Oldest: true, RequestsPerConnection: 4},
			{Connections: 2, Duration: time.Second, Grace: time.Second, Arrivals: pace.Arrivals{PerSecond: 50, Ramp: time.Second}},
			{Connections: 3, Requests: 40, Speed: 2},
			{Connections: 1, Duration: time.Second, Grace: time.Second, Speed: 1},
		} {
			for name, options := range map[string]simnet.Options{"rough": simnet.Rough(seed), "hostile": simnet.Hostile(seed)} {
				config.Timeout = time.Second
				if name == "rough" {
					config.Timeout = time.Hour
				}
				r, err := simulated(t, seed, options, plans, config)
				if err != nil || name == "rough" && (r.Errors != 0 || config.Requests > 0 && r.Requests != config.Requests) {
					t.Errorf("seed %d, %s, %+v: %v, %s, %+v, %v", seed, name, config.Arrivals, err, r.Ending, countsOf(r), r.Explanations)
				}
				if sum := r.Requests + r.Unfinished + r.Unsent; config.Requests > 0 && sum != config.Requests {
					t.Errorf("seed %d, %s: %s after %+v", seed, name, r.Ending, countsOf(r))
				}
				if n := r.Requests + r.Unfinished; r.Response.Count() != r.Latency.Count() || r.Lateness.Count() < n || r.Lateness.Min() < 0 {
					t.Errorf("seed %d, %s: %d of %d answered were due; %d of %d were late, by %s", seed, name, r.Response.Count(), r.Latency.Count(), r.Lateness.Count(), n, r.Lateness.Min())
				}
				checkBooks(t, seed, r)
			}
		}
	}
}

// TestOpenLoopEnds: when the time is over, what was due is not lost: it was answered,
// is unfinished, or was not sent.
func TestOpenLoopEnds(t *testing.T) {
	config := Config{Connections: 2, Duration: 995 * ms, Arrivals: pace.Arrivals{PerSecond: 100}, Grace: 10 * time.Second}
	r := served(t, simnet.Options{}, config, planned(t, plantest.Gets("/")), func(l *loop.Loop, _ int, _ string) { l.Sleep(100 * ms) })
	if sum := r.Requests + r.Unfinished + r.Unsent; r.Ending != Elapsed || sum != 100 || r.Requests < 18 || r.Requests > 22 {
		t.Errorf("%s, %+v", r.Ending, countsOf(r))
	}
}

// TestReuse: the newest connections suffice for a low rate; with the oldest all have
// their turn.
func TestReuse(t *testing.T) {
	for oldest, want := range map[bool]int64{false: 1, true: 8} {
		config := Config{Connections: 8, Requests: 100, Arrivals: pace.Arrivals{PerSecond: 100}, Oldest: oldest}
		r := takingTime(t, config, planned(t, plantest.Gets("/")), func(int) time.Duration { return 4 * ms })
		if r.Opened != want || r.Reused != 100-want {
			t.Errorf("oldest %t: %+v", oldest, countsOf(r))
		}
	}
}

// TestRecordedPace: recorded pauses come back within a millisecond, on the recorded
// connections, at every speed.
func TestRecordedPace(t *testing.T) {
	p := planned(t, plantest.Gets("/a1", "/a2", "/a3"), plantest.Gets("/b1", "/b2"), plantest.Gets("/c1"))
	recorded := map[string]time.Duration{"/a1": 300 * ms, "/a2": 307 * ms, "/a3": 950 * ms, "/b1": 0, "/b2": 333 * ms, "/c1": 960 * ms}
	for i := range p.Sessions {
		for j := range p.Sessions[i].Requests {
			p.Sessions[i].Requests[j].At = recorded[string(p.Sessions[i].Requests[j].Target)]
		}
	}
	for _, speed := range []float64{1, 3, 0.5} {
		seen, on := map[string][]loop.Time{}, map[string][]int{}
		config := Config{Connections: 4, Requests: 12, Speed: speed}
		r := served(t, simnet.Options{}, config, p, func(l *loop.Loop, connection int, target string) {
			seen[target] = append(seen[target], l.Clock())
			on[target] = append(on[target], connection)
		})
		if r.Errors != 0 || r.Opened != 6 || r.Lateness.Max() > ms/10 {
			t.Errorf("%g times as fast: %+v, %v, up to %s late", speed, countsOf(r), r.Explanations, r.Lateness.Max())
		}
		const pass = 960*ms + 192*ms // of six requests
		for target, at := range recorded {
			for i := range 2 {
				want := time.Duration(float64(time.Duration(i)*pass+at) / speed)
				if got := seen[target][i].Sub(seen["/b1"][0]); (got - want).Abs() > ms {
					t.Errorf("%g times as fast: %s comes after %s, not %s", speed, target, got, want)
				}
			}
		}
		if on["/a1"][0] != on["/a3"][0] || on["/b1"][1] != on["/b2"][1] || on["/a1"][0] == on["/b1"][0] {
			t.Errorf("%g times as fast: the connections are %v", speed, on)
		}
	}
}

// TestPaceOnSeveralLoops: each request goes out once, whichever loop it is for.
func TestPaceOnSeveralLoops(t *testing.T) {
	p := planned(t, plantest.Gets("/1", "/2"), plantest.Gets("/3"), plantest.Gets("/4", "/5"))
	for i := range p.Sessions {
		for j := range p.Sessions[i].Requests {
			p.Sessions[i].Requests[j].At = time.Duration(i+2*j) * ms / 2
		}
	}
	for name, config := range map[string]Config{
		"constant": {Arrivals: pace.Arrivals{PerSecond: 2000}},
		"poisson":  {Arrivals: pace.Arrivals{PerSecond: 2000, Poisson: true}, Oldest: true},
		"recorded": {Speed: 1},
	} {
		s := serve(t, always(plantest.OK))
		config.Connections, config.Loops, config.Requests = 5, 3, 500
		r := replayed(t, p, s.address, config)
		seen := map[string]int{}
		for _, targets := range s.connections() {
			for _, target := range targets {
				seen[target]++
			}
		}
		if len(seen) != 5 || seen["/1"] != 100 || seen["/3"] != 100 || seen["/5"] != 100 || r.Requests != 500 || r.Errors != 0 || r.Response.Count() != 500 {
			t.Errorf("%s: seen are %v, %+v, %v", name, seen, countsOf(r), r.Explanations)
		}
		checkBooks(t, 0, r)
	}
}

// TestNoAllocations: neither a closed loop nor an open one allocates for a request.
func TestNoAllocations(t *testing.T) {
	if wiretest.RaceDetector {
		t.Skip("the race detector allocates")
	}
	p := planned(t, plantest.Gets("/1", "/2"))
	for name, config := range map[string]Config{
		"closed": {Connections: 2, RequestsPerConnection: 1 << 30},
		"open":   {Connections: 2, Arrivals: pace.Arrivals{PerSecond: 1e5, Poisson: true}},
	} {
		mallocs := func(requests int64) int64 {
			config.Requests = requests
			config.Target, _ = loop.ParseAddress("127.0.0.1:80")
			r, err := newRun(p, config)
			if err != nil {
				t.Fatal(err)
			}
			group, err := loop.NewGroup(1, loop.Config{Engine: func(int) (loop.Engine, error) { return &answeringEngine{}, nil }})
			if err != nil {
				t.Fatal(err)
			}
			r.startOn(group)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := group.Run(); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if got := r.result(); got.Requests != requests || got.Errors != 0 {
				t.Fatalf("%s: %+v, %v", name, countsOf(got), got.Explanations)
			}
			return int64(after.Mallocs - before.Mallocs)
		}
		if few, many := mallocs(1000), mallocs(11000); many-few > 100 {
			t.Errorf("%s: %d allocations for 10,000 requests more", name, many-few)
		}
	}
}

// An answeringEngine has everything answered at once.
type answeringEngine struct {
	loop.Engine
	now    loop.Time
	last   loop.Handle
	tokens [8]uint64
	events []loop.Event
}

func (e *answeringEngine) report(h loop.Handle, r loop.Ready) {
	e.events = append(e.events, loop.Event{Token: e.tokens[h], Ready: r})
}

func (e *answeringEngine) Now() loop.Time  { e.now += 100; return e.now }
func (e *answeringEngine) Wall() time.Time { return time.Time{} }
func (e *answeringEngine) Wake()           {}
func (e *answeringEngine) Close() error    { return nil }

func (e *answeringEngine) Wait(events []loop.Event, until loop.Time) (int, error) {
	n := copy(events, e.events)
	if e.events = e.events[:0]; n == 0 && until != loop.Never {
		e.now = max(e.now, until)
	}
	return n, nil
}

func (e *answeringEngine) Connect(*loop.Address) (loop.Handle, error) { e.last++; return e.last, nil }
func (e *answeringEngine) Register(h loop.Handle, token uint64) error {
	e.tokens[h] = token
	e.report(h, loop.ReadyWrite)
	return nil
}
func (e *answeringEngine) ConnectResult(loop.Handle) error           { return nil }
func (e *answeringEngine) LocalAddr(loop.Handle) (at netip.AddrPort) { return at }
func (e *answeringEngine) Ended(loop.Handle) bool                    { return false }
func (e *answeringEngine) CloseSocket(loop.Handle) error             { return nil }
func (e *answeringEngine) Write(h loop.Handle, p []byte) (int, error) {
	e.report(h, loop.ReadyRead)
	return len(p), nil
}
func (e *answeringEngine) Read(_ loop.Handle, p []byte) (int, error) {
	return copy(p, plantest.OK), nil
}

// TestKept: an open loop has sent fewer than were due, or has taken longer for them.
func TestKept(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		name          string
		due, taken    time.Duration
		sent, overdue int64
		want          float64
	}{
		{"in time", 2 * s, 2 * s, 1000, 0, 1},
		{"a moment late", 2 * s, 2*s + 10*time.Millisecond, 1000, 0, 1},
		{"late", 2 * s, 4*s + 10*time.Millisecond, 1000, 0, 0.5},
		{"some not at all", 2 * s, 2 * s, 900, 100, 0.9},
		{"none", 0, 0, 0, 100, 0},
		{"the only one", 0, time.Millisecond, 1, 0, 1},
	} {
		late := &lane{began: 7, lastDue: loop.Time(7).Add(test.due), lastTaken: loop.Time(7).Add(test.taken)}
		quiet := &lane{began: 7, lastDue: 7, lastTaken: 7}
		if got := (&run{lanes: []*lane{quiet, late}}).kept(test.sent, test.overdue); got != test.want {
			t.Errorf("%s: %g, want %g", test.name, got, test.want)
		}
	}
}
