package report

import (
	"cmp"
	"fmt"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
)

// schema is the version of schema.json. It changes when a name changes its meaning or
// goes away.
const schema = 1

// MostRounds is how many are read, and compared with each other pair by pair.
const MostRounds = 1000

// A Round is what can be compared of a run. Latencies are what a user waits for: from
// when the request was due or, where none was, with connecting counted in.
type Round struct {
	Verdict           verdict.Verdict `json:"verdict"`
	Requests          int64           `json:"requests"`
	Errors            int64           `json:"errors"`
	DurationS         float64         `json:"duration_s"`
	RequestsPerS      float64         `json:"requests_per_s"`
	LatencyP50US      float64         `json:"latency_p50_us"`
	LatencyP99US      float64         `json:"latency_p99_us"`
	CPUPerRequestUS   float64         `json:"cpu_per_request_us"` // of loadgen
	ConnectionsOpened int64           `json:"connections_opened"`
	// Statuses are nil in a report from before they were written.
	Statuses verdict.Statuses `json:"statuses"`
}

// RoundOf is what a result contributes to the report of several.
func RoundOf(s Settings, r *replay.Result) Round {
	waited := &r.Response
	if waited.Count() == 0 {
		waited = &r.LatencyWithConnect
	}
	return Round{
		Verdict:           verdict.Of(figuresOf(&s, r)),
		Requests:          r.Requests,
		Errors:            r.Errors,
		DurationS:         seconds(r.Elapsed),
		RequestsPerS:      rounded(r.Rate(), 1e6),
		LatencyP50US:      microseconds(waited.Percentile(50)),
		LatencyP99US:      microseconds(waited.Percentile(99)),
		CPUPerRequestUS:   rounded(r.CPU.Seconds()*1e6/float64(cmp.Or(r.Requests, 1)), 1000),
		ConnectionsOpened: r.Opened,
		Statuses:          r.ByStatus(),
	}
}

// IsOf says which runs the report is of, one after the other.
func (rep *Report) IsOf(rounds ...Round) {
	rep.Rounds = rounds
	rep.Verdict = verdict.Join(verdictsOf(rounds, "")...)
}

// verdictsOf are those of rounds, each by its number and whose they are.
func verdictsOf(rounds []Round, of string) (parts []verdict.Part) {
	for i := range rounds {
		parts = append(parts, verdict.Part{Name: fmt.Sprintf("round %d%s", i+1, of), Verdict: rounds[i].Verdict})
	}
	return parts
}

// rounds says how far they are apart.
func (rep *Report) rounds(t *page) {
	if len(rep.Rounds) < 2 {
		return
	}
	least, most := rep.Rounds[0].RequestsPerS, rep.Rounds[0].RequestsPerS
	for _, r := range rep.Rounds {
		least, most = min(least, r.RequestsPerS), max(most, r.RequestsPerS)
	}
	t.line("Rounds", "%d, of %s to %s requests per second", len(rep.Rounds), rate(least), rate(most))
}
