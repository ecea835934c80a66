package program

import (
	"io"
	"os"
)

// Colours reports whether what is written to w is to have colours: with "always" or
// "never" whatever was asked for, with "auto" on a terminal that shows them, unless
// NO_COLOR is set (https://no-color.org).
func Colours(w io.Writer, when string) bool {
	switch kind := os.Getenv("TERM"); when {
	case "always":
		return true
	case "auto":
		return isTerminal(w) && os.Getenv("NO_COLOR") == "" && kind != "" && kind != "dumb"
	}
	return false
}
