//go:build race

package replay

// The race detector makes simulated worlds ten times as slow, and finds nothing
// in the hundredth that it did not find in the tenth.
const raceDetector = true
