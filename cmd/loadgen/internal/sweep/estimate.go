package sweep

import (
	"strconv"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/compare"
)

// An Estimate is what the rounds of a cell give for one figure.
type Estimate struct {
	Median float64 `json:"median"`
	// Interval holds the true median in 95 cases of 100; nil with less than 6 rounds.
	Interval *[2]float64 `json:"interval"`
	Rounds   []float64   `json:"rounds"`
}

func estimate(rounds []Round, of func(*Round) float64) Estimate {
	e := Estimate{}
	for i := range rounds {
		e.Rounds = append(e.Rounds, rounded(of(&rounds[i])))
	}
	m, low, high := compare.Median(e.Rounds)
	e.Median = rounded(m)
	if len(e.Rounds) >= fewestRounds {
		e.Interval = &[2]float64{low, high}
	}
	return e
}

// fewestRounds is of how many the smallest and the greatest are an interval of 95 %.
const fewestRounds = 6

// rounded keeps six digits, which is more than was measured.
func rounded(x float64) float64 {
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	return x
}

// A Quotient is by what the figures of one cell have to be multiplied to become those
// of another.
type Quotient struct {
	Ratio float64 `json:"ratio"`
	// Interval holds it in 95 cases of 100; nil with less than 4 rounds.
	Interval *[2]float64 `json:"interval"`
}

func quotient(from, to Estimate) Quotient {
	r := compare.Of(from.Rounds, to.Rounds)
	q := Quotient{Ratio: rounded(r.Ratio)}
	if r.High > 0 {
		q.Interval = &[2]float64{rounded(r.Low), rounded(r.High)}
	}
	return q
}
