package main

import (
	"io"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/report"
	"github.com/urfave/cli/v2"
)

// settingsOf is what the report says of how the run was asked for.
func settingsOf(c *cli.Context, p *plan.Plan, config replay.Config) report.Settings {
	s := report.Settings{
		Source:           c.Args().Slice(),
		Hop:              c.String("hop"),
		Servers:          list(c, "server"),
		Memory:           c.String("memory"),
		Target:           config.Target.String(),
		TLS:              config.TLS != nil,
		Insecure:         c.Bool("insecure"),
		CA:               c.String("ca"),
		TLSResume:        c.Bool("tls-resume"),
		Sessions:         len(p.Sessions),
		RecordedRequests: p.Len(),
		RecordedStatuses: p.Statuses(),
		Requests:         config.Requests,
		DurationS:        config.Duration.Seconds(),
		Connections:      config.Connections,
		Loops:            config.Loops,
		KeptAlive:        p.Joined && config.RequestsPerConnection == 0,
		Verify:           config.Verify,
		TimeoutS:         config.Timeout.Seconds(),
		GraceS:           config.Grace.Seconds(),
		Retry:            c.String("retry"),
		Backoff:          !config.NoBackoff,
	}
	addPace(c, config, &s)
	addKeepAlive(c, config, &s)
	return s
}

// write writes a report in the --format.
func write(c *cli.Context, r interface {
	WriteText(io.Writer) error
	WriteJSON(io.Writer) error
	WriteBench(io.Writer) error
}) error {
	switch c.String("format") {
	case "json":
		return r.WriteJSON(c.App.Writer)
	case "bench":
		return r.WriteBench(c.App.Writer)
	}
	return r.WriteText(c.App.Writer)
}
