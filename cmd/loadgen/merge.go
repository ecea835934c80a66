package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/report"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

func mergeCommand() *cli.Command {
	return &cli.Command{
		Name:        "merge",
		Usage:       "make one report of the runs of several machines",
		ArgsUsage:   "A.hlog...",
		Description: mergeDescription,
		Flags:       []cli.Flag{formatFlag()},
		Action:      mergeAction,
	}
}

const mergeDescription = `
A.hlog is what loadgen replay --hdr-log wrote: a log of HdrHistogram with, in
comments, the settings and counters of each run. Histograms and counters are
added up exactly, and the report is that of a single run with all that was sent,
in as much time as the longest took. With --repeat, first runs go together,
second runs, and so on. A note says so if the runs were not at the same time by
the machines' clocks, or their settings differ. Each run has a verdict, the gravest
counts, and its reasons say of which log they are.

The exit status is 0 if every request was answered, as with replay; 1 otherwise,
or if a log cannot be read; 2 if the command line is wrong; 3 if the verdict is
INVALID.

EXAMPLES
  loadgen replay URL -d 30s --hdr-log here.hlog
  loadgen merge here.hlog there.hlog
  loadgen merge --format json *.hlog`

func mergeAction(c *cli.Context) error {
	names := c.Args().Slice()
	if len(names) == 0 {
		return program.Usagef("name the logs that loadgen replay --hdr-log wrote")
	}
	if err := checkFormat(c); err != nil {
		return err
	}
	var logs []report.Log
	for _, name := range names {
		runs, err := readLog(name)
		if err != nil {
			return err
		}
		log := report.Log{Name: name, Runs: runs}
		if i := slices.IndexFunc(logs, log.Same); i >= 0 {
			return program.Usagef("%s and %s are logs of the same run, which would count twice", logs[i].Name, name)
		}
		logs = append(logs, log)
	}
	rep, result := report.Merge(logs)
	if err := write(c, rep); err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	return ending(rep.Verdict, result.Err())
}

func readLog(name string) ([]*report.Run, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return report.ReadLog(name, file)
}

// A hdrLog is the file of --hdr-log; nil if there is none.
type hdrLog struct {
	file *os.File
	err  error // the first
}

// newHdrLog begins the log, before anything is sent.
func newHdrLog(c *cli.Context) (*hdrLog, error) {
	path, err := output(c, "hdr-log")
	if path == "" {
		return nil, err
	}
	file, err := os.Create(path)
	if err == nil {
		err = measure.WriteLogHead(file, time.Now())
	}
	if err != nil {
		return nil, fmt.Errorf("--hdr-log: %w", err)
	}
	return &hdrLog{file: file}, nil
}

// add writes a run.
func (l *hdrLog) add(run *report.Run) {
	if l != nil && l.err == nil {
		l.err = run.WriteLog(l.file)
	}
}

// close ends the log, and says why it is not whole.
func (l *hdrLog) close() error {
	if l == nil {
		return nil
	}
	if err := cmp.Or(l.err, l.file.Close()); err != nil {
		return fmt.Errorf("--hdr-log: %w", err)
	}
	return nil
}
