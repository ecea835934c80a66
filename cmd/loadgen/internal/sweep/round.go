package sweep

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
)

// A Round is what one run has given.
type Round struct {
	Requests, Errors int64
	Statuses         verdict.Statuses
	RequestsPerS     float64
	// Latencies have connecting counted in, and are in microseconds, as processor time.
	LatencyP50US, LatencyP99US float64
	// CPUPerRequestUS is that of loadgen, without a hop that delays, ProcessesUS that of
	// each of the processes.
	CPUPerRequestUS float64
	ProcessesUS     []float64
	// TimeWait is how many sockets have come into TIME_WAIT.
	TimeWait float64
	// Figures are what the run is judged by, HopLate how much too long a hop held what
	// passed, each time.
	Figures verdict.Figures
	HopLate measure.Histogram
	// Failed is what was not as it was to be, as replay.Result.Err says it, and Broken
	// says that the run was not what was asked for.
	Failed string
	Broken bool
}

// usage is what others than loadgen's loops have taken for a run.
type usage struct {
	hop       time.Duration
	processes []time.Duration
	timeWait  int64
}

// roundOf is what a run gives. What was taken by others was taken for its warm-up, too.
func roundOf(r *replay.Result, taken usage) Round {
	round := Round{
		Requests: r.Requests, Errors: r.Errors, Statuses: r.ByStatus(), RequestsPerS: r.Steady,
		LatencyP50US: microseconds(r.LatencyWithConnect.Percentile(50)),
		LatencyP99US: microseconds(r.LatencyWithConnect.Percentile(99)),
		TimeWait:     float64(max(taken.timeWait, 0)),
		Figures: verdict.Figures{
			Connections: r.Wanted, Reached: r.Reached,
			Requests: r.Requests, Answered: r.Latency.Count(), Unfinished: r.Unfinished, Retries: r.Retries,
			Busy: r.Busy, Processor: r.Processor,
		},
		Broken: r.Ending > replay.Elapsed,
	}
	all := r.Requests + r.Warmup
	round.CPUPerRequestUS = max(per(r.CPU, r.Requests)-per(taken.hop, all), 0)
	for _, cpu := range taken.processes {
		round.ProcessesUS = append(round.ProcessesUS, per(cpu, all))
	}
	if err := r.Err(); err != nil {
		round.Failed = err.Error()
	}
	return round
}

func microseconds(d time.Duration) float64 { return float64(d) / 1e3 }

// per is for one of n, in microseconds.
func per(d time.Duration, n int64) float64 { return microseconds(d) / float64(max(n, 1)) }

// judge says whether the figures of a cell mean what they say: the rules are those for
// one run, and are held against all rounds together.
func judge(rounds []Round, delay time.Duration) verdict.Verdict {
	var all verdict.Figures
	var held measure.Histogram
	for i := range rounds {
		f := &rounds[i].Figures
		all.Connections, all.Reached = all.Connections+f.Connections, all.Reached+f.Reached
		all.Requests, all.Answered = all.Requests+f.Requests, all.Answered+f.Answered
		all.Unfinished, all.Retries = all.Unfinished+f.Unfinished, all.Retries+f.Retries
		all.Busy, all.Processor = max(all.Busy, f.Busy), max(all.Processor, f.Processor)
		held.Merge(&rounds[i].HopLate)
	}
	v := verdict.Of(all)
	for i := range v.Reasons { // which flags there are, verdict does not know
		v.Reasons[i] = strings.Replace(v.Reasons[i], "by --requests or --duration", "by --repeat or --duration", 1)
	}
	if i := slices.IndexFunc(rounds, func(r Round) bool { return r.Errors > 0 && !r.Broken }); i >= 0 {
		v = v.With(verdict.Suspect, "in a run, "+rounds[i].Failed+", and the figures are without them; see why they do")
	}
	if i := slices.IndexFunc(rounds, func(r Round) bool { return r.Broken }); i >= 0 {
		v = v.With(verdict.Invalid, "a run did not come to its end: "+rounds[i].Failed)
	}
	if slices.ContainsFunc(rounds, func(r Round) bool { return r.RequestsPerS == 0 }) {
		v = v.With(verdict.Invalid, "no request was answered before the end of a run, so there is nothing to reckon with; see what failed, or give it a longer --duration")
	}
	if late := held.Percentile(99); late > delay/10 {
		v = v.With(verdict.Suspect, fmt.Sprintf("the hop held 1 in 100 packets for %.1f ms longer than the %g ms that it was to, so the server seemed farther away; ask for less, or for a longer --delay",
			late.Seconds()*1e3, delay.Seconds()*500))
	}
	return v
}
