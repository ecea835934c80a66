package pace

import (
	"math/rand/v2"
	"testing"
)

func TestBetween(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, test := range []struct{ least, most, from, to int }{
		{3, 5, 3, 5}, {3, 3, 3, 3}, {3, 0, 3, 3}, {0, 0, 0, 0}, {0, 2, 0, 2},
	} {
		seen := map[int]int{}
		b := Between[int]{test.least, test.most}
		for range 300 {
			seen[b.Draw(random)]++
		}
		for n := test.from; n <= test.to; n++ {
			if seen[n] < 60 {
				t.Errorf("%+v: %d comes %d times", b, n, seen[n])
			}
		}
		if len(seen) != test.to-test.from+1 || b.Greatest() != test.to {
			t.Errorf("%+v: %v, at most %d", b, seen, b.Greatest())
		}
	}
}
