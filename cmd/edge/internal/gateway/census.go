package gateway

import (
	"context"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/tally"
)

// A Census is what a server holds at one moment, and what it has counted until
// then. When the last client has left and the origins have closed their
// connections, all that it holds is zero.
//
// Each gateway is counted between two turns of its loop, so that these hold at any
// moment, also while requests come:
//
//	Clients accepted  = Clients + all ClientEnds = Clients + ClosedByClients + ClosedByUs
//	Requests          = UnderWay + all RequestEnds = UnderWay + all Responses
//	origin connections = OriginsMade + all OriginEnds but Kept
type Census struct {
	Clients     int // client connections
	IdleClients int // of these, those without a request
	Exchanges   int // under way
	Pads        int // borrowed
	Origins     int // connections, idle and in use, as the pools count them
	Places      int // at origins
	Queued      int // requests that wait for a place

	OriginsMade int // connections that are not being made only
	OriginsIdle int // of these, those without a request

	Counters  Counters
	Durations tally.Durations // of requests that are over, but for tunnels
}

// UnderWay is how many requests have begun and are not over.
func (c *Census) UnderWay() uint64 {
	under := c.Counters.Requests
	for _, n := range c.Counters.RequestEnds {
		under -= n
	}
	return under
}

// All yields what there is now, and then each of the Counters, by name.
func (c *Census) All(yield func(name string, value uint64) bool) {
	var all tally.List
	all.Add("client-connections.open", uint64(c.Clients))
	all.Add("client-connections.idle", uint64(c.IdleClients))
	all.Add("requests.under-way", c.UnderWay())
	all.Add("origin-connections.open", uint64(c.OriginsMade))
	all.Add("origin-connections.idle", uint64(c.OriginsIdle))
	all.Add("queue.waiting", uint64(c.Queued))
	for name, value := range c.Counters.All {
		all.Add(name, value)
	}
	all.All(yield)
}

// Census counts without waiting. It is called on the loop of a group that has
// only one.
func (s *Server) Census() Census {
	all := make([]Census, len(s.gateways))
	for i, g := range s.gateways {
		all[i] = g.census()
	}
	return s.sum(all)
}

// Ask has each loop count, and waits for all of them until ctx is done. That, or the
// end of a loop, is an error. Any goroutine may call it, but none of a loop.
func (s *Server) Ask(ctx context.Context) (Census, error) {
	all, err := loop.Ask(ctx, s.group, func(i int) Census { return s.gateways[i].census() })
	return s.sum(all), err
}

// sum adds up what the gateways have counted, and what belongs to none of them.
func (s *Server) sum(all []Census) (sum Census) {
	for i := range all {
		sum.add(&all[i])
	}
	sum.Counters.LogLost = s.config.Log.Lost()
	if s := s.config.Events; s != nil {
		sum.Counters.Untold = s.Dropped()
	}
	return sum
}

func (c *Census) add(o *Census) {
	c.Clients += o.Clients
	c.IdleClients += o.IdleClients
	c.Exchanges += o.Exchanges
	c.Pads += o.Pads
	c.Origins += o.Origins
	c.Places += o.Places
	c.Queued += o.Queued
	c.OriginsMade += o.OriginsMade
	c.OriginsIdle += o.OriginsIdle
	c.Counters.add(&o.Counters)
	c.Durations.Add(&o.Durations)
}

// census is the gateway's own share.
func (g *Gateway) census() Census {
	t := g.origins.Totals()
	c := Census{
		Clients:     g.clients(),
		IdleClients: g.idle.Len(),
		Exchanges:   g.free.Lent(),
		Pads:        g.pads.Lent(),
		Queued:      g.origins.Waiting(),
		OriginsMade: t.Made,
		OriginsIdle: t.Idle,
		Counters:    g.snapshot(&t),
		Durations:   g.durations,
	}
	for o := range g.origins.All() {
		c.Origins += o.Pool().Open()
		c.Places += o.InUse()
	}
	return c
}
