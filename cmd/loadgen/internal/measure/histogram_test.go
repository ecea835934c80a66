package measure

import (
	"slices"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var durations []time.Duration
	for i := range 1000 {
		durations = append(durations, time.Duration(i+1)*time.Microsecond)
	}
	h := New(durations...)
	if h.Min() != time.Microsecond || h.Max() != time.Millisecond || h.Mean() != 500500*time.Nanosecond || h.Count() != 1000 {
		t.Errorf("min %s, max %s, mean %s, count %d", h.Min(), h.Max(), h.Mean(), h.Count())
	}
	if got := h.StdDev(); got != 288674 { // the root of (1000² - 1)/12, in µs
		t.Errorf("standard deviation %s", got)
	}
	for p, want := range map[float64]time.Duration{50: 500 * time.Microsecond, 90: 900 * time.Microsecond, 99.9: 999 * time.Microsecond, 100: time.Millisecond} {
		if got := h.Percentile(p); (got - want).Abs() > want/500 {
			t.Errorf("p%g is %s, not %s", p, got, want)
		}
	}
}

func TestHistogramOfNothing(t *testing.T) {
	for name, h := range map[string]Histogram{"empty": New(), "zero": {}} {
		if h.Min() != 0 || h.Max() != 0 || h.Mean() != 0 || h.StdDev() != 0 || h.Percentile(99) != 0 || h.Count() != 0 {
			t.Errorf("%s is not all zero", name)
		}
		if got := h.Counts([]time.Duration{time.Second}); !slices.Equal(got, []int64{0, 0}) {
			t.Errorf("%s counts %d", name, got)
		}
	}
}

// TestPercentileOfFew: the slowest of 60 is their 99th percentile, since 59 of
// them are only 98.3 %.
func TestPercentileOfFew(t *testing.T) {
	const fast, slow = 2 * time.Millisecond, 500 * time.Millisecond
	for _, test := range []struct {
		n    int // of them one is slow
		p    float64
		want time.Duration
	}{
		{60, 99, slow}, {99, 99, slow}, {100, 99, fast}, {101, 99, fast}, {10, 90, fast}, {11, 90, fast}, {9, 90, slow},
		{999, 99.9, slow}, {1000, 99.9, fast}, {1001, 99.9, fast}, {2, 50, fast}, {1, 50, slow}, {60, 100, slow}, {60, 0, fast},
	} {
		h := New(append(slices.Repeat([]time.Duration{fast}, test.n-1), slow)...)
		if got := h.Percentile(test.p); (got - test.want).Abs() > test.want/1000 {
			t.Errorf("p%g of %d is %s, not %s", test.p, test.n, got, test.want)
		}
	}
}

// TestRanksByTheDefinition: at least p percent have this rank or a lower one, and
// fewer than p percent a lower one.
func TestRanksByTheDefinition(t *testing.T) {
	for n := int64(1); n <= 100_000; n++ {
		for _, thousandths := range []int64{1, 500, 900, 990, 999, 1000} {
			rank := rankOf(float64(thousandths)/10, n)
			if rank*1000 < thousandths*n || (rank-1)*1000 >= thousandths*n {
				t.Fatalf("p%g of %d has rank %d", float64(thousandths)/10, n, rank)
			}
		}
	}
}

func TestHistogramOutOfRange(t *testing.T) {
	h := New(-time.Second, 5*time.Hour)
	if h.Count() != 2 || h.Max() != 5*time.Hour || h.Min() != -time.Second || h.Percentile(100) != 5*time.Hour {
		t.Errorf("count %d, min %s, max %s", h.Count(), h.Min(), h.Max())
	}
	if got := h.Counts([]time.Duration{time.Minute}); !slices.Equal(got, []int64{1, 1}) {
		t.Errorf("the histogram has counted %d", got)
	}
}

func TestCounts(t *testing.T) {
	h := New(5*time.Microsecond, 9*time.Microsecond, 15*time.Microsecond, 3*time.Second)
	edges := []time.Duration{10 * time.Microsecond, 20 * time.Microsecond, time.Second}
	if got, want := h.Counts(edges), []int64{2, 1, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMerge(t *testing.T) {
	durations := []time.Duration{time.Millisecond, 3 * time.Millisecond, 2 * time.Millisecond, 7 * time.Microsecond}
	for cut := range len(durations) + 1 {
		a, b, all := New(durations[:cut]...), New(durations[cut:]...), New(durations...)
		var sum Histogram // whose zero value works
		sum.Merge(&a)
		sum.Merge(&Histogram{})
		sum.Merge(&b)
		if sum.Count() != 4 || sum.Min() != all.Min() || sum.Max() != all.Max() || sum.Mean() != all.Mean() ||
			sum.StdDev() != all.StdDev() || sum.Percentile(50) != all.Percentile(50) {
			t.Errorf("cut at %d: %d from %s to %s, mean %s ± %s", cut, sum.Count(), sum.Min(), sum.Max(), sum.Mean(), sum.StdDev())
		}
	}
}

// Bars leave no gap, hold what was recorded, and are no wider than a thousandth of it.
func TestBars(t *testing.T) {
	var recorded []time.Duration
	for d := time.Duration(1); d < highest; d += max(1, d/70) {
		recorded = append(recorded, d-1, d, d+1)
	}
	slices.Sort(recorded)
	h := New(recorded...)
	before := time.Duration(-1)
	for bar := range h.bars() {
		if bar.from <= before || bar.to-bar.from >= max(64, bar.from/1000) {
			t.Fatalf("a bar from %d to %d behind one to %d", bar.from, bar.to, before)
		}
		before = bar.to
		for range bar.count {
			if d := recorded[0]; d < bar.from || d > bar.to {
				t.Fatalf("%d counts as %d to %d", d, bar.from, bar.to)
			}
			recorded = recorded[1:]
		}
	}
	if len(recorded) > 0 {
		t.Errorf("%d are not counted", len(recorded))
	}
}

// What is told of a histogram costs nothing but the counts that are asked for.
func TestReadingDoesNotAllocate(t *testing.T) {
	h := New(time.Millisecond, time.Second)
	if n := testing.AllocsPerRun(100, func() { h.Percentile(99); h.Counts([]time.Duration{time.Millisecond}) }); n > 1 {
		t.Errorf("%g allocations", n)
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	h := New()
	if n := testing.AllocsPerRun(1000, func() { h.Record(time.Millisecond) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
