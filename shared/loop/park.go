package loop

import (
	"slices"
	"syscall"
	"time"
)

// A Handler is told what happens on a connection that no task serves. Its
// methods run on the loop, outside any task, and must not wait; they start a
// task, park the connection again, or close it. The connection is no longer
// parked when they are called.
type Handler interface {
	// Readable: there are octets to read, or the end of stream. Should there be
	// nothing after all, as engines may report by mistake, Read waits; the task
	// that the handler starts sets a ReadDeadline. Between BeginDial and EndDial:
	// connecting has ended.
	Readable(c *Conn)
	// Expired: the deadline given to Park has passed.
	Expired(c *Conn)
	// Aborted: the peer has reset the connection.
	Aborted(c *Conn)
}

// Park takes the connection from its task. From here on it costs no task, no
// stack and no buffer, until h is told of something, or until a task reads,
// writes or sets ReadDeadline, which ends the parking without a word to h. A
// deadline of 0 is none. No task may be waiting on the connection.
func (c *Conn) Park(h Handler, deadline Time) {
	if c.state.has(closed) {
		return
	}
	if c.reader != nil || c.writer != nil {
		panic("loop: a connection was parked while a task waits on it")
	}
	c.handler, c.readBy, c.scope = h, deadline, 0
	c.state |= parked
	c.arm(deadline)
	if c.state.has(readable) {
		c.checkUnread()
	}
}

// ParkedUntil is the deadline of a parked connection.
func (c *Conn) ParkedUntil() Time { return c.readBy }

// take gives the connection to the task or handler that runs.
func (c *Conn) take() {
	c.scope = c.loop.scope
	if c.state.has(parked) {
		c.unpark()
	}
}

func (c *Conn) unpark() Handler {
	h := c.handler
	c.handler, c.readBy = nil, 0
	c.state &^= parked
	return h
}

// checkUnread is for a connection parked after a read that filled its buffer,
// which leaves open whether the socket is empty. If it is not, no event will say
// so again.
func (c *Conn) checkUnread() {
	if !c.state.has(ended) {
		err := c.loop.engine.Peek(c.handle)
		if err == ErrAgain {
			c.state &^= readable
			return
		}
		if errno, ok := err.(syscall.Errno); ok {
			c.noteReset(errno)
		}
	}
	c.loop.pending = append(c.loop.pending, c)
}

// tellPending tells handlers what is known already and will not be reported
// again. A handler that leaves things as they are is told again in the next turn.
func (l *Loop) tellPending() {
	n := len(l.pending)
	for _, c := range l.pending[:n] {
		switch {
		case c.state.has(dead):
			c.tellAborted()
		case c.state.has(parked) && c.state.has(readable):
			c.tell(Handler.Readable)
		}
	}
	l.pending = slices.Delete(l.pending, 0, n)
}

// tellParked tells the handler of a parked connection what the engine reported.
func (c *Conn) tellParked(r Ready) {
	switch {
	case r&ReadyReset != 0:
		c.tell(Handler.Aborted)
	case r&(ReadyRead|ReadyEnd) != 0 || c.state.has(dialing):
		c.tell(Handler.Readable)
	}
}

// tellAborted tells the handler, of a parked or of a watched connection, if any.
func (c *Conn) tellAborted() {
	if c.handler != nil {
		c.tell(Handler.Aborted)
	}
}

// tell calls a method of the handler. It costs the connection if that panics.
func (c *Conn) tell(method func(Handler, *Conn)) {
	h := c.unpark()
	c.loop.inNewScope(func() {
		c.scope = c.loop.scope
		method(h, c)
	})
}

// Watch has h.Aborted called when the peer resets the connection while a task
// serves it but waits for something else; nil takes that back. If the peer has
// done so already, that is told soon. The other methods of h are not called. A
// parked connection is taken by the call.
func (c *Conn) Watch(h Handler) {
	if c.state.has(closed) {
		return
	}
	c.take()
	c.handler = h
	if c.state.has(dead) {
		c.loop.pending = append(c.loop.pending, c)
	}
}

// Linger closes the connection so that what was written arrives. Closing at
// once would do harm when the peer is still sending: the kernel answers octets
// that nobody will read with a reset, and the reset makes the peer's kernel
// throw away what it has not delivered yet (RFC 9112 section 9.6). So the
// sending direction is ended first, and what still comes is thrown away, however
// much it is: a peer may send all that it has before it reads a response. That
// ends when the peer does, after the time given, or when nothing came for silence.
// Linger returns at once; for its callers and for those who wait the connection is
// closed.
func (c *Conn) Linger(d, silence time.Duration) {
	if c.CloseWrite() != nil {
		c.Close()
		return
	}
	g := &lingerer{conn: c.detach(), until: c.loop.now.Add(d), silence: silence}
	g.park()
}

// detach closes the connection, but leaves the socket to a new one, so that
// nobody who still has the first can disturb what is done with the second.
func (c *Conn) detach() *Conn {
	successor := &Conn{
		loop: c.loop, handle: c.handle, gen: c.gen,
		state: c.state &^ parked, remote: c.remote,
	}
	successor.timer.owner = successor
	c.state &^= accepted // the successor is counted in its place
	c.release()
	c.loop.conns[c.handle] = successor
	return successor
}

// A lingerer throws away what comes until the end of stream.
type lingerer struct {
	conn    *Conn
	until   Time
	silence time.Duration
}

// patience is how long what comes next is waited for.
func (g *lingerer) patience() Time { return min(g.until, g.conn.loop.now.Add(g.silence)) }

func (g *lingerer) park() { g.conn.Park(g, g.patience()) }

func (g *lingerer) Run() {
	for g.conn.Readable() {
		g.conn.ReadDeadline(g.patience())
		if _, err := g.conn.Discard(); err != nil {
			g.conn.Close()
			return
		}
	}
	g.park()
}

func (g *lingerer) Readable(c *Conn) { c.loop.Go(g) }
func (g *lingerer) Expired(c *Conn)  { c.Close() }
func (g *lingerer) Aborted(c *Conn)  { c.Close() }
