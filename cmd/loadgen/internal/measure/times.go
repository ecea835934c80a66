package measure

import (
	"math/bits"
	"time"
)

// Times are the histograms of a run, by kind. The zero value has nothing in it.
type Times struct {
	// Connect is from the call for a connection to the open one, of each that was
	// opened.
	Connect Histogram
	// TLS is how long the handshake took, on each connection that was opened for it.
	TLS Histogram
	// FirstByte is from before the request's first byte was written until the
	// first byte that came back was noticed, of an interim response too; Latency
	// is to the response's last byte. Both are of requests that did not fail.
	FirstByte, Latency Histogram
	// LatencyWithConnect is what a user waits for: the latency, and before the
	// first request of a connection the time that opening it took, and its handshake.
	LatencyWithConnect Histogram
	// FirstRequestWithConnect is the part of LatencyWithConnect that is of the first
	// requests of their connections.
	FirstRequestWithConnect Histogram
	// Response is from when a request was due to its last byte, of those that did not
	// fail; Lateness from then, or from when there was a connection free, to when it
	// was taken up. Both are of requests that were due at some instant.
	Response, Lateness Histogram
	// ByPosition is Latency in parts: of the first requests of their connections, of
	// the second, the third to fourth, the fifth to eighth, and so on.
	ByPosition [32]Histogram
	// ByIdle is Latency without the first requests, by how long nothing had happened on
	// the connection since the last response: no time at all, up to 1 ms, up to 2, up
	// to 4, and so on.
	ByIdle [32]Histogram
}

// FirstRequest is the part of Latency that is of the first requests of their
// connections.
func (t *Times) FirstRequest() *Histogram { return &t.ByPosition[0] }

// positionClass is where in ByPosition the n-th request of a connection counts, and
// Positions which others do.
func positionClass(n int) int { return min(bits.Len(uint(n-1)), 31) }

// Positions are the requests of a connection, the first of which is 1, whose part of
// ByPosition has this index.
func Positions(class int) (first, last int64) {
	if class == 0 {
		return 1, 1
	}
	return 1<<(class-1) + 1, 1 << class
}

// gapClass is the same for ByIdle, and Gaps.
func gapClass(idle time.Duration) int {
	if idle <= 0 {
		return 0
	}
	return min(1+bits.Len64(uint64((idle-1)/time.Millisecond)), 31)
}

// Gaps says of the part of ByIdle with this index that the connections had been idle
// for longer than above, but no longer than upTo; of the first that both are 0.
func Gaps(class int) (above, upTo time.Duration) {
	switch class {
	case 0:
		return 0, 0
	case 1:
		return 0, time.Millisecond
	}
	return time.Millisecond << (class - 2), time.Millisecond << (class - 1)
}

func (t *Times) all() []*Histogram {
	all := []*Histogram{&t.Connect, &t.TLS, &t.FirstByte, &t.Latency, &t.LatencyWithConnect, &t.FirstRequestWithConnect, &t.Response, &t.Lateness}
	for i := range t.ByPosition {
		all = append(all, &t.ByPosition[i], &t.ByIdle[i])
	}
	return all
}

// Answered records a request that did not fail, on a connection that was there: the
// position-th one of it, when the last response had been whole for a time idle.
func (t *Times) Answered(position int, idle, firstByte, latency time.Duration) {
	t.FirstByte.Record(firstByte)
	t.Latency.Record(latency)
	t.LatencyWithConnect.Record(latency)
	t.ByPosition[positionClass(position)].Record(latency)
	t.ByIdle[gapClass(idle)].Record(latency)
}

// AnsweredFirst records one for which a connection was opened, which took connect.
func (t *Times) AnsweredFirst(connect, firstByte, latency time.Duration) {
	t.FirstByte.Record(firstByte)
	t.Latency.Record(latency)
	t.LatencyWithConnect.Record(connect + latency)
	t.ByPosition[0].Record(latency)
	t.FirstRequestWithConnect.Record(connect + latency)
}

// Merge adds the times of u.
func (t *Times) Merge(u *Times) {
	from := u.all()
	for i, h := range t.all() {
		h.Merge(from[i])
	}
}
