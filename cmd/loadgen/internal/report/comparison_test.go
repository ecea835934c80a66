package report

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
	"golang.org/x/perf/benchfmt"
)

// sides are two of so many rounds, b slower by a tenth with ten times the connections, and
// not without 404s.
func sides(rounds int) (a, b *Side) {
	a = &Side{Name: "before.json", Settings: map[string]any{"connections": 16.0, "target": "h:80", "kept_alive": true}}
	b = &Side{Name: "after\x1b[2J.json", Settings: map[string]any{"connections": 64.0, "target": "h:80", "kept_alive": false, "rate": 5.0}}
	for i := range rounds {
		x := float64(i)
		a.Rounds = append(a.Rounds, Round{verdict.Verdict{Reasons: []string{}}, 1000, 0, 1, 1_234_567 + x, 100 + x, 12_345 + x*x, 8 + x/10, 16, verdict.Statuses{200: 1000}})
		b.Rounds = append(b.Rounds, Round{verdict.Of(verdict.Figures{Requests: 900, Answered: 897 + int64(i), Busy: 0.95}), 900, 3, 1, 1_111_111 + x, 110 + x, 12_344 + x*x, 8 + x/9, 16_000, verdict.Statuses{200: 890, 404: 7}})
	}
	return a, b
}

func TestComparison(t *testing.T) {
	for name, rounds := range map[string]int{"comparison": 10, "comparison_of_3": 3} {
		c := Compare(sides(rounds))
		var text, object strings.Builder
		if err := c.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if err := c.WriteJSON(&object); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", text.String())
		golden(t, name+".json", object.String())
		for line := range strings.Lines(text.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
				t.Errorf("%d columns: %s", n, line)
			}
		}
		if err := validate(t, "comparison.schema.json", object.String()); err != nil {
			t.Error(err)
		}
	}
}

func TestNothingInCommon(t *testing.T) {
	a, b := sides(4)
	for i := range a.Rounds {
		a.Rounds[i], b.Rounds[i] = Round{}, Round{Requests: 1, RequestsPerS: 1}
	}
	var text strings.Builder
	if err := Compare(a, b).WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if line := "  Requests/s          0      1.00       -               -  0.029  faster\n"; !strings.Contains(text.String(), line) {
		t.Errorf("%s\nhas not %q", &text, line)
	}
}

// TestStatusesInComparison: what is missing in an older report is not held against the
// other, and what a recording has is no surprise.
func TestStatusesInComparison(t *testing.T) {
	for _, test := range []struct {
		name     string
		a, b     verdict.Statuses
		recorded []any
		want     verdict.State
		line     string
	}{
		{"not known of an older one", nil, verdict.Statuses{200: 5}, nil, verdict.Valid, "  Statuses     a: not known\n               b: 200 ×5\n"},
		{"as recorded", verdict.Statuses{404: 1}, verdict.Statuses{404: 1234}, []any{404.0}, verdict.Valid, "a: 404 ×1\n               b: 404 ×1,234\n"},
		{"as recorded, of an older one", nil, verdict.Statuses{404: 1}, []any{404.0}, verdict.Valid, "b: 404 ×1\n"},
		{"as recorded, of one only", verdict.Statuses{404: 1}, verdict.Statuses{}, []any{404.0}, verdict.Suspect, "b: none\n"},
		{"502 of both", verdict.Statuses{502: 1}, verdict.Statuses{502: 1}, nil, verdict.Suspect, "b: 502 ×1\n"},
	} {
		a, b := sides(1)
		a.Rounds[0], b.Rounds[0] = Round{Statuses: test.a}, Round{Statuses: test.b}
		a.Settings["recorded_statuses"], b.Settings["recorded_statuses"] = test.recorded, test.recorded
		c := Compare(a, b)
		var text strings.Builder
		if err := c.WriteText(&text); err != nil || c.Verdict.State != test.want || !strings.Contains(text.String(), test.line) {
			t.Errorf("%s: %v %+v\n%s", test.name, err, c.Verdict, &text)
		}
	}
}

