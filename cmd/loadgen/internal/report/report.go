package report

import (
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
)

// A Report is everything that is told about a run. Its JSON names are stable:
// names may be added, but none changes its meaning or goes away.
type Report struct {
	Settings Settings `json:"settings"`

	// Ended is why the run was over: "complete", "elapsed", "interrupted" or
	// "unreachable".
	Ended string `json:"ended"`
	// Requests came to an end, well or not; Errors are those that failed.
	// RequestsPerS counts those that did not.
	Requests     int64   `json:"requests"`
	Errors       int64   `json:"errors"`
	Unfinished   int64   `json:"unfinished"`
	DurationS    float64 `json:"duration_s"`
	RequestsPerS float64 `json:"requests_per_s"`
	// BytesIn and BytesOut are octets of responses and requests, heads included.
	BytesIn  int64 `json:"bytes_in"`
	BytesOut int64 `json:"bytes_out"`
	// CPUS is user and system time of the whole process during the run.
	CPUS float64 `json:"cpu_s"`
	// LatencyUS is of the requests that did not fail, in microseconds.
	LatencyUS Latency `json:"latency_us"`
	// Statuses counts responses by status code, StatusClasses by "2xx" and so on.
	Statuses      map[string]int64 `json:"statuses"`
	StatusClasses map[string]int64 `json:"status_classes"`
	Interim       int64            `json:"interim_responses"`
	// ErrorCauses counts failed requests by the name of their cause.
	ErrorCauses map[string]int64 `json:"error_causes"`
	Connections Connections      `json:"connections"`
	// Explanations describe the first failed requests. Notes say what of the
	// recording was left out.
	Explanations []string `json:"explanations"`
	Notes        []string `json:"notes"`

	spread []bar // of the latencies
}

// Settings are what the run was asked to do.
type Settings struct {
	Source           []string `json:"source"`
	Target           string   `json:"target"`
	Sessions         int      `json:"sessions"`
	RecordedRequests int      `json:"recorded_requests"`
	Connections      int      `json:"connections"`
	Loops            int      `json:"loops"`
	// RequestsPerConnection is 0 where connections end as they did in the
	// recording or, if KeptAlive, never.
	RequestsPerConnection int     `json:"requests_per_connection"`
	KeptAlive             bool    `json:"kept_alive"`
	Verify                bool    `json:"verify"`
	TimeoutS              float64 `json:"timeout_s"`
}

// Latency is a distribution, in microseconds.
type Latency struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Connections is what became of them.
type Connections struct {
	Opened int64 `json:"opened"`
	// ReusedRequests were not the first ones of their connection.
	ReusedRequests int64 `json:"reused_requests"`
	ClosedByUs     int64 `json:"closed_by_us"`
	ClosedByPeer   int64 `json:"closed_by_peer"`
	// Stale: a request met a connection that the server had just closed.
	Stale int64 `json:"stale"`
	// Failed attempts to open one, and the names of their causes.
	Failed       int64            `json:"failed"`
	FailedCauses map[string]int64 `json:"failed_causes"`
}

// New makes the report of a result.
func New(s Settings, notes []string, r *replay.Result) *Report {
	rep := &Report{
		Settings:     s,
		Ended:        r.Ending.String(),
		Requests:     r.Requests,
		Errors:       r.Errors,
		Unfinished:   r.Unfinished,
		DurationS:    seconds(r.Elapsed),
		RequestsPerS: rounded(r.Rate(), 1),
		BytesIn:      r.BytesIn,
		BytesOut:     r.BytesOut,
		CPUS:         seconds(r.CPU),
		LatencyUS:    latencyOf(&r.Latency),
		Interim:      r.Interim,
		ErrorCauses:  named(r.Causes[:]),
		Connections:  connectionsOf(r),
		Explanations: append([]string{}, r.Explanations...), // JSON has [], not null
		Notes:        append([]string{}, notes...),
		spread:       spreadOf(&r.Latency),
	}
	rep.countStatuses(r)
	return rep
}

// named are the counts that are not zero, by the names of their causes.
func named(counts []int64) map[string]int64 {
	all := map[string]int64{}
	for _, c := range replay.Causes() {
		if n := counts[c]; n > 0 {
			all[c.String()] = n
		}
	}
	return all
}

func (rep *Report) countStatuses(r *replay.Result) {
	rep.Statuses, rep.StatusClasses = map[string]int64{}, map[string]int64{}
	for code, n := range r.Statuses {
		if n > 0 {
			rep.Statuses[strconv.Itoa(code)] = n
			rep.StatusClasses[strconv.Itoa(code/100)+"xx"] += n
		}
	}
}

func latencyOf(l *measure.Histogram) Latency {
	return Latency{
		Min:  microseconds(l.Min()),
		Mean: microseconds(l.Mean()),
		P50:  microseconds(l.Percentile(50)),
		P90:  microseconds(l.Percentile(90)),
		P99:  microseconds(l.Percentile(99)),
		P999: microseconds(l.Percentile(99.9)),
		Max:  microseconds(l.Max()),
	}
}

func connectionsOf(r *replay.Result) Connections {
	c := Connections{
		Opened:         r.Opened,
		ReusedRequests: r.Reused,
		ClosedByUs:     r.ClosedByUs,
		ClosedByPeer:   r.ClosedByPeer,
		Stale:          r.Stale,
		FailedCauses:   named(r.ConnectFailures[:]),
	}
	for _, n := range c.FailedCauses {
		c.Failed += n
	}
	return c
}

func seconds(d time.Duration) float64 { return rounded(d.Seconds(), 1e6) }

func microseconds(d time.Duration) float64 { return rounded(float64(d)/1e3, 10) }

// rounded keeps no more digits than were measured: x to a part of 1.
func rounded(x, part float64) float64 {
	return float64(int64(x*part+0.5)) / part
}

// WriteJSON writes the report as one JSON object.
func (rep *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(rep)
}
