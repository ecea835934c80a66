package gateway

import (
	"errors"
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
	pace   *pace
	left   allowance
	since  loop.Time // when octets were last seen to go, or the wait began; 0: no wait
	unsent int       // octets in the buffer when it was looked at; notLooked
	seen   int       // octets that were reckoned when they left it, before it took others
}

const (
	// looks is into how many parts a wait is divided. The buffer is looked at
	// after each of them, so not at all in those that are over soon.
	looks     = 4
	notLooked = -1
)

func newOutlet(p *pace) outlet { return outlet{pace: p, left: p.begin()} }

// await begins a wait until c has room, or goes on with it.
func (o *outlet) await(c *loop.Conn) {
	now := c.Loop().Now()
	if o.since == 0 {
		o.since, o.unsent = now, notLooked
	}
	end := o.pace.deadline(o.left, o.since)
	c.WriteDeadline(min(end, now.Add(end.Sub(o.since)/looks)))
}

// went is told what the wait came to: octets that c took, or an error. It returns
// nil in place of a deadline that was not the last.
func (o *outlet) went(c *loop.Conn, octets int, err error) error {
	now := c.Loop().Now()
	waited := now.Sub(o.since)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		o.left = o.pace.reckon(o.left, waited, max(octets-o.seen, 0))
		o.seen = max(o.seen-octets, 0)
		o.since = 0
		return err
	}
	if gone := o.look(c); gone > 0 {
		o.left = o.pace.reckon(o.left, waited, gone)
		o.seen += gone
		o.since = now
		return nil
	}
	if now < o.pace.deadline(o.left, o.since) {
		return nil
	}
	o.left = o.pace.reckon(o.left, waited, 0)
	o.since = 0
	return err
}

// look returns how many octets have left the send buffer since the last look.
func (o *outlet) look(c *loop.Conn) (gone int) {
	n := c.Unsent()
	if o.unsent != notLooked {
		gone = max(o.unsent-n, 0)
	}
	o.unsent = n
	return gone
}

// tooSlow tells a peer that did not keep to the rate from one that stalled.
func (o *outlet) tooSlow() bool { return o.pace.tooSlow(o.left) }

// outlet is that of the client's or the origin's connection.
func (x *exchange) outlet(c *loop.Conn) *outlet {
	if c == x.conn {
		return &x.taking
	}
	return &x.giving
}
