package gateway

import (
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// A wait for the client, and what went by at its end.
type round struct {
	waited time.Duration
	octets int
}

func TestAllowance(t *testing.T) {
	const idle, grace = 75 * time.Second, 5 * time.Second
	second := time.Second
	times := func(n int, r round) (all []round) {
		for range n {
			all = append(all, r)
		}
		return all
	}
	for _, test := range []struct {
		name   string
		rate   int
		rounds []round
		wait   time.Duration // that is granted next; 0: it is too slow
	}{
		{"the grace comes first", 250, nil, grace},
		{"waiting takes from it", 250, []round{{2 * second, 0}}, 3 * second},
		{"until nothing is left", 250, []round{{5 * second, 0}}, 0},
		{"octets add to it", 250, []round{{4 * second, 500}}, 3 * second},
		{"at the rate nothing changes", 250, times(1000, round{second, 250}), grace},
		{"at twice the rate it grows", 250, times(10, round{second, 500}), 15 * second},
		{"at half the rate it is used up", 250, times(10, round{second, 125}), 0},
		{"which takes twice the grace", 250, times(9, round{second, 125}), second / 2},
		{"what did not have to be waited for counts", 250, []round{{0, 2500}}, 15 * second},
		{"a burst buys a stall", 1000, []round{{0, 4000}, {8 * second, 0}}, second},
		{"a long burst buys no longer one", 1000, []round{{0, 1 << 30}}, grace + burst*time.Millisecond},
		{"nor do many", 1000, times(100, round{0, 1 << 20}), grace + burst*time.Millisecond},
		{"a wait is never longer than the idle timeout", 100, []round{{0, 1 << 20}}, idle},
		{"a long body is no excuse", 1000, append(times(1000, round{second, 2000}), round{22 * second, 1}), 0},
		{"without a rate only the idle timeout counts", 0, times(1000, round{70 * second, 1}), idle},
		{"a rate above an octet a nanosecond", 1 << 31, []round{{0, 1000}}, grace + 1000},
	} {
		p := newPace(idle, test.rate, grace)
		a := p.begin()
		for _, r := range test.rounds {
			a = p.reckon(a, r.waited, r.octets)
		}
		now := loop.Time(time.Hour)
		wait := max(p.deadline(a, now).Sub(now), 0)
		if wait != test.wait || p.tooSlow(a) != (test.wait == 0) {
			t.Errorf("%s: another wait of %v, too slow: %v; want %v", test.name, wait, p.tooSlow(a), test.wait)
		}
	}
}
