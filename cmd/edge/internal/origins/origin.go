package origins

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop"
)

// An Origin is one address that requests go to, with the connections to it.
type Origin struct {
	address  *loop.Address
	pool     *pool.Pool
	digest   uint64 // of the address
	weight   int
	priority int
	busy     int // places taken
	credit   int // see inTurn
	gone     bool
	health
}

func (s *Set) newOrigin(m Member) *Origin {
	o := &Origin{address: m.Address, digest: digest(m.Address.String())}
	o.pool = pool.New(s.loop, m.Address, s.config.Pool, s.config.ConnectionEnds)
	o.pool.OnInspected(func() {
		s.forget(o)
		s.serveQueue()
	})
	return o
}

// Address is where the origin is.
func (o *Origin) Address() *loop.Address { return o.address }

// Pool has the connections to the origin.
func (o *Origin) Pool() *pool.Pool { return o.pool }

// InUse is how many places are taken, each for a connection in use.
func (o *Origin) InUse() int { return o.busy }

// Gone reports that the origin is no longer a member.
func (o *Origin) Gone() bool { return o.gone }

func (o *Origin) is(m Member) bool { return *o.address == *m.Address }

// full reports that no place is left. A connection of which nobody knows whether
// it has ended yet is there, too.
func (o *Origin) full(bound int) bool {
	return bound > 0 && o.busy+o.pool.Inspecting() >= bound
}
