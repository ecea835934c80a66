package sweep

import (
	"slices"
	"testing"
	"time"
)

const ms = Seconds(time.Millisecond)

func TestPlaces(t *testing.T) {
	a := Axes{RequestsPerConnection: []int{1, 0}, Connections: []int{4, 8}, Idle: []Seconds{0, ms}, Delay: []Seconds{5 * ms}}
	all := a.Places(Target, Against)
	if len(all) != 16 {
		t.Fatalf("%d places", len(all))
	}
	for i, want := range map[int]Place{
		0:  {Target, Load{4, 0, 5 * ms}, 1},
		1:  {Against, Load{4, 0, 5 * ms}, 1},
		2:  {Target, Load{4, 0, 5 * ms}, 0},
		4:  {Target, Load{8, 0, 5 * ms}, 1},
		15: {Against, Load{8, ms, 5 * ms}, 0},
	} {
		if all[i] != want {
			t.Errorf("%d is %+v, not %+v", i, all[i], want)
		}
	}
}

// In each round all cells have a turn, those of the two sides of a load one after the
// other; two rounds that belong together make no cell an early one; a seed is an order.
func TestOrder(t *testing.T) {
	const cells, seed = 12, 7
	firsts := map[int]bool{}
	for round := range 20 {
		order := Order(cells, 2, round, seed)
		for i := 0; i < cells; i += 2 {
			if order[i]/2 != order[i+1]/2 {
				t.Errorf("round %d: the sides of a load stand apart: %v", round, order)
			}
		}
		if round%2 == 1 {
			before := Order(cells, 2, round-1, seed)
			slices.Reverse(before)
			if !slices.Equal(before, order) {
				t.Errorf("round %d is not the one before backwards", round)
			}
		}
		if !slices.Equal(order, Order(cells, 2, round, seed)) {
			t.Error("it is another order the second time")
		}
		firsts[order[0]] = true
		slices.Sort(order)
		for i := range order {
			if order[i] != i {
				t.Fatalf("round %d: %v", round, order)
			}
		}
	}
	if len(firsts) < 5 {
		t.Errorf("only so many cells have ever been first: %v", firsts)
	}
	if slices.Equal(Order(cells, 2, 0, 1), Order(cells, 2, 0, 2)) {
		t.Error("the seed does not matter")
	}
}
