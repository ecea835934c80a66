package pool

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/tap"
	"github.com/hopwire/hopwire/shared/list"
	"github.com/hopwire/hopwire/shared/loop"
)

// A Pool has the connections of one loop to one origin. All methods are called
// on that loop. The zero value is not usable; see New.
type Pool struct {
	origin *loop.Address
	loop   *loop.Loop
	limits Limits
	onEnd  func(*Conn, Cause)

	retired     bool
	inspecting  int    // idle connections on which something came that a task is to read
	onInspected func() // may be nil

	idle   list.List[*Conn] // the one that was given back last is the first
	open   int
	making int // of these, not connected yet
	opened uint64
	ends   [Causes]uint64

	closedByOrigin, closedByUs uint64
}

// Origin is where the connections go.
func (p *Pool) Origin() *loop.Address { return p.origin }

// New returns an empty pool. onEnd, if not nil, is told of every connection
// that is no longer in use, just before it is closed or kept.
func New(l *loop.Loop, origin *loop.Address, limits Limits, onEnd func(*Conn, Cause)) *Pool {
	return &Pool{origin: origin, loop: l, limits: limits, onEnd: onEnd}
}

// OnInspected has f called whenever a connection is no longer one of those that
// Inspecting counts.
func (p *Pool) OnInspected(f func()) { p.onInspected = f }

// Open is how many connections there are, idle and in use.
func (p *Pool) Open() int { return p.open }

// Made is how many of them are connected.
func (p *Pool) Made() int { return p.open - p.making }

// Idle is how many wait for a request.
func (p *Pool) Idle() int { return p.idle.Len() }

// MakeRoom closes the connection that has been idle for longest, if there is one.
func (p *Pool) MakeRoom() {
	if p.idle.Len() > 0 {
		p.evict(p.idle.Last(), MadeRoom)
	}
}

// Inspecting is how many connections are neither idle nor in use for the moment,
// since something came while they were idle, and what it was is not known yet.
func (p *Pool) Inspecting() int { return p.inspecting }

// Opened is how many connections there have ever been.
func (p *Pool) Opened() uint64 { return p.opened }

// Ends counts the uses of connections by the cause of their end.
func (p *Pool) Ends() [Causes]uint64 { return p.ends }

// Closed counts the connections by who sent the first FIN or RST.
func (p *Pool) Closed() (byOrigin, byUs uint64) { return p.closedByOrigin, p.closedByUs }

// A PassedOver is a connection that Take has ended since it was not fit for use.
type PassedOver struct {
	Serial uint64
	Cause  Cause
}

// Take removes the connection that was given back last, the one least likely to
// have gone stale, and returns nil when none is fit for use. Those that it passes over
// are appended to passed, unless that is nil.
func (p *Pool) Take(passed *[]PassedOver) *Conn {
	for c := p.idle.First(); c != nil; c = p.idle.First() {
		p.idle.Remove(c)
		if cause := p.recheck(c); cause != Kept {
			if passed != nil {
				*passed = append(*passed, PassedOver{c.Serial, cause})
			}
			p.end(c, cause)
			continue
		}
		c.ReadDeadline(0) // it is no longer parked
		c.uses++
		return c
	}
	return nil
}

// recheck looks again at what may have changed since the connection was kept.
func (p *Pool) recheck(c *Conn) Cause {
	switch {
	case c.Readable():
		return Ended // or Dirty; the handler that would find out was about to run
	case p.limits.Age > 0 && c.Age() >= p.limits.Age:
		return Aged
	case c.until != 0 && p.loop.Now() >= c.until:
		return c.expiry()
	}
	return Kept
}

// Dial makes a new connection, in use for the first time, and waits for it until
// the deadline. It is called in a task.
func (p *Pool) Dial(deadline loop.Time) (*Conn, error) {
	p.open++ // already now, so that a bound holds while several tasks dial
	p.making++
	conn, err := p.loop.Dial(p.origin, deadline)
	p.making--
	if err != nil {
		p.open--
		return nil, err
	}
	p.opened++
	return &Conn{Conn: conn, pool: p, since: p.loop.Now(), kept: p.loop.Now(), uses: 1}, nil
}

// Decide says whether a connection is Kept after an exchange, or else why it is
// not.
func (p *Pool) Decide(c *Conn, o Outcome) Cause {
	o.age, o.uses, o.removed = c.Age(), c.uses, p.retired
	return decide(o, p.limits)
}

// Give ends the use of a connection as was decided: Kept puts it into the pool,
// anything else closes it.
func (p *Pool) Give(c *Conn, cause Cause) {
	if cause != Kept {
		p.end(c, cause)
		return
	}
	p.ends[Kept]++
	if p.onEnd != nil {
		p.onEnd(c, Kept)
	}
	c.kept, c.until = p.loop.Now(), p.idleUntil(c)
	p.keep(c)
}

func (p *Pool) keep(c *Conn) {
	p.idle.PushFront(c)
	c.Park((*idling)(c), c.until)
	if p.limits.Max > 0 && p.idle.Len() > p.limits.Max {
		p.evict(p.idle.Last(), Displaced)
	}
}

