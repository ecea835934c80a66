package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hopwire/hopwire/integration/internal/process"
	"github.com/hopwire/hopwire/integration/internal/weather"
)

// drainClients is how many clients there are of each of the three kinds.
const drainClients = 16

// drains replaces edge under load.
func drains(ctx context.Context, o *options) (zero bool, err error) {
	origin, err := weather.NewOrigin(weather.Climate{}, weather.DrainIDs, weather.DrainOctets, o.seed)
	if err != nil {
		return false, err
	}
	defer origin.Close()
	d := weather.Drains{Rounds: o.rounds, Idle: o.drainIdle, Clients: drainClients, Seed: o.seed,
		Start: func(listen string) (*process.Process, string, error) {
			return o.startEdge(listen, nil, "--origin", origin.Addr(), "--drain-idle", o.drainIdle.String())
		}}
	fmt.Printf(`
drains: edge is sent SIGTERM under load, and another one takes its port over.
%d clients keep their connection and send request after request, %[1]d keep it and
send one now and then, %[1]d make a new one for each request.
told: answered with Connection: close; refused: connected in vain, tried again;
first, later: lost, as the first or a later request on a connection that had
been made, and whose client had not been told; away: until the next edge
listens; drain: until the process has ended

round requests   told refused first later     away    drain
`, drainClients)
	var sum weather.Round
	n := 0
	err = d.Run(ctx, func(r weather.Round) {
		n++
		printRound(fmt.Sprint(n), r)
		sum.Add(r)
	})
	sum.Away /= time.Duration(max(n, 1))
	sum.Drain /= time.Duration(max(n, 1))
	printRound("sum", sum)
	fmt.Printf("edge: lost=%d requests=%d drains=%d\n", sum.Lost(), sum.Answered+sum.Lost(), n)
	return sum.Lost() == 0, err
}

func printRound(name string, r weather.Round) {
	fmt.Printf("%5s %8d %6d %7d %5d %5d %8s %8s\n", name, r.Answered+r.Lost(), r.Told, r.Refused, r.First, r.Later,
		r.Away.Round(time.Millisecond), r.Drain.Round(time.Millisecond))
	for _, loss := range r.Losses {
		fmt.Printf("      %s\n", loss)
	}
}
