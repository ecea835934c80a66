package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
	"github.com/hopwire/hopwire/integration/internal/weather"
)

// drainClients is how many clients there are of each of the three kinds.
const drainClients = 16

// drains replaces gateways under load.
func drains(ctx context.Context, o *options) (zero bool, err error) {
	fmt.Printf(`
drains: edge is sent SIGTERM under load, and another one takes its port over%s.
nginx (SIGHUP) and haproxy (SIGUSR2) replace their worker and keep the port.
%[2]d clients keep their connection and send request after request, %[2]d keep it and
send one now and then, %[2]d make a new one for each request.
told: answered with Connection: close; gone: connections that had ended when the
client looked, before it sent; refused: connected in vain, tried again; first,
later: lost, as the first or a later request on a connection that had been made;
away: until the next edge listens; drain: until the process has ended; waited:
the longest that a client had to wait for a connection
`, o.overlapping(), drainClients)
	zero = true
	for _, g := range o.contestants() {
		if g.retries {
			continue // which is of no use here
		}
		sum, err := o.drain(ctx, g)
		if err != nil {
			return false, fmt.Errorf("%s: %w", g.name, err)
		}
		if g.ours {
			zero = sum.Lost() == 0
		}
	}
	return zero, nil
}

// drain replaces one gateway, over and over.
func (o *options) drain(ctx context.Context, g gateway) (sum weather.Round, err error) {
	origin, err := weather.NewOrigin(weather.Climate{}, weather.DrainIDs, weather.DrainOctets, o.seed)
	if err != nil {
		return sum, err
	}
	defer origin.Close()
	dir, err := os.MkdirTemp("", "hopwire-weather-")
	if err != nil {
		return sum, err
	}
	defer os.RemoveAll(dir)
	d := weather.Drains{Rounds: o.rounds, Idle: o.drainIdle, Clients: drainClients, Seed: o.seed, Reload: g.reload, Overlap: o.overlap && g.ours,
		Start: func(listen string) (*servers.Server, error) {
			if g.ours {
				return o.startEdge(listen, nil, o.drained(origin.Addr())...)
			}
			return g.start(dir, origin.Addr(), nil)
		}}
	fmt.Printf("\n%-8s round requests  told  gone refused first later   away  drain waited\n", "gateway")
	n := 0
	err = d.Run(ctx, func(r weather.Round) {
		n++
		printRound(g, fmt.Sprint(n), r)
		sum.Add(r)
	})
	sum.Away /= time.Duration(max(n, 1))
	sum.Drain /= time.Duration(max(n, 1))
	printRound(g, "sum", sum)
	fmt.Printf("%s: lost=%d requests=%d drains=%d\n", g.name, sum.Lost(), sum.Answered+sum.Lost(), n)
	return sum, err
}

func (o *options) overlapping() string {
	if o.overlap {
		return ",\nwhich was started before"
	}
	return ""
}

// drained are edge's flags.
func (o *options) drained(origin string) []string {
	flags := []string{"--origin", origin, "--drain-idle", o.drainIdle.String()}
	if o.overlap {
		flags = append(flags, "--reuse-port")
	}
	return flags
}

func printRound(g gateway, name string, r weather.Round) {
	if !g.ours && name != "sum" {
		return
	}
	fmt.Printf("%-8s %5s %8d %5d %5d %7d %5d %5d %6s %6s %6s\n", g.name, name, r.Answered+r.Lost(), r.Told, r.Gone, r.Refused, r.First, r.Later,
		took(r.Away), took(r.Drain), took(r.Waited))
	if !g.ours {
		return
	}
	for _, loss := range r.Losses {
		fmt.Printf("%15s %s\n", "", loss)
	}
}

// took is a time, if it is known.
func took(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return d.Round(time.Millisecond).String()
}
