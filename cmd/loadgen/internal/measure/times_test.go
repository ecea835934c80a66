package measure

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// recorded are two connections, of which the first carried two requests.
func recorded() Times {
	t := NewTimes()
	t.Connect.Record(20 * ms)
	t.AnsweredFirst(20*ms, 1*ms, 3*ms)
	t.Answered(2*ms, 4*ms)
	t.Connect.Record(40 * ms)
	t.AnsweredFirst(40*ms, 3*ms, 8*ms)
	return t
}

func TestTimes(t *testing.T) {
	once := recorded()
	twice := Times{} // whose zero value works
	for range 2 {
		one := recorded()
		twice.Merge(&one)
	}
	twice.Merge(&Times{})
	for times, all := range map[int64]*Times{1: &once, 2: &twice} {
		for _, test := range []struct {
			name     string
			got      *Histogram
			count    int64
			min, max time.Duration
		}{
			{"connect", &all.Connect, 2, 20 * ms, 40 * ms},
			{"first byte", &all.FirstByte, 3, 1 * ms, 3 * ms},
			{"latency", &all.Latency, 3, 3 * ms, 8 * ms},
			{"latency with connect", &all.LatencyWithConnect, 3, 4 * ms, 48 * ms},
			{"first request", &all.FirstRequest, 2, 3 * ms, 8 * ms},
			{"first request with connect", &all.FirstRequestWithConnect, 2, 23 * ms, 48 * ms},
		} {
			if h := test.got; h.Count() != times*test.count || h.Min() != test.min || h.Max() != test.max {
				t.Errorf("%d times: %s: %d from %s to %s", times, test.name, h.Count(), h.Min(), h.Max())
			}
		}
	}
}

// TestPacedTimes: what was due has two histograms more, which merge like the others.
func TestPacedTimes(t *testing.T) {
	paced, sum := NewPacedTimes(), NewTimes()
	paced.Response.Record(7 * ms)
	paced.Lateness.Record(ms)
	sum.Merge(&paced)
	sum.Merge(&paced)
	if sum.Response.Count() != 2 || sum.Response.Max() != 7*ms || sum.Lateness.Count() != 2 || sum.Lateness.Max() != ms {
		t.Errorf("%d to %s, %d late to %s", sum.Response.Count(), sum.Response.Max(), sum.Lateness.Count(), sum.Lateness.Max())
	}
}

func TestAnsweredDoesNotAllocate(t *testing.T) {
	all := NewTimes()
	if n := testing.AllocsPerRun(1000, func() { all.AnsweredFirst(ms, ms, ms); all.Answered(ms, ms) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
