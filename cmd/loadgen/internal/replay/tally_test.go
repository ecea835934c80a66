package replay

import (
	"slices"
	"testing"
	"time"
)

func TestLatency(t *testing.T) {
	var durations []time.Duration
	for i := range 1000 {
		durations = append(durations, time.Duration(i+1)*time.Microsecond)
	}
	l := NewLatency(durations...)
	if l.Min() != time.Microsecond || l.Max() != time.Millisecond || l.Mean() != 500500*time.Nanosecond || l.Count() != 1000 {
		t.Errorf("min %s, max %s, mean %s, count %d", l.Min(), l.Max(), l.Mean(), l.Count())
	}
	for p, want := range map[float64]time.Duration{50: 500 * time.Microsecond, 90: 900 * time.Microsecond, 99.9: 999 * time.Microsecond, 100: time.Millisecond} {
		if got := l.Percentile(p); (got - want).Abs() > want/500 {
			t.Errorf("p%g is %s, not %s", p, got, want)
		}
	}
}

func TestLatencyOfNothing(t *testing.T) {
	for name, l := range map[string]Latency{"empty": NewLatency(), "zero": {}} {
		if l.Min() != 0 || l.Max() != 0 || l.Mean() != 0 || l.Percentile(99) != 0 || l.Count() != 0 {
			t.Errorf("%s is not all zero", name)
		}
	}
}

func TestLatencyOutOfRange(t *testing.T) {
	l := NewLatency(-time.Second, 5*time.Hour)
	if l.Count() != 2 || l.Max() != 5*time.Hour || l.Min() != -time.Second {
		t.Errorf("count %d, min %s, max %s", l.Count(), l.Min(), l.Max())
	}
	if l.histogram.TotalCount() != 2 {
		t.Errorf("the histogram holds %d of 2", l.histogram.TotalCount())
	}
}

func TestLatencyCounts(t *testing.T) {
	l := NewLatency(5*time.Microsecond, 9*time.Microsecond, 15*time.Microsecond, 3*time.Second)
	edges := []time.Duration{10 * time.Microsecond, 20 * time.Microsecond, time.Second}
	if got, want := l.Counts(edges), []int64{2, 1, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTallyMerge(t *testing.T) {
	a := Tally{Requests: 1, Errors: 2, Opened: 3, Reused: 4, ClosedByUs: 5, ClosedByPeer: 6, Stale: 7, BytesIn: 8, BytesOut: 9, Unfinished: 10, Interim: 11}
	a.Causes[Timeout], a.ConnectFailures[ConnectRefused], a.Statuses[200] = 1, 2, 3
	a.Latency = NewLatency(time.Millisecond, 3*time.Millisecond)
	b := a
	b.Latency = NewLatency(2 * time.Millisecond)

	var sum Tally // whose zero value works
	sum.merge(&a)
	sum.merge(&b)
	sum.merge(&Tally{})
	got := []int64{sum.Requests, sum.Errors, sum.Opened, sum.Reused, sum.ClosedByUs, sum.ClosedByPeer, sum.Stale, sum.BytesIn, sum.BytesOut,
		sum.Unfinished, sum.Interim, sum.Causes[Timeout], sum.ConnectFailures[ConnectRefused], sum.Statuses[200]}
	if want := []int64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 2, 4, 6}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if l := sum.Latency; l.Count() != 3 || l.Min() != time.Millisecond || l.Max() != 3*time.Millisecond || l.Mean() != 2*time.Millisecond {
		t.Errorf("%d latencies from %s to %s, mean %s", l.Count(), l.Min(), l.Max(), l.Mean())
	}
}
