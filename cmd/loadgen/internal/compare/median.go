package compare

import "slices"

// Median is the median of a series, and the interval that holds that of all the values
// that could have been measured, with a probability of at least 95 %: from the k-th value
// to the k-th from above (W. R. Thompson, On Confidence Ranges for the Median, 1936). With
// less than 6 values there is no such interval, and both its ends are 0.
func Median(values []float64) (m, low, high float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	// A value is above the median or below it, as a coin falls. The interval is missed
	// on one side if less than k of n coins fall so.
	tail, exactly, k := 0.0, 1.0, 0
	for range n {
		exactly /= 2
	}
	for k < n/2 && tail+exactly <= alpha/2 {
		tail += exactly
		exactly *= float64(n-k) / float64(k+1)
		k++
	}
	if k > 0 {
		low, high = sorted[k-1], sorted[n-k]
	}
	return median(sorted), low, high
}
