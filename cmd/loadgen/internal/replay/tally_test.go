package replay

import (
	"slices"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
)

func TestTallyMerge(t *testing.T) {
	a := Tally{Requests: 1, Errors: 2, Opened: 3, Reused: 4, ClosedByUs: 5, ClosedByPeer: 6, Stale: 7, BytesIn: 8, BytesOut: 9, Unfinished: 10, Interim: 11, First: 12, Retries: 13, Pauses: 14, Paused: 15}
	a.Causes[Timeout], a.ConnectFailures[ConnectRefused], a.Statuses[200] = 1, 2, 3
	a.Latency = measure.New(time.Millisecond, 3*time.Millisecond)
	a.Connecting, a.Early, a.Unread, a.Resumed = 16, 17, 18, 19
	a.TLS = measure.New(time.Millisecond)
	b := a
	b.Latency = measure.New(2 * time.Millisecond)

	var sum Tally // whose zero value works
	sum.merge(&a)
	sum.merge(&b)
	sum.merge(&Tally{})
	got := []int64{sum.Requests, sum.Errors, sum.Opened, sum.Reused, sum.ClosedByUs, sum.ClosedByPeer, sum.Stale, sum.BytesIn, sum.BytesOut,
		sum.Unfinished, sum.Interim, sum.Causes[Timeout], sum.ConnectFailures[ConnectRefused], sum.Statuses[200], sum.First, sum.Retries, sum.Pauses, int64(sum.Paused), sum.Connecting, sum.Early, sum.Unread, sum.Resumed, sum.TLS.Count()}
	if want := []int64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 2, 4, 6, 24, 26, 28, 30, 32, 34, 36, 38, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if l := sum.Latency; l.Count() != 3 || l.Min() != time.Millisecond || l.Max() != 3*time.Millisecond || l.Mean() != 2*time.Millisecond {
		t.Errorf("%d latencies from %s to %s, mean %s", l.Count(), l.Min(), l.Max(), l.Mean())
	}
}
