// Package compare says whether two series of measurements differ, and by how much.
//
//	rounds of a ─┐            ┌─ median of each
//	             ├──► Of ──►──┼─ ratio b/a, and the interval that it lies in
//	rounds of b ─┘            └─ p, and what follows from it
//
// What it reckons with assumes no distribution: p is that of the Mann-Whitney U test
// (H. B. Mann and D. R. Whitney, On a Test of Whether one of Two Random Variables is
// Stochastically Larger than the Other, 1947), ratio and interval are those that belong
// to that test (J. L. Hodges and E. L. Lehmann, Estimates of Location Based on Rank
// Tests, 1963). Nothing in here knows what is measured.
package compare

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/aclements/go-moremath/stats"
	"golang.org/x/perf/benchmath"
)

// alpha is how often equal series may be taken for different ones: p below it is a
// difference, and the interval holds the ratio in all but so many cases.
const alpha = 0.05

// FewestRounds is how many values a series has at least for a difference to be found:
// with 3 on each side, p is never below 0.1.
const FewestRounds = 4

// A Finding is what follows from a comparison.
type Finding uint8

// The findings.
const (
	TooFew Finding = iota // values, on one side at least
	Same                  // no difference was found
	Higher                // the values of b are
	Lower
)

// A Result tells how two series compare.
type Result struct {
	// A and B are the medians.
	A, B float64
	// Ratio is by what the values of a have to be multiplied to become those of b, the
	// median of the ratios of each of b to each of a. With a probability of 95 % it lies
	// between Low and High; without FewestRounds these are 0. All are 0 where a value is not
	// positive, so that there are no ratios.
	Ratio, Low, High float64
	// P is how probable so great a difference is by chance alone.
	P       float64
	Finding Finding
}

// Of compares two series, none of which is empty.
func Of(a, b []float64) Result {
	x, y := sample(a), sample(b)
	r := Result{A: median(x.Values), B: median(y.Values)}
	r.P = min(benchmath.AssumeNothing.Compare(x, y).P, 1) // with ties, the library doubles what may be more than a half
	ratios := ratiosOf(x.Values, y.Values)
	r.Ratio = median(ratios)
	switch {
	case min(len(a), len(b)) < FewestRounds:
		return r
	case len(ratios) > 0:
		r.Low, r.High = interval(ratios, len(a), len(b))
	}
	switch {
	case r.P >= alpha:
		r.Finding = Same
	case pairs(a, b) > 0:
		r.Finding = Higher
	default:
		r.Finding = Lower
	}
	return r
}

func sample(values []float64) *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(values), &benchmath.Thresholds{CompareAlpha: alpha})
}

// median is that of ascending values; 0 when there is none.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	return (values[(n-1)/2] + values[n/2]) / 2
}

// ratiosOf are those of each of b to each of a, ascending.
func ratiosOf(a, b []float64) []float64 {
	if a[0] <= 0 || b[0] <= 0 {
		return nil
	}
	ratios := make([]float64, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			ratios = append(ratios, y/x)
		}
	}
	slices.Sort(ratios)
	return ratios
}

// interval holds what the ratio can be without the test finding a difference: it ends
// at the k-th ratio from below and from above if U is less than k by chance in at most
// half of alpha.
func interval(ratios []float64, n, m int) (low, high float64) {
	k := sort.Search(n*m/2, func(u int) bool { return byChance(u, n, m) > alpha/2 })
	k = max(k, 1)
	return ratios[k-1], ratios[len(ratios)-k]
}

// byChance is the probability that U is at most u where nothing differs.
func byChance(u, n, m int) float64 {
	if max(n, m) <= stats.MannWhitneyExactLimit {
		return stats.UDist{N1: n, N2: m}.CDF(float64(u))
	}
	nm := float64(n * m)
	deviation := math.Sqrt(nm * float64(n+m+1) / 12)
	return stats.StdNormal.CDF((float64(u) + 0.5 - nm/2) / deviation)
}

// pairs is in how many more pairs of values that of b is the higher one.
func pairs(a, b []float64) (more int) {
	for _, x := range a {
		for _, y := range b {
			more += cmp.Compare(y, x)
		}
	}
	return more
}
