package gateway

import (
	"errors"
	"math"
	"os"

	"github.com/hopwire/hopwire/shared/loop"
)

// An outlet watches over the octets that are written to one connection, and
// over the time that its peer lets pass.
//
//	write ──► the kernel's send buffer ──► the peer's kernel acknowledges
//	            full: a wait begins
//	            a third of it empty: the wait ends
//
// That third may be a megabyte, for which a peer that takes a hundred kilobytes
// a second needs ten. So in a long wait the outlet looks at the buffer now and
// then: octets that have left it have gone by. What the peer's kernel has taken
// counts as taken by the peer; nobody on this side can know more.
type outlet struct {
	left   allowance
	since  loop.Time // when octets were last seen to go, or the wait began; 0: no wait
	unsent int32     // octets in the buffer when it was looked at; notLooked
	seen   int32     // octets that were reckoned when they left it, before it took others
}

const (
	// looks is into how many parts a wait is divided. The buffer is looked at
	// after each of them, so not at all in those that are over soon.
	looks     = 4
	notLooked = -1
)

// await begins a wait until c has room, or goes on with it.
func (o *outlet) await(p *pace, c *loop.Conn) {
	now := c.Loop().Now()
	if o.since == 0 {
		o.since, o.unsent = now, notLooked
	}
	end := p.deadline(o.left, o.since)
	c.WriteDeadline(min(end, now.Add(end.Sub(o.since)/looks)))
}

// went is told what the wait came to: octets that c took, or an error. It returns
// nil in place of a deadline that was not the last.
func (o *outlet) went(p *pace, c *loop.Conn, octets int, err error) error {
	now := c.Loop().Now()
	waited := now.Sub(o.since)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		o.left = p.reckon(o.left, waited, max(octets-int(o.seen), 0))
		o.seen = int32(max(int(o.seen)-octets, 0))
		o.since = 0
		return err
	}
	if gone := o.look(c); gone > 0 {
		o.left = p.reckon(o.left, waited, gone)
		o.seen += int32(gone)
		o.since = now
		return nil
	}
	if now < p.deadline(o.left, o.since) {
		return nil
	}
	o.left = p.reckon(o.left, waited, 0)
	o.since = 0
	return err
}

// look returns how many octets have left the send buffer since the last look.
func (o *outlet) look(c *loop.Conn) (gone int) {
	n := c.Unsent()
	if o.unsent != notLooked {
		gone = max(int(o.unsent)-n, 0)
	}
	o.unsent = int32(min(n, math.MaxInt32))
	return gone
}

// outlet is that of the client's or the origin's connection, and what is asked of
// the peer.
func (x *exchange) outlet(c *loop.Conn) (*outlet, *pace) {
	if c == x.conn {
		return &x.taking, &x.gateway.pace
	}
	return &x.giving, &x.gateway.uptake
}
