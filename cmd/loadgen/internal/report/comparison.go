package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/compare"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
	"github.com/hopwire/hopwire/shared/english"
)

// A Side is what one side of a comparison has measured.
type Side struct {
	// Name is what the user has called it by: a file, or a command line.
	Name string `json:"name"`
	// Settings are those of the report, by their names in it.
	Settings map[string]any `json:"settings"`
	Rounds   []Round        `json:"rounds"`
}

// ReadSide reads of a report in JSON what can be compared.
func ReadSide(name string, text []byte) (*Side, error) {
	var read struct {
		Schema   *int           `json:"schema"`
		Settings map[string]any `json:"settings"`
		Rounds   []Round        `json:"rounds"`
	}
	err := json.Unmarshal(text, &read)
	switch {
	case err != nil:
	case read.Schema == nil || len(read.Settings) == 0:
		err = errors.New("it has no schema or no settings")
	case *read.Schema != schema:
		return nil, fmt.Errorf("%s has version %d of the schema, and only version %d can be read", name, *read.Schema, schema)
	case len(read.Rounds) < 1 || len(read.Rounds) > MostRounds:
		err = fmt.Errorf("it has %d rounds, not 1 to %d", len(read.Rounds), MostRounds)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is no report that loadgen replay --format json wrote: %w", name, err)
	}
	return &Side{name, read.Settings, read.Rounds}, nil
}

// A Comparison sets two sides beside each other. Its JSON names are stable.
type Comparison struct {
	// Verdict is the gravest of all rounds: whether the rest means what it says.
	Verdict verdict.Verdict `json:"verdict"`

	A       Side     `json:"a"`
	B       Side     `json:"b"`
	Figures []Figure `json:"figures"`
	// SettingsDiffer names those that do.
	SettingsDiffer []string `json:"settings_differ"`
	// Schema is the version of comparison.schema.json that this is written by.
	Schema int `json:"schema"`
}

const comparisonSchema = 1

// A Figure is one line of a comparison.
type Figure struct {
	// Name is that of the figure in the rounds, A and B are its medians.
	Name string  `json:"name"`
	A    float64 `json:"a"`
	B    float64 `json:"b"`
	// Ratio is b to a, and in all but one case of twenty within Interval. They are nil
	// where a figure is 0, Interval also where there are too few rounds.
	Ratio    *float64    `json:"ratio"`
	Interval *[2]float64 `json:"interval"`
	P        float64     `json:"p"`
	// Finding says what b is: "faster", "slower", "more" or "less", or else "no
	// difference" or "too few rounds".
	Finding string `json:"finding"`

	compared *compared
}

// compared is a figure of a round that is compared.
type compared struct {
	name, label string
	of          func(*Round) float64
	write       func(float64) string
	lower, more string // what b is when its figure is lower or higher
}

var comparedFigures = []compared{
	{"requests_per_s", "Requests/s", func(r *Round) float64 { return r.RequestsPerS }, rate, "slower", "faster"},
	{"latency_p50_us", "Latency p50", func(r *Round) float64 { return r.LatencyP50US }, inUnits, "faster", "slower"},
	{"latency_p99_us", "Latency p99", func(r *Round) float64 { return r.LatencyP99US }, inUnits, "faster", "slower"},
	{"cpu_per_request_us", "CPU/request", func(r *Round) float64 { return r.CPUPerRequestUS }, inUnits, "less", "more"},
	{"connections_opened", "Connections", func(r *Round) float64 { return float64(r.ConnectionsOpened) }, whole, "less", "more"},
}

// inOtherWords are the settings that say again what others say.
var inOtherWords = []string{"kept_alive", "connections_closed", "recorded_statuses"}

// Compare compares the rounds of two sides.
func Compare(a, b *Side) *Comparison {
	c := &Comparison{A: *a, B: *b, SettingsDiffer: []string{}, Schema: comparisonSchema}
	c.Verdict = verdict.Join(append(verdictsOf(a.Rounds, " of a"), verdictsOf(b.Rounds, " of b")...)...)
	inA, inB := a.statuses(), b.statuses()
	c.Verdict = c.Verdict.WithStatuses("a: ", inA, inB, a.recorded()).WithStatuses("b: ", inB, inA, b.recorded())
	for i := range comparedFigures {
		f := &comparedFigures[i]
		c.Figures = append(c.Figures, figureOf(f, compare.Of(series(a, f), series(b, f))))
	}
	c.SettingsDiffer = append(c.SettingsDiffer, differing(a.Settings, b.Settings, inOtherWords...)...)
	return c
}

