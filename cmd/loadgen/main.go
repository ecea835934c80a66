// Command loadgen sends recorded HTTP requests to a server and measures how it
// answers, and shows what was recorded.
//
//	main.go      the program: its commands
//	replay.go    loadgen replay: flags -> plan and configuration -> run -> report
//	show.go      loadgen show: flags -> events of a recording -> what is drawn of them
//
// What is sent is made by internal/plan, in an order that internal/pace gives. The
// sending is done by internal/replay, which counts and measures with
// internal/measure, the reporting by internal/report.
package main

import (
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

func main() { program.Main(newApp()) }

func newApp() *cli.App {
	return &cli.App{
		Name:     "loadgen",
		Usage:    "send recorded HTTP requests to a server and measure how it answers",
		Commands: []*cli.Command{replayCommand(), showCommand()},
	}
}
