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

	origin      *Origin // where it has a place; nil: nowhere
	mode        mode
	unreachable []*Origin // no connection to them could be made

	waited    bool // at some time
	abandoned bool
	until     loop.Time // it waits at most
	dequeued  loop.Signal
}

// A mode is how a request uses an origin.
type mode uint8

const (
	// ordinary: the origin was fit.
	ordinary mode = iota
	// trial: its ejection is over, and this request decides whether it is
	// back. Others go elsewhere until then.
	trial
	// lastResort: it was not fit, but nobody was.
	lastResort
)

// Begin makes the ticket that of a new request, which is not hashed by anything.
func (t *Ticket) Begin() {
	clear(t.unreachable)
	t.unreachable = t.unreachable[:0]
	t.hashed, t.waited, t.abandoned, t.until = false, false, false, 0
}

// HashBy has a hash pick the origin by this key.
func (t *Ticket) HashBy(key uint64) { t.key, t.hashed = key, true }

// Origin is where the request has a place, or nil.
func (t *Ticket) Origin() *Origin { return t.origin }

func (t *Ticket) waits() bool { return list.Linked(t) }

func (t *Ticket) couldNotReach(o *Origin) bool {
	return len(t.unreachable) > 0 && slices.Contains(t.unreachable, o)
}
