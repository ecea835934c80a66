package report

import (
	"fmt"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
)

// Line is how far a run has come, for a terminal: it overwrites the line that
// the cursor stands on, and leaves the cursor at its end.
func Line(p replay.Progress) string {
	errors := "no errors"
	if p.Errors > 0 {
		errors = plural(p.Errors, "error")
	}
	perSecond := 0.0
	if s := p.Elapsed.Seconds(); s > 0 {
		perSecond = float64(p.Requests) / s
	}
	return fmt.Sprintf("%s  %.1f s   %s   %s per second   %s",
		clear, p.Elapsed.Seconds(), plural(p.Requests, "request"), rate(perSecond), errors)
}

// Cleared takes the line away again.
func Cleared() string { return clear }

// clear returns the cursor to the first column and erases the line.
const clear = "\r\x1b[K"
