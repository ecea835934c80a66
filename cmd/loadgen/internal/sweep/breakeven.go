package sweep

import (
	"cmp"
	"slices"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
)

// Negligible is what connections that live for ever gain too little by: throughput that
// is less than 5 % higher.
const Negligible = 0.05

// A BreakEven says from how many requests per connection on further reuse gains less than
// Negligible. It is above MoreThan, and not above AtMost: both are numbers that were
// measured, and nothing is known of those between.
type BreakEven struct {
	To Side `json:"to"`
	Load
	// MoreThan is the greatest number with which more is gained for certain; nil: there is
	// none. From AtMost on, less is for certain; nil: from none that was measured on.
	MoreThan *int `json:"more_than"`
	AtMost   *int `json:"at_most"`
	// Gains are those over each number, in ascending order. Cells that are invalid take
	// no part.
	Gains []Gain `json:"gains"`
	// Rounds is how often the cell was measured that was least often, of those that the
	// gains are of.
	Rounds int `json:"rounds"`
	// Unknown is why there are none; empty if there are.
	Unknown string `json:"unknown"`
}

// A Gain is how much higher the throughput is that connections have which live for ever.
type Gain struct {
	RequestsPerConnection int `json:"requests_per_connection"`
	// Gain is a share, 0.05 for 5 %, and in 95 cases of 100 within Interval; nil with
	// less than 4 rounds, where Gain has to do.
	Gain     float64     `json:"gain"`
	Interval *[2]float64 `json:"interval"`
}

// BreakEvenOf finds it among the cells of one load. Asked says that connections that live
// for ever were to be measured, too.
func BreakEvenOf(cells []Cell, asked bool) BreakEven {
	b := BreakEven{To: cells[0].To, Load: cells[0].Load, Gains: []Gain{}}
	unlimited := slices.IndexFunc(cells, func(c Cell) bool { return c.RequestsPerConnection == 0 })
	switch {
	case unlimited < 0 && asked:
		b.Unknown = "what connections that are kept for ever give was not measured before the sweep ended"
		return b
	case unlimited < 0:
		b.Unknown = "what connections that are kept for ever give was not measured; have 0 among --requests-per-connection"
		return b
	case cells[unlimited].Verdict.State == verdict.Invalid:
		b.Unknown = "the figures of connections that are kept for ever are invalid"
		return b
	}
	b.Rounds = len(cells[unlimited].RequestsPerS.Rounds)
	for _, c := range cells {
		if c.RequestsPerConnection > 0 && c.Verdict.State != verdict.Invalid {
			b.Rounds = min(b.Rounds, len(c.RequestsPerS.Rounds))
			b.Gains = append(b.Gains, gainOver(&c, &cells[unlimited]))
		}
	}
	if len(b.Gains) == 0 {
		b.Unknown = "nothing else was measured that is not invalid"
	}
	slices.SortFunc(b.Gains, func(x, y Gain) int { return cmp.Compare(x.RequestsPerConnection, y.RequestsPerConnection) })
	b.find()
	return b
}

func gainOver(c, unlimited *Cell) Gain {
	q := quotient(c.RequestsPerS, unlimited.RequestsPerS)
	g := Gain{RequestsPerConnection: c.RequestsPerConnection, Gain: rounded(q.Ratio - 1)}
	if q.Interval != nil {
		g.Interval = &[2]float64{rounded(q.Interval[0] - 1), rounded(q.Interval[1] - 1)}
	}
	return g
}

// between are the least and the most that is gained.
func (g *Gain) between() (least, most float64) {
	if g.Interval == nil {
		return g.Gain, g.Gain
	}
	return g.Interval[0], g.Interval[1]
}

// find looks for the two numbers in the gains.
func (b *BreakEven) find() {
	for i := range b.Gains {
		if least, _ := b.Gains[i].between(); least >= Negligible {
			b.MoreThan = &b.Gains[i].RequestsPerConnection
		}
	}
	for i := len(b.Gains) - 1; i >= 0; i-- {
		if _, most := b.Gains[i].between(); most >= Negligible {
			return
		}
		b.AtMost = &b.Gains[i].RequestsPerConnection
	}
}
