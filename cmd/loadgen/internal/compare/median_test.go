package compare

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values            []float64
		median, low, high float64
	}{
		{nil, 0, 0, 0},
		{[]float64{7}, 7, 0, 0},
		{[]float64{4, 1, 3, 2}, 2.5, 0, 0},
		{[]float64{5, 1, 4, 2, 3}, 3, 0, 0},
		{[]float64{6, 5, 1, 4, 2, 3}, 3.5, 1, 6},              // by chance outside: 2/64
		{[]float64{8, 7, 6, 5, 1, 4, 2, 3}, 4.5, 1, 8},        // 2/256; from 2 to 7 it would be 18/256
		{[]float64{9, 8, 7, 6, 5, 1, 4, 2, 3}, 5, 2, 8},       // 20/512
		{[]float64{10, 9, 8, 7, 6, 5, 1, 4, 2, 3}, 5.5, 2, 9}, // 22/1024
	} {
		before := slices.Clone(test.values)
		if m, low, high := Median(test.values); m != test.median || low != test.low || high != test.high || !slices.Equal(before, test.values) {
			t.Errorf("%v: %g, %g to %g", test.values, m, low, high)
		}
	}
}

// The interval holds the true median as often as it says, over seeded series.
func TestMedianIsHeld(t *testing.T) {
	for _, n := range []int{6, 9, 30} {
		held := 0
		for seed := range uint64(1000) {
			if _, low, high := Median(series(rand.New(rand.NewPCG(seed, 15)), n, 1000, 0.1)); low <= 1000 && 1000 <= high {
				held++
			}
		}
		if held < 940 {
			t.Errorf("of %d values it is held %d times in 1000", n, held)
		}
	}
}
