package main

import (
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/report"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

// paceDescription is the part of replayDescription that is about when requests go out.
const paceDescription = `
With --rate, requests go out when they are due, although answers are late, over at
most --connections, each by itself and in the order of the recording. One that finds
none free waits for it. Then "response" is from the moment at which a request was due
to the last byte of its response, as a user would have it who knows nothing of the
others, and "lateness" is what of it was loadgen's own fault, waiting for a free
connection left out. If p99 of that is not far below p50 of the responses, the
machine is too slow for the rate.

With --pace recorded, each connection's requests go out when they were recorded, with
the pauses between them, or --speed times as fast, and never before the response to
the last one. --connections should be as many as were open at a time: a connection
for which none is free waits, and its responses count from when they were due.
`

func paceFlags() []cli.Flag {
	return []cli.Flag{
		&cli.Float64Flag{Name: "rate", Usage: "send `R` requests a second, whether those before are answered or not", DefaultText: "as fast as answers come"},
		&cli.StringFlag{Name: "arrivals", Value: "constant", Usage: "with --rate, at even distances or as from many users: `HOW` is constant or poisson"},
		&cli.DurationFlag{Name: "ramp", Usage: "let the --rate rise from 0 for `DURATION` first"},
		&cli.StringFlag{Name: "reuse", Value: "newest", Usage: "with --rate, of several free connections use the `WHICH`, newest or oldest"},
		&cli.StringFlag{Name: "pace", Value: "closed", Usage: "send when the last response was read, or when it was recorded: `HOW` is closed or recorded"},
		&cli.Float64Flag{Name: "speed", Value: 1, Usage: "with --pace recorded, `X` times as fast"},
	}
}

// setPace reads what paceFlags have said, and refuses what means nothing.
func setPace(c *cli.Context, p *plan.Plan, config *replay.Config) error {
	rate, speed := c.Float64("rate"), c.Float64("speed")
	arrivals, pace, reuse := c.String("arrivals"), c.String("pace"), c.String("reuse")
	recorded := pace == "recorded"
	if err := only(c, "rate", c.IsSet("rate"), "arrivals", "ramp", "reuse"); err != nil {
		return err
	}
	switch {
	case pace != "closed" && !recorded:
		return program.Usagef("--pace is closed or recorded, not %q", pace)
	case c.IsSet("rate") && c.IsSet("pace"):
		return program.Usagef("--rate and --pace both say when requests go out: give one of them")
	case c.IsSet("speed") && !recorded:
		return program.Usagef("--speed needs --pace recorded")
	case c.IsSet("rate") && !(rate >= 1e-6 && rate <= 1e9):
		return program.Usagef("--rate is from 0.000001 to 1000000000, not %g", rate)
	case !(speed >= 1e-6 && speed <= 1e9):
		return program.Usagef("--speed is from 0.000001 to 1000000000, not %g", speed)
	case arrivals != "constant" && arrivals != "poisson":
		return program.Usagef("--arrivals is constant or poisson, not %q", arrivals)
	case c.Duration("ramp") < 0:
		return program.Usagef("--ramp is 0 or longer, not %s", c.Duration("ramp"))
	case reuse != "newest" && reuse != "oldest":
		return program.Usagef("--reuse is newest or oldest, not %q", reuse)
	case recorded && len(p.Targets) > 0:
		return program.Usagef("--pace recorded needs recordings: a URL says nothing of when")
	}
	config.Arrivals.PerSecond, config.Arrivals.Ramp = rate, c.Duration("ramp")
	config.Arrivals.Poisson = arrivals == "poisson"
	config.Oldest = reuse == "oldest"
	if recorded {
		config.Speed = speed
	}
	return nil
}

// only refuses flags that mean something with another one alone.
func only(c *cli.Context, with string, given bool, flags ...string) error {
	for _, flag := range flags {
		if c.IsSet(flag) && !given {
			return program.Usagef("--%s needs --%s", flag, with)
		}
	}
	return nil
}

// addPace has the report say what was asked for.
func addPace(c *cli.Context, config replay.Config, s *report.Settings) {
	s.Pace = c.String("pace")
	if config.Arrivals.PerSecond > 0 {
		s.Pace, s.Rate, s.Arrivals, s.Reuse = "open", config.Arrivals.PerSecond, c.String("arrivals"), c.String("reuse")
		s.KeptAlive = config.RequestsPerConnection == 0
	}
	s.RampS, s.Speed = config.Arrivals.Ramp.Seconds(), config.Speed
}
