package replay

import (
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// TestTimesByKind: every way takes 10 ms, and a response of 640 bytes goes out in
// pieces of at most 64, one every millisecond.
func TestTimesByKind(t *testing.T) {
	const way, piece = 10 * time.Millisecond, time.Millisecond
	options := simnet.Options{Delay: simnet.Range{Min: way}, Pace: simnet.Range{Min: piece}, Piece: 64}
	plan := planned(t, []plantest.Exchange{{plantest.Get("/"), simResponse("/")}, {plantest.Get("/"), simResponse("/")}})
	for _, test := range []struct {
		name         string
		perConn      int
		opened, kept int64
	}{
		{"kept alive", 0, 1, 1},
		{"not kept alive", 1, 2, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := simulated(t, 1, options, plan, Config{RequestsPerConnection: test.perConn})
			if err != nil || r.Errors != 0 {
				t.Fatalf("%v, %v", err, r.Explanations)
			}
			all := test.opened + test.kept
			for _, kind := range []struct {
				name       string
				got        *measure.Histogram
				count      int64
				least, max time.Duration
			}{
				{"connect", &r.Connect, test.opened, 2 * way, 2*way + 2*piece},
				{"first byte", &r.FirstByte, all, 2 * way, 2*way + 4*piece},
				{"latency", &r.Latency, all, 2*way + 10*piece, time.Second},
				{"first request", r.FirstRequest(), test.opened, 2*way + 10*piece, time.Second},
				{"second request", &r.ByPosition[1], test.kept, 0, time.Second},
				{"first request with connect", &r.FirstRequestWithConnect, test.opened, 4*way + 10*piece, time.Second},
			} {
				if h := kind.got; h.Count() != kind.count || h.Min() < kind.least || h.Max() > kind.max {
					t.Errorf("%s: %d from %s to %s", kind.name, h.Count(), h.Min(), h.Max())
				}
			}
			connecting := r.Connect.Mean() * time.Duration(test.opened) / time.Duration(all)
			if got := r.LatencyWithConnect.Mean() - r.Latency.Mean(); (got-connecting).Abs() > time.Microsecond || r.LatencyWithConnect.Count() != all {
				t.Errorf("connecting adds %s to the mean latency, not %s", got, connecting)
			}
		})
	}
}

// TestPositions: which request of its connection each was is known, also behind one
// whose response is not the recorded one.
func TestPositions(t *testing.T) {
	var nine []plantest.Exchange
	for i := range 9 {
		nine = append(nine, plantest.Exchange{plantest.Get("/"), simResponse("/")})
		if i == 5 {
			nine[i][1] = plantest.OK
		}
	}
	r, err := simulated(t, 1, simnet.Options{}, planned(t, nine, nine), Config{Verify: true})
	if err != nil || r.Requests != 18 || r.Errors != 2 || r.Opened != 2 {
		t.Fatalf("%v, %+v, %v", err, countsOf(r), r.Explanations)
	}
	for class, want := range []int64{2, 2, 4, 6, 2, 0} {
		if got := r.ByPosition[class].Count(); got != want {
			t.Errorf("%d requests in class %d, want %d", got, class, want)
		}
	}
	if got := r.ByIdle[0].Count(); got != 14 {
		t.Errorf("%d requests at once, want 14", got)
	}
}

// TestSentAgain: a request that is sent again is the first one of its new connection,
// and its latency begins anew.
func TestSentAgain(t *testing.T) {
	const way = 10 * time.Millisecond
	first := plantest.Exchange{plantest.Get("/"), simResponse("/")}
	stale := int64(0)
	for seed := range simSeeds() {
		options := simnet.Options{Delay: simnet.Range{Min: way}, Late: 0.5, LateBy: simnet.Range{Max: way}, Fate: func(d simnet.Dial) (f simnet.Fate) {
			if d.Number == 1 {
				f.Down = simnet.Cut{Kind: simnet.CutReset, At: int64(len(first[1]))}
			}
			return f
		}}
		r, err := simulated(t, seed, options, planned(t, []plantest.Exchange{first, first}), Config{})
		if err != nil || r.Errors != 0 || r.Opened != 2 {
			t.Fatalf("seed %d: %v, %+v, %v", seed, err, countsOf(r), r.Explanations)
		}
		if stale += r.Stale; r.FirstRequest().Count() != 2 || r.FirstByte.Max() >= 4*way {
			t.Errorf("seed %d: %d first requests, first byte after %s", seed, r.FirstRequest().Count(), r.FirstByte.Max())
		}
	}
	if stale == 0 {
		t.Error("the end of the connection was always seen before the request")
	}
}

// TestNoticed: what comes within the turn that asked for it was not there before.
func TestNoticed(t *testing.T) {
	group, err := loop.NewGroup(1, loop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	on := group.Loop(0)
	on.Post(func() {
		defer group.Stop()
		w := &worker{lane: &lane{loop: on}}
		if got := w.noticed(on.Now() - 1); got != on.Now() {
			t.Errorf("%d, but the turn began at %d", got, on.Now())
		}
		if since := on.Clock() + 1; w.noticed(since) < since-1 {
			t.Errorf("noticed %s too early", since.Sub(w.noticed(since)))
		}
	})
	if err := group.Run(); err != nil {
		t.Fatal(err)
	}
}

// TestFirstByteIsOfAnyResponse: an interim response is an answer, too.
func TestFirstByteIsOfAnyResponse(t *testing.T) {
	for _, first := range []string{"H", "HTTP/1.1 103 Early Hints\r\n\r\n"} {
		const pause = 100 * time.Millisecond
		s := serve(t, func(p *peer) {
			p.next()
			p.say(first)
			time.Sleep(pause)
			p.say(strings.TrimPrefix(plantest.OK, first))
		})
		r := replayed(t, planned(t, plantest.Gets("/")), s.address, Config{})
		if r.Errors != 0 || r.FirstByte.Max() > r.Latency.Max()-pause/2 {
			t.Errorf("after %q: first byte after %s, the last after %s, %v", first, r.FirstByte.Max(), r.Latency.Max(), r.Explanations)
		}
	}
}
