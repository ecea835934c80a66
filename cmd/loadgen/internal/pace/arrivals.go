package pace

import (
	"math"
	"math/rand/v2"
	"time"
)

// Arrivals say when each request of an open loop is due, from the beginning of the
// run, whether those before it have been answered or not. Request n is due where the
// area under the rate reaches its mark:
//
//	rate │      ┌───────── PerSecond
//	     │    ╱ │ │ │ │ │
//	     │  ╱ │ │ │ │ │ │      constant: marks at 0, 1, 2, …
//	     │╱  │ │ │ │ │ │ │     Poisson: the sum of n random gaps of mean 1
//	     └──────┴─────────▶ time
//	        Ramp
//
// So one formula serves both, with a ramp and without, and no instant is reckoned from
// the one before: what a rounding loses is not added up.
type Arrivals struct {
	PerSecond float64
	// Ramp is how long the rate rises evenly from 0 to PerSecond.
	Ramp time.Duration
	// Poisson: as from many users who know nothing of each other.
	Poisson bool
}

// A Stream is one of several parts into which arrivals are divided, so that each loop
// has its own and asks nobody. Together they are the arrivals.
type Stream struct {
	arrivals Arrivals
	part     Part
	limit    int64 // requests of all streams; 0: no limit
	n        int64 // of the next request, among those of all streams
	mark     float64
	random   *rand.Rand // nil: constant
}

// A Part is one of Of; of Places that they share, in turns, each has one in turn.
type Part struct{ Index, Of, Places int }

// has says whether the n-th is the part's: 0 1 2 | 0 1 2 | 0 1, and again.
func (p Part) has(n int64) bool { return int(n%int64(p.Places))%p.Of == p.Index }

// share is how many of the places the part has.
func (p Part) share() int { return (p.Places - p.Index + p.Of - 1) / p.Of }

// Part is the stream of one part. Random ones are the same for the same seed. A limit
// of 0 is none; else the parts have that many requests together.
func (a Arrivals) Part(p Part, limit int64, seed uint64) *Stream {
	s := &Stream{arrivals: a, part: p, limit: limit, n: int64(p.Index)}
	if a.Poisson {
		// Independent streams of a part of the rate are one of the whole.
		s.arrivals.PerSecond *= float64(p.share()) / float64(p.Places)
		s.random = rand.New(rand.NewPCG(seed, uint64(p.Index)))
		s.mark = s.random.ExpFloat64()
	}
	return s
}

// Next is the number of the next request, and when it is due; false: there is none
// any more.
func (s *Stream) Next() (n int64, due time.Duration, more bool) {
	if s.limit > 0 && s.n >= s.limit {
		return 0, 0, false
	}
	mark := s.mark
	if s.random == nil {
		mark = float64(s.n)
	}
	return s.n, s.arrivals.at(mark), true
}

// Advance goes on to the request after the next one.
func (s *Stream) Advance() {
	for s.n++; !s.part.has(s.n); s.n++ {
	}
	if s.random != nil {
		s.mark += s.random.ExpFloat64()
	}
}

// at is when the area under the rate reaches the mark.
func (a Arrivals) at(mark float64) time.Duration {
	ramp := a.Ramp.Seconds()
	seconds := mark/a.PerSecond + ramp/2
	if area := a.PerSecond * ramp / 2; mark < area {
		seconds = math.Sqrt(2 * mark * ramp / a.PerSecond)
	}
	if seconds >= math.MaxInt64/1e9 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(seconds * 1e9))
}
