package report

import (
	"cmp"
	"strconv"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/ledger"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
)

// A Report is everything that is told about a run. Its JSON names are stable:
// names may be added, but none changes its meaning or goes away.
type Report struct {
	// Verdict says whether the rest means what it says.
	Verdict  verdict.Verdict `json:"verdict"`
	Settings Settings        `json:"settings"`

	// Ended is why the run was over: "complete", "elapsed", "interrupted",
	// "unreachable" or "limited".
	Ended string `json:"ended"`
	// Requests came to an end, well or not; Errors are those that failed.
	// RequestsPerS counts those that did not.
	Requests   int64 `json:"requests"`
	Errors     int64 `json:"errors"`
	Unfinished int64 `json:"unfinished"`
	// Unsent is what is left of a number of requests that was to be sent: Requests,
	// Unfinished and Unsent add up to it. Without a number it is those of an open loop
	// that were due and found no connection free. Retries were sent again.
	Unsent  int64 `json:"unsent"`
	Retries int64 `json:"retries"`
	// WarmupRequests came to an end before the measuring began. Nothing else counts
	// them.
	WarmupRequests int64   `json:"warmup_requests"`
	DurationS      float64 `json:"duration_s"`
	RequestsPerS   float64 `json:"requests_per_s"`
	// EarlyResponses were whole before their request had been sent. Of UnreadRequests
	// among these the server then took nothing more, so that we closed the connection.
	EarlyResponses int64 `json:"early_responses"`
	UnreadRequests int64 `json:"unread_requests"`
	// BytesIn and BytesOut are bytes of responses and requests, heads included.
	BytesIn  int64 `json:"bytes_in"`
	BytesOut int64 `json:"bytes_out"`
	// CPUS is user and system time of the whole process during the run, Busy the share
	// of the time in which the busiest loop did not wait.
	CPUS float64 `json:"cpu_s"`
	Busy float64 `json:"busy"`
	// LatencyUS is of the requests that did not fail, from before the request's
	// first byte was written to the response's last. FirstByteUS ends with the
	// first byte that came back.
	LatencyUS   Distribution `json:"latency_us"`
	FirstByteUS Distribution `json:"first_byte_us"`
	// ResponseUS is of the same, from the moment at which each was due, and LatenessUS
	// from there, or from when a connection was free, to when it was taken up. Neither
	// has any where the loop is closed.
	ResponseUS Distribution `json:"response_us"`
	LatenessUS Distribution `json:"lateness_us"`
	// ConnectUS is of the connections that were opened, and TLSUS of the handshakes
	// on them. LatencyWithConnectUS is what a user waits for: LatencyUS, and before
	// the first request of a connection the time that both took. Of these first requests alone are
	// FirstRequestUS and FirstRequestWithConnectUS.
	ConnectUS                 Distribution `json:"connect_us"`
	TLSUS                     Distribution `json:"tls_us"`
	LatencyWithConnectUS      Distribution `json:"latency_with_connect_us"`
	FirstRequestUS            Distribution `json:"first_request_us"`
	FirstRequestWithConnectUS Distribution `json:"first_request_with_connect_us"`
	// ByPosition is LatencyUS in parts, by how many requests went on the connection
	// before; ByIdle, without the first ones, by how long nothing had happened on it.
	ByPosition []AtPosition `json:"by_position"`
	ByIdle     []AfterGap   `json:"by_idle"`
	// Statuses counts responses by status code, StatusClasses by "2xx" and so on.
	Statuses      verdict.Statuses `json:"statuses"`
	StatusClasses map[string]int64 `json:"status_classes"`
	Interim       int64            `json:"interim_responses"`
	// ErrorCauses counts failed requests by the name of their cause.
	ErrorCauses map[string]int64 `json:"error_causes"`
	Connections Connections      `json:"connections"`
	// Pauses were made after failures, and PausedS is how long connections spent in
	// them, all together.
	Pauses  int64   `json:"pauses"`
	PausedS float64 `json:"paused_s"`
	// GaveUp is how many connections were given up before the end, since the server
	// could not be reached.
	GaveUp int `json:"gave_up"`
	// Explanations describe the first failures that differ. Notes say what of the
	// recording was left out, and of the result easily overlooked.
	Explanations []string `json:"explanations"`
	Notes        []string `json:"notes"`
	// Ledger is nil where none was asked for.
	Ledger *ledger.Ledger `json:"ledger,omitempty"`
	// Schema is the version of schema.json that this is written by.
	Schema int `json:"schema"`
	// Rounds are the runs that the report is of, one after the other; mostly one.
	Rounds []Round `json:"rounds"`

	spread []bar        // of the latencies
	later  Distribution // of those at positions that the text does not tell apart
}

