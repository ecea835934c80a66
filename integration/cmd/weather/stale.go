package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hopwire/hopwire/integration/internal/weather"
)

// stale has GETs meet connections that the origin is closing. Everything but the
// right response is an error, that of a connection that ended without an octet
// included: a client that knows nothing of origin connections sees a failure.
func stale(ctx context.Context, o *options) (zero bool, err error) {
	fmt.Printf("\nstale: each request a GET. errors: none, 5xx, other\n\n")
	fmt.Printf("%-9s %5s %8s %7s %7s %7s %8s %6s %5s %5s\n", "gateway", "T/gap", "requests", "conns", "idled", "struck", "replayed", "none", "5xx", "other")
	ours, err := o.table(ctx, o.requests, false, func(name, ratio string, r row) {
		fmt.Printf("%-9s %5s %8d %7d %7d %7d %8s %6d %5d %5d\n", name, ratio, r.Sum(), r.Connections, r.Idled(), r.Struck(),
			r.replays(), r.WithoutOctet(), r.Tally[weather.Failed], r.others())
		if r.ours && r.Errors() > 0 {
			fmt.Printf("%15s %v\n", "", r.Tally)
		}
	})
	if ours.ours {
		fmt.Printf("edge: errors=%d requests=%d replayed=%d\n", ours.Errors(), ours.Sum(), ours.replayed)
	}
	return ours.Errors() == 0, err
}

// posts has POSTs meet such connections. What a client may send again by its own
// rules, since its connection ended without an octet, is no error here.
func posts(ctx context.Context, o *options) (zero bool, err error) {
	fmt.Printf("\nposts: each request a POST, with a length or chunked, in one piece or two.\n")
	fmt.Printf("twice: executed again. errors: 5xx, other, twice\n\n")
	fmt.Printf("%-9s %5s %8s %7s %8s %6s %5s %5s %8s %5s\n", "gateway", "T/gap", "requests", "struck", "answered", "none", "5xx", "other", "executed", "twice")
	ours, err := o.table(ctx, o.posts, true, func(name, ratio string, r row) {
		fmt.Printf("%-9s %5s %8d %7d %8d %6d %5d %5d %8d %5d\n", name, ratio, r.Sum(), r.Struck(), r.Tally[weather.Answered],
			r.WithoutOctet(), r.Tally[weather.Failed], r.others(), r.Executed, r.Duplicates)
	})
	errors := ours.Errors() - ours.WithoutOctet()
	if ours.ours {
		fmt.Printf("edge: twice=%d errors=%d requests=%d none=%d\n", ours.Duplicates, errors, ours.Sum(), ours.WithoutOctet())
	}
	return ours.Duplicates+errors == 0, err
}

// explain says what is common to the sweeps.
func (o *options) explain() {
	told := ""
	if o.told {
		told = ", a third by a 408"
	}
	fmt.Printf(`%d clients, each sends one request in %v, all at once; %d bytes come back.
The origin closes a connection after T idle, +-20%%: half by FIN, half by RST%s.
It strikes at %v of the requests on reused connections: closes unread, or reads
and executes and closes. It says Connection: close in %v of its responses.
conns: connections to the origin; idled: those that it closed idle; struck:
those at a request; replayed: sent again by edge, also after an idle end; none:
the client's connection ended before any byte of a response
`, o.connections, o.gap.Round(time.Microsecond), o.octets, told, o.strikes, o.goodbyes)
	for _, g := range o.contestants() {
		fmt.Printf("%s: %s\n", g.name, g.settings)
	}
}

// others are the requests that got no right answer, nor what has a column of its
// own.
func (r *row) others() int64 { return r.Errors() - r.WithoutOctet() - r.Tally[weather.Failed] }

// replays is what edge's log says; the others do not tell.
func (r *row) replays() string {
	if !r.ours {
		return "-"
	}
	return fmt.Sprint(r.replayed)
}
