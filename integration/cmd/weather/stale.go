package main

import (
	"context"
	"fmt"
)

// stale has GETs meet connections that the origin is closing.
func stale(ctx context.Context, o *options) (zero bool, err error) {
	fmt.Printf("stale: GETs over %d connections, one each %v\n", o.connections, o.gap)
	o.explain()
	fmt.Printf("\n%-9s %5s %8s %8s %8s %8s %8s %7s\n", "gateway", "T/gap", "requests", "conns", "idled", "struck", "replayed", "errors")
	zero = true
	for _, g := range o.contestants() {
		n := o.peers
		if g.name == "edge" {
			n = o.requests
		}
		sum, err := o.sweep(ctx, g, n, false, func(ratio float64, r row) { printStale(g, fmt.Sprint(ratio), r) })
		if err != nil {
			return false, err
		}
		printStale(g, "sum", sum)
		if g.name == "edge" {
			zero = sum.Errors() == 0
		}
	}
	return zero, nil
}

// explain says what the columns of a sweep mean.
func (o *options) explain() {
	fmt.Printf(`origin: closes a connection after T idle (T/gap times the gap, +-20%%), half of
  them by FIN, half by RST; strikes at %v of the requests on reused connections:
  half closed unread, half read, executed and closed without an octet
conns: connections to the origin; idled: closed by it idle; struck: at a request
`, o.strikes)
	for _, g := range o.contestants() {
		fmt.Printf("%s: %s\n", g.name, g.settings)
	}
}

func printStale(g gateway, ratio string, r row) {
	fmt.Printf("%-9s %5s %8d %8d %8d %8d %8s %7d\n", g.name, ratio, r.Sum(), r.Connections, r.Idled(), r.Struck(), replays(g, r), r.Errors())
	printErrors(r)
}

// replays is what edge's log says; the others do not tell.
func replays(g gateway, r row) string {
	if g.name != "edge" {
		return "-"
	}
	return fmt.Sprint(r.replayed)
}

func printErrors(r row) {
	if r.Errors() > 0 {
		fmt.Printf("%9s %v\n", "", r.Tally)
	}
}
