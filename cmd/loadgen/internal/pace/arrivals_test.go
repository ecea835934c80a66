package pace

import (
	"math"
	"slices"
	"testing"
	"time"
)

// whole is all arrivals in one stream.
var whole = Part{Index: 0, Of: 1, Places: 1}

// TestArrivalsAt: each instant by its formula, however late it is.
func TestArrivalsAt(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	for _, test := range []struct {
		name     string
		arrivals Arrivals
		n        float64
		want     time.Duration
	}{
		{"the first is due at once", Arrivals{PerSecond: 10}, 0, 0},
		{"constant", Arrivals{PerSecond: 10}, 7, 700 * ms},
		{"less than one a second", Arrivals{PerSecond: 0.25}, 3, 12 * s},
		{"a third of a second is not added up", Arrivals{PerSecond: 3}, 3e6, 1e6 * s},
		{"nor a seventh of a millisecond", Arrivals{PerSecond: 7000}, 7e8, 1e5 * s},
		{"a ramp begins at once", Arrivals{PerSecond: 100, Ramp: 2 * s}, 0, 0},
		{"a quarter of its requests in half the ramp", Arrivals{PerSecond: 100, Ramp: 2 * s}, 25, s},
		{"all of them in the whole", Arrivals{PerSecond: 100, Ramp: 2 * s}, 100, 2 * s},
		{"and then as without", Arrivals{PerSecond: 100, Ramp: 2 * s}, 200, 3 * s},
		{"never", Arrivals{PerSecond: 1e-300}, 1, math.MaxInt64},
	} {
		if got := test.arrivals.at(test.n); (got - test.want).Abs() > time.Nanosecond {
			t.Errorf("%s: %s, not %s", test.name, got, test.want)
		}
	}
}

// TestStreamsAreTheWhole: parts have each request once, in proportion to their places.
func TestStreamsAreTheWhole(t *testing.T) {
	const limit = 1000
	for _, p := range []Part{{Of: 1, Places: 1}, {Of: 2, Places: 2}, {Of: 2, Places: 3}, {Of: 3, Places: 16}, {Of: 4, Places: 6}} {
		for _, a := range []Arrivals{{PerSecond: 1000}, {PerSecond: 1000, Poisson: true}} {
			var all []int64
			for p.Index = range p.Of {
				s, before, mine := a.Part(p, limit, 1), time.Duration(0), 0
				for n, due, more := s.Next(); more; n, due, more = s.Next() {
					if due < before || !a.Poisson && due != a.at(float64(n)) {
						t.Errorf("%+v of %+v: request %d is due after %s, after %s", p, a, n, due, before)
					}
					all, before = append(all, n), due
					mine++
					s.Advance()
				}
				if want := limit * p.share() / p.Places; max(mine-want, want-mine) > p.Places {
					t.Errorf("%+v has %d of %d requests", p, mine, limit)
				}
			}
			slices.Sort(all)
			for i, n := range all {
				if int64(i) != n {
					t.Fatalf("%+v of %+v: the requests are %d", p, a, all)
				}
			}
			if len(all) != limit {
				t.Errorf("%+v of %+v: %d requests", p, a, len(all))
			}
		}
	}
}

// TestPoisson: the gaps of all parts together have the mean of the rate, and as many of
// them are longer than x as e to the -x.
func TestPoisson(t *testing.T) {
	const n, perSecond = 100_000, 1000.0
	var all []time.Duration
	for i := range 3 {
		s := Arrivals{PerSecond: perSecond, Poisson: true}.Part(Part{Index: i, Of: 3, Places: 7}, n, 1)
		for _, due, more := s.Next(); more; _, due, more = s.Next() {
			all = append(all, due)
			s.Advance()
		}
	}
	slices.Sort(all)
	all = all[:n*9/10] // behind it a part may have come to its end
	if got := float64(len(all)) / all[len(all)-1].Seconds(); math.Abs(got/perSecond-1) > 0.02 {
		t.Errorf("%g in a second, not %g", got, perSecond)
	}
	for _, x := range []float64{0.5, 1, 2, 4} {
		longer := 0
		for i := range all[1:] {
			if (all[i+1]-all[i]).Seconds()*perSecond > x {
				longer++
			}
		}
		if got, want := float64(longer)/float64(len(all)), math.Exp(-x); math.Abs(got-want) > 0.01 {
			t.Errorf("%.3f of the gaps are longer than %g of the mean, not %.3f", got, x, want)
		}
	}
}

// TestSeed: one seed is one history, another is another.
func TestSeed(t *testing.T) {
	tell := func(seed uint64) (all []time.Duration) {
		s := Arrivals{PerSecond: 10, Poisson: true}.Part(whole, 20, seed)
		for _, due, more := s.Next(); more; _, due, more = s.Next() {
			all = append(all, due)
			s.Advance()
		}
		return all
	}
	if !slices.Equal(tell(1), tell(1)) || slices.Equal(tell(1), tell(2)) {
		t.Errorf("%s, %s, %s", tell(1), tell(1), tell(2))
	}
}

func TestStreamDoesNotAllocate(t *testing.T) {
	s := Arrivals{PerSecond: 10, Poisson: true, Ramp: time.Second}.Part(whole, 0, 1)
	if n := testing.AllocsPerRun(100, func() { s.Next(); s.Advance() }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