// Settings are what the run was asked to do.
type Settings struct {
	Source []string `json:"source"`
	Hop    string   `json:"hop"`
	// Servers are those of a capture whose requests were taken; none: the only one.
	Servers []string `json:"servers"`
	// Memory is within how much of it recordings were read.
	Memory string `json:"memory"`
	Target string `json:"target"`
	// TLS is spoken with it. Insecure: any certificate is accepted; CA is the file
	// with the authorities that are trusted, or none. TLSResume: sessions are resumed.
	TLS       bool   `json:"tls"`
	Insecure  bool   `json:"insecure"`
	CA        string `json:"ca"`
	TLSResume bool   `json:"tls_resume"`
	// Sessions and RecordedRequests are what the source has; a URL is one of each.
	Sessions         int `json:"sessions"`
	RecordedRequests int `json:"recorded_requests"`
	// RecordedStatuses are those of recorded responses, each once.
	RecordedStatuses []int `json:"recorded_statuses"`
	// Requests and DurationS are the bounds of the run; 0: no such bound. Without
	// either, the recorded requests are sent once.
	Requests  int64   `json:"requests"`
	DurationS float64 `json:"duration_s"`
	// Pace is by what requests go out: "closed", when the response to the last one was
	// read, "open", at Rate a second in the manner of Arrivals ("constant" or
	// "poisson") after a ramp, or "recorded", so many times as fast as Speed says.
	Pace     string  `json:"pace"`
	Rate     float64 `json:"rate"`
	Arrivals string  `json:"arrivals"`
	RampS    float64 `json:"ramp_s"`
	Speed    float64 `json:"speed"`
	// Reuse is which of several free connections of an open loop comes first, "newest"
	// or "oldest".
	Reuse string `json:"reuse"`
	// RequestsPerConnectionMost, if greater than RequestsPerConnection, and both IdleS
	// are bounds of what is drawn anew each time; 0: no bound, and never idle. Close is
	// "fin", "rst", "header", or empty: as the requests ask.
	RequestsPerConnectionMost int     `json:"requests_per_connection_most"`
	ConnectionLifetimeS       float64 `json:"connection_lifetime_s"`
	IdleFromS                 float64 `json:"idle_from_s"`
	IdleToS                   float64 `json:"idle_to_s"`
	Close                     string  `json:"close"`
	// Pipeline is how many requests may be under way on a connection.
	Pipeline int `json:"pipeline"`
	// From is the addresses that were connected from; empty: the system chose.
	From    string  `json:"from"`
	WarmupS float64 `json:"warmup_s"`
	// Connections is how many sessions are under way at once.
	Connections int `json:"connections"`
	Loops       int `json:"loops"`
	// RequestsPerConnection is 0 where connections end as they did in the
	// recording or, if KeptAlive, never. ConnectionsClosed says the same in a word
	// and is filled in by New: when we close one is "after-requests",
	// "as-recorded" or "never".
	RequestsPerConnection int     `json:"requests_per_connection"`
	KeptAlive             bool    `json:"kept_alive"`
	ConnectionsClosed     string  `json:"connections_closed"`
	Verify                bool    `json:"verify"`
	TimeoutS              float64 `json:"timeout_s"`
	GraceS                float64 `json:"grace_s"`
	Retry                 string  `json:"retry"` // "none" or "stale"
	Backoff               bool    `json:"backoff"`
}

// Connections is what became of them.
type Connections struct {
	Opened int64 `json:"opened"`
	// TLSResumed handshakes, of those in TLSUS, resumed an earlier session.
	TLSResumed int64 `json:"tls_resumed"`
	// FirstRequests were answered as the first ones of their connection,
	// ReusedRequests on one that was kept alive.
	FirstRequests  int64 `json:"first_requests"`
	ReusedRequests int64 `json:"reused_requests"`
	// ClosedByUs and ClosedByPeer tell who sent the first FIN or RST.
	ClosedByUs   int64 `json:"closed_by_us"`
	ClosedByPeer int64 `json:"closed_by_peer"`
	// Stale: a request met a connection kept alive that the server had just closed.
	Stale int64 `json:"stale"`
	// Connecting were still being opened when the run was over.
	Connecting int64 `json:"connecting"`
	// Failed attempts to open one, and the names of their causes.
	Failed       int64            `json:"failed"`
	FailedCauses map[string]int64 `json:"failed_causes"`
}

func (s *Settings) connectionsClosed() string {
	switch {
	case s.RequestsPerConnection > 0:
		return "after-requests"
	case s.KeptAlive:
		return "never"
	}
	return "as-recorded"
}

