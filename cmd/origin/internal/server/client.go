package server

import (
	"time"

	"github.com/hopwire/hopwire/cmd/origin/internal/fault"
	"github.com/hopwire/hopwire/shared/list"
	"github.com/hopwire/hopwire/shared/loop"
)

// A client is a connection between its exchanges. There may be very many of
// them that wait, so it is small.
type client struct {
	list.Links[*client] // among the worker's idle clients, while it is one

	worker   *worker
	conn     *loop.Conn
	fault    *fault.Connection // what goes wrong with it; nil: nothing
	requests uint32            // where faults are to strike
	used     bool              // it has sent a request
}

// rest waits for the next request. Who has sent none yet has as long as for a head.
func (c *client) rest() {
	c.worker.idle.Add(c, c.used)
	c.park(c.patience())
}

func (c *client) park(d time.Duration) { c.conn.Park(c, c.worker.loop.Now().Add(d)) }

// patience is how long the connection may wait for its next request.
func (c *client) patience() time.Duration {
	switch config := c.worker.config; {
	case c.worker.draining:
		return config.DrainIdle
	case c.fault != nil && c.fault.IdleAct != 0:
		return c.fault.Idle
	case c.used:
		return config.IdleTimeout
	default:
		return config.HeadTimeout
	}
}

// IdleSince is when it began to wait.
func (c *client) IdleSince() loop.Time { return c.conn.ParkedUntil().Add(-c.patience()) }

// GiveWay ends a connection because all places are taken and another client waits
// for one. While the server drains, places become free by themselves.
func (c *client) GiveWay() {
	if !c.worker.draining {
		c.hangUp(GaveWay)
	}
}

// Readable starts the task that serves the connection.
func (c *client) Readable(*loop.Conn) {
	c.worker.idle.Remove(c, c.used)
	if c.fault != nil && c.meetsEnd() {
		return
	}
	c.worker.busy++
	c.used = true
	c.worker.loop.Go(c)
}

// Run is that task. It takes its exchange only now, since hundreds of tasks may
// be started in one turn of the loop: those that need not wait use the same one
// after each other, while it is in the processor's cache.
func (c *client) Run() {
	x := c.worker.exchange()
	x.client, x.conn, x.in = c, c.conn, c.worker.loop.Buffer()
	defer c.afterPanic(x)
	o := x.serve()
	x.in.Release()
	why := x.why
	c.worker.giveBack(x)
	c.follow(o, why)
}

// afterPanic counts what a panic has ended. The loop resets the connection.
func (c *client) afterPanic(x *exchange) {
	if x.conn == c.conn { // it was not given back
		x.giveUp()
		c.worker.busy--
		c.worker.left(c.conn, Broken)
	}
}

// Expired ends a connection that was idle for too long.
func (c *client) Expired(*loop.Conn) {
	if c.fault != nil && c.fault.IdleAct != 0 && !c.worker.draining {
		c.worker.idle.Remove(c, c.used)
		c.worker.busy++
		c.worker.loop.Go(loop.Func(c.actIdle))
		return
	}
	if c.worker.draining {
		c.hangUp(Drained)
	} else {
		c.hangUp(ClientIdle)
	}
}

// Aborted ends a connection that the client has reset.
func (c *client) Aborted(*loop.Conn) { c.hangUp(ClientReset) }

func (c *client) hangUp(why Cause) {
	c.worker.idle.Remove(c, c.used)
	c.worker.left(c.conn, why)
	c.conn.Close() // Nothing depends on what a failed close would say.
}

// An outcome is what becomes of a connection after a request.
type outcome uint8

const (
	onward outcome = iota // it persists
	hangUp                // it is closed: the client has nothing under way, or has gone
	linger                // it is closed, but the client may still be sending
	abort                 // it is reset, so that nobody takes what was sent for whole
	cut                   // it is closed, whatever is under way; only faults do that
	hold                  // nothing more is said, but it stays; only faults do that
)

// Bounds of a lingering close: a client may send all that it has before it reads the
// response.
const (
	lingerTime    = 30 * time.Second
	lingerSilence = 5 * time.Second
)

// follow makes the outcome of the connection's last exchange come true.
func (c *client) follow(o outcome, why Cause) {
	if o == hold {
		c.hold()
	}
	c.worker.busy--
	if o != onward {
		c.worker.left(c.conn, why)
	}
	switch o {
	case onward:
		c.rest()
	case linger:
		c.conn.Linger(lingerTime, lingerSilence)
	case abort:
		c.conn.Reset()
	case cut:
		c.cut()
	default:
		c.conn.Close()
	}
}
