package measure

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// recorded are two connections, of which the first carried two requests.
func recorded() (t Times) {
	t.Connect.Record(20 * ms)
	t.AnsweredFirst(20*ms, 1*ms, 3*ms)
	t.Answered(2, 0, 2*ms, 4*ms)
	t.Connect.Record(40 * ms)
	t.AnsweredFirst(40*ms, 3*ms, 8*ms)
	return t
}

func TestTimes(t *testing.T) {
	once := recorded()
	twice := Times{}
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
			{"first request", all.FirstRequest(), 2, 3 * ms, 8 * ms},
			{"second request", &all.ByPosition[1], 1, 4 * ms, 4 * ms},
			{"at once", &all.ByIdle[0], 1, 4 * ms, 4 * ms},
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
	var paced, sum Times
	paced.Response.Record(7 * ms)
	paced.Lateness.Record(ms)
	sum.Merge(&paced)
	sum.Merge(&paced)
	if sum.Response.Count() != 2 || sum.Response.Max() != 7*ms || sum.Lateness.Count() != 2 || sum.Lateness.Max() != ms {
		t.Errorf("%d to %s, %d late to %s", sum.Response.Count(), sum.Response.Max(), sum.Lateness.Count(), sum.Lateness.Max())
	}
}

// Each request and each gap counts where the class says that it does, and the classes
// leave nothing out.
func TestClasses(t *testing.T) {
	for n := range int64(5000) {
		if first, last := Positions(positionClass(int(n + 1))); n+1 < first || n+1 > last {
			t.Errorf("request %d counts as %d to %d", n+1, first, last)
		}
		for _, d := range []time.Duration{-1, 0, 1} {
			idle := time.Duration(n)*ms + d
			if above, upTo := Gaps(gapClass(idle)); idle > 0 && idle <= above || idle > upTo {
				t.Errorf("a gap of %s counts as above %s, up to %s", idle, above, upTo)
			}
		}
	}
	for class := range len(Times{}.ByPosition) - 1 {
		_, last := Positions(class)
		_, upTo := Gaps(class)
		first, _ := Positions(class + 1)
		above, _ := Gaps(class + 1)
		if first != last+1 || above != upTo {
			t.Errorf("class %d ends with %d and %s, the next begins with %d and %s", class, last, upTo, first, above)
		}
	}
	if positionClass(1<<62) != 31 || gapClass(1<<62) != 31 {
		t.Error("what is beyond all classes is not in the last")
	}
}

func TestAnsweredDoesNotAllocate(t *testing.T) {
	var all Times
	if n := testing.AllocsPerRun(1000, func() { all.AnsweredFirst(ms, ms, ms); all.Answered(7, ms, ms, ms) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
