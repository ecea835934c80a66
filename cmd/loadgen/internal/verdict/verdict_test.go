package verdict

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// sound are figures against which nothing speaks, by a margin everywhere.
var sound = Figures{
	RateAsked: 1000, Rate: 1000, LatenessP99: 900 * time.Microsecond, ResponseP50: 5 * time.Millisecond,
	Connections: 64, Reached: 64, Requests: 100_000, Answered: 99_000, Busy: 0.5,
}

func TestVerdict(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name   string
		change func(*Figures)
		want   State
		reason string // how the only one begins
	}{
		{"sound", func(f *Figures) {}, Valid, ""},
		{"no rate was asked for", func(f *Figures) { f.RateAsked, f.LatenessP99, f.ResponseP50 = 0, 0, 0 }, Valid, ""},
		{"5 % too few", func(f *Figures) { f.Rate = 950 }, Valid, ""},
		{"more than 5 % too few", func(f *Figures) { f.Rate = 949.9 }, Invalid, "949.9 requests were sent a second where 1000.0 were asked for"},
		{"5 % too many", func(f *Figures) { f.Rate = 1050 }, Valid, ""},
		{"more than 5 % too many", func(f *Figures) { f.Rate = 1050.1 }, Invalid, "1050.1 requests"},
		{"late by more than a tenth, but by 1 ms", func(f *Figures) { f.LatenessP99 = ms }, Valid, ""},
		{"late by more than 1 ms, but by a tenth", func(f *Figures) { f.LatenessP99, f.ResponseP50 = 2*ms, 20*ms }, Valid, ""},
		{"late by more than both", func(f *Figures) { f.LatenessP99, f.ResponseP50 = 2*ms+1, 20*ms }, Invalid, "1 in 100 requests went out 2.0 ms late or more, by loadgen's own fault, and the median response took 20.0 ms"},
		{"a connection is missing", func(f *Figures) { f.Reached = 63 }, Invalid, "only 63 of 64 connections could be opened"},
		{"1 in 1000 unfinished", func(f *Figures) { f.Requests, f.Unfinished = 9990, 10 }, Valid, ""},
		{"more than 1 in 1000", func(f *Figures) { f.Requests, f.Unfinished = 9989, 10 }, Suspect, "10 of 9999 requests had no whole response"},
		{"1 in 100", func(f *Figures) { f.Requests, f.Unfinished = 9900, 100 }, Suspect, "100 of 10000 requests"},
		{"more than 1 in 100", func(f *Figures) { f.Requests, f.Unfinished = 9899, 100 }, Invalid, "100 of 9999 requests"},
		{"busy for 90 %", func(f *Figures) { f.Busy = 0.9 }, Valid, ""},
		{"busy for more", func(f *Figures) { f.Busy = 0.906 }, Suspect, "a loop of loadgen was busy for 91 % of the time"},
		{"one processor", func(f *Figures) { f.Processor = "0" }, Suspect, "loadgen and the server may run on processor 0 only"},
		{"sent again", func(f *Figures) { f.Retries = 1 }, Suspect, "1 request sent again"},
		{"enough for a p99", func(f *Figures) { f.Answered = 1000 }, Valid, ""},
		{"not enough", func(f *Figures) { f.Answered = 999 }, Suspect, "999 requests answered, and with fewer than 1,000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := sound
			test.change(&f)
			v := Of(f)
			if v.State != test.want || len(v.Reasons) != min(len(test.reason), 1) {
				t.Fatalf("%s: %q, want %s", v.State, v.Reasons, test.want)
			}
			for _, r := range v.Reasons {
				if !strings.HasPrefix(r, test.reason) || strings.Count(r, ";") != 1 || strings.Count(r, ", ") == 0 || strings.HasSuffix(r, ".") {
					t.Errorf("%q: that it means something and what to do is not said, or it is not %q", r, test.reason)
				}
			}
		})
	}
}

func TestNoState(t *testing.T) {
	if err := new(State).UnmarshalText([]byte("good")); err == nil {
		t.Error("it is a state")
	}
}

// All reasons are given, the grave ones first, and the gravest decides.
func TestAllReasons(t *testing.T) {
	v := Of(Figures{
		RateAsked: 1, LatenessP99: time.Second, ResponseP50: time.Second, Connections: 2, Reached: 1,
		Unfinished: 1, Retries: 1, Busy: 1, Processor: "3",
	})
	if len(v.Reasons) != len(rules)-1 || v.State != Invalid { // unfinished is one of two
		t.Errorf("%s: %q", v.State, v.Reasons)
	}
	if !slices.IsSortedFunc(rules, func(a, b rule) int { return int(b.state) - int(a.state) }) {
		t.Error("a rule stands behind a less grave one")
	}
}

func TestWith(t *testing.T) {
	v := Of(sound).With(Suspect, "b").With(Valid, "c").With(Invalid, "a").With(Suspect, "d")
	if v.State != Invalid || !slices.Equal(v.Reasons, []string{"a", "b", "c", "d"}) {
		t.Errorf("%s: %q", v.State, v.Reasons)
	}
}

func TestJSON(t *testing.T) {
	for want, f := range map[string]Figures{
		`{"state":"valid","reasons":[]}`: sound,
		`{"state":"suspect","reasons":["0 requests answered, and with fewer than 1,000 chance makes the p99; send more, by --requests or --duration"]}`: {},
	} {
		if got, err := json.Marshal(Of(f)); err != nil || string(got) != want {
			t.Errorf("%v, %s, want %s", err, got, want)
		}
		var again Verdict
		if err := json.Unmarshal([]byte(want), &again); err != nil || again.State != Of(f).State {
			t.Errorf("%v, read as %s", err, again.State)
		}
	}
}
