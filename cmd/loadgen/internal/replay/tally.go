package replay

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Tally counts what happened. Each lane has its own, which only its loop
// touches; they are merged when the run is over.
type Tally struct {
	// Requests have come to an end, well or not. Errors are those that failed;
	// Causes says why.
	Requests, Errors int64
	Causes           [causes]int64
	// Unfinished requests were under way when the run ended. They are no
	// Requests.
	Unfinished int64
	// Statuses counts final responses by status code, Interim the 1xx ones.
	Statuses [1000]int64
	Interim  int64
	// BytesIn and BytesOut are octets of messages, heads included.
	BytesIn, BytesOut int64
	// Latency is of whole responses, from before the request's first octet was
	// written to the response's last.
	Latency Latency

	// Opened connections; ConnectFailures counts attempts to open one.
	Opened          int64
	ConnectFailures [causes]int64
	// Reused counts requests that were not the first of their connection.
	Reused int64
	// ClosedByPeer: the server announced or did it first. ClosedByUs: all else.
	ClosedByUs, ClosedByPeer int64
	// Stale: a request found that the server had closed the idle connection.
	// It was sent again if its method is idempotent, and is an error otherwise.
	Stale int64
}

// merge adds u to t.
func (t *Tally) merge(u *Tally) {
	t.Requests += u.Requests
	t.Errors += u.Errors
	t.Unfinished += u.Unfinished
	t.Interim += u.Interim
	t.BytesIn += u.BytesIn
	t.BytesOut += u.BytesOut
	t.Opened += u.Opened
	t.Reused += u.Reused
	t.ClosedByUs += u.ClosedByUs
	t.ClosedByPeer += u.ClosedByPeer
	t.Stale += u.Stale
	add(t.Causes[:], u.Causes[:])
	add(t.ConnectFailures[:], u.ConnectFailures[:])
	add(t.Statuses[:], u.Statuses[:])
	t.Latency.merge(&u.Latency)
}

func add(to, from []int64) {
	for i, n := range from {
		to[i] += n
	}
}

// The histogram tells latencies apart that differ by a thousandth, from 64 ns
// (the unit for the lowest value of 100) to an hour, in 220 KiB.
const (
	lowestLatency  = 100
	highestLatency = int64(time.Hour)
	latencyDigits  = 3
)

// Latency is a distribution of durations: percentiles to three digits, minimum,
// maximum and mean exactly.
type Latency struct {
	histogram *hdrhistogram.Histogram // nanoseconds
	min, max  time.Duration
	sum       time.Duration
	count     int64
}

// NewLatency returns the distribution of the given durations.
func NewLatency(durations ...time.Duration) Latency {
	l := Latency{histogram: hdrhistogram.New(lowestLatency, highestLatency, latencyDigits)}
	for _, d := range durations {
		l.record(d)
	}
	return l
}

func (l *Latency) record(d time.Duration) {
	// What is out of range by the clock's fault or by hours stands at its end.
	l.histogram.RecordValue(max(0, min(int64(d), highestLatency)))
	if d < l.min || l.count == 0 {
		l.min = d
	}
	l.max = max(l.max, d)
	l.sum += d
	l.count++
}

func (l *Latency) merge(m *Latency) {
	if m.count == 0 {
		return
	}
	if l.histogram == nil {
		*l = NewLatency()
	}
	if l.count == 0 || m.min < l.min {
		l.min = m.min
	}
	l.histogram.Merge(m.histogram)
	l.max = max(l.max, m.max)
	l.sum += m.sum
	l.count += m.count
}

// Count is the number of responses.
func (l *Latency) Count() int64 { return l.count }

// Min is the shortest; 0 when there is none.
func (l *Latency) Min() time.Duration { return l.min }

// Max is the longest; 0 when there is none.
func (l *Latency) Max() time.Duration { return l.max }

// Mean is the arithmetic mean; 0 when there is none.
func (l *Latency) Mean() time.Duration {
	if l.count == 0 {
		return 0
	}
	return l.sum / time.Duration(l.count)
}

// Percentile is the duration that p percent do not exceed. It is never outside
// of Min and Max, although the histogram rounds.
func (l *Latency) Percentile(p float64) time.Duration {
	if l.count == 0 {
		return 0
	}
	d := time.Duration(l.histogram.ValueAtPercentile(p))
	return max(l.min, min(d, l.max))
}

// Counts tells how many durations lie between the edges, which ascend: up to
// the first one, up to the second, …, and above the last. Those next to an edge
// may be counted on its other side, as the histogram rounds.
func (l *Latency) Counts(edges []time.Duration) []int64 {
	counts := make([]int64, len(edges)+1)
	if l.count == 0 {
		return counts
	}
	i := 0
	for _, bar := range l.histogram.Distribution() {
		for i < len(edges) && bar.From > int64(edges[i]) {
			i++
		}
		counts[i] += bar.Count
	}
	return counts
}
