package pace

import (
	"math"
	"time"
)

// A Tempo says when requests are due that go out in the pace of their recording, from
// the beginning of the run: at the recorded instants, or so many times as fast.
type Tempo struct {
	speed float64
	pass  time.Duration // from the first request of a pass to that of the next
}

// NewTempo makes that of so many requests, of which the last was recorded so long
// after the first. When they are sent again and again, the first comes as long after
// the last as they were apart on average.
func NewTempo(last time.Duration, requests int, speed float64) Tempo {
	return Tempo{speed: speed, pass: last + last/time.Duration(max(requests-1, 1))}
}

// Due is when a request is due that was recorded at an instant, after so many passes.
func (t Tempo) Due(passes int64, at time.Duration) time.Duration {
	due := (float64(passes)*float64(t.pass) + float64(at)) / t.speed
	if due >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(due))
}
