package report

import (
	"encoding/xml"
	"html/template"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/sweep"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
)

// swept is a sweep of two servers, of which a connection costs 100 µs, a request 50 µs or
// 35 µs, and a round trip what the delay says.
func swept(rounds int) *sweep.Report {
	axes := sweep.Axes{
		RequestsPerConnection: []int{1, 4, 16, 64, 0}, Connections: []int{16},
		Idle: []sweep.Seconds{0}, Delay: []sweep.Seconds{0, sweep.Seconds(20 * time.Millisecond)},
	}
	s := sweep.Settings{
		Source: []string{"http://127.0.0.1:8080/<b>&\u202e"}, Target: "127.0.0.1:8080", Against: "127.0.0.1:8081", Axes: axes,
		DelayedBy: "hop", DurationS: 1, Rounds: rounds, Runs: 20 * rounds, Seed: 42, Loops: 2,
	}
	var cells []sweep.Cell
	for _, p := range axes.Places(sweep.Target, sweep.Against) {
		all := make([]sweep.Round, rounds)
		for i := range all {
			all[i] = sweptRound(p, i)
		}
		cells = append(cells, sweep.CellOf(p, all, []sweep.Process{{Name: "edge"}, {Name: "<origin>"}}))
	}
	return sweep.New(s, []string{"of a recording something was left out"}, cells)
}

func sweptRound(p sweep.Place, round int) sweep.Round {
	request, each := 50.0, 0.0 // µs
	if p.To == sweep.Against {
		request = 35
	}
	if p.RequestsPerConnection > 0 {
		each = 1 / float64(p.RequestsPerConnection)
	}
	delay := float64(p.Delay) / 1e3
	busy := request + 100*each
	took := max(16*busy, delay*(1+each)+busy) * (1 + 0.01*float64(round%5-2))
	r := sweep.Round{
		Requests: int64(16e6 / took), RequestsPerS: 16e6 / took,
		LatencyP50US: took, LatencyP99US: 3 * took, CPUPerRequestUS: 8 + 30*each, ProcessesUS: []float64{17, 0},
		TimeWait: float64(int64(16e6 / took * each)),
		Figures:  verdict.Figures{Connections: 16, Reached: 16, Requests: 5000, Answered: 5000, Busy: 0.5},
	}
	r.Statuses = verdict.Statuses{200: r.Requests}
	if p.Delay > 0 {
		r.HopLate = measure.New(10 * time.Microsecond)
	}
	switch {
	case p.RequestsPerConnection == 1 && p.Delay > 0:
		r.Figures.Busy = 0.95
	case p.RequestsPerConnection == 64 && p.To == sweep.Target:
		r.Statuses[502] = 6
	case p.RequestsPerConnection == 16 && p.To == sweep.Against && p.Delay == 0:
		r.Figures.Reached, r.Failed, r.Errors = 15, "3 of 9 requests failed, by timeout", 3
	}
	return r
}

func TestSweepText(t *testing.T) {
	for name, rounds := range map[string]int{"sweep.txt": 6, "sweep_of_3.txt": 3} {
		var b strings.Builder
		if err := WriteSweepText(&b, swept(rounds)); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(line) - 1; n > columns || strings.HasSuffix(line, " \n") {
				t.Errorf("%d columns: %q", n, line)
			}
		}
		golden(t, name, b.String())
	}
}

func TestSweepJSON(t *testing.T) {
	for _, rounds := range []int{6, 1} {
		var b strings.Builder
		if err := WriteSweepJSON(&b, swept(rounds)); err != nil {
			t.Fatal(err)
		}
		if err := validate(t, "sweep.schema.json", b.String()); err != nil {
			t.Errorf("%d rounds: %v", rounds, err)
		}
		for _, wrong := range []struct{ from, to string }{
			{`"to": "target"`, `"to": "edge"`},
			{`"state": "suspect"`, `"state": "bad"`},
			{`"break_even"`, `"breakeven"`},
			{`"more_than"`, `"above"`},
			{`"delayed_by": "hop"`, `"delayed_by": "luck"`},
			{`"notes"`, `"more": [], "notes"`},
			{`"errors": `, `"errors": -1`},
		} {
			text := strings.Replace(b.String(), wrong.from, wrong.to, 1)
			if text == b.String() || validate(t, "sweep.schema.json", text) == nil {
				t.Errorf("%d rounds with %s: it is not there, or valid", rounds, wrong.to)
			}
		}
	}
}

