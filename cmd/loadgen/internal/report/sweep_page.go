package report

import (
	_ "embed"
	"html/template"
	"io"
	"strings"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/sweep"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
	"github.com/hopwire/hopwire/shared/english"
)

//go:embed sweep.html
var sweepHTML string

var sweepTemplate = template.Must(template.New("sweep").Parse(sweepHTML))

// A sweepPage is what the template is filled with.
type sweepPage struct {
	Title, Means, Compared string
	Verdict                verdict.Verdict
	Loads                  []*pageLoad
	Notes                  []string
}

// A pageLoad is a section: the servers under one load.
type pageLoad struct {
	Words   string
	Servers []pageServer
	Charts  []pageChart
	Ratios  []pageRow

	load sweep.Load
}

type pageServer struct {
	Side      sweep.Side
	Address   string // empty where there is only one
	BreakEven string
	Tables    []pageTable
	Statuses  string
	Doubts    []string

	cells     []sweep.Cell
	breakEven *sweep.BreakEven
}

// A pageTable has no more columns than there is room for on a phone.
type pageTable struct {
	Columns []string
	Rows    []pageRow
}

// A pageRow is a line of a table.
type pageRow struct {
	Reuse, Mark string
	State       verdict.State
	Figures     []pageFigure
}

type pageFigure struct{ Value, Interval string }

func figureIn(value float64, interval *[2]float64, write func(float64) string) pageFigure {
	return pageFigure{write(value), intervalIn(interval, write)}
}

// Narrow is the interval with a place in the middle where a line may end.
func (f pageFigure) Narrow() string { return strings.Replace(f.Interval, "..", "..\u200b", 1) }

type pageChart struct {
	SVG     template.HTML
	Caption string
}

// WriteSweepPage writes the report of a sweep as a page of HTML, which needs nothing but
// itself.
func WriteSweepPage(w io.Writer, r *sweep.Report) error {
	s := &r.Settings
	p := sweepPage{
		Title: english.Printable(sweepTitle(s)), Means: sweepMeans(s), Compared: s.Target + " / " + s.Against,
		Verdict: r.Verdict,
	}
	for _, note := range r.Notes {
		p.Notes = append(p.Notes, english.Printable(note))
	}
	for i, cells := range r.Lines() {
		if n := len(p.Loads); n == 0 || p.Loads[n-1].load != cells[0].Load {
			p.Loads = append(p.Loads, &pageLoad{Words: cells[0].Load.Words(), load: cells[0].Load})
		}
		l := p.Loads[len(p.Loads)-1]
		l.Servers = append(l.Servers, pageServerOf(r, cells, &r.BreakEven[i]))
	}
	for _, l := range p.Loads {
		l.Charts = []pageChart{throughputChart(l), latencyChart(l)}
		l.Ratios = ratioRows(r, l.load)
	}
	return sweepTemplate.Execute(w, p)
}

func pageServerOf(r *sweep.Report, cells []sweep.Cell, b *sweep.BreakEven) pageServer {
	p := pageServer{Side: cells[0].To, BreakEven: breakEvenIs(b), Statuses: statuses(sweptStatuses(cells)), cells: cells, breakEven: b}
	if r.Settings.Against != "" {
		p.Address = map[sweep.Side]string{sweep.Target: r.Settings.Target, sweep.Against: r.Settings.Against}[p.Side]
	}
	for columns := range tablesOf(&cells[0]) {
		p.Tables = append(p.Tables, pageTableOf(columns, cells))
	}
	for _, reason := range doubtsOf(cells) {
		p.Doubts = append(p.Doubts, english.Printable(reason))
	}
	return p
}

func pageTableOf(columns []gridColumn, cells []sweep.Cell) (t pageTable) {
	for _, c := range columns {
		t.Columns = append(t.Columns, c.title)
	}
	for i := range cells {
		v := cells[i].Verdict
		t.Rows = append(t.Rows, pageRow{reuse(cells[i].RequestsPerConnection), strings.TrimSpace(mark(v)), v.State, figuresIn(columns, &cells[i])})
	}
	return t
}

func figuresIn(columns []gridColumn, cell *sweep.Cell) (all []pageFigure) {
	for _, c := range columns {
		e := c.of(cell)
		all = append(all, figureIn(e.Median, e.Interval, c.write))
	}
	return all
}

func ratioRows(r *sweep.Report, l sweep.Load) (rows []pageRow) {
	for _, q := range r.Ratios {
		if q.Load == l {
			row := pageRow{Reuse: reuse(q.RequestsPerConnection)}
			for _, one := range []sweep.Quotient{q.RequestsPerS, q.LatencyP50US, q.LatencyP99US} {
				row.Figures = append(row.Figures, figureIn(one.Ratio, one.Interval, quotient))
			}
			rows = append(rows, row)
		}
	}
	return rows
}
