package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
)

// A Run is one that a log has. In the log it is a comment, which other readers pass
// over, and the lines of its histograms:
//
//	#[loadgen run: {"version":1,"settings":…}]
//	Tag=latency,…
type Run struct {
	Version  int            `json:"version"` // logVersion
	Started  time.Time      `json:"started"`
	Settings Settings       `json:"settings"`
	Notes    []string       `json:"notes"`
	Result   *replay.Result `json:"result"`
}

const (
	logVersion = 1
	runBegins  = "#[loadgen run: "
	runEnds    = "]"
	// longestLine is more than the most that is written: a histogram has 28,000 bars of
	// at most 9 bytes, in base64.
	longestLine = 1 << 20
)

// WriteLog adds the run to a log that measure.WriteLogHead has begun.
func (run *Run) WriteLog(w io.Writer) error {
	run.Version = logVersion
	text, err := json.Marshal(run)
	if err == nil {
		_, err = fmt.Fprintf(w, "%s%s%s\n", runBegins, text, runEnds)
	}
	if err != nil {
		return err
	}
	return run.Result.WriteLog(w, run.Started, run.Result.Elapsed)
}

// ReadLog reads the runs of a log.
func ReadLog(name string, r io.Reader) (runs []*Run, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	n := 0
	for err == nil && lines.Scan() {
		if n++; n == 1 && !strings.HasPrefix(lines.Text(), "#") {
			return nil, fmt.Errorf("%s is no HdrHistogram log", name)
		}
		runs, err = readLine(runs, lines.Text())
	}
	switch {
	case err != nil:
		err = fmt.Errorf("line %d: %w", n, err)
	case lines.Err() != nil:
		err = lines.Err()
	case len(runs) == 0:
		err = errors.New("there is no run in it")
	default:
		err = checkLast(runs)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is no whole log that loadgen replay --hdr-log wrote: %w", name, err)
	}
	return runs, nil
}

// readLine takes what one line of a log says.
func readLine(runs []*Run, line string) ([]*Run, error) {
	text, isRun := strings.CutPrefix(line, runBegins)
	switch {
	case isRun:
		run := &Run{Result: new(replay.Result)}
		if err := json.Unmarshal([]byte(strings.TrimSuffix(text, runEnds)), run); err != nil {
			return nil, err
		}
		if run.Version != logVersion || run.Result == nil {
			return nil, fmt.Errorf("the run is of version %d, and only one with a result and of version %d can be read", run.Version, logVersion)
		}
		return append(runs, run), checkLast(runs)
	case line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, `"`):
		return runs, nil
	case len(runs) == 0:
		return nil, errors.New("it has a histogram before any run")
	}
	return runs, runs[len(runs)-1].Result.ReadLog(line)
}

// checkLast says what the last run lacks of its histograms.
func checkLast(runs []*Run) error {
	if len(runs) == 0 {
		return nil
	}
	return runs[len(runs)-1].Result.CheckLog()
}

// A Log is what one machine has written.
type Log struct {
	Name string
	Runs []*Run // one at least
}

// Same says that two logs begin with one and the same run, so that one is a copy of the
// other.
func (l Log) Same(other Log) bool {
	a, b := l.Runs[0], other.Runs[0]
	return a.Started.Equal(b.Started) && a.Result.Elapsed == b.Result.Elapsed
}

// Merge makes one report of the logs of several machines. Their first runs are taken as
// made at the same time, and so are the second ones. The result is what the report is of.
func Merge(logs []Log) (*Report, *replay.Result) {
	first := logs[0].Runs[0]
	settings, notes := first.Settings, append([]string{}, first.Notes...)
	for _, log := range logs[1:] {
		other := log.Runs[0]
		for _, note := range other.Notes {
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
		if d := differing(first.Settings.byName(), other.Settings.byName(), addedUp...); len(d) > 0 {
			notes = append(notes, fmt.Sprintf("the settings of %s and %s differ: %s", logs[0].Name, log.Name, strings.Join(d, ", ")))
		}
		settings.Connections += other.Settings.Connections
		settings.Loops += other.Settings.Loops
		settings.Requests += other.Settings.Requests
		settings.Rate += other.Settings.Rate
	}
	if !together(logs) {
		notes = append(notes, "the logs are not of runs at the same time; requests per second are reckoned as if they were")
	}
	var all *replay.Result
	var rounds []Round
	for {
		result, verdict := atOnce(logs, len(rounds))
		if result == nil {
			break
		}
		round := RoundOf(settings, result)
		round.Verdict = verdict
		rounds = append(rounds, round)
		if all == nil {
			all = result
		} else {
			all.Follow(result)
		}
	}
	rep := New(settings, notes, all)
	rep.IsOf(rounds...)
	return rep, all
}

// addedUp are the settings of all machines together.
var addedUp = []string{"connections", "loops", "requests", "rate"}

// atOnce adds up the runs that are the i-th of their machines; nil: there is none. The
// verdict says of which machine it is.
func atOnce(logs []Log, i int) (all *replay.Result, of verdict.Verdict) {
	var parts []verdict.Part
	for _, log := range logs {
		if i >= len(log.Runs) {
			continue
		}
		run := log.Runs[i]
		parts = append(parts, verdict.Part{Name: log.Name, Verdict: verdict.Of(figuresOf(&run.Settings, run.Result))})
		if all == nil {
			all = run.Result
		} else {
			all.Accompany(run.Result)
		}
	}
	return all, verdict.Join(parts...)
}

// together says that there was a time in each round at which all machines were at it.
func together(logs []Log) bool {
	for i, run := range logs[0].Runs {
		lastStart, firstEnd := run.Started, run.end()
		for _, log := range logs[1:] {
			if len(log.Runs) != len(logs[0].Runs) {
				return false
			}
			other := log.Runs[i]
			if other.Started.After(lastStart) {
				lastStart = other.Started
			}
			if other.end().Before(firstEnd) {
				firstEnd = other.end()
			}
		}
		if lastStart.After(firstEnd) {
			return false
		}
	}
	return true
}

func (run *Run) end() time.Time { return run.Started.Add(run.Result.Elapsed) }

// byName are the settings by their names in JSON.
func (s Settings) byName() (names map[string]any) {
	text, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(text, &names)
	}
	if err != nil {
		panic(err) // they are plain values
	}
	return names
}
