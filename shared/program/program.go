package program

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/hashicorp/go-multierror"
	"github.com/hopwire/hopwire/shared/english"
	"github.com/urfave/cli/v2"
)

// Exit statuses.
const (
	statusDone  = 0
	statusError = 1
	statusUsage = 2
)

// Main runs app with the arguments of the process and exits with 0 when it
// returned nil, 2 when it was used wrongly, and 1 otherwise. It does not
// return.
//
// What app leaves open is filled in: every flag without an environment variable
// gets one named after the program and the flag, --version tells the version of
// the build, --help fits 80 columns and shows flags in the order of their
// declaration. A part of app.Description (or of a command's) that starts with a
// line "EXAMPLES" is moved to the end of the help; indented lines stay as they
// are.
//
// A command whose ArgsUsage is empty takes no arguments, and refuses any. Flags
// may stand behind arguments.
//
// What is written to app.ErrWriter goes to standard error, and never waits. Each write
// is one message, which is an object if --log-format says so.
func Main(app *cli.App) {
	messages := NewMessages(app.Name, os.Stderr)
	messages.json = wantsJSON(app, os.Args)
	app.ErrWriter = messages
	// The signals are not given back: one that comes while the process exits
	// is not to make it look killed.
	ctx := withSignals(context.Background())
	done := make(chan int, 1)
	go func() { done <- run(ctx, app, os.Args) }()
	select {
	case status := <-done:
		messages.Flush()
		os.Exit(status)
	case <-overdue(ctx):
		fmt.Fprintf(messages, "%s: stopped at the second signal, though it was not done\n", app.Name)
		messages.flush(lastWords)
		os.Exit(statusError)
	}
}

// run is Main without the process around it.
func run(ctx context.Context, app *cli.App, args []string) (status int) {
	// Package cli prints help before it reports some errors. Held back until it
	// is known that there are none, the help does not bury the sentence.
	var help bytes.Buffer
	defer func(was func(io.Writer, string, any)) { cli.HelpPrinter = was }(cli.HelpPrinter)
	cli.HelpPrinter = func(_ io.Writer, _ string, page any) { writeHelp(&help, page) }

	adopt(app)
	var unknown error
	app.CommandNotFound = func(c *cli.Context, name string) { unknown = helpBeside(&help, c, name) }
	line := flagsFirst(app, args)
	err := cmp.Or(app.RunContext(withLine(ctx, line), line), unknown)
	switch {
	case err == nil:
		_, err = help.WriteTo(app.Writer)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = errors.New("stopped by a signal before it was done")
	}
	return report(app.ErrWriter, app.Name, err)
}

// adopt fills in what all programs have in common.
func adopt(app *cli.App) {
	if app.Writer == nil {
		app.Writer = os.Stdout
	}
	if app.ErrWriter == nil {
		app.ErrWriter = os.Stderr
	}
	if app.Version == "" {
		app.Version = version()
	}
	app.HideHelpCommand = len(app.Commands) == 0
	app.ExitErrHandler = func(*cli.Context, error) {} // run reports it
	app.OnUsageError = usageOfFlag
	withEnv(app.Name, app.Flags)
	app.Action = rootAction(app)
	for _, c := range app.Commands {
		c.HideHelpCommand = true
		c.OnUsageError = usageOfFlag
		withEnv(app.Name, c.Flags)
		c.Action = checked(c.Action, c.ArgsUsage)
	}
	app.Setup()
	if help := app.Command("help"); help != nil {
		help.Usage = "show the help of a command, or this" // package cli begins it by a capital
	}
}

// rootAction runs when the arguments name no command.
func rootAction(app *cli.App) cli.ActionFunc {
	if app.Action != nil {
		return checked(app.Action, app.ArgsUsage)
	}
	return func(c *cli.Context) error {
		if c.Args().Present() {
			return noCommand(c, c.Args().First())
		}
		return Usagef("name a command").in(c)
	}
}

func noCommand(c *cli.Context, name string) error {
	return Usagef("there is no command %q", name).in(c)
}

// helpBeside writes the help that --help asks for beside an argument, which package cli
// takes for a command.
func helpBeside(w io.Writer, c *cli.Context, argument string) error {
	switch {
	case len(c.App.Commands) == 0:
		writeHelp(w, c.App)
	case len(c.Command.Subcommands) > 0:
		return noCommand(c, argument)
	default:
		writeHelp(w, c.Command)
	}
	return nil
}

// checked looks at the arguments and the flags every program has before action
// gets to run.
func checked(action cli.ActionFunc, argsUsage string) cli.ActionFunc {
	return func(c *cli.Context) error {
		err := errors.Join(checkArguments(c, argsUsage), checkLogFormat(c), useLoops(c))
		if err == nil {
			err = action(c)
		}
		for _, part := range parts(err) {
			var wrong *UsageError
			if errors.As(part, &wrong) {
				wrong.in(c).blame(c)
			}
		}
		return err
	}
}

// version is that of the module, as it was installed, or else the revision that it was
// built from.
func version() string {
	info, _ := debug.ReadBuildInfo()
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) string {
	if info == nil {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	revision := setting["vcs.revision"]
	if revision == "" {
		return "devel"
	}
	v := "devel-" + revision[:min(len(revision), 12)]
	if setting["vcs.modified"] == "true" {
		v += "+dirty" // as go says it
	}
	return v
}

// report writes err on w, one line for each independent failure, and says which
// exit status it deserves.
func report(w io.Writer, program string, err error) (status int) {
	if err == nil {
		return statusDone
	}
	var lines []string
	for _, part := range parts(err) {
		lines = append(lines, part.Error())
	}
	status = statusError
	var wrong *UsageError
	var chosen cli.ExitCoder
	switch {
	case errors.As(err, &wrong):
		status = statusUsage
		if hint := fmt.Sprintf("see '%s --help'", wrong.command); len(lines) == 1 {
			lines[0] += "; " + hint
		} else {
			lines = append(lines, hint)
		}
	case errors.As(err, &chosen):
		status = chosen.ExitCode()
	}
	for _, line := range lines {
		if line != "" {
			fmt.Fprintf(w, "%s: %s\n", program, english.Printable(line))
		}
	}
	return status
}

// parts takes a joined error apart. What wraps a joined error is left whole: its
// text puts the parts into a context that they would lose alone.
func parts(err error) []error {
	switch joined := err.(type) {
	case *multierror.Error:
		return joined.Errors
	case interface{ Unwrap() []error }:
		return joined.Unwrap()
	}
	return []error{err}
}