// statuses are those of all rounds together; nil where one does not say.
func (s *Side) statuses() verdict.Statuses {
	all := verdict.Statuses{}
	for _, r := range s.Rounds {
		if r.Statuses == nil {
			return nil
		}
		all.Add(r.Statuses)
	}
	return all
}

// recorded are the statuses in the recording, which the settings have from JSON.
func (s *Side) recorded() (all []int) {
	codes, _ := s.Settings["recorded_statuses"].([]any)
	for _, code := range codes {
		if number, is := code.(float64); is {
			all = append(all, int(number))
		}
	}
	return all
}

// differing names the settings that differ, but for some.
func differing(a, b map[string]any, but ...string) (all []string) {
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !slices.Contains(but, name) && !reflect.DeepEqual(a[name], b[name]) {
			all = append(all, name)
		}
	}
	return all
}

func series(s *Side, f *compared) (values []float64) {
	for i := range s.Rounds {
		values = append(values, f.of(&s.Rounds[i]))
	}
	return values
}

func figureOf(of *compared, r compare.Result) Figure {
	f := Figure{Name: of.name, A: r.A, B: r.B, P: r.P, compared: of}
	f.Finding = [...]string{"too few rounds", "no difference", of.more, of.lower}[r.Finding]
	if r.Ratio > 0 {
		f.Ratio = &r.Ratio
	}
	if r.High > 0 {
		f.Interval = &[2]float64{r.Low, r.High}
	}
	return f
}

// Differences are the settings that differ, with their values: "connections 16 and 64".
func (c *Comparison) Differences() string {
	var parts []string
	for _, name := range c.SettingsDiffer {
		parts = append(parts, fmt.Sprintf("%s %s and %s", name, setting(c.A.Settings[name]), setting(c.B.Settings[name])))
	}
	return english.Printable(strings.Join(parts, ", "))
}

// setting writes a value as JSON does; one that a side does not know is "unknown".
func setting(value any) string {
	if value == nil {
		return "unknown"
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}

// WriteText writes a table for people.
func (c *Comparison) WriteText(w io.Writer) error {
	t := &page{}
	t.verdict(c.Verdict)
	t.line("a", "%s", english.Printable(c.A.Name))
	t.line("b", "%s", english.Printable(c.B.Name))
	t.line("Rounds", "%d of a, %d of b", len(c.A.Rounds), len(c.B.Rounds))
	if differences := c.Differences(); differences != "" {
		t.line("Settings", "differ: %s", differences)
	}
	t.failures("a", &c.A)
	t.failures("b", &c.B)
	t.line("Statuses", "a: %s", statuses(c.A.statuses()))
	t.line("", "b: %s", statuses(c.B.statuses()))
	t.blank()
	t.figure("", "a", "b", "b / a", "95 % interval", "p", "b is")
	for i := range c.Figures {
		f := &c.Figures[i]
		ratio := "-"
		if f.Ratio != nil {
			ratio = factor(*f.Ratio)
		}
		t.figure(f.compared.label, f.compared.write(f.A), f.compared.write(f.B), ratio, cmp.Or(intervalIn(f.Interval, factor), "-"), probability(f.P), f.Finding)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// failures says how many requests of a side failed, of which its latencies are not.
func (t *page) failures(name string, s *Side) {
	var errors, requests int64
	for _, r := range s.Rounds {
		errors, requests = errors+r.Errors, requests+r.Requests
	}
	if errors > 0 {
		t.line("Errors", "%s: %s of %s failed", name, count(errors), plural(requests, "request"))
	}
}

func (t *page) figure(label, a, b, ratio, interval, p, finding string) {
	fmt.Fprintf(t, "  %-11s %9s %9s %7s %15s %6s  %s\n", label, a, b, ratio, interval, p, finding)
}

// factor writes a ratio to a thousandth, or to four digits if it is large.
func factor(x float64) string {
	switch {
	case x >= 99.995:
		return count(int64(x + 0.5))
	case x >= 9.9995:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

func probability(p float64) string {
	if p < 0.0005 {
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

// WriteJSON writes the comparison as one JSON object, as comparison.schema.json has it.
func (c *Comparison) WriteJSON(w io.Writer) error { return writeJSON(w, c) }
