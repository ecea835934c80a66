// Command weather measures keep-alive in hard weather: what clients notice when
// the origin's idle timeout meets the time between requests, whether a POST is
// ever executed twice, and what is lost when a gateway is replaced under load.
//
//	stale, posts    for each gateway, for each idle time of the origin:
//	                origin, gateway, clients ──► a row; then their sum
//	drains          origin, edge, clients; then over and over:
//	                SIGTERM, the next edge on the same port ──► a row
//
// The figures of edge have to be 0, or the exit status is 1. Those of nginx and
// HAProxy, where they are installed, stand beside them for comparison: counted
// by the same clients and the same origin.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A figure is one table of the result. It reports whether edge's figure is 0.
type figure struct {
	name string
	run  func(context.Context, *options) (zero bool, err error)
}

var figures = []figure{{"stale", stale}, {"posts", posts}, {"drains", drains}}

func main() {
	o := options{}
	flag.StringVar(&o.bin, "bin", "bin", "the `folder` with edge")
	flag.StringVar(&o.only, "case", "", "only the figures whose name matches this `pattern`: "+strings.Join(names(), ", "))
	flag.StringVar(&o.gateways, "gateway", "", "only the gateways whose name matches this `pattern`")
	flag.IntVar(&o.requests, "requests", 1_000_000, "send `N` GETs through edge")
	flag.IntVar(&o.posts, "posts", 200_000, "send `N` POSTs through edge")
	flag.IntVar(&o.peers, "peers", 100_000, "send `N` of each through each of the other gateways")
	flag.IntVar(&o.connections, "connections", 256, "let `N` clients send them")
	flag.DurationVar(&o.gap, "gap", 10*time.Millisecond, "let each send one request in so much `time`")
	flag.IntVar(&o.octets, "octets", 64, "answer each with `N` octets")
	flag.Float64Var(&o.strikes, "strikes", 0.1, "let the origin close at this `share` of the requests on reused connections")
	flag.Float64Var(&o.goodbyes, "goodbyes", 0.02, "let it say Connection: close in this `share` of its responses")
	flag.BoolVar(&o.told, "told", false, "let it end a third of its idle connections with a 408, unasked")
	flag.IntVar(&o.rounds, "rounds", 20, "replace edge `N` times")
	flag.DurationVar(&o.drainIdle, "drain-idle", time.Second, "give edge's idle clients so much `time` for one last request")
	flag.BoolVar(&o.overlap, "overlap", false, "start the next edge before the signal, both with --reuse-port")
	flag.Uint64Var(&o.seed, "seed", 1, "draw what the origin does from this `number`")
	flag.DurationVar(&o.bound, "bound", 20*time.Minute, "give up after so much `time`")
	flag.Parse()
	os.Exit(run(&o))
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
	gap, drainIdle, bound         time.Duration
	strikes, goodbyes             float64
	told, overlap                 bool
	seed                          uint64
	figuresWanted, gatewaysWanted *regexp.Regexp
}

// run returns the exit status.
func run(o *options) int {
	if err := o.check(); err != nil {
		fmt.Fprintln(os.Stderr, "weather:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.bound)
	defer cancel()
	if o.figuresWanted.MatchString("stale") || o.figuresWanted.MatchString("posts") {
		o.explain()
	}
	status := 0
	for _, f := range figures {
		if !o.figuresWanted.MatchString(f.name) {
			continue
		}
		zero, err := f.run(ctx, o)
		if err != nil {
			fmt.Fprintf(os.Stderr, "weather: %s: %v\n", f.name, err)
		}
		if err != nil || !zero {
			status = 1
		}
	}
	return status
}

func (o *options) check() (err error) {
	for _, n := range []int{o.requests, o.posts, o.peers, o.connections, o.octets, o.rounds} {
		if n < 1 {
			return errors.New("-requests, -posts, -peers, -connections, -octets and -rounds are at least 1")
		}
	}
	if o.gap < time.Millisecond || o.drainIdle < 100*time.Millisecond {
		return errors.New("-gap is at least 1ms, and -drain-idle 100ms")
	}
	if o.figuresWanted, err = regexp.Compile(o.only); err != nil {
		return fmt.Errorf("-case: %w", err)
	}
	if o.gatewaysWanted, err = regexp.Compile(o.gateways); err != nil {
		return fmt.Errorf("-gateway: %w", err)
	}
	if !slices.ContainsFunc(names(), o.figuresWanted.MatchString) {
		return fmt.Errorf("-case: no figure matches %q: there are %s", o.only, strings.Join(names(), ", "))
	}
	if len(o.contestants()) == 0 {
		return fmt.Errorf("-gateway: none that is installed matches %q", o.gateways)
	}
	// A missing peer is left out; without edge a figure would be 0 of nothing.
	if _, err := exec.LookPath(filepath.Join(o.bin, "edge")); err != nil {
		return fmt.Errorf("-bin: there is no edge; scripts/build makes it: %w", err)
	}
	return nil
}
