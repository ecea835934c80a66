package measure

import "time"

// Times are the histograms of a run, by kind. The zero value is to be read and
// merged into; NewTimes makes one to record with.
type Times struct {
	// Connect is from the call for a connection to the open one, of each that was
	// opened.
	Connect Histogram
	// FirstByte is from before the request's first byte was written until the
	// first byte that came back was noticed, of an interim response too; Latency
	// is to the response's last byte. Both are of requests that did not fail.
	FirstByte, Latency Histogram
	// LatencyWithConnect is what a user waits for: the latency, and before the
	// first request of a connection the time that opening it took.
	LatencyWithConnect Histogram
	// FirstRequest is the part of Latency that is of the first requests of their
	// connections, FirstRequestWithConnect the same part of LatencyWithConnect.
	FirstRequest, FirstRequestWithConnect Histogram
	// Response is from when a request was due to its last byte, of those that did not
	// fail; Lateness from then, or from when there was a connection free, to when it
	// was taken up. Both are of requests that were due at some instant: see NewPacedTimes.
	Response, Lateness Histogram
}

// NewTimes returns Times with nothing in them.
func NewTimes() (t Times) {
	all := t.all()
	for _, h := range all[:unpaced] {
		*h = New()
	}
	return t
}

// NewPacedTimes returns NewTimes with which requests can be recorded that were due.
func NewPacedTimes() Times {
	t := NewTimes()
	t.Response, t.Lateness = New(), New()
	return t
}

// unpaced is how many of all are of every run.
const unpaced = 6

func (t *Times) all() [8]*Histogram {
	return [...]*Histogram{&t.Connect, &t.FirstByte, &t.Latency, &t.LatencyWithConnect, &t.FirstRequest, &t.FirstRequestWithConnect, &t.Response, &t.Lateness}
}

// Answered records a request that did not fail, on a connection that was there.
func (t *Times) Answered(firstByte, latency time.Duration) {
	t.FirstByte.Record(firstByte)
	t.Latency.Record(latency)
	t.LatencyWithConnect.Record(latency)
}

// AnsweredFirst records one for which a connection was opened, which took connect.
func (t *Times) AnsweredFirst(connect, firstByte, latency time.Duration) {
	t.FirstByte.Record(firstByte)
	t.Latency.Record(latency)
	t.LatencyWithConnect.Record(connect + latency)
	t.FirstRequest.Record(latency)
	t.FirstRequestWithConnect.Record(connect + latency)
}

// Merge adds the times of u.
func (t *Times) Merge(u *Times) {
	from := u.all()
	for i, h := range t.all() {
		h.Merge(from[i])
	}
}
