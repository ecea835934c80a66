package report

import (
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
)

// A bar is one line of the picture of the latencies.
type bar struct {
	upTo  time.Duration // 0: longer than all edges
	share float64
}

// edges are 10 µs, 20 µs, 50 µs, 100 µs, … 50 s.
var edges = func() (all []time.Duration) {
	for decade := 10 * time.Microsecond; decade < 100*time.Second; decade *= 10 {
		all = append(all, decade, 2*decade, 5*decade)
	}
	return all
}()

// label says what the bar counts. One without latencies stands for all the
// empty ones around it.
func (b bar) label() string {
	switch {
	case b.upTo == 0:
		return "longer"
	case b.share == 0:
		return "…"
	}
	return "to " + limit(b.upTo)
}

// spreadOf tells how the latencies are spread, from the first edge that some
// are below of to the first that none is above of.
func spreadOf(l *measure.Histogram) []bar {
	if l.Count() == 0 {
		return nil
	}
	var bars []bar
	gap := true // nothing so far, or nothing in the last bar
	for i, n := range l.Counts(edges) {
		b := bar{share: float64(n) / float64(l.Count())}
		if i < len(edges) {
			b.upTo = edges[i]
		}
		if n > 0 || !gap {
			bars = append(bars, b)
		}
		gap = n == 0
	}
	if gap {
		bars = bars[:len(bars)-1]
	}
	return bars
}

// picture draws a share of 1 as width cells, to an eighth of a cell. What is not
// nothing is seen.
func picture(share float64, width int) string {
	eighths := int(share*float64(width)*8 + 0.5)
	if share > 0 && eighths == 0 {
		eighths = 1
	}
	rest := []rune(" ▏▎▍▌▋▊▉")[eighths%8]
	return strings.TrimRight(strings.Repeat("█", eighths/8)+string(rest), " ")
}
