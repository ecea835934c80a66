package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/hopwire/hopwire/integration/internal/weather"
)

// ratios are the origin's idle times, in gaps.
var ratios = []float64{0.02, 0.2, 0.5, 0.8, 1, 1.2, 2, 5}

// A row is what came of one idle time, or of all of them.
type row struct {
	weather.Tally
	weather.Report
	replayed int64 // as edge's log has it
	ours     bool  // the gateway is edge
}

func (r *row) add(s row) {
	r.Tally.Add(s.Tally)
	r.Report.Add(s.Report)
	r.replayed += s.replayed
}

// table sweeps all gateways, prints their rows, and returns the sum of ours.
func (o *options) table(ctx context.Context, requests int, posts bool, print func(name, ratio string, r row)) (ours row, err error) {
	for _, g := range o.contestants() {
		n := o.peers
		if g.ours {
			n = requests
		}
		sum, err := o.sweep(ctx, g, n, posts, func(ratio string, r row) { print(g.name, ratio, r) })
		if err != nil {
			return ours, fmt.Errorf("%s: %w", g.name, err)
		}
		if g.ours {
			ours = sum
		}
	}
	return ours, nil
}

// sweep measures a gateway with one idle time of the origin after the other, and
// tells of each, and of their sum.
func (o *options) sweep(ctx context.Context, g gateway, requests int, posts bool, each func(ratio string, r row)) (sum row, err error) {
	sum.ours = g.ours
	for i, ratio := range ratios {
		share := requests*(i+1)/len(ratios) - requests*i/len(ratios)
		r, err := o.stage(ctx, g, ratio, share, posts)
		if err != nil {
			return sum, err
		}
		each(fmt.Sprint(ratio), r)
		sum.add(r)
	}
	each("sum", sum)
	return sum, nil
}

// stage sends requests through a gateway of its own to an origin of its own.
func (o *options) stage(ctx context.Context, g gateway, ratio float64, requests int, posts bool) (r row, err error) {
	climate := weather.Climate{Idle: time.Duration(ratio * float64(o.gap)), Told: o.told, Goodbyes: o.goodbyes, Strikes: o.strikes}
	origin, err := weather.NewOrigin(climate, requests, o.octets, o.seed)
	if err != nil {
		return r, err
	}
	defer origin.Close()
	dir, err := os.MkdirTemp("", "hopwire-weather-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	var log weather.Log
	server, err := g.start(dir, origin.Addr(), &log)
	if err != nil {
		return r, err
	}
	load := weather.Load{Gateway: server.Addr, Clients: o.connections, Requests: requests, Gap: o.gap,
		Posts: posts, Octets: o.octets, Seed: o.seed}
	r.ours = g.ours
	r.Tally = load.Run(ctx)
	_ = server.Stop(5 * time.Second) // HAProxy's status after SIGTERM is 143
	r.Report, r.replayed = origin.Report(), log.Replayed()
	if sent := r.Sum(); sent < int64(requests) {
		return r, fmt.Errorf("only %d of %d requests were sent: %w", sent, requests, context.Cause(ctx))
	}
	return r, nil
}
