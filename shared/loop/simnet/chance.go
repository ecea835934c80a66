package simnet

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// A chance is a source of random decisions. All those of a world come from one,
// in the order in which they are asked for.
type chance struct{ rng *rand.Rand }

// The second half of the generator's seed keeps the options which were drawn
// from a seed independent of the history which that seed gives.
const (
	worldStream   = 0x686f70776972652d // an arbitrary constant, as are the others
	roughStream   = 0x726f7567682d2d2d
	hostileStream = 0x686f7374696c652d
)

func newChance(seed, stream uint64) *chance {
	return &chance{rng: rand.New(rand.NewPCG(seed, stream))}
}

// happens is true with probability p.
func (c *chance) happens(p float64) bool {
	return p > 0 && c.rng.Float64() < p
}

// within draws a time out of a range.
func (c *chance) within(r Range) time.Duration {
	if r.Max <= r.Min {
		return r.Min
	}
	return r.Min + time.Duration(c.rng.Int64N(int64(r.Max-r.Min)+1))
}

// index draws one of 0 ... n-1.
func (c *chance) index(n int) int {
	if n == 1 {
		return 0
	}
	return c.rng.IntN(n)
}

// length draws a length from 1 to most: the whole, any, or preferably a small
// one, since errors sit at both ends and at every boundary between.
func (c *chance) length(most int) int {
	if most <= 1 {
		return most
	}
	switch c.rng.IntN(4) {
	case 0, 1:
		return most
	case 2:
		return 1 + c.rng.IntN(most)
	default:
		return c.magnitude(most)
	}
}

// magnitude draws a number from 1 to most, each order of magnitude being as
// likely.
func (c *chance) magnitude(most int) int {
	bound := 1 << c.rng.IntN(bits.Len(uint(most))+1)
	return 1 + c.rng.IntN(min(most, bound))
}

// someRange draws a range for Options: none, a fixed time, or a wide one.
func (c *chance) someRange(most time.Duration) Range {
	long := time.Duration(1 + c.rng.Int64N(int64(most)))
	switch c.rng.IntN(3) {
	case 0:
		return Range{}
	case 1:
		return Range{Min: long, Max: long}
	default:
		return Range{Max: long}
	}
}

func pick[T any](c *chance, from ...T) T { return from[c.rng.IntN(len(from))] }
