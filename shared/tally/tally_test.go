package tally

import (
	"fmt"
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	for _, test := range []struct {
		d   time.Duration
		bar int
	}{
		{0, 0}, {time.Millisecond, 0}, {time.Millisecond + 1, 1}, {2500 * time.Microsecond, 1},
		{time.Second, 9}, {50 * time.Second, 14}, {50*time.Second + 1, 15}, {time.Hour, 15},
	} {
		var one, sum Durations
		one.Count(test.d)
		sum.Add(&one)
		sum.Add(&one)
		for bar, n := range sum.Bars {
			if (n == 2) != (bar == test.bar) {
				t.Errorf("%v: %d in bar %d", test.d, n, bar)
			}
		}
		if sum.Sum != 2*test.d {
			t.Errorf("%v: the sum of two is %v", test.d, sum.Sum)
		}
	}
	for i := range len(Bounds) - 1 {
		if Bounds[i] >= Bounds[i+1] {
			t.Errorf("%v is no less than %v", Bounds[i], Bounds[i+1])
		}
	}
}

func TestStatuses(t *testing.T) {
	one := Statuses{0: 1, 200: 2, 999: 3}
	sum := one
	if sum.Add(&one); sum != (Statuses{0: 2, 200: 4, 999: 6}) {
		t.Errorf("%v", sum)
	}
	var all List
	if sum.AddTo(&all); fmt.Sprint(all) != "[{responses.none 2} {responses.200 4} {responses.999 6}]" {
		t.Errorf("listed as %v", all)
	}
}
