package compare

import (
	"math"
	"math/rand/v2"
	"testing"
)

// series are n values around a center, with a standard deviation that is a share of it.
func series(rng *rand.Rand, n int, center, deviation float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = center * (1 + deviation*rng.NormFloat64())
	}
	return values
}

// TestFindings counts, over seeded series, how often equal ones are found equal, 5 %
// more is found, and the true ratio lies in the interval.
func TestFindings(t *testing.T) {
	const seeds = 1000
	for _, test := range []struct {
		name         string
		rounds       [2]int
		slower       float64 // b is, by this share
		finding      Finding
		found, holds [2]int // at least and at most so many times
	}{
		{"equal, 4 rounds", [2]int{4, 4}, 0, Same, [2]int{950, 990}, [2]int{950, 990}},
		{"equal, 10 rounds", [2]int{10, 10}, 0, Same, [2]int{945, 975}, [2]int{945, 975}},
		{"equal, 5 and 30 rounds", [2]int{5, 30}, 0, Same, [2]int{945, 975}, [2]int{945, 975}},
		{"equal, 60 rounds", [2]int{60, 60}, 0, Same, [2]int{940, 970}, [2]int{940, 970}},
		{"5 % slower, 10 rounds", [2]int{10, 10}, 0.05, Higher, [2]int{990, 1000}, [2]int{945, 975}},
		{"5 % faster, 10 rounds", [2]int{10, 10}, -0.05, Lower, [2]int{990, 1000}, [2]int{945, 975}},
		{"5 % slower, 3 rounds", [2]int{3, 10}, 0.05, TooFew, [2]int{1000, 1000}, [2]int{0, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var found, holds int
			for seed := range uint64(seeds) {
				rng := rand.New(rand.NewPCG(seed, 14))
				r := Of(series(rng, test.rounds[0], 1000, 0.02), series(rng, test.rounds[1], 1000*(1+test.slower), 0.02))
				if r.Finding == test.finding {
					found++
				}
				if r.Low <= 1+test.slower && 1+test.slower <= r.High {
					holds++
				}
				if r.Finding != TooFew && (r.P < alpha) != (r.Low > 1 || r.High < 1) {
					t.Fatalf("seed %d: p and interval contradict each other: %+v", seed, r)
				}
				if r.Finding != TooFew && (r.Ratio < r.Low || r.Ratio > r.High) {
					t.Fatalf("seed %d: the ratio lies outside: %+v", seed, r)
				}
			}
			if found < test.found[0] || found > test.found[1] {
				t.Errorf("found %d times in %d, want %d to %d", found, seeds, test.found[0], test.found[1])
			}
			if holds < test.holds[0] || holds > test.holds[1] {
				t.Errorf("the interval holds the ratio %d times in %d, want %d to %d", holds, seeds, test.holds[0], test.holds[1])
			}
		})
	}
}

// TestOf has series that can be reckoned by hand.
func TestOf(t *testing.T) {
	for _, test := range []struct {
		name string
		a, b []float64
		want Result
	}{
		{"apart", []float64{4, 1, 2, 3}, []float64{40, 10, 20, 30}, Result{2.5, 25, 10, 2.5, 40, 2.0 / 70, Higher}},
		{"apart, below", []float64{10, 20, 30, 40}, []float64{1, 2, 3, 4}, Result{25, 2.5, 0.1, 0.025, 0.4, 2.0 / 70, Lower}},
		{"one value in all rounds", []float64{16, 16, 16, 16}, []float64{16, 16, 16, 16}, Result{16, 16, 1, 1, 1, 1, Same}},
		{"one value on each side", []float64{16, 16, 16, 16}, []float64{32, 32, 32, 32}, Result{16, 32, 2, 2, 2, 2.0 / 70, Higher}},
		{"nothing on one side", []float64{0, 0, 0, 0}, []float64{1, 2, 3, 4}, Result{0, 2.5, 0, 0, 0, 2.0 / 70, Higher}},
		{"nothing on both", []float64{0, 0, 0, 0}, []float64{0, 0, 0, 0}, Result{0, 0, 0, 0, 0, 1, Same}},
		{"3 rounds", []float64{1, 2, 3}, []float64{10, 20, 30, 40}, Result{2, 25, 35.0 / 3, 0, 0, 2.0 / 35, TooFew}},
		{"one round", []float64{2}, []float64{3}, Result{2, 3, 1.5, 0, 0, 1, TooFew}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Of(test.a, test.b)
			for _, x := range [][2]float64{{got.A, test.want.A}, {got.B, test.want.B}, {got.Ratio, test.want.Ratio}, {got.Low, test.want.Low}, {got.High, test.want.High}, {got.P, test.want.P}} {
				if math.Abs(x[0]-x[1]) > 1e-9 {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
			}
			if got.Finding != test.want.Finding {
				t.Errorf("finding %d, want %d", got.Finding, test.want.Finding)
			}
		})
	}
	if a := []float64{3, 1, 2, 4}; Of(a, a).Finding != Same || a[0] != 3 {
		t.Errorf("the values were put in order: %v", a)
	}
}
