package program

import (
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

const (
	logFormatName = "log-format"
	formatText    = "text"
	formatJSON    = "json"
)

// LogFormatFlag is --log-format. A program that has it writes its messages accordingly
// without doing anything; for other lines, see LogsJSON.
func LogFormatFlag(category string) cli.Flag {
	return &cli.StringFlag{
		Name:     logFormatName,
		Category: category,
		Value:    formatText,
		Usage:    "write the access log, and what goes to standard error, in `FORMAT`: text, or json, an object a line",
	}
}

// LogsJSON reports whether lines are to be JSON objects.
func LogsJSON(c *cli.Context) bool { return c.String(logFormatName) == formatJSON }

func checkLogFormat(c *cli.Context) error {
	if flagNamed(c.Command.Flags, logFormatName) == nil || c.String(logFormatName) == formatText || LogsJSON(c) {
		return nil
	}
	return Usagef("--log-format is text or json, not %q", c.String(logFormatName))
}

// wantsJSON is LogsJSON of a command line that nobody has read yet: what is wrong with
// it is a message, too.
func wantsJSON(app *cli.App, line []string) bool {
	if flagNamed(app.Flags, logFormatName) == nil {
		return false
	}
	flags, _, left := split(app.Flags, line[1:])
	words := slices.Concat(flags, left)
	for i, word := range slices.Backward(words) {
		flag, value, found := strings.Cut(word, "=")
		switch {
		case strings.TrimLeft(flag, "-") != logFormatName || flag == logFormatName:
		case found:
			return value == formatJSON
		case i+1 < len(words):
			return words[i+1] == formatJSON
		}
	}
	return os.Getenv(envName(app.Name, logFormatName)) == formatJSON
}
