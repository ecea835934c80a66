//go:build race

package loop

// The race detector allocates on its own account.
const raceDetector = true
