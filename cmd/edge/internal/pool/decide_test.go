package pool

import (
	"testing"
	"time"
)

// clean is the outcome of an exchange after which nothing speaks against keeping
// the connection.
func clean() Outcome {
	return Outcome{RequestWritten: true, ResponseEnded: true, RequestPersists: true, ResponsePersists: true,
		age: time.Minute, uses: 10}
}

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Outcome)
		limits Limits
		want   Cause
	}{
		{"clean", func(*Outcome) {}, Limits{}, Kept},
		{"below every limit", func(*Outcome) {}, Limits{Max: 1, Age: time.Minute + 1, Uses: 11}, Kept},
		{"request not written", func(o *Outcome) { o.RequestWritten = false }, Limits{}, RequestUnfinished},
		{"response not ended", func(o *Outcome) { o.ResponseEnded = false }, Limits{}, ResponseUnfinished},
		{"response before the end of the request", func(o *Outcome) { o.ResponseEarly = true }, Limits{}, ResponseEarly},
		{"bytes behind the response", func(o *Outcome) { o.Excess = true }, Limits{}, Excess},
		{"request closes", func(o *Outcome) { o.RequestPersists = false }, Limits{}, RequestCloses},
		{"response closes", func(o *Outcome) { o.ResponsePersists = false }, Limits{}, ResponseCloses},
		{"age at its limit", func(*Outcome) {}, Limits{Age: time.Minute}, Aged},
		{"uses at their limit", func(*Outcome) {}, Limits{Uses: 10}, Used},
		{"nothing is kept", func(*Outcome) {}, Limits{Max: -1}, Displaced},
		{"draining", func(o *Outcome) { o.Draining = true }, Limits{}, Draining},
		{"origin removed", func(o *Outcome) { o.removed = true }, Limits{}, Removed},
		{"failed", func(o *Outcome) { o.Failed = true }, Limits{}, Failed},
		{"aborted", func(o *Outcome) { o.Aborted = true }, Limits{}, Aborted},
		{"aborted goes before failed", func(o *Outcome) { *o = Outcome{Aborted: true, Failed: true} }, Limits{}, Aborted},
		{"tunneled", func(o *Outcome) { *o = Outcome{Tunneled: true} }, Limits{}, Tunneled},
		{"failed as a tunnel", func(o *Outcome) { *o = Outcome{Tunneled: true, Failed: true} }, Limits{}, Failed},
		{"failed goes before the rest", func(o *Outcome) { *o = Outcome{Failed: true, Excess: true} }, Limits{Max: -1}, Failed},
	} {
		o := clean()
		test.change(&o)
		if got := decide(o, test.limits); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestPatience(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	for _, test := range []struct {
		limit, announced, want time.Duration
		cause                  Cause
	}{
		{0, 0, 0, Expired},
		{50 * s, 0, 50 * s, Expired},
		{50 * s, 1 * s, 900 * ms, Announced},
		{50 * s, 5 * s, 4500 * ms, Announced},
		{50 * s, 10 * s, 9 * s, Announced},
		{50 * s, 50 * s, 49 * s, Announced},
		{50 * s, 51 * s, 50 * s, Expired},
		{0, 75 * s, 74 * s, Announced},
	} {
		if got, cause := patience(test.limit, test.announced); got != test.want || cause != test.cause {
			t.Errorf("limit %v, announced %v: %v, %v, want %v, %v", test.limit, test.announced, got, cause, test.want, test.cause)
		}
	}
}

func TestAnnounce(t *testing.T) {
	for said, want := range map[time.Duration]time.Duration{
		0: 0, time.Second: time.Second, 999999999 * time.Second: 65535 * time.Second,
	} {
		var c Conn
		if c.Announce(said); c.announced() != want {
			t.Errorf("%v: %v, want %v", said, c.announced(), want)
		}
	}
}

func TestEveryCauseHasAName(t *testing.T) {
	seen := make(map[string]bool)
	for c := range Causes {
		if name := c.String(); name == "" || seen[name] {
			t.Errorf("cause %d has the name %q", c, name)
		}
		seen[c.String()] = true
	}
}
