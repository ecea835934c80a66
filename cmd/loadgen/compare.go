package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/report"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/mattn/go-shellwords"
	"github.com/urfave/cli/v2"
)

func compareCommand() *cli.Command {
	return &cli.Command{
		Name:        "compare",
		Usage:       "say whether two runs differ, and by how much",
		ArgsUsage:   "[A.json B.json]",
		Description: compareDescription,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "a", Usage: "make runs by the `COMMAND` line 'replay ...', or one that begins with a URL, in turns with --b"},
			&cli.StringFlag{Name: "b", Usage: "and by this `COMMAND` line"},
			repeatFlag(10, "make `N` runs of each"),
			&cli.BoolFlag{Name: "different", Usage: "compare two files although their settings differ"},
			formatFlag(),
		},
		Action: compareAction,
	}
}

const compareDescription = `
A.json and B.json hold what loadgen replay --repeat N --format json wrote: the
figures of N rounds each. With --a and --b, loadgen makes the rounds itself, each a
run of its own, in the order a b b a a b b a, so that what else goes on meets
both. The words of a command line are told apart as in a shell. What is wrong with
either is found before the first run. With --ledger in
one, there is a ledger of each run, and a run has failed if its does not balance.

Of each figure the table has the medians, and by what those of a have to be
multiplied to become those of b: the median of the ratios of each round of b to
each of a, and the interval in which it lies in 95 cases of 100. p is how
probable so great a difference is by chance (Mann-Whitney U test); from 0.05 on
there is "no difference". That is what it mostly is, if nothing differs:
of 20 such figures, one is taken for different. It does not say that nothing
differs; more rounds find smaller differences. With less than 4 rounds on a side
there are too few for any.

Latencies have connecting counted in; with --rate or --pace recorded they are from
when a request was due. CPU is that of loadgen. The verdict before the table is the
gravest of all rounds. It is SUSPECT as well if responses were errors (4xx and 5xx)
that no recording has, or only those of one side: what fails at once looks fast.

With --format bench, each round is a result of a Go benchmark, with the key side:
benchstat -col /side FILE.

A signal ends the runs, and as many of a as of b are compared. So does a run in
which nothing is answered, and it is compared, too.

The exit status is 0 whatever differs; 1 if a run failed, by the rules of replay,
or was ended by a signal, or a file cannot be read, or, without --different, the settings of two files
differ; 2 if the command line is wrong; 3 if the verdict is INVALID.

EXAMPLES
  loadgen compare before.json after.json
  loadgen compare --a 'replay http://127.0.0.1:8080/ -d 2s' \
    --b 'replay http://127.0.0.1:8080/ -d 2s --requests-per-connection 1'`

func compareAction(c *cli.Context) error {
	if err := checkOutput(c); err != nil {
		return err
	}
	files, lines := c.Args().Slice(), c.IsSet("a") || c.IsSet("b")
	switch {
	case lines && len(files) > 0:
		return program.Usagef("give two files, or --a and --b, not both")
	case lines:
		return compareRuns(c)
	case len(files) != 2:
		return program.Usagef("name two files that loadgen replay --format json wrote, or give --a and --b")
	}
	return compareFiles(c, files[0], files[1])
}

func compareFiles(c *cli.Context, a, b string) error {
	var sides [2]*report.Side
	for i, name := range []string{a, b} {
		text, err := os.ReadFile(name)
		if err == nil {
			sides[i], err = report.ReadSide(name, text)
		}
		if err != nil {
			return err
		}
	}
	comparison := report.Compare(sides[0], sides[1])
	if differences := comparison.Differences(); differences != "" && !c.Bool("different") {
		return fmt.Errorf("%s and %s are of different settings, %s; --different compares them all the same", a, b, differences)
	}
	return told(c, comparison, nil)
}

// told writes the comparison. What it returns is the end of the program, where failed is
// what failed before.
func told(c *cli.Context, comparison *report.Comparison, failed error) error {
	if err := write(c, comparison); err != nil {
		return fmt.Errorf("the comparison cannot be written: %w", err)
	}
	return ending(comparison.Verdict, failed)
}

