//go:build !race

package integration

// raceFlag builds the binaries as the tests were built.
var raceFlag []string
