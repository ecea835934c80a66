package pace

import (
	"math"
	"testing"
	"time"
)

func TestTempo(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	for _, test := range []struct {
		name     string
		last     time.Duration
		requests int
		speed    float64
		passes   int64
		at, want time.Duration
	}{
		{"as recorded", 9 * s, 10, 1, 0, 4 * s, 4 * s},
		{"twice as fast", 9 * s, 10, 2, 0, 4 * s, 2 * s},
		{"slower", 9 * s, 10, 0.25, 0, 4 * s, 16 * s},
		{"again", 9 * s, 10, 1, 3, 4 * s, 34 * s},
		{"again, twice as fast", 9 * s, 10, 2, 3, 4 * s, 17 * s},
		{"a third is not added up", 2 * ms, 3, 3, 1_000_000, 0, 1000 * s},
		{"a single request", 0, 1, 1, 7, 0, 0},
		{"never", 9 * s, 10, 1e-300, 0, 1, math.MaxInt64},
	} {
		if got := NewTempo(test.last, test.requests, test.speed).Due(test.passes, test.at); got != test.want {
			t.Errorf("%s: %s, not %s", test.name, got, test.want)
		}
	}
}