// compareRuns makes the runs of two command lines.
func compareRuns(c *cli.Context) error {
	var words [2][]string
	for _, variable := range []string{"LOADGEN_HDR_LOG", "LOADGEN_SAVE_FAILURES"} {
		if os.Getenv(variable) != "" {
			return program.Usagef("unset %s, whose file each run would overwrite", variable)
		}
	}
	for i, name := range []string{"a", "b"} {
		var err error
		if words[i], err = wordsOf(c.String(name)); err != nil {
			return program.Usagef("--%s %q: %w", name, c.String(name), err)
		}
	}
	for i, name := range []string{"a", "b"} {
		_, err := replayed(c.Context, words[i][1:], checkOnly+"=1")
		if stopped := c.Context.Err(); stopped != nil {
			return stopped
		}
		if err != nil {
			return fmt.Errorf("--%s %q: %w", name, c.String(name), err)
		}
	}
	a, b, failed := turns(c, words)
	switch {
	case a == nil:
		return failed
	case b == nil:
		return ending(a.Rounds[0].Verdict, failed)
	}
	return told(c, report.Compare(a, b), failed)
}

// turns makes the runs, until one has nothing to compare. Where it has no report, or was
// ended by a signal, there are as many of a as of b, or nil.
func turns(c *cli.Context, words [2][]string) (a, b *report.Side, failed error) {
	var sides [2]*report.Side
	for i := range 2 * c.Int("repeat") {
		which := (i + 1) / 2 % 2 // a b b a
		name := string("ab"[which])
		tell(c, fmt.Sprintf("  run %d of %d: %s", i+1, 2*c.Int("repeat"), name))
		side, err := runOf(c.Context, words[which], c.String(name))
		tell(c, "")
		if err != nil && failed == nil {
			failed = fmt.Errorf("run %d, of %s, failed: %w", i+1, name, err)
		}
		if stopped := c.Context.Err(); stopped != nil {
			side, failed = nil, stopped
		}
		switch {
		case side == nil && i < 2:
			return nil, nil, failed
		case side == nil:
			a, b = sides[0], sides[1]
			a.Rounds, b.Rounds = a.Rounds[:i/2], b.Rounds[:i/2]
			return a, b, failed
		case sides[which] == nil:
			sides[which] = side
		default:
			sides[which].Rounds = append(sides[which].Rounds, side.Rounds...)
		}
		if side.Rounds[0].Requests == side.Rounds[0].Errors {
			break
		}
	}
	return sides[0], sides[1], failed
}

// tell writes a line that the next one overwrites, where somebody watches.
func tell(c *cli.Context, line string) {
	if terminal := program.Terminal(c.App.ErrWriter); terminal != nil {
		io.WriteString(terminal, report.Cleared()+line)
		terminal.Flush() // the comparison comes behind it, by another way
	}
}

// wordsOf are those of a command line of replay. What compare itself asks of each run is
// not theirs to say.
func wordsOf(line string) ([]string, error) {
	parser := shellwords.NewParser()
	parser.SetExcludeSeparators([]rune("&|;<>()`")...) // they stand in URLs
	words, err := parser.Parse(line)
	if err != nil {
		return nil, errors.New("a quote or a backslash has no end")
	}
	if words = withCommand(append([]string{"loadgen"}, words...))[1:]; len(words) == 0 || words[0] != "replay" {
		return nil, errors.New("write replay and what it is to do")
	}
	for _, word := range words {
		name, _, _ := strings.Cut(word, "=")
		if name = strings.TrimLeft(name, "-"); name == word {
			continue
		}
		switch name {
		case "format", "repeat":
			return nil, fmt.Errorf("give --%s to compare", name)
		case "hdr-log", "save-failures":
			return nil, fmt.Errorf("leave out --%s, whose file each run would overwrite", name)
		}
	}
	return words, nil
}

// runOf makes a run in a process of its own. It returns what that has measured, if
// anything, and why it failed.
func runOf(ctx context.Context, words []string, line string) (*report.Side, error) {
	stdout, err := replayed(ctx, append([]string{"--format", "json", "--repeat", "1"}, words[1:]...))
	side, unread := report.ReadSide("the report", stdout)
	if err == nil {
		err = unread
	}
	if side != nil {
		side.Name = line
	}
	return side, err
}

// checkOnly is the variable by which compare has replay do all but the run.
const checkOnly = "LOADGEN_CHECK_ONLY"

// replayed runs loadgen replay. What failed has its sentence and, if there is one, status.
func replayed(ctx context.Context, words []string, variables ...string) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, self, append([]string{"replay"}, words...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(os.Environ(), variables...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	err = cmd.Run()
	sentence, _, _ := strings.Cut(strings.TrimPrefix(stderr.String(), "loadgen: "), "\n")
	if err != nil && sentence != "" {
		err = cli.Exit(sentence, max(cmd.ProcessState.ExitCode(), 1))
	}
	return stdout.Bytes(), err
}
