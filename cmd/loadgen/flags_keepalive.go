package main

import (
	"cmp"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/pace"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/report"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

// keepAliveDescription is the part of replayDescription that is about how long
// connections live.
const keepAliveDescription = `
How many requests a connection carries, how old it may become, how long it is idle
between requests and how it ends can be chosen; A..B is drawn anew each time. A
connection that is to end is closed by --close: fin and rst end it from here without
a word; with header the last request has "Connection: close", and the server closes,
or we do a second later. Otherwise it is fin, and the last request to a URL has the
field too, unless -H has a Connection that says something else.

With --pipeline, requests follow each other without waiting, up to so many, and their
responses are told apart by their order (RFC 9112 section 9.3.2). The first of a
connection goes alone, and so does one whose method is not idempotent, such as POST.
If the connection ends, those that were not answered are sent again, one by one.
`

func keepAliveFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "requests-per-connection", Value: "0", Usage: "close each connection after `N` requests, or A..B, whichever sessions they are of; " +
			"1: none is kept alive; 0: where the recorded connection ended, and for URLs never"},
		&cli.DurationFlag{Name: "connection-lifetime", Usage: "close connections that are `DURATION` old when they are next used, or have been", DefaultText: "as old as they become"},
		&cli.StringFlag{Name: "idle", Usage: "leave a connection idle for `DURATION`, or A..B, before its next request", DefaultText: "not at all"},
		&cli.StringFlag{Name: "close", Usage: "who ends a connection and how: `HOW` is fin, rst or header", DefaultText: "fin, for URLs also header"},
		&cli.IntFlag{Name: "pipeline", Value: 1, Usage: "have up to `N` requests under way on a connection, behind its first, while each may be sent again"},
		&cli.StringFlag{Name: "source", Usage: "connect from `ADDRESS`, or A-B in turns, when ports run out", DefaultText: "what the system chooses"},
		&cli.DurationFlag{Name: "warmup", Usage: "for `DURATION` before the measuring, requests do not count, but for --requests"},
	}
}

var closings = map[string]replay.Closing{"": replay.CloseAsAsked, "fin": replay.CloseFIN, "rst": replay.CloseRST, "header": replay.CloseHeader}

// setKeepAlive reads what keepAliveFlags have said, and refuses what means nothing.
func setKeepAlive(c *cli.Context, p *plan.Plan, config *replay.Config) (err error) {
	how, known := closings[c.String("close")]
	var bound pace.Between[int]
	if bound, err = between(c.String("requests-per-connection"), strconv.Atoi); err != nil || bound.Least < 0 || bound.Least == 0 && bound.Most > 0 {
		return program.Usagef("--requests-per-connection is 0 or more, or such as 1..100, not %s", c.String("requests-per-connection"))
	}
	if c.IsSet("idle") {
		if config.Idle, err = between(c.String("idle"), time.ParseDuration); err != nil || config.Idle.Least < 0 {
			return program.Usagef("--idle is such as 50ms or 10ms..2s, not %s", c.String("idle"))
		}
	}
	config.RequestsPerConnection, config.MostPerConnection = bound.Least, bound.Most
	config.Pipeline = c.Int("pipeline")
	config.Lifetime, config.Warmup, config.Close = c.Duration("connection-lifetime"), c.Duration("warmup"), how
	switch {
	case !known:
		return program.Usagef("--close is fin, rst or header, not %q", c.String("close"))
	case how == replay.CloseHeader && c.IsSet("header") && p.Sessions[0].Requests[0].Final == nil:
		return program.Usagef("--close header has the last request of a connection say Connection: close, and -H has each say something about that: give one of them")
	case config.Lifetime < 0 || c.IsSet("connection-lifetime") && config.Lifetime == 0:
		return program.Usagef("--connection-lifetime is longer than 0, not %s", config.Lifetime)
	case config.Warmup < 0:
		return program.Usagef("--warmup is 0 or longer, not %s", config.Warmup)
	case config.Pipeline < 1:
		return program.Usagef("--pipeline is at least 1, not %d", config.Pipeline)
	case config.Pipeline > 1 && (c.IsSet("rate") || c.String("pace") == "recorded" || c.IsSet("idle")):
		return program.Usagef("--pipeline sends requests at once, and --rate, --pace recorded and --idle say when: give one of them")
	case bound.Most == 1 && (config.Pipeline > 1 || c.IsSet("idle")):
		return program.Usagef("--pipeline and --idle are about the requests behind the first one of a connection, and with --requests-per-connection 1 there are none: leave one of them out")
	case config.Pipeline > 1 && !p.Pipelines():
		return program.Usagef("--pipeline: none of the requests may be under way with another, as their methods are not idempotent")
	case c.IsSet("idle") && c.IsSet("rate"):
		return program.Usagef("--idle and --rate both say when requests go out: give one of them")
	case c.IsSet("idle") && c.String("pace") == "recorded":
		return program.Usagef("--idle and --pace recorded both say how long a connection is idle: give one of them")
	}
	return nil
}

// between reads A..B, or A alone.
func between[T int | time.Duration](s string, parse func(string) (T, error)) (b pace.Between[T], err error) {
	least, most, two := strings.Cut(s, "..")
	if b.Least, err = parse(least); err != nil {
		return b, err
	}
	b.Most = b.Least
	if two {
		b.Most, err = parse(most)
	}
	if b.Most < b.Least {
		err = cmp.Or(err, strconv.ErrRange)
	}
	return b, err
}

// maxSources is more than a machine has.
const maxSources = 1 << 16

// sourcesOf reads the addresses to connect from.
func sourcesOf(s string) (all []netip.Addr, err error) {
	if s == "" {
		return nil, nil
	}
	first, last, two := strings.Cut(s, "-")
	from, err := netip.ParseAddr(first)
	to := from
	if two && err == nil {
		to, err = netip.ParseAddr(last)
	}
	if err != nil || from.Is4() != to.Is4() || to.Less(from) {
		return nil, program.Usagef("--source is an IP address or two, such as 127.0.0.2-127.0.0.9, not %q", s)
	}
	for a := from; !to.Less(a); a = a.Next() {
		if all = append(all, a); len(all) > maxSources {
			return nil, program.Usagef("--source %s is more than %d addresses", s, maxSources)
		}
	}
	return all, nil
}

// checkSources finds out whether connections can be made from the addresses.
func checkSources(config *replay.Config) error {
	for _, a := range config.Sources {
		if to := config.Target; to.Path != "" || to.TCP.Addr().Unmap().Is4() != a.Unmap().Is4() && !to.TCP.Addr().IsUnspecified() {
			return program.Usagef("--source: there is no way from %s to %s", a, config.Target)
		}
		l, err := net.Listen("tcp", netip.AddrPortFrom(a, 0).String())
		if err != nil {
			return program.Usagef("--source: %s is no address of this machine", a)
		}
		l.Close()
	}
	return nil
}

// addKeepAlive has the report say what was asked for.
func addKeepAlive(c *cli.Context, config replay.Config, s *report.Settings) {
	s.RequestsPerConnection = config.RequestsPerConnection
	if config.MostPerConnection > config.RequestsPerConnection {
		s.RequestsPerConnectionMost = config.MostPerConnection
	}
	s.ConnectionLifetimeS, s.WarmupS = config.Lifetime.Seconds(), config.Warmup.Seconds()
	s.IdleFromS, s.IdleToS = config.Idle.Least.Seconds(), config.Idle.Greatest().Seconds()
	s.Pipeline = config.Pipeline
	s.Close, s.From = c.String("close"), c.String("source")
}
