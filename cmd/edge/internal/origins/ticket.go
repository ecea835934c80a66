package origins

import (
	"slices"

	"github.com/hopwire/hopwire/shared/list"
	"github.com/hopwire/hopwire/shared/loop"
)

// A Ticket is what a Set knows of one request while it looks for an origin, waits
// for one, and has a place there. It is used for one request after the other.
type Ticket struct {
	list.Links[*Ticket] // in the queue, while it waits

	key    uint64 // by which a hash picks
	hashed bool   // there is a key

	at    *Origin // where it has a place; nil: nowhere
	terms terms
	tried []*Origin // to which no connection could be made

	waited    bool // at some time
	abandoned bool
	until     loop.Time // it waits at most
	called    loop.Signal
}

// terms are those on which an origin is used.
type terms uint8

const (
	// ordinary: the origin was fit.
	ordinary terms = iota
	// onTrial: its ejection is over, and this request decides whether it is
	// back. Others go elsewhere until then.
	onTrial
	// lastResort: it was not fit, but nobody was.
	lastResort
)

// Begin makes the ticket that of a new request, which is not hashed by anything.
func (t *Ticket) Begin() {
	clear(t.tried)
	t.tried = t.tried[:0]
	t.hashed, t.waited, t.abandoned, t.until = false, false, false, 0
}

// By makes key what a hash picks the origin by.
func (t *Ticket) By(key uint64) { t.key, t.hashed = key, true }

// Origin is where the request has a place, or nil.
func (t *Ticket) Origin() *Origin { return t.at }

func (t *Ticket) waits() bool { return list.Linked(t) }

func (t *Ticket) hasTried(o *Origin) bool { return len(t.tried) > 0 && slices.Contains(t.tried, o) }
