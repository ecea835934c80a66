package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop"
)

// An upstreamState is what is known of the connection to the origin.
type upstreamState struct {
	conn *pool.Conn // nil before it is taken, and after it has been given back
	err  error      // how it failed

	// For the log, and kept when the connection has been given back.
	address  *loop.Address // of the origin, or of the last one tried
	serial   uint64
	uses     uint32
	replayed bool // the request was sent again, since a connection was stale
}

// connect finds an origin for the request, and takes the connection that was used
// last of those that wait there, or makes one. An origin that cannot be reached
// has been sent nothing, so another one may be asked. why is how the last one
// failed.
func (x *exchange) connect(why Refusal) bool {
	for x.takePlace(&why) {
		if x.upstream.serial == 0 {
			x.upstream.address = x.place.Origin().Address() // in case it cannot be connected to
		}
		if c := x.takeIdle(); c != nil {
			x.use(c)
			return true
		}
		if why = x.dial(); !why.refuses() {
			return true
		}
		if x.end.abort != Persists {
			return false
		}
	}
	return x.refuse(why)
}

// takePlace chooses the origin, and waits if need be until a connection may be
// used there. If there is none, why says so, unless it is known already.
func (x *exchange) takePlace(why *Refusal) bool {
	switch x.gateway.origins.Place(&x.place) {
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
// so they keep the request's own bytes and nothing else. A client that resets its
// connection leaves the queue; one that has only ended its own direction may still
// want the response.
func (x *exchange) waitInQueue(why *Refusal) bool {
	if x.end.abort != Persists {
		return false
	}
	x.dropPad()
	x.marks.queued, x.marks.placed = true, 0
	switch err := x.gateway.origins.Wait(&x.place); {
	case x.end.abort != Persists:
		return false // and a place that is no longer needed goes to the next one
	case err == nil:
		x.mark(&x.marks.placed)
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

// takeIdle is a connection that waits at the chosen origin. A request that is sent
// again goes on a new one, and has one that waits make room for it: if that were
// stale too, the request would be sent a third time.
func (x *exchange) takeIdle() *pool.Conn {
	p := x.place.Origin().Pool()
	c := p.Take()
	if c != nil && x.upstream.replayed {
		p.Give(c, pool.MadeRoom)
		return nil
	}
	return c
}

// dial makes a new connection to the origin where the exchange has its place.
func (x *exchange) dial() Refusal {
	g := x.gateway
	conn, err := x.place.Origin().Pool().Dial(x.loop.Now().Add(g.config.ConnectTimeout))
	if err != nil {
		why := connectFailure(err)
		g.origins.Unreachable(&x.place, connectVerdict(err), why.sentence())
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
	u := &x.upstream
	u.conn, u.err = c, nil
	u.serial, u.uses, u.address = c.Serial, c.Uses(), x.place.Origin().Address()
	x.originHop.conn, x.originHop.flow = c.Conn, c.Flow
	x.mark(&x.marks.connected)
}

// giveBack ends the use of the origin connection, and lets the next exchange have
// the place.
func (x *exchange) giveBack() {
	if x.upstream.conn != nil {
		x.endUse()
	}
	if x.place.Origin() == nil {
		return
	}
	verdict, why := decideHealth(conduct{
		stopped:   x.loop.Stopping(),
		tunneled:  x.tunnel != nil,
		aborted:   x.endedByClient(),
		stale:     x.end.client == OriginStale,
		failed:    x.upstream.err != nil,
		malformed: proxyErrors[x.end.refusal.Error].status >= 502,
		complete:  x.response.phase == complete,
	}), ""
	if verdict == origins.Failure {
		if why = x.end.client.String(); x.end.refusal.refuses() {
			why = x.end.refusal.sentence() // before the response's head went on to the client
		}
	}
	x.gateway.origins.Leave(&x.place, verdict, why)
}

// endUse has the connection kept for another exchange, or closed.
func (x *exchange) endUse() {
	c := x.upstream.conn
	x.upstream.conn = nil
	x.end.origin = c.Pool().Decide(c, pool.Outcome{
		Failed:         x.upstream.err != nil,
		Aborted:        x.endedByClient(),
		RequestWritten: x.request.written,
		ResponseEnded:  x.response.phase == complete,
		Excess:         x.response.excess,
		// An edited request lets the connection persist: Connection was dropped from
		// it, and HTTP/1.1 persists by itself.
		RequestPersists:  !x.gateway.config.Verbatim || !x.request.last,
		ResponsePersists: x.response.persists,
		Tunneled:         x.tunnel != nil,
		Draining:         x.gateway.draining,
	})
	c.Pool().Give(c, x.end.origin)
}

// endedByClient reports whether it was the client that brought the exchange to its
// end, or left it no other.
func (x *exchange) endedByClient() bool {
	switch x.end.client {
	case ClientReset, ClientStalled, ClientTooSlow:
		return true
	}
	return x.aborted()
}
