package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/report"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

func repeatFlag(rounds int, usage string) cli.Flag {
	return &cli.IntFlag{Name: "repeat", Value: rounds, Usage: usage}
}

func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Value: "text", Usage: "report as `FORMAT` text, json or bench, which is that of Go's benchmarks"}
}

// checkOutput checks the flags that replay and compare have in common.
func checkOutput(c *cli.Context) error { return cmp.Or(checkRepeat(c), checkFormat(c)) }

func checkRepeat(c *cli.Context) error {
	if rounds := c.Int("repeat"); rounds < 1 || rounds > report.MostRounds {
		return program.Usagef("--repeat is from 1 to %d, not %d", report.MostRounds, rounds)
	}
	return nil
}

func checkFormat(c *cli.Context) error {
	if format := c.String("format"); !slices.Contains([]string{"text", "json", "bench"}, format) {
		return program.Usagef("--format is text, json or bench, not %q", format)
	}
	return nil
}

// repeat runs as many rounds as are asked for, and no more when one did not come to its
// end. It returns what they have measured together, and what of each can be compared.
func repeat(c *cli.Context, p *plan.Plan, config replay.Config, log *hdrLog) (all *replay.Result, rounds []report.Round, err error) {
	settings := settingsOf(c, p, config)
	for len(rounds) < c.Int("repeat") && (all == nil || all.Ending <= replay.Elapsed) {
		started := time.Now()
		result, err := run(c, p, config, len(rounds)+1)
		if err != nil {
			return nil, nil, err
		}
		log.add(&report.Run{Started: started, Settings: settings, Notes: p.Notes, Result: result})
		rounds = append(rounds, report.RoundOf(settings, result))
		if all == nil {
			all = result
		} else {
			all.Follow(result)
		}
	}
	return all, rounds, nil
}
