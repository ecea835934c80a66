// Command bench measures what a request costs origin, edge and loadgen, and what
// it costs programs that do the same: nginx, HAProxy, wrk. The figures of one
// comparison come from one run in which the contestants take turns, so that
// whatever else the machine does strikes all of them.
//
//	comparison ── setup ──► contestants, started
//	                            │   for each round, each in its turn:
//	                            │   warm up, then measure: cost and rate
//	                            ▼
//	                        readings ──► medians, and ratios within a round
//
// Processor 0 belongs to what is measured, processor 1 to everything else: the
// load, and the origin behind the gateways. Cost is processor time of user and
// kernel, as the kernel counts it for the contestant's processes, divided by the
// requests that the load generator got answered. Beside downloads it is the time
// that a small request takes.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/shared/program"
)

// A comparison is one table of the result.
type comparison struct {
	name, title string
	// unit of a reading's cost. Less is better.
	unit string
	// also is what the second figure of a reading is; empty: there is none.
	also string
	// setup starts what the contestants need. The first one is ours.
	setup func(*stage) ([]contestant, error)
}

// A contestant is measured once in each round.
type contestant struct {
	name    string
	measure func(time.Duration) (reading, error)
}

// A reading is what one measurement gave.
type reading struct {
	cost float64 // in the comparison's unit
	also float64 // as the comparison says
}

var comparisons = []comparison{
	gateways(64),
	gateways(1000),
	observed(64),
	fileServers(64),
	fileServers(1000),
	generators(64),
	verifying(64),
	generatorMemory(),
	lateness(20000),
	agreement(64),
	besideDownloads(32),
	idleGateways(),
}

func main() { program.Main(app()) }

func app() *cli.App {
	o := &options{}
	return &cli.App{
		Name:  "bench",
		Usage: "measure what a request costs, side by side with nginx, HAProxy and wrk",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "bin", Value: "bin", Destination: &o.bin, Usage: "the `FOLDER` with origin, edge and loadgen"},
			&cli.IntFlag{Name: "rounds", Value: 5, Destination: &o.rounds, Usage: "measure each contestant `N` times"},
			&cli.DurationFlag{Name: "duration", Value: 3 * time.Second, Destination: &o.duration, Usage: "let one measurement take `DURATION`, in whole seconds"},
			&cli.StringFlag{Name: "case", Destination: &o.only, Usage: "only the comparisons whose name matches `PATTERN`: " + strings.Join(names(), ", ")},
			&cli.IntFlag{Name: "idle-connections", Value: 10_000, Destination: &o.idle, Usage: "hold `N` idle connections, or as many as the limit of open files allows"},
			&cli.StringFlag{Name: "upstream", Value: "nginx", Destination: &o.upstream, Usage: "the `SERVER` behind the gateways: nginx or origin"},
		},
		Action: func(c *cli.Context) error { return run(c.Context, o) },
	}
}

func names() (all []string) {
	for _, c := range comparisons {
		all = append(all, c.name)
	}
	return all
}

// options are the flags.
type options struct {
	bin, only, upstream string
	rounds, idle        int
	duration            time.Duration
}

func run(ctx context.Context, o *options) error {
	chosen, err := o.chosen()
	if err != nil {
		return err
	}
	if err := checkMachine(); err != nil {
		return err
	}
	fmt.Printf("%d rounds of %v, %s\n", o.rounds, o.duration, strings.Join(versions(), ", "))
	for _, c := range chosen {
		if err := compare(ctx, c, o); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (o *options) chosen() (chosen []comparison, err error) {
	pattern, err := regexp.Compile(o.only)
	switch {
	case err != nil:
		return nil, program.Usagef("--case: %v", err)
	case o.rounds < 1:
		return nil, program.Usagef("--rounds is at least 1, not %d", o.rounds)
	case o.duration < time.Second || o.duration%time.Second != 0:
		return nil, program.Usagef("--duration is a number of whole seconds such as 3s, not %v", o.duration)
	case o.upstream != "nginx" && o.upstream != "origin":
		return nil, program.Usagef("--upstream is nginx or origin, not %q", o.upstream)
	}
	for _, c := range comparisons {
		if pattern.MatchString(c.name) {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return nil, program.Usagef("--case: no comparison matches %q: there are %s", o.only, strings.Join(names(), ", "))
	}
	return chosen, nil
}

func checkMachine() error {
	if runtime.NumCPU() < 2 {
		return errors.New("two processors are needed: one for what is measured, one for the rest")
	}
	for _, tool := range []string{"nginx", "haproxy", "wrk", "taskset"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is not installed; Debian and Ubuntu have it: apt-get install nginx haproxy wrk util-linux", tool)
		}
	}
	return nil
}

// versions names the programs to compare with.
func versions() (all []string) {
	number := regexp.MustCompile(`(\d+\.)+\d+`)
	for _, tool := range []string{"nginx", "haproxy", "wrk"} {
		out, _ := exec.Command(tool, "-v").CombinedOutput() // wrk exits with 1
		all = append(all, tool+" "+number.FindString(string(out)))
	}
	return all
}

// compare runs one comparison and prints its table.
func compare(ctx context.Context, c comparison, o *options) error {
	s, err := newStage(o)
	if err != nil {
		return err
	}
	defer s.close()
	contestants, err := c.setup(s)
	if err != nil {
		return err
	}
	readings := make([][]reading, len(contestants))
	for round := range o.rounds {
		for turn := range contestants {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			// Each goes first as often as any other.
			i := (round + turn) % len(contestants)
			r, err := contestants[i].measure(o.duration)
			if err != nil {
				return fmt.Errorf("%s: %w", contestants[i].name, err)
			}
			readings[i] = append(readings[i], r)
		}
	}
	printTable(os.Stdout, c, contestants, readings)
	return nil
}
