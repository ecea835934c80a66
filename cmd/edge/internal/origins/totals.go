package origins

import "github.com/hopwire/hopwire/cmd/edge/internal/pool"

// Totals are what a Set and its origins have counted, those that have left
// included.
type Totals struct {
	Connections   uint64              // made
	Ends          [pool.Causes]uint64 // uses of connections
	Ejections     uint64
	Restorations  uint64
	Queued        uint64 // requests that had to wait
	QueueFull     uint64 // that were not let in
	QueueTimeouts uint64 // that waited too long

	ClosedByOrigins, ClosedByUs uint64 // connections, by who sent the first FIN or RST

	// Of the connections that there are now: those that are made, and of these the
	// ones that wait for a request.
	Made, Idle int
}

// Totals sums up what has been counted so far.
func (s *Set) Totals() Totals {
	sum := s.totals
	for _, o := range s.members {
		sum.addPool(o.pool)
	}
	for _, o := range s.leaving {
		sum.addPool(o.pool)
	}
	return sum
}

func (t *Totals) addPool(p *pool.Pool) {
	t.Connections += p.Opened()
	for i, n := range p.Ends() {
		t.Ends[i] += n
	}
	byOrigin, byUs := p.Closed()
	t.ClosedByOrigins += byOrigin
	t.ClosedByUs += byUs
	t.Made += p.Made()
	t.Idle += p.Idle()
}
