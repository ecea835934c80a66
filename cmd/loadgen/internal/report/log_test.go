package report

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
)

// start is when the runs of the tests began.
var start = time.Unix(1795737600, 0)

// machine is the run of one that answered n requests in a second, each after d.
func machine(n int, d time.Duration) *Run {
	r := &replay.Result{Ending: replay.Elapsed, Elapsed: time.Second, CPU: time.Millisecond}
	for range n {
		r.Answered(2, 0, d/2, d)
	}
	r.Wanted, r.Reached, r.Kept = 4, 4, 1
	r.Requests, r.Reused, r.Opened, r.Statuses[200] = int64(n), int64(n), 4, int64(n)
	s := Settings{Source: []string{"http://h/"}, Target: "h:80", Connections: 4, Loops: 1, DurationS: 1, Pace: "open", Rate: 100}
	return &Run{Started: start, Settings: s, Notes: []string{"left out"}, Result: r}
}

// logged is what a log of the runs is read as.
func logged(t *testing.T, runs ...*Run) []*Run {
	t.Helper()
	read, err := ReadLog("a.hlog", strings.NewReader(written(t, runs...)))
	if err != nil || len(read) != len(runs) {
		t.Fatalf("%d runs, %v", len(read), err)
	}
	return read
}

func written(t *testing.T, runs ...*Run) string {
	t.Helper()
	var b bytes.Buffer
	err := measure.WriteLogHead(&b, start)
	for _, run := range runs {
		err = errors.Join(err, run.WriteLog(&b))
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestMergeIsAsOneRun: the report of a log is that of its run, and of two logs that of
// a run with all their requests.
func TestMergeIsAsOneRun(t *testing.T) {
	one := machine(100, time.Millisecond)
	want := New(one.Settings, one.Notes, one.Result)
	got, _ := Merge([]Log{{"a.hlog", logged(t, one)}})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}

	other := machine(300, 2*time.Millisecond)
	both := machine(100, time.Millisecond)
	for range 300 {
		both.Result.Answered(2, 0, time.Millisecond, 2*time.Millisecond)
	}
	both.Result.Requests, both.Result.Reused, both.Result.Opened, both.Result.Statuses[200], both.Result.CPU = 400, 400, 8, 400, 2*time.Millisecond
	both.Settings.Connections, both.Settings.Loops, both.Settings.Rate = 8, 2, 200
	both.Result.Wanted, both.Result.Reached = 8, 8
	want = New(both.Settings, both.Notes, both.Result)
	want.Verdict.Reasons = []string{"a.hlog, like 1 other: 100 requests answered, and with fewer than 1,000 chance makes the p99; send more, by --requests or --duration"}
	want.Rounds[0].Verdict = want.Verdict
	got, result := Merge([]Log{{"a.hlog", logged(t, one)}, {"b.hlog", logged(t, other)}})
	if !reflect.DeepEqual(got, want) || result.Err() != nil || got.RequestsPerS != 400 {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestMergeByRound: what was at the same time goes together, and what came after adds to
// the duration.
func TestMergeByRound(t *testing.T) {
	runs := func() []*Run {
		first, second := machine(100, time.Millisecond), machine(200, time.Millisecond)
		second.Started = start.Add(time.Second)
		return []*Run{first, second}
	}
	got, _ := Merge([]Log{{"a", logged(t, runs()...)}, {"b", logged(t, runs()...)}})
	if got.DurationS != 2 || got.Requests != 600 || len(got.Rounds) != 2 || got.Rounds[0].RequestsPerS != 200 || got.Rounds[1].RequestsPerS != 400 || len(got.Notes) != 1 {
		t.Errorf("%+v", got)
	}
	const apart = "the logs are not of runs at the same time; requests per second are reckoned as if they were"
	late := machine(100, time.Millisecond)
	late.Started = start.Add(time.Minute)
	late.Settings.Target, late.Settings.Connections, late.Notes = "g:80", 7, []string{"cut"}
	got, _ = Merge([]Log{{"a", runs()}, {"b", []*Run{late}}})
	if want := []string{"left out", "cut", "the settings of a and b differ: target", apart}; !reflect.DeepEqual(got.Notes, want) || len(got.Rounds) != 2 || got.Requests != 400 || got.Settings.Connections != 11 {
		t.Errorf("%q, %+v", got.Notes, got)
	}
}

// TestMergedVerdict: what one machine could not do spoils it all, and is told of it.
func TestMergedVerdict(t *testing.T) {
	runs := func() []*Run {
		first, second := machine(1000, time.Millisecond), machine(1000, time.Millisecond)
		second.Result.Reached = 3
		return []*Run{first, second}
	}
	const missing = "only 3 of 4 connections could be opened, so the server had less to bear than was asked for; see what failed, or ask for fewer --connections"
	for want, logs := range map[string][]Log{
		"round 2: ":                  {{"a", runs()}},
		"b: ":                        {{"a", runs()[:1]}, {"b", runs()[1:]}},
		"a, like 1 other: ":          {{"a", runs()[1:]}, {"b", runs()[1:]}},
		"round 2: b: ":               {{"a", []*Run{runs()[0], runs()[0]}}, {"b", runs()}},
		"round 1, like 1 other: b: ": {{"a", []*Run{runs()[0], runs()[0]}}, {"b", []*Run{runs()[1], runs()[1]}}},
	} {
		got, _ := Merge(logs)
		if w := (verdict.Verdict{State: verdict.Invalid, Reasons: []string{want + missing}}); !reflect.DeepEqual(got.Verdict, w) {
			t.Errorf("got %q, want %q", got.Verdict, w)
		}
	}
}

// TestLogsThatAreNone says of them in which line, and what.
func TestLogsThatAreNone(t *testing.T) {
	whole := written(t, machine(3, time.Millisecond))
	lines := strings.SplitAfter(whole, "\n")
	head, run, histograms := strings.Join(lines[:3], ""), lines[3], strings.Join(lines[4:], "")
	for want, text := range map[string]string{
		"there is no run in it":                                head,
		"line 4: it has a histogram before any run":            head + histograms,
		"first_byte has 0 durations, and there were 3":         head + run,
		"latency has 0 durations, and there were 3":            head + run + lines[4],
		"line 5: first_byte has 0 durations, and there were 3": head + run + run + histograms,
		"line 4: the run is of version 2":                      strings.Replace(whole, `"version":1`, `"version":2`, 1),
		"line 4: unexpected end of JSON":                       head + run[:40],
		"line 4: json: unknown field":                          strings.Replace(whole, `"Requests":`, `"Answers":`, 1),
		"line 4: the run is of version 1, and only one with a": head + `#[loadgen run: {"version":1,"result":null}]`,
		"bufio.Scanner: token too long":                        whole + strings.Repeat("x", longestLine+1),
		"line 5: illegal base64 data at input byte":            strings.Replace(whole, "HIST", "HI!T", 1),
	} {
		_, err := ReadLog("a.hlog", strings.NewReader(text))
		if full := "a.hlog is no whole log that loadgen replay --hdr-log wrote: " + want; err == nil || !strings.HasPrefix(err.Error(), full) {
			t.Errorf("got %v, want %s", err, full)
		}
	}
	if _, err := ReadLog("a.json", strings.NewReader("{\n}\n")); err == nil || err.Error() != "a.json is no HdrHistogram log" {
		t.Error(err)
	}
}
