package measure

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A histogram tells durations apart that differ by a thousandth, from 64 ns (the
// unit for the lowest duration of 100) to an hour, in 220 KiB.
const (
	lowest  = 100
	highest = int64(time.Hour)
	digits  = 3
)

// A Histogram is a distribution of durations: percentiles to three digits; count,
// minimum, maximum, mean and standard deviation exactly. The zero value is that of
// no durations, to be read and merged into; New makes one to record with.
type Histogram struct {
	bars     *hdrhistogram.Histogram // nanoseconds
	count    int64
	min, max time.Duration
	sum      time.Duration
	squares  float64 // the sum of the squares, in nanoseconds²
}

// New returns the histogram of the given durations.
func New(durations ...time.Duration) Histogram {
	h := Histogram{bars: hdrhistogram.New(lowest, highest, digits)}
	for _, d := range durations {
		h.Record(d)
	}
	return h
}

// Record adds one duration. It does not allocate.
func (h *Histogram) Record(d time.Duration) {
	// What is out of range by the clock's fault or by hours stands at its end.
	h.bars.RecordValue(max(0, min(int64(d), highest)))
	if d < h.min || h.count == 0 {
		h.min = d
	}
	h.max = max(h.max, d)
	h.sum += d
	h.squares += float64(d) * float64(d)
	h.count++
}

// Merge adds the durations of g.
func (h *Histogram) Merge(g *Histogram) {
	if g.count == 0 {
		return
	}
	if h.bars == nil {
		*h = New()
	}
	if h.count == 0 || g.min < h.min {
		h.min = g.min
	}
	h.bars.Merge(g.bars)
	h.max = max(h.max, g.max)
	h.sum += g.sum
	h.squares += g.squares
	h.count += g.count
}

// Count is the number of durations.
func (h *Histogram) Count() int64 { return h.count }

// Min is the shortest; 0 when there is none.
func (h *Histogram) Min() time.Duration { return h.min }

// Max is the longest; 0 when there is none.
func (h *Histogram) Max() time.Duration { return h.max }

// Mean is the arithmetic mean; 0 when there is none.
func (h *Histogram) Mean() time.Duration {
	if h.count == 0 {
		return 0
	}
	return h.sum / time.Duration(h.count)
}

// StdDev is the standard deviation of the durations themselves, not an estimate
// for others that they stand for; 0 when there is none.
func (h *Histogram) StdDev() time.Duration {
	if h.count == 0 {
		return 0
	}
	n, sum := float64(h.count), float64(h.sum)
	return time.Duration(math.Sqrt(max(0, h.squares-sum*sum/n) / n))
}

// Percentile is the duration that p percent do not exceed: of n in their order,
// the one with the rank ⌈p·n/100⌉. p has up to three decimals. The result is never
// outside of Min and Max, although the histogram rounds.
func (h *Histogram) Percentile(p float64) time.Duration {
	rank := rankOf(p, h.count)
	if rank >= h.count {
		return h.max
	}
	for _, bar := range h.bars.Distribution() {
		if rank -= bar.Count; rank <= 0 {
			return max(h.min, min(time.Duration(bar.To), h.max))
		}
	}
	return h.max
}

// rankOf is ⌈p·n/100⌉. It is reckoned in integers: as a float, 99.9 % of 1000 may
// be a little more than 999.
func rankOf(p float64, n int64) int64 {
	const whole = 100 * 1000
	return (int64(math.Round(p*1000))*n + whole - 1) / whole
}

// Counts tells how many durations lie between the edges, which ascend: up to the
// first one, up to the second, …, and above the last. Those next to an edge may be
// counted on its other side, as the histogram rounds.
func (h *Histogram) Counts(edges []time.Duration) []int64 {
	counts := make([]int64, len(edges)+1)
	if h.count == 0 {
		return counts
	}
	i := 0
	for _, bar := range h.bars.Distribution() {
		for i < len(edges) && bar.From > int64(edges[i]) {
			i++
		}
		counts[i] += bar.Count
	}
	return counts
}
