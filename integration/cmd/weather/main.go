// Command weather measures keep-alive in hard weather: what clients notice when
// the origin's idle timeout meets the time between requests, whether a POST is
// ever executed twice, what is lost when a gateway is replaced under load, and
// whether the answer to an upload that is under way is.
//
//	stale, posts    for each gateway, for each idle time of the origin:
//	                origin, gateway, clients ──► a row; then their sum
//	drains          origin, edge, clients; then over and over:
//	                SIGTERM, the next edge on the same port ──► a row
//	uploads         for each early answer: origin, gateway, clients that upload,
//	                then programs that do ──► a row; then their sum
//	soak            origin and edge, used in every way for a long time; each
//	                interval ──► a row: errors, memory, descriptors
//
// The figures of edge have to be 0, or the exit status is 1. Those of nginx and
// HAProxy, where they are installed, stand beside them for comparison: counted
// by the same clients and the same origin.
package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/shared/program"
)

// A figure is one table of the result. It reports whether edge's figure is 0.
type figure struct {
	name string
	run  func(context.Context, *options) (zero bool, err error)
}

var figures = []figure{{"stale", stale}, {"posts", posts}, {"drains", drains}, {"uploads", uploads}, {soakName, soak}}

// soakName is the figure that takes so long that it has to be asked for.
const soakName = "soak"

func main() { program.Main(app()) }

func app() *cli.App {
	o := &options{}
	return &cli.App{
		Name:  "weather",
		Usage: "measure keep-alive in hard weather",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "bin", Value: "bin", Destination: &o.bin, Usage: "the `FOLDER` with edge and origin"},
			&cli.StringFlag{Name: "case", Destination: &o.only, Usage: "only the figures whose name matches `PATTERN`: " + strings.Join(names(), ", ") + "; without it, all but soak"},
			&cli.StringFlag{Name: "gateway", Destination: &o.gateways, Usage: "only the gateways whose name matches `PATTERN`"},
			&cli.IntFlag{Name: "requests", Value: 1_000_000, Destination: &o.requests, Usage: "send `N` GETs through edge"},
			&cli.IntFlag{Name: "posts", Value: 200_000, Destination: &o.posts, Usage: "send `N` POSTs through edge"},
			&cli.IntFlag{Name: "peers", Value: 100_000, Destination: &o.peers, Usage: "send `N` of each through each of the other gateways"},
			&cli.IntFlag{Name: "connections", Value: 256, Destination: &o.connections, Usage: "let `N` clients send them"},
			&cli.DurationFlag{Name: "gap", Value: 10 * time.Millisecond, Destination: &o.gap, Usage: "let each send one request in `DURATION`"},
			&cli.IntFlag{Name: "bytes", Value: 64, Destination: &o.octets, Usage: "answer each with `N` bytes"},
			&cli.Float64Flag{Name: "strikes", Value: 0.1, Destination: &o.strikes, Usage: "let the origin close at this `SHARE` of the requests on reused connections"},
			&cli.Float64Flag{Name: "goodbyes", Value: 0.02, Destination: &o.goodbyes, Usage: "let it say Connection: close in this `SHARE` of its responses"},
			&cli.BoolFlag{Name: "told", Destination: &o.told, Usage: "let it end a third of its idle connections with a 408, unasked"},
			&cli.IntFlag{Name: "rounds", Value: 20, Destination: &o.rounds, Usage: "replace edge `N` times"},
			&cli.DurationFlag{Name: "drain-idle", Value: time.Second, Destination: &o.drainIdle, Usage: "give edge's idle clients `DURATION` for one last request"},
			&cli.BoolFlag{Name: "overlap", Destination: &o.overlap, Usage: "start the next edge before the signal, both with --reuse-port"},
			&cli.IntFlag{Name: "uploads", Value: 30, Destination: &o.uploads, Usage: "upload `N` times for each kind of early answer"},
			&cli.DurationFlag{Name: "soak-for", Value: 10 * time.Minute, Destination: &o.soakFor, Usage: "let the soak take `DURATION`"},
			&cli.Uint64Flag{Name: "seed", Value: 1, Destination: &o.seed, Usage: "draw what the origin, or a client, does from the number `N`"},
			&cli.DurationFlag{Name: "bound", Value: 20 * time.Minute, Destination: &o.bound, Usage: "give up after `DURATION`"},
		},
		Action: func(c *cli.Context) error { return run(c.Context, o) },
	}
}

func names() (all []string) {
	for _, f := range figures {
		all = append(all, f.name)
	}
	return all
}

// options are the flags.
type options struct {
	bin, only, gateways           string
	requests, posts, peers        int
	connections, octets, rounds   int
	uploads                       int
	gap, drainIdle, soakFor       time.Duration
	bound                         time.Duration
	strikes, goodbyes             float64
	told, overlap                 bool
	seed                          uint64
	figuresWanted, gatewaysWanted *regexp.Regexp
}

func run(ctx context.Context, o *options) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.bound)
	defer cancel()
	if o.figuresWanted.MatchString("stale") || o.figuresWanted.MatchString("posts") {
		o.explain()
	}
	for _, f := range figures {
		if !o.figuresWanted.MatchString(f.name) || f.name == soakName && o.only == "" {
			continue
		}
		zero, failed := f.run(ctx, o)
		switch {
		case failed != nil:
			err = errors.Join(err, fmt.Errorf("%s: %w", f.name, failed))
		case !zero:
			err = errors.Join(err, fmt.Errorf("%s: edge's figure is not 0", f.name))
		}
	}
	return err
}

func (o *options) check() (err error) {
	for _, n := range []int{o.requests, o.posts, o.peers, o.connections, o.octets, o.rounds, o.uploads} {
		if n < 1 {
			return program.Usagef("--requests, --posts, --peers, --connections, --bytes, --rounds and --uploads are at least 1")
		}
	}
	if o.gap < time.Millisecond || o.drainIdle < 100*time.Millisecond {
		return program.Usagef("--gap is at least 1ms, and --drain-idle 100ms")
	}
	if o.soakFor < 10*time.Second || o.soakFor >= o.bound {
		return program.Usagef("--soak-for is at least 10s, and less than --bound, not %v", o.soakFor)
	}
	if o.figuresWanted, err = regexp.Compile(o.only); err != nil {
		return program.Usagef("--case: %v", err)
	}
	if o.gatewaysWanted, err = regexp.Compile(o.gateways); err != nil {
		return program.Usagef("--gateway: %v", err)
	}
	if !slices.ContainsFunc(names(), o.figuresWanted.MatchString) {
		return program.Usagef("--case: no figure matches %q: there are %s", o.only, strings.Join(names(), ", "))
	}
	// A missing peer is left out; without edge a figure would be 0 of nothing.
	if _, err := exec.LookPath(filepath.Join(o.bin, "edge")); err != nil {
		return program.Usagef("--bin: there is no edge; scripts/build makes it: %w", err)
	}
	if len(o.contestants()) == 0 {
		return program.Usagef("--gateway: none that is installed matches %q", o.gateways)
	}
	return nil
}
