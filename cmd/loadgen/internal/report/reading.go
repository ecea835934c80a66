package report

import "fmt"

// ReadingLine is how much of a recording has been read, for a terminal, as Line is
// for a run. The size is 0 if it is not known.
func ReadingLine(read, whole int64) string {
	line := fmt.Sprintf("%s  reading   %s", clear, size(float64(read)))
	if whole > 0 {
		line += fmt.Sprintf(" of %s   %.0f %%", size(float64(whole)), 100*float64(read)/float64(whole))
	}
	return line
}
