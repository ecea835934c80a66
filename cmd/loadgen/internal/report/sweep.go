package report

import (
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/compare"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/sweep"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
	"github.com/hopwire/hopwire/shared/english"
)

// WriteSweepJSON writes the report of a sweep as one JSON object, as sweep.schema.json has
// it.
func WriteSweepJSON(w io.Writer, r *sweep.Report) error { return writeJSON(w, r) }

// WriteSweepText writes the report of a sweep for people.
func WriteSweepText(w io.Writer, r *sweep.Report) error {
	t := &page{}
	t.verdict(r.Verdict)
	s := &r.Settings
	for _, text := range []string{sweepTitle(s), sweepMeans(s)} {
		for _, line := range fold(english.Printable(text), columns) {
			t.WriteString(line + "\n")
		}
	}
	for i, line := range r.Lines() {
		t.blank()
		t.grid(r, line)
		for _, part := range fold(breakEvenIs(&r.BreakEven[i]), columns-2) {
			t.WriteString("  " + part + "\n")
		}
		if i == len(r.BreakEven)-1 || r.BreakEven[i+1].Load != line[0].Load {
			t.ratios(r, line[0].Load)
		}
	}
	t.list("Notes", r.Notes)
	_, err := io.WriteString(w, t.String())
	return err
}

// SweepLine is how far a sweep has come, as Line is for a run.
func SweepLine(run, of int, left time.Duration, columns int) string {
	text := fitting([]string{fmt.Sprintf("run %d of %d", run, of), left.Round(time.Second).String() + " left"}, columns)
	return clear + progressBar(float64(run-1)/float64(of), columns-1-len(text)) + text
}

// sweepTitle says who was asked for what.
func sweepTitle(s *sweep.Settings) string {
	title := asked(s.Source, s.Target)
	if s.Against != "" {
		title += ", against " + s.Against
	}
	return title
}

// sweepMeans says how.
func sweepMeans(s *sweep.Settings) string {
	text := fmt.Sprintf("%s of %s, %s of each cell, in an order by seed %d, %s", plural(int64(s.Runs), "run"),
		span(inSeconds(s.DurationS)), english.Plural(s.Rounds, "round"), s.Seed, english.Plural(s.Loops, "loop"))
	if s.TLS {
		text += ", TLS"
	}
	if slices.Contains(s.RequestsPerConnection, 0) {
		text += "; ∞ (0) requests each: connections are never closed"
	}
	return text
}

// A gridColumn is a figure of the cells.
type gridColumn struct {
	title string
	of    func(*sweep.Cell) *sweep.Estimate
	write func(float64) string
}

var gridColumns = []gridColumn{
	{"requests per second", func(c *sweep.Cell) *sweep.Estimate { return &c.RequestsPerS }, rate},
	{"latency p50", func(c *sweep.Cell) *sweep.Estimate { return &c.LatencyP50US }, inUnits},
	{"latency p99", func(c *sweep.Cell) *sweep.Estimate { return &c.LatencyP99US }, inUnits},
	{"CPU of loadgen", func(c *sweep.Cell) *sweep.Estimate { return &c.CPUPerRequestUS }, inUnits},
	{"sockets to TIME_WAIT", func(c *sweep.Cell) *sweep.Estimate { return &c.TimeWait }, whole},
}

// tablesOf are all figures of a cell, those of the processes that were asked for behind
// the others, as many at a time as fit beside each other.
func tablesOf(c *sweep.Cell) iter.Seq[[]gridColumn] {
	all := slices.Clone(gridColumns)
	for i := range c.Processes {
		all = append(all, gridColumn{"CPU of " + english.Printable(c.Processes[i].Name), func(c *sweep.Cell) *sweep.Estimate { return &c.Processes[i].CPUPerRequestUS }, inUnits})
	}
	return slices.Chunk(all, columnsOfGrid)
}

// columnsOfGrid fit beside each other.
const columnsOfGrid = 3

// gridHead writes titles above columns.
func (t *page) gridHead(titles ...string) {
	line := "    each"
	for _, title := range titles {
		line += fmt.Sprintf(" %-23s", title)
	}
	t.WriteString("requests\n" + strings.TrimRight(line, " ") + "\n")
}

// gridLine writes figures below them, each with its interval.
func (t *page) gridLine(reuse, mark string, figures []pageFigure) {
	line := fmt.Sprintf("  %5s%1s", reuse, mark)
	for _, f := range figures {
		line += fmt.Sprintf("%8s %-15s", f.Value, f.Interval)
	}
	t.WriteString(strings.TrimRight(line, " ") + "\n")
}

// grid writes the cells of a line of the grid, and what makes them doubtful.
func (t *page) grid(r *sweep.Report, cells []sweep.Cell) {
	fmt.Fprintf(t, "%s%s\n", cells[0].Load.Words(), sideOf(r, cells[0].To))
	for columns := range tablesOf(&cells[0]) {
		t.table(columns, cells)
	}
	t.WriteString("  Statuses: " + statuses(sweptStatuses(cells)) + "\n")
	for _, reason := range doubtsOf(cells) {
		for i, part := range fold(english.Printable(reason), columns-4) {
			t.WriteString([]string{"  - ", "    "}[min(i, 1)] + part + "\n")
		}
	}
}

