//go:build race

package gateway

// raceDetector makes tests try less, since everything takes ten times as long.
const raceDetector = true
