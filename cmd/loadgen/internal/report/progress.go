package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
)

// Line is how far a run has come, which is one of several rounds, for a terminal of so
// many columns: it overwrites the line that the cursor stands on, and leaves the cursor
// at its end. What does not fit is left out, so that it stays one line. It counts what
// the report counts. With colour, what has failed is red.
func Line(p replay.Progress, round, of, columns int, colour bool) string {
	parts := []string{fmt.Sprintf("%.1f s", p.Elapsed.Seconds()), trouble(p), rate(p.Rate()) + " per second"}
	if p.Done > 0 {
		parts[0] = fmt.Sprintf("%.1f s left", p.Left.Seconds())
	}
	if of > 1 {
		parts[0] = fmt.Sprintf("round %d/%d, %s", round, of, parts[0])
	}
	if p.P99 > 0 {
		parts = append(parts, "p99 "+span(p.P99))
	}
	text := fitting(parts, columns)
	line := progressBar(p.Done, columns-1-utf8.RuneCountInString(text)) + text
	if colour && p.Errors+p.ConnectFailures > 0 {
		line = strings.Replace(line, parts[1], "\x1b[31m"+parts[1]+"\x1b[m", 1)
	}
	return clear + line
}

// Of a progress bar, so many cells are enough, or too few.
const mostCells, fewestCells = 24, 4

// progressBar draws how much is done, if that is known and there are columns left.
func progressBar(done float64, columns int) string {
	cells := min(columns-len("  [] "), mostCells)
	if done == 0 || cells < fewestCells {
		return ""
	}
	return fmt.Sprintf("  [%-*s] ", cells, picture(done, cells))
}

// ReadingLine is how much of a recording has been read, as Line is for a run. The
// size of the whole is 0 if it is not known.
func ReadingLine(read, whole int64, columns int) string {
	parts := []string{"reading", size(float64(read))}
	if whole > 0 {
		parts = append(parts, percent(float64(read)/float64(whole))+" of "+size(float64(whole)))
	}
	return clear + fitting(parts, columns)
}

// fitting takes as many parts as there is room for.
func fitting(parts []string, columns int) string {
	for n := len(parts); n > 0; n-- {
		if line := "  " + strings.Join(parts[:n], "   "); utf8.RuneCountInString(line) < columns {
			return line
		}
	}
	return ""
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
