package gateway

import (
	"errors"
	"slices"
	"strings"
	"syscall"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
)

// newOrigins makes the gateway's part of the origins.
func newOrigins(g *Gateway) *origins.Set {
	c, loops := g.config, g.server.group.Len()
	set := origins.New(g.loop, origins.Config{
		Balance:        c.Balance,
		Eject:          c.Eject,
		MaxConnections: share(c.MaxPerOrigin, loops, g.loop.Index()),
		QueueMax:       share(c.QueueMax, loops, g.loop.Index()),
		QueueTimeout:   c.QueueTimeout,
		Pool:           c.Pool,
		Seed:           c.Seed,
		ConnectionEnds: g.originEnds,
		Report:         c.Report,
	})
	set.Update(0, members(c.Origins))
	return set
}

// share is one loop's part of n: all of them together have n, unless that is
// less than one for each. 0, which is no bound or nothing, stays 0.
func share(n, loops, index int) int {
	if n == 0 {
		return 0
	}
	part := n / loops
	if index < n%loops {
		part++
	}
	return max(part, 1)
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

// A hearing is what is known of an exchange when it is decided what that says
// about its origin.
type hearing struct {
	stopped   bool // the gateway stopped it
	tunneled  bool // it became a tunnel
	aborted   bool // the client did, or what it sent
	stale     bool // the connection had ended between two requests
	failed    bool // it broke, or was silent for too long
	malformed bool // what came is no valid response
	ended     bool // the response, at its frame's end
}

// decideHealth lets an origin answer for what it does, and for nothing else. A
// 5xx is an answer: it tells of a request, not of whether the next one should go
// elsewhere. With a 101 all is said, too: how tunnels end is not HTTP's.
func decideHealth(h hearing) origins.Verdict {
	switch {
	case h.tunneled:
		return origins.Success
	case h.stopped, h.aborted, h.stale:
		return origins.Unknown
	case h.failed, h.malformed:
		return origins.Failure
	case h.ended:
		return origins.Success
	}
	return origins.Unknown
}

// hearing is what x knows at its end.
func (x *exchange) hearing() hearing {
	return hearing{
		stopped:   x.loop.Stopping(),
		tunneled:  x.tunnel != nil,
		aborted:   x.clientEnded(),
		stale:     x.end == OriginStale,
		failed:    x.originErr != nil,
		malformed: proxyErrors[x.refusal.Error].status >= 502,
		ended:     x.ended,
	}
}

// complaint names what an origin did wrong: before the response's head went on to
// the client, or after.
func (x *exchange) complaint() string {
	if x.refusal.refuses() {
		return words(x.refusal)
	}
	return x.end.String()
}

// words are those of Proxy-Status, to be read in a sentence.
func words(r Refusal) string {
	s := strings.ReplaceAll(r.Error.String(), "_", " ")
	if r.Rule != "" {
		s += " (" + r.Rule + ")"
	}
	return s
}

// connectVerdict is that on a connection which was not made. Want of descriptors
// or ports is the gateway's own.
func connectVerdict(err error) origins.Verdict {
	for _, own := range [...]error{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, loop.ErrStopped} {
		if errors.Is(err, own) {
			return origins.Unknown
		}
	}
	return origins.Failure
}
