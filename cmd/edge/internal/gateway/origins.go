package gateway

import (
	"slices"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
)

// newOrigins makes the gateway's part of the origins.
func newOrigins(g *Gateway) *origins.Set {
	c := g.config
	set := origins.New(g.loop, origins.Config{
		Balance:        c.Balance,
		Eject:          c.Eject,
		MaxConnections: g.loop.Share(c.OriginMaxConnections),
		Descriptors:    g.loop.Share(c.OriginDescriptors),
		QueueMax:       g.loop.Share(c.QueueMax),
		QueueTimeout:   c.QueueTimeout,
		Pool:           c.Pool,
		Seed:           c.Seed,
		ConnectionEnds: g.originEnds,
		Report:         c.Report,
	})
	set.Update(0, members(c.Origins))
	return set
}

func members(addresses []*loop.Address) (all []origins.Member) {
	for _, a := range addresses {
		all = append(all, origins.Member{Address: a})
	}
	return all
}

// authority is what a request that names no host is for: the origin, by the name
// that the gateway knows it by.
func authority(origin *loop.Address) string {
	if origin.Path != "" {
		return "localhost" // a path is no host
	}
	return origin.String()
}

// SetOrigins replaces the origins that came from a source; see origins.Set. The
// first source of its own that a caller has is number 1. Any goroutine may call
// it. It does not wait; the order of calls is kept.
func (s *Server) SetOrigins(source int, members []origins.Member) {
	members = slices.Clone(members)
	for _, g := range s.gateways {
		g.loop.Post(func() { g.origins.Update(source, members) })
	}
}

// SetMissing says what clients are told while there are no origins: why the
// names that stand for them could not be looked up. Any goroutine may call it.
func (s *Server) SetMissing(why ProxyError) {
	for _, g := range s.gateways {
		g.loop.Post(func() { g.missing = why })
	}
}

// noOrigin is the refusal of a request that no origin is left for.
func (g *Gateway) noOrigin() Refusal {
	if g.missing != NoError && g.origins.Len() == 0 {
		return originError(g.missing, "")
	}
	return originError(DestinationUnavailable, "no-origin")
}

// SetHealth tells what a check found out about an origin. Any goroutine may call
// it.
func (s *Server) SetHealth(at *loop.Address, up bool) {
	for _, g := range s.gateways {
		g.loop.Post(func() { g.origins.SetHealth(at, up) })
	}
}

// Watch has w told, on the first loop, which origins there are. It is called
// before the group runs.
func (s *Server) Watch(w origins.Watcher) { s.gateways[0].origins.Watch(w) }
