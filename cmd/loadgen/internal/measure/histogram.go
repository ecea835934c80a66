package measure

import (
	"iter"
	"math"
	"math/bits"
	"time"
)

// A histogram tells durations apart that differ by a thousandth, from 64 ns to an
// hour: by steps of 64 ns, of 128 ns from 2048·64 ns on, of 256 ns from twice that on,
// and so on, as HdrHistogram does with three digits. Each power of two is an octave of
// 8 KiB, which is there once something falls into it; all 27 are 216 KiB.
const (
	unitBits   = 6
	octaveBits = 10
	highest    = time.Hour
)

// An octave counts the durations of each step.
type octave [1 << octaveBits]int64

// A Histogram is a distribution of durations: percentiles to three digits; count,
// minimum, maximum, mean and standard deviation exactly. The zero value has none. Each
// power of two that occurs takes 8 KiB.
type Histogram struct {
	octaves  [27]*octave
	count    int64
	min, max time.Duration
	sum      time.Duration
	squares  float64 // the sum of the squares, in nanoseconds²
}

// New returns the histogram of the given durations.
func New(durations ...time.Duration) (h Histogram) {
	for _, d := range durations {
		h.Record(d)
	}
	return h
}

// at is where a duration is counted. It allocates when the first of an octave comes.
func (h *Histogram) at(d time.Duration) *int64 {
	// What is out of range by the clock's fault or by hours stands at its end.
	steps := uint64(max(0, min(d, highest))) >> unitBits
	i := max(bits.Len64(steps)-octaveBits, 0)
	if h.octaves[i] == nil {
		h.octaves[i] = new(octave)
	}
	return &h.octaves[i][steps>>shift(i)&(1<<octaveBits-1)]
}

// Record adds one duration. It allocates when the first of a power of two comes.
func (h *Histogram) Record(d time.Duration) {
	*h.at(d)++
	if d < h.min || h.count == 0 {
		h.min = d
	}
	h.max = max(h.max, d)
	h.sum += d
	h.squares += float64(d) * float64(d)
	h.count++
}

// shift is how many times a step of the octave is as long as the shortest, as a
// power of two: the first two have the shortest.
func shift(octave int) int { return max(octave-1, 0) }

// A bar is how many durations are from one to another.
type bar struct {
	from, to time.Duration
	count    int64
}

// bars are those that count something, in their order.
func (h *Histogram) bars() iter.Seq[bar] {
	return func(yield func(bar) bool) {
		for i, counts := range h.octaves {
			if counts == nil {
				continue
			}
			step, first := time.Duration(1)<<(shift(i)+unitBits), min(i, 1)<<octaveBits
			for slot, n := range counts {
				from := time.Duration(first+slot) * step
				if n > 0 && !yield(bar{from, from + step - 1, n}) {
					return
				}
			}
		}
	}
}

// Merge adds the durations of g.
func (h *Histogram) Merge(g *Histogram) {
	if g.count == 0 {
		return
	}
	if h.count == 0 || g.min < h.min {
		h.min = g.min
	}
	for i, counts := range g.octaves {
		if counts == nil {
			continue
		}
		if h.octaves[i] == nil {
			h.octaves[i] = new(octave)
		}
		for slot, n := range counts {
			h.octaves[i][slot] += n
		}
	}
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
	for bar := range h.bars() {
		if rank -= bar.count; rank <= 0 {
			return max(h.min, min(bar.to, h.max))
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
	i := 0
	for bar := range h.bars() {
		for i < len(edges) && bar.from > edges[i] {
			i++
		}
		counts[i] += bar.count
	}
	return counts
}