// New makes the report of a result.
func New(s Settings, notes []string, r *replay.Result) *Report {
	s.ConnectionsClosed = s.connectionsClosed()
	s.Pipeline = max(s.Pipeline, 1)
	s.Pace = cmp.Or(s.Pace, "closed")
	s.Servers = append([]string{}, s.Servers...) // JSON has [], not null
	s.RecordedStatuses = append([]int{}, s.RecordedStatuses...)
	rep := &Report{
		Settings:   s,
		Ended:      r.Ending.String(),
		Requests:   r.Requests,
		Errors:     r.Errors,
		Unfinished: r.Unfinished,
		GaveUp:     r.GaveUp,
		Unsent:     r.Unsent,
		Retries:    r.Retries,

		WarmupRequests: r.Warmup,

		DurationS:    seconds(r.Elapsed),
		RequestsPerS: rounded(r.Rate(), 1e6),
		BytesIn:      r.BytesIn,
		BytesOut:     r.BytesOut,
		CPUS:         seconds(r.CPU),
		Busy:         rounded(r.Busy, 1000),

		EarlyResponses: r.Early,
		UnreadRequests: r.Unread,

		LatencyUS:                 distributionOf(&r.Latency),
		FirstByteUS:               distributionOf(&r.FirstByte),
		ResponseUS:                distributionOf(&r.Response),
		LatenessUS:                distributionOf(&r.Lateness),
		ConnectUS:                 distributionOf(&r.Connect),
		TLSUS:                     distributionOf(&r.TLS),
		LatencyWithConnectUS:      distributionOf(&r.LatencyWithConnect),
		FirstRequestUS:            distributionOf(r.FirstRequest()),
		FirstRequestWithConnectUS: distributionOf(&r.FirstRequestWithConnect),

		ByPosition: byPosition(r),
		ByIdle:     byIdle(r),

		Interim:      r.Interim,
		ErrorCauses:  named(r.Causes[:]),
		Connections:  connectionsOf(r),
		Pauses:       r.Pauses,
		PausedS:      seconds(r.Paused),
		Explanations: append([]string{}, r.Explanations...), // JSON has [], not null
		Notes:        append(append([]string{}, r.Remedies()...), notes...),
		Schema:       schema,
		spread:       spreadOf(&r.Latency),
		later:        laterThan(r, toldApart),
	}
	rep.note(r)
	rep.countStatuses(r)
	rep.IsOf(RoundOf(s, r))
	return rep
}

// note says of the result what is easily overlooked.
func (rep *Report) note(r *replay.Result) {
	if n := r.Early; n > 0 {
		rep.Notes = append(rep.Notes, plural(n, "response")+" came before the request was read")
	}
	if n := r.Unread; n > 0 {
		rep.Notes = append(rep.Notes, plural(n, "connection")+" closed since the server, when it had answered, took nothing of the rest of the request for a second")
	}
}

func figuresOf(s *Settings, r *replay.Result) verdict.Figures {
	return verdict.Figures{
		RateAsked:   s.Rate,
		Rate:        s.Rate * r.Kept,
		LatenessP99: r.Lateness.Percentile(99),
		ResponseP50: r.Response.Percentile(50),
		Connections: r.Wanted,
		Reached:     r.Reached,
		Requests:    r.Requests,
		Answered:    r.Latency.Count(),
		Unfinished:  r.Unfinished,
		Retries:     r.Retries,
		Busy:        r.Busy,
		Processor:   r.Processor,
	}
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
	rep.Statuses, rep.StatusClasses = r.ByStatus(), map[string]int64{}
	for code, n := range rep.Statuses {
		rep.StatusClasses[strconv.Itoa(code/100)+"xx"] += n
	}
}

func connectionsOf(r *replay.Result) Connections {
	return Connections{
		Opened:         r.Opened,
		TLSResumed:     r.Resumed,
		FirstRequests:  r.First,
		ReusedRequests: r.Reused,
		ClosedByUs:     r.ClosedByUs,
		ClosedByPeer:   r.ClosedByPeer,
		Stale:          r.Stale,
		Connecting:     r.Connecting,
		Failed:         r.Attempts(),
		FailedCauses:   named(r.ConnectFailures[:]),
	}
}

func seconds(d time.Duration) float64 { return rounded(d.Seconds(), 1e6) }

func microseconds(d time.Duration) float64 { return rounded(float64(d)/1e3, 10) }

// rounded keeps no more digits than were measured: x to a part of 1.
func rounded(x, part float64) float64 {
	return float64(int64(x*part+0.5)) / part
}
