package sweep

import (
	"fmt"
	"slices"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
	"github.com/hopwire/hopwire/shared/english"
)

// A Report is everything that is told about a sweep. Its JSON names are stable: names may
// be added, but none changes its meaning or goes away.
type Report struct {
	// Verdict is the gravest of the cells'.
	Verdict  verdict.Verdict `json:"verdict"`
	Settings Settings        `json:"settings"`
	Cells    []Cell          `json:"cells"`
	// BreakEven has one for each side and load.
	BreakEven []BreakEven `json:"break_even"`
	// Ratios say what the target adds to what it is held against.
	Ratios []Ratio `json:"ratios"`
	// Notes say what is easily overlooked.
	Notes []string `json:"notes"`
	// Schema is the version of sweep.schema.json that this is written by.
	Schema int `json:"schema"`
}

const schema = 1

// Settings are what was asked for.
type Settings struct {
	Source []string `json:"source"`
	// Target and Against are addresses, Against empty where there is none.
	Target  string `json:"target"`
	Against string `json:"against"`
	TLS     bool   `json:"tls"`
	// RecordedStatuses are those of recorded responses, each once.
	RecordedStatuses []int `json:"recorded_statuses"`
	Axes
	// DelayedBy is "hop" where there is a delay; empty otherwise.
	DelayedBy string  `json:"delayed_by"`
	DurationS float64 `json:"duration_s"`
	// Rounds is how often each cell was to be measured, Runs how many runs that makes.
	Rounds int `json:"rounds"`
	Runs   int `json:"runs"`
	// Seed is what the order of the runs was shuffled by.
	Seed  uint64 `json:"seed"`
	Loops int    `json:"loops"`
}

// A Cell is what was measured at a place.
type Cell struct {
	Place
	Verdict  verdict.Verdict `json:"verdict"`
	Requests int64           `json:"requests"`
	Errors   int64           `json:"errors"`
	// Statuses are of the final responses, of all rounds.
	Statuses verdict.Statuses `json:"statuses"`
	// Failed is what was not as it was to be, of the first round that was so; empty if
	// there is none.
	Failed       string   `json:"failed"`
	RequestsPerS Estimate `json:"requests_per_s"`
	// Latencies have connecting counted in.
	LatencyP50US    Estimate `json:"latency_p50_us"`
	LatencyP99US    Estimate `json:"latency_p99_us"`
	CPUPerRequestUS Estimate `json:"cpu_per_request_us"`
	// TimeWait is how many sockets have come into TIME_WAIT in a run, in the whole
	// network namespace.
	TimeWait Estimate `json:"time_wait"`
	// Processes are those that were asked for.
	Processes []ProcessCPU `json:"processes"`
}

// A ProcessCPU is the processor time that others have taken.
type ProcessCPU struct {
	Name            string   `json:"name"`
	CPUPerRequestUS Estimate `json:"cpu_per_request_us"`
}

// A Ratio is how the target compares with what it is held against, at one place of both.
type Ratio struct {
	Load
	RequestsPerConnection int      `json:"requests_per_connection"`
	RequestsPerS          Quotient `json:"requests_per_s"`
	LatencyP50US          Quotient `json:"latency_p50_us"`
	LatencyP99US          Quotient `json:"latency_p99_us"`
}

// CellOf makes a cell of its rounds.
func CellOf(p Place, rounds []Round, processes []Process) Cell {
	c := Cell{
		Place:           p,
		Statuses:        verdict.Statuses{},
		Verdict:         judge(rounds, time.Duration(p.Delay)),
		RequestsPerS:    estimate(rounds, func(r *Round) float64 { return r.RequestsPerS }),
		LatencyP50US:    estimate(rounds, func(r *Round) float64 { return r.LatencyP50US }),
		LatencyP99US:    estimate(rounds, func(r *Round) float64 { return r.LatencyP99US }),
		CPUPerRequestUS: estimate(rounds, func(r *Round) float64 { return r.CPUPerRequestUS }),
		TimeWait:        estimate(rounds, func(r *Round) float64 { return r.TimeWait }),
		Processes:       []ProcessCPU{},
	}
	for i, process := range processes {
		c.Processes = append(c.Processes, ProcessCPU{process.Name, estimate(rounds, func(r *Round) float64 { return r.ProcessesUS[i] })})
	}
	for _, r := range rounds {
		c.Requests, c.Errors = c.Requests+r.Requests, c.Errors+r.Errors
		c.Statuses.Add(r.Statuses)
		if c.Failed == "" {
			c.Failed = r.Failed
		}
	}
	return c
}

