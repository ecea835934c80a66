// Command loadgen sends recorded HTTP requests, and such as flags describe, to a server
// and measures how it answers, and shows what was recorded.
//
//	main.go           the program: its commands
//	replay.go         loadgen replay: flags -> plan and configuration -> run -> report
//	rounds.go         several runs, and the formats of what is told about them
//	compare.go        loadgen compare: two reports, or runs in turns -> what differs
//	merge.go          loadgen merge: logs of several machines -> one report
//	sweep.go          loadgen sweep: flags -> grid -> runs in turns -> report
//	flags_run.go      what is sent by either, and how long is waited
//	flags_request.go  what is asked of URLs
//	flags_verify.go   what responses are compared by, and where those go that fail
//	show.go           loadgen show: flags -> events of a recording -> what is drawn of them
//	tls.go            where requests go, and whether by TLS
//	ledger.go         loadgen replay --ledger: the counters of others, before and after
//	convert.go        loadgen convert: an HTTP archive -> a recording
//
// What is sent is made by internal/plan, in an order that internal/pace gives. The
// sending is done by internal/replay, which counts and measures with
// internal/measure, the judging by internal/verdict, the reporting by internal/report.
// Many runs become a grid in internal/sweep, over a distance that internal/delay makes.
package main

import (
	"os"
	"slices"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

func main() {
	os.Args = withCommand(os.Args)
	program.Main(newApp())
}

func newApp() *cli.App {
	return &cli.App{
		Name:        "loadgen",
		Usage:       "send HTTP requests to a server, recorded ones or others, and measure how it answers",
		Description: `"loadgen [flags] URL" is "loadgen replay [flags] URL".`,
		Commands:    []*cli.Command{replayCommand(), sweepCommand(), compareCommand(), mergeCommand(), showCommand(), convertCommand()},
		// A comma in a field's value is part of it.
		DisableSliceFlagSeparator: true,
	}
}

// withCommand puts "replay" where a command line names a URL and no command.
func withCommand(line []string) []string {
	if arguments := program.Arguments(replayFlags(), line[1:]); len(arguments) > 0 && plan.IsURL(arguments[0]) {
		return slices.Insert(slices.Clone(line), 1, "replay")
	}
	return line
}
