package program

import (
	"runtime"

	"github.com/urfave/cli/v2"
)

const (
	loopsName = "loops"
	maxLoops  = 1024
)

// LoopsFlag is --loops, the number of event loops: by default as many as there
// are processors. Before the action of a command that has this flag runs,
// GOMAXPROCS is at least one more than its value.
func LoopsFlag() cli.Flag {
	return &cli.IntFlag{
		Name:        loopsName,
		Usage:       "run `N` event loops, each on a thread of its own",
		Value:       runtime.GOMAXPROCS(0),
		DefaultText: "the number of processors",
	}
}

// useLoops makes room for the loops that c asks for, if it has the flag.
func useLoops(c *cli.Context) error {
	if flagNamed(c.Command.Flags, loopsName) == nil {
		return nil
	}
	n := c.Int(loopsName)
	if n < 1 || n > maxLoops {
		return Usagef("--loops is a number from 1 to %d, not %d", maxLoops, n)
	}
	// With as many processors as loops, a loop that blocks in epoll_wait keeps
	// losing its processor to the runtime's monitor and has to win it back.
	if runtime.GOMAXPROCS(0) <= n {
		runtime.GOMAXPROCS(n + 1)
	}
	return nil
}
