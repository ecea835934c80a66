// Package tally has what is counted of each request, as plain numbers: a loop has some
// of its own, which nobody else touches, so that counting is an addition. Those of
// several loops are added up when somebody asks.
package tally

import "time"

// Statuses counts responses by their status code, from 100 to 999 (RFC 9112 section 4).
// At 0 stand the requests that got none.
type Statuses [1000]uint64

// Add adds what another one has counted.
func (s *Statuses) Add(o *Statuses) {
	for code, n := range o {
		s[code] += n
	}
}

// Bounds are up to where the bars of Durations reach.
var Bounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 25 * time.Second, 50 * time.Second,
}

// Durations is a histogram with a bar for each of Bounds, and one for what is longer.
type Durations struct {
	Bars [len(Bounds) + 1]uint64
	Sum  time.Duration
}

// Count counts one. It looks at the short ones first, which most are.
func (d *Durations) Count(t time.Duration) {
	bar := 0
	for bar < len(Bounds) && t > Bounds[bar] {
		bar++
	}
	d.Bars[bar]++
	d.Sum += t
}

// Add adds what another one has counted.
func (d *Durations) Add(o *Durations) {
	for bar, n := range o.Bars {
		d.Bars[bar] += n
	}
	d.Sum += o.Sum
}
