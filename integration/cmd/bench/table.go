package main

import (
	"fmt"
	"io"
	"slices"
)

// A spread is the median of some figures, and how far they lie apart.
type spread struct{ median, least, most float64 }

func spreadOf(figures []float64) spread {
	s := slices.Sorted(slices.Values(figures))
	n := len(s)
	return spread{median: (s[(n-1)/2] + s[n/2]) / 2, least: s[0], most: s[n-1]}
}

// printTable prints a line for each contestant. The last column is the cost of
// the first one, ours, divided by this one's cost in the same round: below 1, ours
// is the cheaper one.
func printTable(w io.Writer, c comparison, contestants []contestant, readings [][]reading) {
	fmt.Fprintf(w, "\n%s\n", c.title)
	fmt.Fprintf(w, "%-13s %21s", "", c.unit)
	if c.also != "" {
		fmt.Fprintf(w, " %10s", c.also)
	}
	fmt.Fprintf(w, "  %21s\n", contestants[0].name+" / it")
	for i, contestant := range contestants {
		costs := column(readings[i], func(_ int, r reading) float64 { return r.cost })
		fmt.Fprintf(w, "%-13s %21s", contestant.name, costs)
		if c.also != "" {
			also := column(readings[i], func(_ int, r reading) float64 { return r.also }).median
			fmt.Fprintf(w, " %10.*f", decimals(also), also)
		}
		if i > 0 {
			fmt.Fprintf(w, "  %21s", column(readings[i], func(round int, r reading) float64 { return readings[0][round].cost / r.cost }))
		}
		fmt.Fprintln(w)
	}
}

// decimals is how many of a figure's decimals are of interest.
func decimals(figure float64) int {
	if figure < 100 {
		return 2
	}
	return 0
}

// column is the spread of one figure over the rounds.
func column(readings []reading, figure func(round int, r reading) float64) spread {
	var figures []float64
	for round, r := range readings {
		figures = append(figures, figure(round, r))
	}
	return spreadOf(figures)
}

func (s spread) String() string {
	return fmt.Sprintf("%6.2f (%5.2f ..%6.2f)", s.median, s.least, s.most)
}
