package gateway

import (
	"testing"

	"github.com/hopwire/hopwire/shared/wiretest"
)

// seeds is how many seeds to try.
func seeds(n uint64) uint64 {
	if testing.Short() || wiretest.RaceDetector {
		return n / 10
	}
	return n
}
