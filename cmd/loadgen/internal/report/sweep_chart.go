package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/sweep"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
)

// The measures of a chart, in units of its own; it is drawn as wide as there is room.
const (
	chartWidth, chartHeight                      = 360, 240
	chartLeft, chartRight, chartTop, chartBottom = 50, 354, 22, 196
)

// A chart draws figures over the number of requests per connection, whose axis is
// logarithmic and has ∞ behind the greatest.
type chart struct {
	strings.Builder
	reuses   []int // ascending, 0 the last
	low, top float64
	isLog    bool                 // the upright axis, too
	write    func(float64) string // a figure
	round    func(float64) string // and one that is round
}

// A curve is a figure of a server.
type curve struct {
	side  sweep.Side
	class string
	cells []sweep.Cell
	of    func(*sweep.Cell) *sweep.Estimate
}

func requestsPerS(c *sweep.Cell) *sweep.Estimate { return &c.RequestsPerS }
func latencyP50(c *sweep.Cell) *sweep.Estimate   { return &c.LatencyP50US }
func latencyP99(c *sweep.Cell) *sweep.Estimate   { return &c.LatencyP99US }

func throughputChart(l *pageLoad) pageChart {
	var curves []curve
	for _, s := range l.Servers {
		curves = append(curves, curve{s.Side, "", s.cells, requestsPerS})
	}
	c := newChart(curves, false, rate, roundNumber)
	c.axes("requests per second")
	for i, s := range l.Servers {
		c.breakEven(s.breakEven, i)
	}
	c.draw(curves)
	return c.figure("throughput: requests per second over requests per connection")
}

func latencyChart(l *pageLoad) pageChart {
	var curves []curve
	for _, s := range l.Servers {
		curves = append(curves, curve{s.Side, "", s.cells, latencyP50}, curve{s.Side, "p99", s.cells, latencyP99})
	}
	c := newChart(curves, true, inUnits, func(us float64) string { return limit(time.Duration(us * 1e3)) })
	c.axes("latency, logarithmic: p50, and dashed p99")
	c.draw(curves)
	return c.figure("latency with connecting counted in: p50 as a line, p99 dashed, over requests per connection")
}

