package wiretest

import (
	"runtime/debug"
	"slices"
)

// RaceDetector says that the test was built with -race: everything takes ten
// times as long, allocates on its own account, and learns little from many seeds
// that it did not learn from a few.
var RaceDetector = func() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}()