// New makes the report of cells, which are in the order of Axes.Places.
func New(s Settings, notes []string, cells []Cell) *Report {
	r := &Report{Settings: s, Cells: cells, BreakEven: []BreakEven{}, Ratios: []Ratio{}, Notes: append([]string{}, notes...), Schema: schema}
	r.Settings.RecordedStatuses = append([]int{}, s.RecordedStatuses...) // JSON has [], not null
	for i := range cells {
		c := &cells[i]
		var other verdict.Statuses
		if o := r.at(map[Side]Side{Target: Against, Against: Target}[c.To], c); o != nil {
			other = o.Statuses
		}
		c.Verdict = c.Verdict.WithStatuses("", c.Statuses, other, s.RecordedStatuses)
	}
	r.Verdict = gravest(cells)
	asked := slices.Contains(s.RequestsPerConnection, 0)
	for _, line := range r.Lines() {
		r.BreakEven = append(r.BreakEven, BreakEvenOf(line, asked))
	}
	for i := range cells {
		if c := &cells[i]; c.To == Target {
			if a := r.at(Against, c); a != nil && max(a.Verdict.State, c.Verdict.State) < verdict.Invalid {
				r.Ratios = append(r.Ratios, Ratio{
					c.Load, c.RequestsPerConnection,
					quotient(a.RequestsPerS, c.RequestsPerS), quotient(a.LatencyP50US, c.LatencyP50US), quotient(a.LatencyP99US, c.LatencyP99US),
				})
			}
		}
	}
	return r
}

// at is the cell of a side that has the place of another one.
func (r *Report) at(to Side, of *Cell) *Cell {
	want := of.Place
	want.To = to
	for i := range r.Cells {
		if r.Cells[i].Place == want {
			return &r.Cells[i]
		}
	}
	return nil
}

// Lines are the cells of each side and load together.
func (r *Report) Lines() (lines [][]Cell) {
	type key struct {
		to Side
		Load
	}
	index := map[key]int{}
	for _, c := range r.Cells {
		k := key{c.To, c.Load}
		i, known := index[k]
		if !known {
			i = len(lines)
			index[k], lines = i, append(lines, nil)
		}
		lines[i] = append(lines[i], c)
	}
	return lines
}

func gravest(cells []Cell) verdict.Verdict {
	v := verdict.Verdict{Reasons: []string{}}
	for _, state := range []verdict.State{verdict.Suspect, verdict.Invalid} {
		n := 0
		for _, c := range cells {
			if c.Verdict.State == state {
				n++
			}
		}
		if n > 0 {
			v = v.With(state, fmt.Sprintf("%s: %d of %s; the reasons stand with the cells", state, n, english.Plural(len(cells), "cell")))
		}
	}
	return v
}

// Err is nil if nothing failed in any cell. Otherwise it says where what did first.
func (r *Report) Err() error {
	for _, c := range r.Cells {
		if c.Failed != "" {
			return fmt.Errorf("%s: %s", c.Place.Words(), c.Failed)
		}
	}
	return nil
}

// Words say which cell it is.
func (p Place) Words() string { return fmt.Sprintf("%s, %s, %s", p.To, p.Load.Words(), p.Reuse()) }

// Reuse says how long connections live, such as "4 requests each", or "∞ requests each".
func (p Place) Reuse() string {
	if n := p.RequestsPerConnection; n > 0 {
		return english.Plural(n, "request") + " each"
	}
	return "∞ requests each"
}

// Words say what is asked, such as "16 connections, idle for 10ms, delay 1ms".
func (l Load) Words() string {
	text := english.Plural(l.Connections, "connection")
	if l.Idle > 0 {
		text += ", idle for " + time.Duration(l.Idle).String()
	}
	if l.Delay > 0 {
		text += ", delay " + time.Duration(l.Delay).String()
	}
	return text
}
