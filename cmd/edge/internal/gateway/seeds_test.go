package gateway

import "testing"

// seeds is how many seeds to try.
func seeds(n uint64) uint64 {
	if testing.Short() || raceDetector {
		return n / 10
	}
	return n
}
