package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
)

// connect finds an origin for the request and a connection to it.
func (x *exchange) connect() bool {
	x.ticket.Begin()
	if key, ok := x.gateway.config.Balance.Key(&x.pad.request); ok {
		x.ticket.By(key)
	}
	return x.seek(Refusal{})
}

// seek takes the connection that was used last of those that wait for the origin
// which was chosen, or makes one. An origin that cannot be reached has been sent
// nothing, so another one may be asked. why is how the last one failed.
func (x *exchange) seek(why Refusal) bool {
	for x.takePlace(&why) {
		if x.serial == 0 {
			x.address = x.ticket.Origin().Address() // in case it cannot be connected to
		}
		if c := x.takeIdle(); c != nil {
			x.use(c)
			return true
		}
		if why = x.dial(); !why.refuses() {
			return true
		}
		if x.fault != Persists {
			return false
		}
	}
	return x.refuse(why)
}

// takeIdle is a connection that waits at the chosen origin. A request that is sent
// again goes on a new one, and has one that waits make room for it: if that were
// stale too, the request would be sent a third time.
func (x *exchange) takeIdle() *pool.Conn {
	p := x.ticket.Origin().Pool()
	c := p.Take()
	if c != nil && x.replayed {
		p.Give(c, pool.MadeRoom)
		return nil
	}
	return c
}

// takePlace chooses the origin, and waits if need be until a connection may be
// used there. If there is none, why says so, unless it is known already.
func (x *exchange) takePlace(why *Refusal) bool {
	switch x.gateway.origins.Place(&x.ticket) {
	case origins.Placed:
		return true
	case origins.Full:
		return x.waitInQueue(why)
	}
	if !why.refuses() {
		*why = x.gateway.noOrigin()
	}
	return false
}

// waitInQueue waits for a place. Those who wait are many when there is trouble,
// so they keep the request's own octets and nothing else. A client that resets its
// connection leaves the queue; one that has only ended its own direction may still
// want the response.
func (x *exchange) waitInQueue(why *Refusal) bool {
	if x.fault != Persists {
		return false
	}
	x.dropPad()
	x.queued, x.placed = true, 0
	switch err := x.gateway.origins.Wait(&x.ticket); {
	case x.fault != Persists:
		return false // and a place that is no longer needed goes to the next one
	case err == nil:
		x.mark(&x.placed)
		return true
	case err == origins.ErrQueueFull:
		*why = originError(ConnectionLimitReached, "queue-full")
	case err == origins.ErrQueueTimeout:
		*why = originError(ConnectionLimitReached, "queue-timeout")
	case !why.refuses():
		*why = x.gateway.noOrigin()
	}
	return false
}

// dial makes a new connection to the origin where the exchange has its place.
func (x *exchange) dial() Refusal {
	g := x.gateway
	conn, err := x.ticket.Origin().Pool().Dial(x.loop.Now().Add(g.config.ConnectTimeout))
	if err != nil {
		why := connectFailure(err)
		g.origins.Unreachable(&x.ticket, connectVerdict(err), words(why))
		return why
	}
	conn.Serial = g.nextSerial(&g.lastOrigin)
	if g.tap != nil {
		conn.Flow = g.tap.Origin(conn.Serial, addrPort(conn.LocalAddr()), conn.Remote())
	}
	x.use(conn)
	return Refusal{}
}

// use makes c the connection of this exchange.
func (x *exchange) use(c *pool.Conn) {
	x.origin, x.originErr = c, nil
	x.serial, x.uses, x.address = c.Serial, c.Uses(), x.ticket.Origin().Address()
	x.mark(&x.connected)
}
