package gateway

import (
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/tap"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/list"
	"github.com/hopwire/hopwire/shared/loop"
)

// A client is one client connection. Thousands of them are idle at any time, so
// it has nothing but what an idle connection needs; the rest is borrowed as an
// exchange when the next request begins to arrive.
type client struct {
	list.Links[*client] // among the gateway's idle or busy clients
	gateway             *Gateway
	conn                *loop.Conn
	exchange            *exchange // nil while idle
	flow                *tap.Flow // nil while nobody looks
	serial              uint64
	requests            uint32
	since               uint32 // when it was accepted, in milliseconds of the loop's clock
}

// age is the time since then, modulo 49 days.
func (c *client) age() time.Duration {
	return time.Duration(milliseconds(c.gateway.loop.Now())-c.since) * time.Millisecond
}

func milliseconds(t loop.Time) uint32 { return uint32(time.Duration(t) / time.Millisecond) }

// idle leaves the connection to the loop until the next request begins.
func (c *client) idle() {
	c.gateway.busy.Remove(c)
	c.gateway.idle.Add(c, c.requests > 0)
	if c.flow != nil {
		c.flow.Exchange = events.Exchange{}
	}
	c.wait()
}

func (c *client) wait() { c.conn.Park(c, c.gateway.idleUntil()) }

// busy takes the connection out of the idle ones.
func (c *client) busy() {
	c.gateway.idle.Remove(c, c.requests > 0)
	c.gateway.busy.PushFront(c)
}

// IdleSince is when the connection was accepted, or its last request had come to
// its end.
func (c *client) IdleSince() loop.Time {
	return c.conn.ParkedUntil().Add(-c.gateway.config.IdleTimeout)
}

// GiveWay is called when all places are taken and another client waits for one.
// While the gateway drains, there is no need: places become free.
func (c *client) GiveWay() {
	if !c.gateway.draining {
		c.closeIdle(GaveWay, closeQuietly)
	}
}

// Readable is called when the next request begins to arrive, or the client has
// closed.
func (c *client) Readable(*loop.Conn) {
	c.busy()
	c.gateway.loop.Go(c)
}

// Run is the task that serves what arrived.
func (c *client) Run() {
	x := c.gateway.takeExchange(c)
	defer c.gateway.putExchange(x)
	x.serve()
}

// Expired is called when no request came for too long.
func (c *client) Expired(*loop.Conn) {
	if c.gateway.draining {
		c.closeIdle(Drained, closeQuietly)
		return
	}
	c.closeIdle(ClientIdle, closeQuietly)
}

// Aborted is called when the client resets the connection: while it is idle, or
// while its exchange waits for something else.
func (c *client) Aborted(*loop.Conn) {
	if c.exchange != nil {
		c.exchange.breakOff(ClientReset, Refusal{})
		return
	}
	c.closeIdle(ClientReset, closeByReset)
}

// closeIdle closes a connection on which no request is under way.
func (c *client) closeIdle(cause Cause, how closeMode) {
	c.busy()
	c.close(cause, how)
}

// silence is how long nothing may come of a client that still sends after its last
// response, and how long an origin may take nothing that has said that it will close.
func (c *Config) silence() time.Duration { return min(5*time.Second, c.Linger) }

// close closes the connection.
func (c *client) close(cause Cause, how closeMode) {
	c.gateway.forget(c, cause)
	if t := c.gateway.tap; t != nil {
		read, written := c.conn.Passed()
		t.Passed(c.flow, read, written)
		c.flow.PeerReset = c.flow.PeerReset || cause == ClientReset
		t.Closed(c.flow, how == closeByReset, cause.String())
	}
	switch how {
	case closeQuietly:
		c.conn.Close()
	case closeLingering:
		c.conn.Linger(c.gateway.config.Linger, c.gateway.config.silence())
	case closeByReset:
		c.conn.Reset()
	}
}
