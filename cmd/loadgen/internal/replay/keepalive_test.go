package replay

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/pace"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// carried is what a simulated server has seen of a connection: when each request came.
type carried []loop.Time

// alive replays so many requests of sessions without end to a server that answers at
// once, over a network without delay.
func alive(t *testing.T, config Config) (*Result, []carried) {
	t.Helper()
	var seen []carried
	p := planned(t, plantest.Gets("/1", "/2"))
	p.Joined = true
	r := served(t, simnet.Options{}, config, p, func(l *loop.Loop, connection int, _ string) {
		for len(seen) <= connection {
			seen = append(seen, nil)
		}
		seen[connection] = append(seen[connection], l.Clock())
	})
	if r.Errors != 0 || r.Requests != config.Requests || r.Opened != int64(len(seen)) {
		t.Errorf("%+v, %v", countsOf(r), r.Explanations)
	}
	checkBooks(t, 0, r)
	return r, seen
}

// TestDrawnRequestsPerConnection: each number that may be drawn is, and no other.
func TestDrawnRequestsPerConnection(t *testing.T) {
	_, seen := alive(t, Config{Requests: 500, RequestsPerConnection: 2, MostPerConnection: 4})
	lengths := map[int]int{}
	for _, c := range seen[:len(seen)-1] {
		lengths[len(c)]++
	}
	if len(lengths) != 3 || lengths[2] < 30 || lengths[3] < 30 || lengths[4] < 30 {
		t.Errorf("so many carried so many: %v", lengths)
	}
}

// TestIdle: between two requests of a connection there is the gap, or one of the gaps
// that may be drawn, and it is no part of any latency.
func TestIdle(t *testing.T) {
	for _, idle := range []pace.Between[time.Duration]{{Least: 70 * ms}, {Least: 0, Most: 20 * ms}, {Least: 2 * ms, Most: 3 * ms}} {
		r, seen := alive(t, Config{Requests: 100, Connections: 2, Idle: idle})
		least, most := time.Hour, time.Duration(0)
		for _, c := range seen {
			for i := range c[1:] {
				least, most = min(least, c[i+1].Sub(c[i])), max(most, c[i+1].Sub(c[i]))
			}
		}
		spread := idle.Greatest() - idle.Least
		if least < idle.Least || least > idle.Least+spread/4+ms/10 || most < idle.Greatest()-spread/4 || most > idle.Greatest()+ms/10 {
			t.Errorf("%+v: idle for %s to %s", idle, least, most)
		}
		if r.Opened != 2 || r.Latency.Max() > ms/10 {
			t.Errorf("%+v: %+v, latency up to %s", idle, countsOf(r), r.Latency.Max())
		}
	}
}

// TestIdleAnyway: a user waits between requests whether or not the connection is kept.
func TestIdleAnyway(t *testing.T) {
	for _, requests := range []int{0, 1, 3} {
		var times []loop.Time
		_, seen := alive(t, Config{Requests: 30, RequestsPerConnection: requests, Idle: pace.Between[time.Duration]{Least: 70 * ms}, IdleAnyway: true})
		for _, c := range seen {
			times = append(times, c...)
		}
		for i := range times[1:] {
			if gap := times[i+1].Sub(times[i]); gap < 70*ms || gap > 71*ms {
				t.Errorf("%d requests per connection: %s between two", requests, gap)
			}
		}
	}
}

// TestAged: of those that are first, each part of the requests is carried by some, and
// those that follow carry all.
func TestAged(t *testing.T) {
	const connections = 100
	_, seen := alive(t, Config{Connections: connections, Requests: 20 * connections, RequestsPerConnection: 4, Aged: true, Idle: pace.Between[time.Duration]{Least: ms}, IdleAnyway: true})
	lengths := map[int]int{}
	for _, c := range seen[:connections] {
		lengths[len(c)]++
	}
	if len(lengths) != 4 || lengths[1] != 25 || lengths[2] != 25 || lengths[3] != 25 || lengths[4] != 25 {
		t.Errorf("so many carried so many: %v", lengths)
	}
	for i, c := range seen[connections : 4*connections] {
		if len(c) != 4 {
			t.Errorf("connection %d carried %d", connections+i, len(c))
		}
	}
	if _, seen = alive(t, Config{Connections: 4, Requests: 100, Aged: true}); len(seen) != 4 {
		t.Errorf("there were %d connections without a bound", len(seen))
	}
}

// TestLifetime: a connection that is too old carries no request more, but the one that
// tells the server.
func TestLifetime(t *testing.T) {
	for how, requests := range map[Closing]int{CloseFIN: 4, CloseRST: 4, CloseHeader: 5} { // at 0, 10, 20, 30, and 40 ms
		config := Config{Requests: 100, Idle: pace.Between[time.Duration]{Least: 10 * ms}, Lifetime: 35 * ms, Close: how}
		r, seen := alive(t, config)
		for i, c := range seen[:len(seen)-1] {
			if len(c) != requests {
				t.Errorf("closing %d: connection %d carried %d requests, not %d", how, i, len(c), requests)
			}
		}
		if how == CloseHeader && r.ClosedByPeer < r.Opened-1 || how != CloseHeader && r.ClosedByPeer > 0 {
			t.Errorf("closing %d: %+v", how, countsOf(r))
		}
	}
}

