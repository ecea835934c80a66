package verdict

import (
	"fmt"
	"slices"
	"time"

	"github.com/hopwire/hopwire/shared/english"
)

// A State says how far the figures can be believed.
type State uint8

// The states.
const (
	// Valid: nothing was found that speaks against them.
	Valid State = iota
	// Suspect: they may be of something else than the server, or of too little.
	Suspect
	// Invalid: they do not mean what they say.
	Invalid
)

var names = [...]string{"valid", "suspect", "invalid"}

// String is the state's name, such as "valid".
func (s State) String() string { return names[s] }

// MarshalText gives the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the state's name.
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(names[:], string(text))
	if i < 0 {
		return fmt.Errorf("a verdict is valid, suspect or invalid, not %q", text)
	}
	*s = State(i)
	return nil
}

// A Verdict is the gravest state that there is a reason for, and all reasons, the
// grave ones first. Each is a sentence that says what is the case, what it means, and
// what to do about it.
type Verdict struct {
	State   State    `json:"state"`
	Reasons []string `json:"reasons"`
}

// Figures are what there is to judge.
type Figures struct {
	// RateAsked is how many requests a second were to be sent, Rate how many were; 0
	// where no rate was asked for.
	RateAsked, Rate float64
	// LatenessP99 is the 99th percentile of how much later than due requests were sent
	// by our own fault, ResponseP50 the median of the response times from when they
	// were due; 0 where none was due.
	LatenessP99, ResponseP50 time.Duration
	// Connections were asked for, so far as there was a request for each. Of these
	// Reached were open at some time.
	Connections, Reached int
	// Requests came to an end; Answered of them did not fail, and are what the
	// latencies are of. Unfinished ones did not come to an end. Retries were sent again.
	Requests, Answered, Unfinished, Retries int64
	// Busy is the share of its time in which the busiest loop did not wait.
	Busy float64
	// Processor is the only one on which we and the server may run; empty if that is
	// not so or not known.
	Processor string
}

// before stands before what to do in a reason.
const before = "; "

// Of judges figures.
func Of(f Figures) Verdict {
	v := Verdict{Reasons: []string{}}
	for _, r := range rules {
		if r.holds(&f) {
			v.State = max(v.State, r.state)
			v.Reasons = append(v.Reasons, r.reason(&f)+before+r.remedy)
		}
	}
	return v
}

// With adds a reason that none of the rules has. It comes first unless a graver one is
// there.
func (v Verdict) With(state State, reason string) Verdict {
	if state >= v.State {
		return Verdict{state, append([]string{reason}, v.Reasons...)}
	}
	return Verdict{v.State, append(slices.Clone(v.Reasons), reason)}
}

// A rule is a reason to doubt figures, and when there is one: what is the case and what
// it means, and what to do about it. Neither has a stop.
type rule struct {
	state  State
	holds  func(*Figures) bool
	reason func(*Figures) string
	remedy string
}

// leastForP99 is how many latencies it takes for ten of them to be beyond the p99.
const leastForP99 = 1000

const moreGrace = "give them more time by --grace"

var rules = []rule{
	{Invalid, (*Figures).missesRate, func(f *Figures) string {
		return fmt.Sprintf("%.1f requests were sent a second where %.1f were asked for, so the figures are of another load", f.Rate, f.RateAsked)
	}, "ask for less, or for more --connections or --loops"},
	{Invalid, (*Figures).isLate, func(f *Figures) string {
		return fmt.Sprintf("1 in 100 requests went out %s late or more, by loadgen's own fault, and the median response took %s, so response times are partly loadgen's", milliseconds(f.LatenessP99), milliseconds(f.ResponseP50))
	}, "ask for less, or give it more --loops and processors"},
	{Invalid, func(f *Figures) bool { return f.Reached < f.Connections }, func(f *Figures) string {
		return fmt.Sprintf("only %d of %s could be opened, so the server had less to bear than was asked for", f.Reached, english.Plural(f.Connections, "connection"))
	}, "see what failed, or ask for fewer --connections"},
	{Invalid, func(f *Figures) bool { return f.unfinished(100) }, (*Figures).unfinishedReason, moreGrace},
	{Suspect, func(f *Figures) bool { return f.unfinished(1000) && !f.unfinished(100) }, (*Figures).unfinishedReason, moreGrace},
	{Suspect, func(f *Figures) bool { return f.Busy > 0.9 }, func(f *Figures) string {
		return fmt.Sprintf("a loop of loadgen was busy for %.0f %% of the time, so responses may have waited for loadgen", f.Busy*100)
	}, "give it more --loops and processors, or ask for less"},
	{Suspect, func(f *Figures) bool { return f.Processor != "" }, func(f *Figures) string {
		return fmt.Sprintf("loadgen and the server may run on processor %s only, so each of them waits for the other", f.Processor)
	}, "give them processors of their own, as with taskset"},
	{Suspect, func(f *Figures) bool { return f.Retries > 0 }, func(f *Figures) string {
		return fmt.Sprintf("%s sent again, since the server had closed the connection instead of answering, and latencies are of the second time only", english.Plural(f.Retries, "request"))
	}, "--retry none has such requests fail"},
	{Suspect, func(f *Figures) bool { return f.Answered < leastForP99 }, func(f *Figures) string {
		return fmt.Sprintf("%s answered, and with fewer than 1,000 chance makes the p99", english.Plural(f.Answered, "request"))
	}, "send more, by --requests or --duration"},
}

// missesRate: by more than 5 %.
func (f *Figures) missesRate() bool {
	miss := f.Rate - f.RateAsked
	return f.RateAsked > 0 && max(miss, -miss) > f.RateAsked/20
}

// isLate: by more than a tenth of what is measured, and more than 1 ms.
func (f *Figures) isLate() bool {
	return f.LatenessP99 > f.ResponseP50/10 && f.LatenessP99 > time.Millisecond
}

// unfinished: more than one in so many.
func (f *Figures) unfinished(oneIn int64) bool { return f.Unfinished*oneIn > f.Requests+f.Unfinished }

func (f *Figures) unfinishedReason() string {
	return fmt.Sprintf("%d of %s had no whole response when the run was over, so the slowest are missing from the figures", f.Unfinished, english.Plural(f.Requests+f.Unfinished, "request"))
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1e3) }