// roundNumber writes a number of few digits.
func roundNumber(x float64) string {
	if x >= 1000 {
		return whole(x)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

func newChart(curves []curve, isLog bool, write, round func(float64) string) *chart {
	c := &chart{isLog: isLog, write: write, round: round}
	low := math.Inf(1)
	for _, one := range curves {
		for i := range one.cells {
			if n := one.cells[i].RequestsPerConnection; !slices.Contains(c.reuses, n) {
				c.reuses = append(c.reuses, n)
			}
			e := one.of(&one.cells[i])
			c.top = max(c.top, e.Median)
			if e.Median > 0 {
				low = min(low, e.Median)
			}
			if e.Interval != nil {
				c.top = max(c.top, e.Interval[1])
				if e.Interval[0] > 0 {
					low = min(low, e.Interval[0])
				}
			}
		}
	}
	if c.top == 0 {
		c.top, low = 1, 1
	}
	if isLog {
		c.low, c.top = low/1.1, max(c.top*1.1, low*2)
	} else {
		c.top *= 1.05
	}
	return c
}

// x is where a number of requests per connection stands.
func (c *chart) x(n int) float64 {
	bounded := slices.DeleteFunc(slices.Clone(c.reuses), func(n int) bool { return n == 0 })
	if len(bounded) == 0 {
		return (chartLeft + chartRight) / 2
	}
	first, last := math.Log2(float64(slices.Min(bounded))), math.Log2(float64(slices.Max(bounded)))
	end := last
	if len(bounded) < len(c.reuses) {
		end = last + max((last-first)/6, 1)
	}
	at := end
	if n > 0 {
		at = math.Log2(float64(n))
	}
	const margin = 14
	return chartLeft + margin + (chartRight-chartLeft-2*margin)*(at-first)/max(end-first, 1)
}

func (c *chart) y(value float64) float64 {
	share := value / c.top
	if c.isLog {
		share = math.Log(max(value, c.low)/c.low) / math.Log(c.top/c.low)
	}
	return chartBottom - (chartBottom-chartTop)*share
}

// ticks are round numbers for the upright axis, not many.
func (c *chart) ticks() (all []float64) {
	if !c.isLog {
		step := math.Pow(10, math.Floor(math.Log10(c.top)))
		for _, part := range []float64{0.2, 0.5, 1, 2} {
			if c.top/(step*part) <= 6 {
				step *= part
				break
			}
		}
		for v := 0.0; v <= c.top; v += step {
			all = append(all, v)
		}
		return all
	}
	for _, parts := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
		all = nil
		for decade := math.Pow(10, math.Floor(math.Log10(c.low))); decade < c.top; decade *= 10 {
			for _, part := range parts {
				if v := decade * part; v >= c.low && v <= c.top {
					all = append(all, v)
				}
			}
		}
		if len(all) <= 7 {
			break
		}
	}
	return all
}

func (c *chart) axes(title string) {
	fmt.Fprintf(c, `<text x="4" y="13">%s</text>`, template.HTMLEscapeString(title))
	for _, v := range c.ticks() {
		y := c.y(v)
		fmt.Fprintf(c, `<path class="axis" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`, chartLeft, y, chartRight, chartLeft-5, y+4, c.round(v))
	}
	right := 0.0
	for _, n := range c.reuses {
		x := c.x(n)
		fmt.Fprintf(c, `<path class="axis" d="M%.1f %dv5"/>`, x, chartBottom)
		if half := 3.5*float64(len(reuse(n))) + 2; n == 0 || x-half > right { // else it would lie on the one before
			fmt.Fprintf(c, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, x, chartBottom+17, reuse(n))
			right = x + half
		}
	}
	fmt.Fprintf(c, `<text x="%d" y="%d" text-anchor="middle">requests per connection</text>`, (chartLeft+chartRight)/2, chartHeight-6)
}

// breakEven shades where it may lie.
func (c *chart) breakEven(b *sweep.BreakEven, line int) {
	if b.MoreThan == nil && b.AtMost == nil {
		return
	}
	from, to := float64(chartLeft), float64(chartRight)
	if b.MoreThan != nil {
		from = c.x(*b.MoreThan)
	}
	if b.AtMost != nil {
		to = c.x(*b.AtMost)
	}
	fmt.Fprintf(c, `<g class="%s"><rect class="band" x="%.1f" y="%d" width="%.1f" height="%d"/>`, b.To, from, chartTop, to-from, chartBottom-chartTop)
	for _, x := range []float64{from, to} {
		if x > chartLeft && x < chartRight {
			fmt.Fprintf(c, `<path class="edge" d="M%.1f %dV%d"/>`, x, chartTop, chartBottom)
		}
	}
	middle := min(max((from+to)/2, chartLeft+32), chartRight-32)
	fmt.Fprintf(c, `<text class="label" x="%.1f" y="%d" text-anchor="middle">break-even</text></g>`, middle, chartBottom-6-13*line)
}

func (c *chart) draw(curves []curve) {
	for _, one := range slices.Backward(curves) { // the target is on top
		fmt.Fprintf(c, `<g class="%s">`, one.side)
		c.lines(one)
		for i := range one.cells {
			c.point(one, &one.cells[i])
		}
		c.WriteString("</g>")
	}
}

// lines connect what is not invalid; the one to ∞ leaves out more than it shows.
func (c *chart) lines(one curve) {
	var before *sweep.Cell
	for i := range one.cells {
		cell := &one.cells[i]
		if cell.Verdict.State == verdict.Invalid {
			continue
		}
		if before != nil {
			class := strings.TrimSpace("curve " + one.class)
			if cell.RequestsPerConnection == 0 {
				class += " far"
			}
			fmt.Fprintf(c, `<path class="%s" d="M%.1f %.1fL%.1f %.1f"/>`, class,
				c.x(before.RequestsPerConnection), c.y(one.of(before).Median), c.x(cell.RequestsPerConnection), c.y(one.of(cell).Median))
		}
		before = cell
	}
}

// point draws a figure with its interval, and says both to whom points at it.
func (c *chart) point(one curve, cell *sweep.Cell) {
	e := one.of(cell)
	x, y := c.x(cell.RequestsPerConnection), c.y(e.Median)
	text := reuse(cell.RequestsPerConnection) + " per connection: " + c.write(e.Median)
	c.WriteString("<g>")
	if e.Interval != nil {
		text += ", " + intervalIn(e.Interval, c.write)
		fmt.Fprintf(c, `<path class="interval" d="M%.1f %.1fV%.1f"/>`, x, c.y(e.Interval[0]), c.y(e.Interval[1]))
	}
	class := "mark"
	if cell.Verdict.State > verdict.Valid {
		class, text = "mark doubtful", text+", "+cell.Verdict.State.String()
	}
	if one.side == sweep.Against {
		fmt.Fprintf(c, `<rect class="%s" x="%.1f" y="%.1f" width="9" height="9">`, class, x-4.5, y-4.5)
		fmt.Fprintf(c, `<title>%s</title></rect>`, text)
	} else {
		fmt.Fprintf(c, `<circle class="%s" cx="%.1f" cy="%.1f" r="3.5"><title>%s</title></circle>`, class, x, y, text)
	}
	c.WriteString("</g>")
}

func (c *chart) figure(about string) pageChart {
	svg := fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg>`, chartWidth, chartHeight, template.HTMLEscapeString(about), c.String())
	return pageChart{template.HTML(svg), strings.ToUpper(about[:1]) + about[1:] + "."}
}