// TestReadSide reads what WriteJSON wrote, and says of other things what they are not.
func TestReadSide(t *testing.T) {
	rep := runs()["smooth"]
	var b strings.Builder
	if err := rep.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	side, err := ReadSide("a.json", []byte(b.String()))
	if err != nil || side.Name != "a.json" || len(side.Rounds) != 1 || !reflect.DeepEqual(side.Rounds, rep.Rounds) || side.Settings["connections"] != 64.0 {
		t.Errorf("%+v, %v", side, err)
	}
	const none = "a.json is no report that loadgen replay --format json wrote: "
	for text, want := range map[string]string{
		"":           none,
		"hello":      none,
		"[]":         none,
		"{}":         none + "it has no schema or no settings",
		`{"schema":`: none,
		`{"schema": 1, "settings": {"connections": 1}, "rounds": []}`: none + "it has 0 rounds, not 1 to 1000",
		`{"schema": 2, "settings": {"connections": 1}, "rounds": []}`: "a.json has version 2 of the schema, and only version 1 can be read",
	} {
		if _, err := ReadSide("a.json", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestBench has what is printed read by the parser of benchstat.
func TestBench(t *testing.T) {
	rep := runs()["smooth"]
	rep.Rounds = append(rep.Rounds, rep.Rounds[0])
	c := Compare(sides(2))
	same := *c
	same.B.Settings = same.A.Settings
	for _, test := range []struct {
		write func(*strings.Builder) error
		names string
	}{
		{func(b *strings.Builder) error { return rep.WriteBench(b) }, "Replay/connections=64 Replay/connections=64"},
		{func(b *strings.Builder) error { return c.WriteBench(b) }, "Replay/side=a Replay/side=a Replay/side=b Replay/side=b"},
		{func(b *strings.Builder) error { return same.WriteBench(b) }, "Replay/connections=16/side=a Replay/connections=16/side=a Replay/connections=16/side=b Replay/connections=16/side=b"},
	} {
		var b strings.Builder
		if err := test.write(&b); err != nil {
			t.Fatal(err)
		}
		results, units := parsed(t, b.String())
		var names []string
		for _, r := range results {
			names = append(names, string(r.Name))
		}
		if strings.Join(names, " ") != test.names {
			t.Errorf("got %s, want %s", names, test.names)
		}
		for unit, better := range map[string]int{"sec/op": -1, "p50-sec": -1, "p99-sec": -1, "cpu-sec/op": -1, "requests/s": 1, "connections": -1} {
			if got := units.GetBetter(unit); got != better {
				t.Errorf("of %s, better is %d, want %d", unit, got, better)
			}
			if _, ok := results[0].Value(unit); !ok {
				t.Errorf("there is no %s in\n%s", unit, &b)
			}
		}
	}
	var b strings.Builder
	if err := rep.WriteBench(&b); err != nil {
		t.Fatal(err)
	}
	results, _ := parsed(t, b.String())
	for unit, want := range map[string]float64{"sec/op": 10.0 / 1234567, "p50-sec": 420e-6, "p99-sec": 1.05e-3, "requests/s": 123456.7, "connections": 64} {
		if got, _ := results[0].Value(unit); math.Abs(got/want-1) > 0.01 {
			t.Errorf("%s is %v, want %v", unit, got, want)
		}
	}
}

func parsed(t *testing.T, text string) (results []*benchfmt.Result, units benchfmt.UnitMetadataMap) {
	t.Helper()
	r := benchfmt.NewReader(strings.NewReader(text), "printed")
	for r.Scan() {
		switch record := r.Result().(type) {
		case *benchfmt.Result:
			results = append(results, record.Clone())
		case *benchfmt.SyntaxError:
			t.Errorf("%v in\n%s", record, text)
		}
	}
	if r.Err() != nil || len(results) == 0 {
		t.Fatalf("%v, %d results", r.Err(), len(results))
	}
	return results, r.Units()
}

func TestDifferences(t *testing.T) {
	c := Compare(sides(1))
	if got, want := c.Differences(), "connections 16 and 64, rate unknown and 5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if text, err := json.Marshal(c.SettingsDiffer); err != nil || string(text) != `["connections","rate"]` {
		t.Errorf("%s, %v", text, err)
	}
}