// Retire closes every idle connection and keeps none from here on: no further
// request is meant for the origin. Those in use are not disturbed.
func (p *Pool) Retire() {
	p.retired = true
	p.evictAll(Removed)
}

// Drain closes every idle connection, since the program is about to end.
func (p *Pool) Drain() { p.evictAll(Draining) }

func (p *Pool) evictAll(cause Cause) {
	for c := range p.idle.All() {
		p.evict(c, cause)
	}
}

// Reinstate takes Retire back.
func (p *Pool) Reinstate() { p.retired = false }

func (p *Pool) idleUntil(c *Conn) loop.Time {
	d, _ := patience(p.limits.Idle, c.announced())
	if d <= 0 {
		return 0
	}
	return p.loop.Now().Add(d)
}

func (p *Pool) evict(c *Conn, cause Cause) {
	p.idle.Remove(c)
	p.end(c, cause)
}

func (p *Pool) end(c *Conn, cause Cause) {
	p.open--
	p.ends[cause]++
	if c.Ended() {
		p.closedByOrigin++
	} else {
		p.closedByUs++
	}
	if p.onEnd != nil {
		p.onEnd(c, cause)
	}
	if cause.Resets() {
		c.Conn.Reset()
	} else {
		c.Conn.Close()
	}
}

// A Conn is one connection to an origin.
type Conn struct {
	*loop.Conn
	list.Links[*Conn] // while idle

	pool  *Pool
	since loop.Time
	kept  loop.Time // when it was given back last; at first as since
	until loop.Time // while idle; 0: without bound
	uses  uint32
	keeps uint16 // seconds, as the origin has announced; 0: it has not

	// What was read while it was idle.
	idleN     uint8
	idleOctet [1]byte
	idleErr   error

	// Serial is the number that the gateway gave the connection, since it counts
	// across pools.
	Serial uint64
	// Flow is what a recording knows the connection by; nil without one.
	Flow *tap.Flow
}

// Pool is the pool that the connection belongs to.
func (c *Conn) Pool() *Pool { return c.pool }

// Uses is how many requests the connection has served, the one under way
// included. Above 1 it is reused.
func (c *Conn) Uses() uint32 { return c.uses }

// Announce notes how long the origin keeps the connection while it is idle. That holds
// until it says otherwise: some say so only when they are asked. More than 18 hours
// count as that.
func (c *Conn) Announce(d time.Duration) { c.keeps = uint16(min(d/time.Second, 1<<16-1)) }

func (c *Conn) announced() time.Duration { return time.Duration(c.keeps) * time.Second }

// expiry is why the connection waits no longer when its time is over.
func (c *Conn) expiry() Cause {
	_, cause := patience(c.pool.limits.Idle, c.announced())
	return cause
}

// Kept is when its last use ended, or it was made.
func (c *Conn) Kept() loop.Time { return c.kept }

// Age is the time since the connection was made.
func (c *Conn) Age() time.Duration { return c.pool.loop.Now().Sub(c.since) }

// IdleRead is what was read from the connection while it was idle: an octet, or
// the end of the stream. A connection that was not inspected has neither.
func (c *Conn) IdleRead() (octets []byte, err error) { return c.idleOctet[:c.idleN], c.idleErr }

// An idling is a connection as the loop sees it while it waits in the pool: its
// handler.
type idling Conn

// Readable is called when octets came, or the end of stream. Either way an
// origin that does so unasked has ended the connection's use; the task started
// here finds out which of the two it was.
func (c *idling) Readable(*loop.Conn) {
	c.pool.idle.Remove((*Conn)(c))
	c.pool.inspecting++
	c.pool.loop.Go(c)
}

// Run is the task that inspects.
func (c *idling) Run() {
	c.inspect()
	c.pool.inspecting--
	if c.pool.onInspected != nil {
		c.pool.onInspected()
	}
}

// inspect reads what an idle origin sent. An engine may report what is not there;
// then the connection waits on.
func (c *idling) inspect() {
	c.ReadDeadline(c.pool.loop.Now().Add(time.Millisecond))
	n, err := c.Read(c.idleOctet[:])
	c.idleN, c.idleErr = uint8(n), err
	switch {
	case n > 0:
		c.pool.end((*Conn)(c), Dirty)
	case err == io.EOF:
		c.pool.end((*Conn)(c), Ended)
	case errors.Is(err, os.ErrDeadlineExceeded) && c.pool.retired:
		c.pool.end((*Conn)(c), Removed)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.pool.keep((*Conn)(c))
	default:
		c.pool.end((*Conn)(c), Reset)
	}
}

// Expired is called when the connection was idle for too long.
func (c *idling) Expired(*loop.Conn) { c.pool.evict((*Conn)(c), (*Conn)(c).expiry()) }

// Aborted is called when the origin resets the idle connection.
func (c *idling) Aborted(*loop.Conn) { c.pool.evict((*Conn)(c), Reset) }