func TestBreakEvenInWords(t *testing.T) {
	n := func(n int) *int { return &n }
	const fromMedians = " (from medians of 3 rounds, no interval)"
	gains := []sweep.Gain{{RequestsPerConnection: 1}, {RequestsPerConnection: 4}, {RequestsPerConnection: 16}, {RequestsPerConnection: 64}}
	for _, test := range []struct {
		b    sweep.BreakEven
		want string
	}{
		{sweep.BreakEven{MoreThan: n(4), AtMost: n(16)}, "between 4 and 16 requests per connection; from there on, keeping connections longer gains less than 5 %"},
		{sweep.BreakEven{MoreThan: n(1), AtMost: n(64)}, "less than 5 %; of 4, 16 it is not certain"},
		{sweep.BreakEven{MoreThan: n(64)}, "above 64 requests per connection, the most that was measured"},
		{sweep.BreakEven{MoreThan: n(1)}, "above 1 request per connection; no number is certain"},
		{sweep.BreakEven{AtMost: n(1)}, "at most 1 request per connection, the least that was measured"},
		{sweep.BreakEven{AtMost: n(16)}, "at most 16 requests per connection; with less it is not certain"},
		{sweep.BreakEven{}, "not known, since the rounds differ too much"},
		{sweep.BreakEven{Unknown: "it is so"}, "not known, since it is so"},
	} {
		test.b.Gains, test.b.Rounds = gains, 4
		got := breakEvenIs(&test.b)
		if !strings.HasPrefix(got, "Break-even: ") || !strings.Contains(got, test.want) || strings.Contains(got, fromMedians) {
			t.Errorf("%q, not %q", got, test.want)
		}
		test.b.Rounds = 3
		if fewer := breakEvenIs(&test.b); test.b.Unknown == "" && fewer != got+fromMedians {
			t.Errorf("of 3 rounds: %q", fewer)
		}
	}
}

func TestSweepLine(t *testing.T) {
	if got := SweepLine(13, 48, 36*time.Second, 60); got != "\r\x1b[K  [██████                  ]   run 13 of 48   36s left" {
		t.Errorf("%q", got)
	}
}

// TestSweepPage: whatever is in a report, what is drawn is sound, nothing of it is markup,
// and the page refers to nothing outside of itself.
func TestSweepPage(t *testing.T) {
	reports := map[string]*sweep.Report{"6 rounds": swept(6), "1 round": swept(1)}
	alone := swept(6)
	alone.Settings.Against = ""
	reports["one server, one cell"] = sweep.New(alone.Settings, nil, alone.Cells[8:9]) // kept alive
	reports["one server, one other cell"] = sweep.New(alone.Settings, nil, alone.Cells[2:3])
	nothing := sweep.CellOf(alone.Cells[0].Place, make([]sweep.Round, 6), nil)
	reports["nothing answered"] = sweep.New(alone.Settings, nil, []sweep.Cell{nothing})
	for name, r := range reports {
		var b strings.Builder
		if err := WriteSweepPage(&b, r); err != nil {
			t.Fatal(err)
		}
		page := b.String()
		for _, wrong := range []string{"<b>&", "\u202e", "<origin>", "NaN", "Inf", "src=", "url(", "@import", "<script"} {
			if strings.Contains(page, wrong) {
				t.Errorf("%s: there is %q", name, wrong)
			}
		}
		if refers := regexp.MustCompile(`href="([^"]*)"`).FindAllString(page, -1); len(refers) != 1 || refers[0] != `href="data:,"` {
			t.Errorf("%s: the page refers to %q", name, refers)
		}
		charts := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1)
		if want := 2 * len(r.Lines()) / max(len(r.Cells)/10, 1); len(charts) != want {
			t.Errorf("%s: %d charts, not %d", name, len(charts), want)
		}
		for _, chart := range charts {
			if err := xml.Unmarshal([]byte(chart), new(struct{})); err != nil {
				t.Errorf("%s: %v in %s", name, err, chart)
			}
		}
		if n := strings.Count(page, `class="curve p99 far"`); name == "6 rounds" && n != len(r.Lines()) {
			t.Errorf("%s: of the lines to ∞, %d are of a p99", name, n)
		}
		for _, head := range regexp.MustCompile(`<thead>.*</thead>`).FindAllString(page, -1) {
			if n := strings.Count(head, "<th "); n > 1+columnsOfGrid {
				t.Errorf("%s: a table has %d columns, which no phone is wide enough for", name, n)
			}
		}
		for _, b := range r.BreakEven {
			if !strings.Contains(page, template.HTMLEscapeString(breakEvenIs(&b))) {
				t.Errorf("%s: there is no %q", name, breakEvenIs(&b))
			}
		}
	}
}