// sweptStatuses are those of a line of the grid.
func sweptStatuses(cells []sweep.Cell) verdict.Statuses {
	all := verdict.Statuses{}
	for _, c := range cells {
		all.Add(c.Statuses)
	}
	return all
}

// doubtsOf are the reasons why cells of a line of the grid are marked.
func doubtsOf(cells []sweep.Cell) []string {
	var parts []verdict.Part
	for _, c := range cells {
		parts = append(parts, verdict.Part{Name: c.Reuse(), Verdict: c.Verdict})
	}
	return verdict.Join(parts...).Reasons
}

// table writes some of the figures.
func (t *page) table(of []gridColumn, cells []sweep.Cell) {
	var titles []string
	for _, c := range of {
		titles = append(titles, c.title)
	}
	t.gridHead(titles...)
	for i := range cells {
		t.gridLine(reuse(cells[i].RequestsPerConnection), mark(cells[i].Verdict), figuresIn(of, &cells[i]))
	}
}

// reuse is a number of requests per connection.
func reuse(n int) string {
	if n == 0 {
		return "∞"
	}
	return strconv.Itoa(n)
}

// mark is what stands with a cell that is not valid.
func mark(v verdict.Verdict) string { return [...]string{" ", "?", "!"}[v.State] }

// sideOf names a server, where there are two.
func sideOf(r *sweep.Report, to sweep.Side) string {
	switch {
	case r.Settings.Against == "":
		return ""
	case to == sweep.Against:
		return ", to " + r.Settings.Against
	}
	return ", to " + r.Settings.Target
}

// breakEvenIs says from how many requests per connection on it stops mattering.
func breakEvenIs(b *sweep.BreakEven) string {
	text := "Break-even: " + breakEvenOf(b)
	if b.Unknown == "" && b.Rounds < compare.FewestRounds {
		text += fmt.Sprintf(" (from medians of %s, no interval)", english.Plural(b.Rounds, "round"))
	}
	return text
}

func breakEvenOf(b *sweep.BreakEven) string {
	const more = "more rounds (--repeat) or a longer --duration tell more"
	perConnection := func(n int) string { return english.Plural(n, "request") + " per connection" }
	if b.Unknown != "" {
		return "not known, since " + b.Unknown
	}
	least, most := b.Gains[0].RequestsPerConnection, b.Gains[len(b.Gains)-1].RequestsPerConnection
	switch above, upTo := b.MoreThan, b.AtMost; {
	case above == nil && upTo == nil:
		return "not known, since the rounds differ too much; " + more
	case upTo == nil && *above == most:
		return fmt.Sprintf("above %s, the most that was measured", perConnection(most))
	case upTo == nil:
		return fmt.Sprintf("above %s; no number is certain to be beyond it; %s", perConnection(*above), more)
	case *upTo == least:
		return fmt.Sprintf("at most %s, the least that was measured: keeping connections longer gains less than 5 %%", perConnection(least))
	case above == nil:
		return fmt.Sprintf("at most %s; with less it is not certain; %s", perConnection(*upTo), more)
	}
	text := fmt.Sprintf("between %d and %s; from there on, keeping connections longer gains less than 5 %%", *b.MoreThan, perConnection(*b.AtMost))
	if doubtful := doubtfulBetween(b); doubtful != "" {
		text += "; of " + doubtful + " it is not certain"
	}
	return text
}

// doubtfulBetween are the numbers that were measured, and of which it is not certain.
func doubtfulBetween(b *sweep.BreakEven) string {
	var all []string
	for _, g := range b.Gains {
		if n := g.RequestsPerConnection; n > *b.MoreThan && n < *b.AtMost {
			all = append(all, strconv.Itoa(n))
		}
	}
	return strings.Join(all, ", ")
}

// ratios writes what the target has more than what it is held against.
func (t *page) ratios(r *sweep.Report, l sweep.Load) {
	rows := 0
	for _, q := range r.Ratios {
		if q.Load != l {
			continue
		}
		if rows++; rows == 1 {
			fmt.Fprintf(t, "\n%s, %s / %s\n", l.Words(), r.Settings.Target, r.Settings.Against)
			t.gridHead("requests per second", "latency p50", "latency p99")
		}
		var figures []pageFigure
		for _, one := range []sweep.Quotient{q.RequestsPerS, q.LatencyP50US, q.LatencyP99US} {
			figures = append(figures, figureIn(one.Ratio, one.Interval, quotient))
		}
		t.gridLine(reuse(q.RequestsPerConnection), "", figures)
	}
}

// quotient writes a ratio to three digits; none where there is none.
func quotient(x float64) string {
	if x == 0 || math.IsInf(x, 0) {
		return "-"
	}
	return "×" + digits(x)
}
