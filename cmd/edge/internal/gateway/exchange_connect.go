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
	for {
		if err := x.takePlace(); err != nil {
			return x.noPlace(err, why)
		}
		if x.upstream.serial == 0 {
			x.upstream.address = x.ticket.Origin().Address() // in case it cannot be connected to
		}
		if c := x.takeIdle(); c != nil {
			x.use(c)
			return true
		}
		if why = x.dial(); !why.refuses() {
			return true
		}
		if x.broken() {
			return false
		}
	}
}

// takePlace chooses the origin, and waits if need be until a connection may be
// used there. Those who wait are many when there is trouble, so they keep the
// request's own bytes and nothing else. A client that resets its connection leaves
// the queue; one that has only ended its own direction may still want the
// response.
func (x *exchange) takePlace() error {
	switch x.gateway.origins.Place(&x.ticket) {
	case origins.Placed:
		x.tellOrigin()
		return nil
	case origins.Nobody:
		return origins.ErrNobody
	}
	if x.broken() {
		return errBrokenOff
	}
	x.dropPad()
	x.marks.queued, x.marks.placed = true, 0
	x.tellQueue()
	err := x.gateway.origins.Wait(&x.ticket)
	switch {
	case x.broken():
		return errBrokenOff // and a place that is no longer needed goes to the next one
	case err == nil:
		x.mark(&x.marks.placed)
		x.tellOrigin()
	}
	return err
}

// noPlace refuses a request that no origin has a place for. That there is no other
// one tells less than how the last one failed.
func (x *exchange) noPlace(err error, why Refusal) bool {
	switch {
	case x.broken():
		return false
	case err == origins.ErrQueueFull:
		why = originError(ConnectionLimitReached, "queue-full")
	case err == origins.ErrQueueTimeout:
		why = originError(ConnectionLimitReached, "queue-timeout")
	case !why.refuses():
		why = x.gateway.noOrigin()
	}
	return x.refuse(why)
}

// takeIdle is a connection that waits at the chosen origin. A request that is sent
// again goes on a new one, and has one that waits make room for it: if that were
// stale too, the request would be sent a third time.
func (x *exchange) takeIdle() *pool.Conn {
	p := x.ticket.Origin().Pool()
	var passed *[]pool.PassedOver
	if x.gateway.tap != nil {
		passed = new([]pool.PassedOver)
	}
	var c *pool.Conn
	if x.upstream.replayed {
		p.MakeRoom()
	} else {
		c = p.Take(passed)
	}
	x.tellPool(c, passed)
	return c
}

// dial makes a new connection to the origin where the exchange has its place.
func (x *exchange) dial() Refusal {
	g := x.gateway
	g.origins.MakeRoom()
	conn, err := x.ticket.Origin().Pool().Dial(x.loop.Now().Add(g.config.ConnectTimeout))
	if err != nil {
		why := connectFailure(err)
		g.origins.Unreachable(&x.ticket, connectVerdict(err), why.sentence())
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
	u.serial, u.uses, u.address = c.Serial, c.Uses(), x.ticket.Origin().Address()
	x.originHop.begin(c.Conn, c.Flow)
	x.nameFlows()
	x.mark(&x.marks.connected)
	if x.timed() {
		x.notes.idled = x.loop.Now().Sub(c.Kept())
	}
}

// giveBack ends the use of the origin connection, and lets the next exchange have
// the place.
func (x *exchange) giveBack() {
	if x.upstream.conn != nil {
		x.endUse()
	}
	if x.ticket.Origin() == nil {
		return
	}
	verdict, why := decideHealth(conduct{
		stopped:   x.loop.Stopping(),
		tunneled:  x.tunnel != nil,
		givenUp:   x.sparesOrigin(),
		stale:     x.end.client == OriginStale,
		failed:    x.upstream.err != nil,
		malformed: x.end.refusal.blamesOrigin(),
		complete:  x.response.phase == complete,
	}), ""
	if verdict == origins.Failure {
		if why = x.end.client.String(); x.end.refusal.refuses() {
			why = x.end.refusal.sentence() // before the response's head went on to the client
		}
	}
	x.gateway.origins.Leave(&x.ticket, verdict, why)
}

// endUse has the connection kept for another exchange, or closed.
func (x *exchange) endUse() {
	c := x.upstream.conn
	x.upstream.conn = nil
	x.end.origin = c.Pool().Decide(c, pool.Outcome{
		Failed:         x.upstream.err != nil,
		Aborted:        x.sparesOrigin(),
		RequestWritten: x.request.written,
		ResponseEnded:  x.response.phase == complete,
		ResponseEarly:  x.response.early,
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

// sparesOrigin reports whether the exchange came to its end by no doing of the origin's.
func (x *exchange) sparesOrigin() bool {
	switch x.end.client {
	case ClientReset, ClientStalled, ClientTooSlow:
		return true
	}
	return x.broken()
}
