package report

import (
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
)

// A Distribution tells how durations are spread, in microseconds. Percentiles have
// three true digits, StdDev is that of the durations themselves.
type Distribution struct {
	Count   int64    `json:"count"`
	Min     float64  `json:"min"`
	Mean    float64  `json:"mean"`
	StdDev  float64  `json:"std_dev"`
	P50     float64  `json:"p50"`
	P90     float64  `json:"p90"`
	P99     float64  `json:"p99"`
	P999    float64  `json:"p999"`
	Max     float64  `json:"max"`
	Buckets []Bucket `json:"buckets"`
}

// A Bucket counts the durations that are longer than Above and not longer than
// UpTo, in microseconds.
type Bucket struct {
	Above float64 `json:"above"`
	UpTo  float64 `json:"up_to"`
	Count int64   `json:"count"`
}

func distributionOf(h *measure.Histogram) Distribution {
	return Distribution{
		Count:   h.Count(),
		Min:     microseconds(h.Min()),
		Mean:    microseconds(h.Mean()),
		StdDev:  microseconds(h.StdDev()),
		P50:     microseconds(h.Percentile(50)),
		P90:     microseconds(h.Percentile(90)),
		P99:     microseconds(h.Percentile(99)),
		P999:    microseconds(h.Percentile(99.9)),
		Max:     microseconds(h.Max()),
		Buckets: bucketsOf(h),
	}
}

// bucketEdges are 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12 µs and so on, beyond
// the hour that a histogram knows.
var bucketEdges = func() (all []time.Duration) {
	for decade := 100 * time.Nanosecond; decade < time.Hour; decade *= 10 {
		for _, tenths := range []time.Duration{10, 12, 15, 20, 25, 30, 40, 50, 60, 80} {
			all = append(all, tenths*decade)
		}
	}
	return all
}()

// bucketsOf are those that hold something.
func bucketsOf(h *measure.Histogram) []Bucket {
	buckets := []Bucket{}
	above := 0.0
	for i, n := range h.Counts(bucketEdges)[:len(bucketEdges)] {
		upTo := microseconds(bucketEdges[i])
		if n > 0 {
			buckets = append(buckets, Bucket{Above: above, UpTo: upTo, Count: n})
		}
		above = upTo
	}
	return buckets
}
