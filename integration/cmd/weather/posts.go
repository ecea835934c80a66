package main

import (
	"context"
	"fmt"

	"github.com/hopwire/hopwire/integration/internal/weather"
)

// posts has POSTs meet connections that the origin is closing.
func posts(ctx context.Context, o *options) (zero bool, err error) {
	fmt.Printf("\nposts: POSTs over %d connections, one each %v, with a length or chunked, in one\n  piece or two, each with a number of its own, of which the origin keeps count\n", o.connections, o.gap)
	o.explain()
	fmt.Printf("without: the client's connection ended before any octet of a response\n")
	fmt.Printf("\n%-9s %5s %8s %8s %8s %8s %8s %7s %7s\n", "gateway", "T/gap", "requests", "struck", "answered", "without", "executed", "twice", "errors")
	zero = true
	for _, g := range o.contestants() {
		n := o.peers
		if g.name == "edge" {
			n = o.posts
		}
		sum, err := o.sweep(ctx, g, n, true, func(ratio float64, r row) { printPosts(g, fmt.Sprint(ratio), r) })
		if err != nil {
			return false, err
		}
		printPosts(g, "sum", sum)
		if g.name == "edge" {
			zero = sum.Duplicates == 0 && postErrors(sum) == 0
		}
	}
	return zero, nil
}

// postErrors is how many posts were neither answered nor left to the client's
// own rules.
func postErrors(r row) int64 { return r.Errors() - r.WithoutOctet() }

func printPosts(g gateway, ratio string, r row) {
	fmt.Printf("%-9s %5s %8d %8d %8d %8d %8d %7d %7d\n", g.name, ratio, r.Sum(), r.Struck(), r.Tally[weather.Answered],
		r.WithoutOctet(), r.Executed, r.Duplicates, postErrors(r))
	if postErrors(r) > 0 {
		printErrors(r)
	}
}