// TestWaysToClose in simulated networks: the books balance, and who was to close did.
func TestWaysToClose(t *testing.T) {
	p := simPlan(t)
	for seed := range simSeeds() / 5 {
		for how := range CloseHeader + 1 {
			config := Config{Connections: 3, Requests: 40, Timeout: time.Hour, Close: how, Verify: true}
			switch seed % 4 {
			case 1:
				config.RequestsPerConnection, config.MostPerConnection = 1, 5
			case 2:
				config.Lifetime = 50 * ms
			case 3:
				config.Idle = pace.Between[time.Duration]{Least: 0, Most: 100 * ms}
			}
			r, err := simulated(t, seed, simnet.Rough(seed), p, config)
			if err != nil || r.Requests != 40 || r.Errors != 0 {
				t.Errorf("seed %d, closing %d: %v, %+v, %v", seed, how, err, countsOf(r), r.Explanations)
			}
			checkBooks(t, seed, r)
			config.Timeout = time.Second
			r, err = simulated(t, seed, simnet.Hostile(seed), p, config)
			if sum := r.Requests + r.Unfinished + r.Unsent; err != nil || sum != 40 {
				t.Errorf("seed %d, closing %d, hostile: %v, %s, %+v", seed, how, err, r.Ending, countsOf(r))
			}
			checkBooks(t, seed, r)
		}
	}
}

// TestHowItEnds is what the server sees: an end or a reset, and whether it was told.
func TestHowItEnds(t *testing.T) {
	for how, want := range map[Closing]string{
		CloseAsAsked: "not told, end", CloseFIN: "not told, end", CloseRST: "not told, reset", CloseHeader: "told",
	} {
		var mu sync.Mutex
		got := ""
		s := serve(t, func(p *peer) {
			said := "not told, end"
			for {
				if _, err := p.reader.Peek(1); err != nil {
					if errors.Is(err, syscall.ECONNRESET) {
						said = "not told, reset"
					}
					break
				}
				r := p.next()
				p.say(plantest.OK)
				if r.Close {
					said = "told"
					break
				}
			}
			mu.Lock()
			defer mu.Unlock()
			got = said
		})
		r := replayed(t, planned(t, plantest.Gets("/1", "/2")), s.address, Config{Close: how})
		said := func() bool { mu.Lock(); defer mu.Unlock(); return got == want }
		if !eventually(said) || r.Errors != 0 || (r.ClosedByPeer == 1) != (how == CloseHeader) {
			t.Errorf("closing %d: %s, not %s; %+v, %v", how, got, want, countsOf(r), r.Explanations)
		}
	}
}

// TestSources are taken in turns.
func TestSources(t *testing.T) {
	seen := map[string]int{}
	var mu sync.Mutex
	s := serve(t, func(p *peer) {
		mu.Lock()
		seen[p.RemoteAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Addr().String()]++
		mu.Unlock()
		always(plantest.OK)(p)
	})
	config := Config{Connections: 6, Loops: 2, Requests: 60, RequestsPerConnection: 10}
	for i := range 3 {
		config.Sources = append(config.Sources, netip.AddrFrom4([4]byte{127, 0, 0, byte(10 + i)}))
	}
	r := replayed(t, planned(t, plantest.Gets("/")), s.address, config)
	mu.Lock()
	defer mu.Unlock()
	if r.Errors != 0 || len(seen) == 0 || len(seen) > 3 {
		t.Errorf("%v, %+v, %v", seen, countsOf(r), r.Explanations)
	}
	for from := range seen {
		if from != "127.0.0.10" && from != "127.0.0.11" && from != "127.0.0.12" {
			t.Errorf("a connection came from %s", from)
		}
	}
}

// TestWarmup: what came to its end in it counts nowhere else, and what is slow only
// then is no latency.
func TestWarmup(t *testing.T) {
	p := planned(t, plantest.Gets("/"))
	p.Joined = true
	for name, config := range map[string]Config{
		"by number":   {Requests: 120},
		"by time":     {Duration: time.Second},
		"open":        {Duration: time.Second, Arrivals: pace.Arrivals{PerSecond: 20}},
		"never ended": {Requests: 10},
	} {
		config.Warmup = 990*ms + ms/2
		start := loop.Time(0)
		r := served(t, simnet.Options{}, config, p, func(l *loop.Loop, _ int, _ string) {
			if start == 0 {
				start = l.Clock()
			}
			if l.Clock().Sub(start) < 500*ms {
				l.Sleep(30 * ms)
			}
			l.Sleep(9 * ms)
		})
		got := fmt.Sprint(r.Opened, r.ClosedByUs, r.Connect.Count(), r.Unsent)
		if name == "never ended" {
			if r.Requests != 0 || r.Warmup != 10 || r.Err() == nil || !strings.Contains(r.Err().Error(), "within --warmup") {
				t.Errorf("%s: %d before %+v", name, r.Warmup, countsOf(r))
			}
			continue
		}
		if r.Warmup < 20 || config.Requests > 0 && r.Requests+r.Warmup != config.Requests || r.Latency.Max() > 12*ms || got != "1 1 1 0" {
			t.Errorf("%s: %d before %+v, latency up to %s, %s", name, r.Warmup, countsOf(r), r.Latency.Max(), got)
		}
		if config.Duration > 0 && (r.Elapsed-config.Duration).Abs() > 20*ms {
			t.Errorf("%s: it took %s", name, r.Elapsed)
		}
	}
}
