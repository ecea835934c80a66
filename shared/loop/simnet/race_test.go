//go:build race

package simnet_test

// The race detector makes worlds ten times as slow, and learns nothing from the
// hundredth that it did not from the tenth.
const raceDetector = true
