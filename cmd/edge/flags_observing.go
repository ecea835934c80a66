package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/shared/events/redact"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/hopwire/hopwire/shared/size"
)

// lines and tracePictures are what a trace may show.
const lines, tracePictures = "lines", "pictures"

// observingFlags say what is written down of what the edge does.
func observingFlags() []cli.Flag {
	path := func(name, usage string) cli.Flag {
		return &cli.StringFlag{Name: name, Usage: usage, Category: observing}
	}
	return []cli.Flag{
		path("access-log", "write a line for each exchange to `FILE`, within a tenth of a second of its end; -: standard output"),
		&cli.BoolFlag{Name: "log-connections", Category: observing, Usage: "add a line for each connection when it ends, of clients and to origins, idle ones too"},
		program.LogFormatFlag(observing),
		path("record", "record both hops to `FILE` as pcapng, with all that is in them, also passwords unless --redact is given; -: standard output"),
		&traceFlag{cli.GenericFlag{Name: "trace", Value: new(traceForm), Category: observing, Usage: "print a line for each exchange when it ends, on standard output; --trace pictures, or pictures in the environment: both hops side by side"}},
		&cli.StringSliceFlag{Name: "redact", Category: observing, Usage: "blank the values of Authorization, Cookie, Set-Cookie and Proxy-Authorization, and of the fields `NAME`,..., in the recording and the trace; standard: of those four alone. Targets and content stay as they are"},
		&cli.StringFlag{Name: "tap-memory", Value: "64MiB", Category: observing, Usage: "let the recording and the trace take `SIZE` each for what they have not written yet; what finds no room is left out, and said"},
		&cli.StringFlag{Name: "record-max", Category: observing, Usage: "when the recording has reached `SIZE`, such as 100MB or 1GiB, go on in FILE.1, FILE.2 and so on", DefaultText: "no bound"},
	}
}

// A traceFlag may stand alone, or be followed by = or a blank and what is to be shown.
type traceFlag struct{ cli.GenericFlag }

// TakesValue reports that the next word is not the flag's own: it is an argument.
func (*traceFlag) TakesValue() bool { return false }

// A traceForm is the value of the flag: empty, or what was asked for.
type traceForm string

func (f *traceForm) String() string { return string(*f) }

// Set takes what stands behind the =, or in the environment; "true" where nothing does.
func (f *traceForm) Set(s string) error {
	switch on, err := strconv.ParseBool(s); {
	case err != nil:
		*f = traceForm(s)
	case on:
		*f = lines
	default:
		*f = ""
	}
	return nil
}

// IsBoolFlag lets the flag stand alone.
func (*traceForm) IsBoolFlag() bool { return true }

// trace reads what is to be shown; behind a blank it is the program's only argument,
// since the flag may stand alone.
func (c *checker) trace(name string) string {
	what, form := c.Args().First(), c.String(name)
	shown := cmp.Or(what, form)
	switch {
	case what != "" && form == "":
		c.problem("unexpected argument %q", what)
	case c.Args().Len() > 1:
		c.problem("unexpected argument %q", c.Args().Get(1))
	case form == "":
		return ""
	case shown != lines && shown != tracePictures:
		c.problem("--%s shows lines or pictures, not %q", name, shown)
	}
	for _, other := range []string{"access-log", "record"} {
		if c.String(other) == "-" {
			c.problem("--%s and --%s - would both write to standard output; give one of them up, or --%s a file", name, other, other)
		}
	}
	return shown
}

func (c *checker) tapMemory(name string) int {
	n, err := size.Parse(c.String(name))
	switch {
	case err != nil || n < 1<<20 || n > 1<<40:
		c.problem("--%s is a size from 1MiB up, such as 64MiB, not %q", name, c.String(name))
	case c.IsSet(name) && c.String("record") == "" && c.String("trace") == "":
		c.problem("--%s means something only with --record or --trace; add one, or leave it out", name)
	}
	return int(n)
}

// redact reads what is to be blanked in what is recorded or shown; nil: nothing.
func (c *checker) redact(name string) *redact.Names {
	if !c.IsSet(name) {
		return nil
	}
	names, err := redact.Parse(c.StringSlice(name))
	if err != nil {
		c.problem("--%s: %v", name, err)
	}
	if c.String("record") == "" && c.String("trace") == "" {
		c.problem("--%s means something only with --record or --trace; add one, or leave it out", name)
	}
	return names
}

// recordMax reads the bound of the files of a recording; 0: there is none. A file
// has to hold more than what stands at its head.
func (c *checker) recordMax(name string) int64 {
	const least = 1_000_000
	s := c.String(name)
	if s == "" {
		return 0
	}
	n, err := size.Parse(s)
	if err != nil || n < least {
		c.problem("--%s is a size such as 100MB or 1GiB, and at least 1MB, not %s", name, s)
	}
	return n
}

// differ sees to it that two flags name two files: each would write over what the
// other wrote.
func (c *checker) differ(one, other string) {
	a, b := c.String(one), c.String(other)
	if a != "" && b != "" && sameFile(a, b) {
		c.problem("--%s and --%s are one file, %s; give each a file of its own", one, other, b)
	}
	if number, ok := strings.CutPrefix(filepath.Clean(a), filepath.Clean(b)+"."); ok && c.String("record-max") != "" && strings.Trim(number, "0123456789") == "" {
		c.problem("--%s is one of the files in which --%s goes on, %s; give it another name", one, other, a)
	}
}

// sameFile reports whether the paths of the log and of the recording lead to one
// file, which may not be there yet. Devices are not meant: /dev/null takes
// anything from anybody.
func sameFile(log, recording string) bool {
	if log == "-" || recording == "-" {
		return log == recording // standard output
	}
	if here, err := os.Stat(log); err == nil {
		there, err := os.Stat(recording)
		return err == nil && os.SameFile(here, there) && here.Mode().IsRegular()
	}
	log, err1 := filepath.Abs(log)
	recording, err2 := filepath.Abs(recording)
	return err1 == nil && err2 == nil && log == recording
}
