package report

import (
	"fmt"
	"strings"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
)

// Line is how far a run has come, for a terminal of so many columns: it overwrites
// the line that the cursor stands on, and leaves the cursor at its end. What does
// not fit is left out, so that it stays one line. It counts what the report counts.
func Line(p replay.Progress, columns int) string {
	parts := []string{fmt.Sprintf("%.1f s", p.Elapsed.Seconds()), plural(p.Requests, "request"), trouble(p), rate(p.Rate()) + " per second"}
	return inOneLine(parts, columns)
}

// ReadingLine is how much of a recording has been read, as Line is for a run. The
// size of the whole is 0 if it is not known.
func ReadingLine(read, whole int64, columns int) string {
	parts := []string{"reading", size(float64(read))}
	if whole > 0 {
		parts = append(parts, percent(float64(read)/float64(whole))+" of "+size(float64(whole)))
	}
	return inOneLine(parts, columns)
}

// inOneLine takes as many parts as there is room for.
func inOneLine(parts []string, columns int) string {
	for n := len(parts); n > 0; n-- {
		if line := "  " + strings.Join(parts[:n], "   "); len(line) < columns {
			return clear + line
		}
	}
	return clear
}

func trouble(p replay.Progress) string {
	var parts []string
	if p.Errors > 0 {
		parts = append(parts, plural(p.Errors, "error"))
	}
	if p.ConnectFailures > 0 {
		parts = append(parts, plural(p.ConnectFailures, "attempt")+" to connect failed")
	}
	if len(parts) == 0 {
		return "no errors"
	}
	return strings.Join(parts, ", ")
}

// Cleared takes the line away again.
func Cleared() string { return clear }

// clear returns the cursor to the first column and erases the line.
const clear = "\r\x1b[K"
