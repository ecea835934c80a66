package measure

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// logOf writes the times as a log, and what else is known as JSON.
func logOf(t *testing.T, times *Times) (lines []string, rest []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := times.WriteLog(&b, time.UnixMilli(1795737600_042), 10*time.Second); err != nil {
		t.Fatal(err)
	}
	rest, err := json.Marshal(times)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n"), rest
}

func readLog(rest []byte, lines ...string) (*Times, error) {
	times := new(Times)
	if err := json.Unmarshal(rest, times); err != nil {
		return nil, err
	}
	for _, line := range lines {
		if err := times.ReadLog(line); err != nil {
			return nil, err
		}
	}
	return times, times.CheckLog()
}

// anyTimes are durations of all magnitudes, and beyond.
func anyTimes(seed uint64) *Times {
	times := new(Times)
	rng := rand.New(rand.NewPCG(seed, 0))
	duration := func() time.Duration { return time.Duration(rng.Int64N(1 << rng.IntN(43))) }
	for range 1000 {
		for _, h := range []*Histogram{&times.Connect, &times.TLS, &times.Response, &times.Lateness} {
			h.Record(duration())
		}
		times.Answered(2+rng.IntN(1<<rng.IntN(40)), duration(), duration(), duration())
		times.AnsweredFirst(duration(), duration(), duration())
	}
	times.Connect.Record(2 * time.Hour)
	times.Connect.Record(0)
	return times
}

// TestLogIsExact: what is read is what was written, and two logs are together what the
// histograms are together.
func TestLogIsExact(t *testing.T) {
	if len(tags) != len((&Times{}).all()) {
		t.Fatal("there is not a tag for each histogram")
	}
	all, read := new(Times), new(Times)
	if len(slices.Compact(slices.Sorted(slices.Values(tags)))) != len(tags) {
		t.Fatalf("a tag is there twice: %s", tags)
	}
	for seed := range uint64(2) {
		written := anyTimes(seed)
		lines, rest := logOf(t, written)
		got, err := readLog(rest, lines...)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, written) {
			t.Errorf("seed %d: what is read is not what was written", seed)
		}
		all.Merge(written)
		read.Merge(got)
	}
	if !reflect.DeepEqual(read, all) {
		t.Error("what is added up after reading is not what it was before")
	}
}

func TestLogOfNothing(t *testing.T) {
	lines, rest := logOf(t, new(Times))
	if got, err := readLog(rest); err != nil || lines[0] != "" || got.Latency.Count() != 0 {
		t.Errorf("%v, %v", lines, err)
	}
}

// TestLogLines has what the library reads of a log, and what tools look at.
func TestLogLines(t *testing.T) {
	times := new(Times)
	times.Answered(2, 0, time.Millisecond, 5*time.Millisecond)
	var b bytes.Buffer
	start := time.UnixMilli(1795737600_042)
	if err := WriteLogHead(&b, start); err != nil {
		t.Fatal(err)
	}
	if err := times.WriteLog(&b, start, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	want := "#[Histogram log format version 1.3]\n#[StartTime: 1795737600 (seconds since epoch), 2026-11-27T00:00:00Z]\n" +
		`"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"` + "\nTag=first_byte,1795737600.042000,10.000000,1.000447,HISTFAAA"
	if !strings.HasPrefix(b.String(), want) {
		t.Errorf("got %s\nwant %s", &b, want)
	}
	var read []string
	for log := hdrhistogram.NewHistogramLogReader(&b); ; {
		h, err := log.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			break
		}
		read = append(read, h.Tag())
	}
	if want := []string{"first_byte", "latency", "latency_with_connect", "idle_up_to_0s", "position_up_to_2"}; !reflect.DeepEqual(read, want) {
		t.Errorf("got %s, want %s", read, want)
	}
}

func TestLogsThatAreNone(t *testing.T) {
	times := new(Times)
	times.Answered(2, 0, time.Millisecond, 5*time.Millisecond)
	lines, rest := logOf(t, times)
	other := hdrhistogram.New(1, 1000, 2)
	other.SetTag("latency")
	other.RecordValue(5)
	var foreign strings.Builder
	if err := hdrhistogram.NewHistogramLogWriter(&foreign).OutputIntervalHistogram(other); err != nil {
		t.Fatal(err)
	}
	for want, lines := range map[string][]string{
		"first_byte has 0 durations, and there were 1":   lines[1:],
		`the tag "latency" comes twice`:                  append(lines, lines[1]),
		`the tag "warp" is unknown`:                      {strings.Replace(lines[0], "first_byte", "warp", 1)},
		"it is no interval with a tag":                   {strings.TrimPrefix(lines[0], "Tag=first_byte,")},
		"its histogram is of another range or precision": {strings.TrimSpace(foreign.String())},
		"illegal base64":                                 {lines[0][:len(lines[0])-3]},
	} {
		if _, err := readLog(rest, lines...); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestStepsAreTheirs: what HdrHistogram takes for equal is what we take for it.
func TestStepsAreTheirs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		d := time.Duration(rng.Int64N(1 << rng.IntN(42)))
		h, counts := New(d), theirs()
		if err := counts.RecordValue(min(int64(d), int64(highest))); err != nil {
			t.Fatal(err)
		}
		var their []hdrhistogram.Bar
		for _, bar := range counts.Distribution() {
			if bar.Count > 0 {
				their = append(their, bar)
			}
		}
		for ours := range h.bars() {
			if len(their) != 1 || int64(ours.from) != their[0].From || int64(ours.to) != their[0].To {
				t.Fatalf("%d ns stand in %v, and in theirs in %v", d, ours, their)
			}
		}
	}
}
