package gateway

// A Census is what a server holds at one moment, and what it has counted until
// then. When the last client has left and the origins have closed their
// connections, all that it holds is zero.
type Census struct {
	Clients   int // client connections
	Exchanges int // under way
	Pads      int // borrowed
	Origins   int // connections, idle and in use, as the pools count them
	Places    int // at origins
	Queued    int // requests that wait for a place

	Counters Counters
}

// Census counts without waiting. It is called on the loop of a group that has
// only one.
func (s *Server) Census() (sum Census) {
	for _, g := range s.gateways {
		sum.Clients += g.clients()
		sum.Exchanges += g.free.Lent()
		sum.Pads += g.pads.Lent()
		for o := range g.origins.All() {
			sum.Origins += o.Pool().Open()
			sum.Places += o.InUse()
		}
		sum.Queued += g.origins.Waiting()
		counted := g.snapshot()
		sum.Counters.add(&counted)
	}
	return sum
}
