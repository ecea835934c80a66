package gateway

import "github.com/hopwire/hopwire/cmd/edge/internal/pool"

// Counters are what a gateway has done since it began.
type Counters struct {
	Clients   uint64 // client connections accepted
	Exchanges uint64 // requests of which a whole head arrived, or that were refused before

	ClientEnds [Causes]uint64      // client connections closed
	Refusals   [ProxyErrors]uint64 // answers of the gateway's own
	Replays    [Replays]uint64     // attempts that ended without a response
	OriginEnds [pool.Causes]uint64 // uses of origin connections
	Origins    uint64              // origin connections made
	LogDropped uint64              // lines that the access log lost
}

// add sums up the counters of several gateways.
func (c *Counters) add(o *Counters) {
	c.Clients += o.Clients
	c.Exchanges += o.Exchanges
	for i, n := range o.ClientEnds {
		c.ClientEnds[i] += n
	}
	for i, n := range o.Refusals {
		c.Refusals[i] += n
	}
	for i, n := range o.Replays {
		c.Replays[i] += n
	}
	for i, n := range o.OriginEnds {
		c.OriginEnds[i] += n
	}
	c.Origins += o.Origins
}

// snapshot is the gateway's own share, with what its pools have counted.
func (g *Gateway) snapshot() Counters {
	c := g.counters
	for _, p := range g.pools {
		c.Origins += p.Opened()
		for i, n := range p.Ends() {
			c.OriginEnds[i] += n
		}
	}
	return c
}
