package origins

import (
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

func TestSpan(t *testing.T) {
	for _, test := range []struct {
		first, longest time.Duration
		n              uint
		want           time.Duration
	}{
		{time.Second, time.Minute, 0, time.Second},
		{time.Second, time.Minute, 1, 2 * time.Second},
		{time.Second, time.Minute, 5, 32 * time.Second},
		{time.Second, time.Minute, 6, time.Minute},
		{time.Second, time.Minute, 1000, time.Minute},
		{time.Minute, time.Minute, 0, time.Minute},
		{time.Second, 0, 10, 1024 * time.Second},
		{time.Second, 0, 1000, 1<<63 - 1},
	} {
		if got := (Ejection{For: test.first, Max: test.longest}).duration(test.n); got != test.want {
			t.Errorf("%v doubled %d times, at most %v: %v, want %v", test.first, test.n, test.longest, got, test.want)
		}
	}
}

func TestJitter(t *testing.T) {
	for _, test := range []struct {
		chance float64
		want   time.Duration
	}{{0, 10 * time.Second}, {0.5, 10500 * time.Millisecond}, {0.999, 10999 * time.Millisecond}} {
		if got := jitter(10*time.Second, test.chance).Round(10 * time.Millisecond); got != test.want.Round(10*time.Millisecond) {
			t.Errorf("%v: %v, want %v", test.chance, got, test.want)
		}
	}
}

func TestFit(t *testing.T) {
	const now loop.Time = 1000
	for _, test := range []struct {
		name string
		health
		want bool
	}{
		{"new", health{}, true},
		{"failing", health{failures: 2}, true},
		{"down", health{down: true}, false},
		{"ejected", health{ejected: true, until: now + 1}, false},
		{"ejection over", health{ejected: true, until: now}, true},
		{"on trial", health{ejected: true, until: now, onTrial: true}, false},
		{"ejection over, but down", health{ejected: true, until: now, down: true}, false},
	} {
		if got := test.fit(now); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestFailuresInARow(t *testing.T) {
	for _, test := range []struct {
		name  string
		after int
		health
		mode  mode
		eject bool
	}{
		{"the first", 3, health{}, ordinary, false},
		{"the one before the last", 3, health{failures: 1}, ordinary, false},
		{"the last", 3, health{failures: 2}, ordinary, true},
		{"any at once", 1, health{}, ordinary, true},
		{"never", 0, health{failures: 100}, ordinary, false},
		{"that of the trial", 3, health{ejected: true}, trial, true},
		{"one from before the ejection", 3, health{ejected: true, failures: 3}, ordinary, false},
		{"that of a last resort", 3, health{ejected: true, failures: 3}, lastResort, false},
		{"of a last resort that only a check put out", 3, health{down: true, failures: 2}, lastResort, true},
		{"of a trial after another request brought it back", 3, health{}, trial, false},
	} {
		if got := test.fail(Ejection{After: test.after}, test.mode); got != test.eject {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestSuccessForgets(t *testing.T) {
	h := health{failures: 2, ejections: 3}
	if h.succeed(); h.failures != 0 || h.ejections != 0 {
		t.Errorf("%+v", h)
	}
	h = health{failures: 3, ejections: 3, ejected: true}
	if h.succeed(); !h.ejected || h.ejections != 3 {
		t.Errorf("a success from before the ejection: %+v", h)
	}
	if h.restore(); h.ejected || h.ejections != 3 {
		t.Errorf("an answer, of which nobody knows whether it will be whole: %+v", h)
	}
}

func TestChanges(t *testing.T) {
	at, err := loop.ParseAddress("127.0.0.1:9001")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		Change
		want string
	}{
		{Change{Address: at, Ejected: true, For: 2*time.Second + 41*time.Millisecond, Failures: 3, Why: "connection refused"},
			"origin 127.0.0.1:9001 is left out for 2.04s after 3 failures: connection refused (loop 0)"},
		{Change{Address: at, Ejected: true, For: time.Second, Failures: 1, Why: "http response timeout", Loop: 1},
			"origin 127.0.0.1:9001 is left out for 1s after 1 failure: http response timeout (loop 1)"},
		{Change{Address: at}, "origin 127.0.0.1:9001 is back (loop 0)"},
	} {
		if got := test.String(); got != test.want {
			t.Errorf("%s\nwant %s", got, test.want)
		}
	}
}
