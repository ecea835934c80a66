package plan

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/wire"
)

// ErrSeveralServers says that a capture has requests to several servers, of which
// the user has to choose.
var ErrSeveralServers = errors.New("requests to several servers")

// choose returns the connections that are to be replayed.
func (b *planner) choose(all []*capture.Connection, hop capture.Hop, servers []netip.AddrPort) (chosen []*capture.Connection, err error) {
	unnamed := serversOf(all, func(c *capture.Connection) bool { return c.Hop == capture.UnknownHop })
	var passed map[netip.AddrPort]bool
	if len(servers) == 0 {
		passed = b.passedOn(unnamed, hop)
	}
	for _, c := range all {
		origins := c.Hop == capture.OriginHop || c.Hop == capture.UnknownHop && passed[c.Server]
		switch {
		case origins != (hop == capture.OriginHop):
			b.otherHop++
		case len(servers) == 0 || slices.ContainsFunc(servers, func(s netip.AddrPort) bool { return same(s, c.Server) }):
			chosen = append(chosen, c)
		}
	}
	if len(servers) > 0 && len(chosen) == 0 && len(all) > 0 {
		list := serversOf(all, func(*capture.Connection) bool { return true })
		return nil, fmt.Errorf("it has no request of this hop to such a --server, only to %s", listed(list))
	}
	left := serversOf(chosen, func(c *capture.Connection) bool { return c.Hop == capture.UnknownHop })
	if hop == capture.ClientHop && len(servers) == 0 && len(left) > 1 {
		return nil, fmt.Errorf("it has %w (%s): say with --server which to take", ErrSeveralServers, listed(left))
	}
	if n := len(serversOf(chosen, func(c *capture.Connection) bool { return c.Hop == capture.ClientHop })); n > 1 {
		b.chosen = append(b.chosen, fmt.Sprintf("the recording has connections to %d servers, all of which are replayed", n))
	}
	return chosen, nil
}

// same reports whether s, of which the address may be left open, is the server.
func same(s, server netip.AddrPort) bool {
	return s.Port() == server.Port() && (!s.Addr().IsValid() || s.Addr().Unmap() == server.Addr().Unmap())
}

// A recordedServer is a server and the connections to it.
type recordedServer struct {
	address     netip.AddrPort
	connections []*capture.Connection
	requests    int
}

// serversOf sorts the connections of a kind by their servers; the server with most
// requests is first.
func serversOf(all []*capture.Connection, of func(*capture.Connection) bool) (servers []*recordedServer) {
	known := map[netip.AddrPort]*recordedServer{}
	for _, c := range all {
		if !of(c) {
			continue
		}
		s := known[c.Server]
		if s == nil {
			s = &recordedServer{address: c.Server}
			known[c.Server] = s
			servers = append(servers, s)
		}
		s.connections = append(s.connections, c)
		s.requests += len(c.Exchanges)
	}
	slices.SortStableFunc(servers, func(a, b *recordedServer) int { return cmp.Compare(b.requests, a.requests) })
	return servers
}

// maxServers bounds how many servers are listed, and looked at for hops.
const maxServers = 20

// listed names servers in a sentence.
func listed(servers []*recordedServer) string {
	var names []string
	for _, s := range servers[:min(len(servers), maxServers)] {
		names = append(names, fmt.Sprintf("%v with %s", s.address, english.Plural(s.requests, "request")))
	}
	if more := len(servers) - maxServers; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// passedOn finds the servers behind a gateway that is a server of the capture too:
//
//	client              gateway              origin
//	  │ GET /a             │                    │
//	  ├───────────────────►│ GET /a             │
//	  │                    ├───────────────────►│
//	  │                    │◄───────────────────┤
//	  │◄───────────────────┤                    │
//
// What is asked of the origin lies within what is asked of the gateway, with the
// same method and target. Not all does: a gateway asks for health on its own. So it
// has to be so for half of what the origin has answered.
func (b *planner) passedOn(servers []*recordedServer, hop capture.Hop) map[netip.AddrPort]bool {
	if len(servers) < 2 || len(servers) > maxServers {
		return nil
	}
	passed := map[netip.AddrPort]bool{}
	asked := make([]map[string][]span, len(servers))
	for i, s := range servers {
		asked[i] = b.spans(s)
	}
	for i, inner := range servers {
		for j, outer := range servers {
			if i == j || direct(inner, outer) || !within(asked[i], asked[j]) {
				continue
			}
			passed[inner.address] = true
			left, other := inner, capture.OriginHop
			if hop == capture.OriginHop {
				left, other = outer, capture.ClientHop
			}
			b.chosen = append(b.chosen, fmt.Sprintf("the capture has both hops, %v passing on to %v: left out %s to %v, which --hop %v takes",
				outer.address, inner.address, english.Plural(left.requests, "request"), left.address, other))
			break
		}
	}
	return passed
}

// direct reports whether clients of outer are, from a machine that is not outer's,
// also those of inner: then it is not outer that passes requests on.
func direct(inner, outer *recordedServer) bool {
	clients := map[netip.Addr]bool{}
	for _, c := range outer.connections {
		clients[c.Client.Addr()] = true
	}
	delete(clients, outer.address.Addr())
	return slices.ContainsFunc(inner.connections, func(c *capture.Connection) bool { return clients[c.Client.Addr()] })
}

// A span is the time from a request to the end of its response.
type span struct{ begin, end time.Time }

// spans returns those of what was asked of a server and answered, by method and
// path, in the order of their beginnings.
func (b *planner) spans(s *recordedServer) map[string][]span {
	spans := map[string][]span{}
	for _, c := range s.connections {
		for i := range c.Exchanges {
			x := &c.Exchanges[i]
			if _, _, _, err := capture.ParseRequest(x.Request.Raw, &b.head); err != nil || len(x.Response.Raw) == 0 {
				continue
			}
			key := string(b.head.Method) + " " + string(path(&b.head))
			spans[key] = append(spans[key], span{x.Request.At, x.Response.End})
		}
	}
	for _, of := range spans {
		slices.SortFunc(of, func(a, b span) int { return a.begin.Compare(b.begin) })
	}
	return spans
}

// path is the target without the scheme and authority that it may have.
func path(h *wire.RequestHead) []byte {
	if _, _, path := h.Absolute(); path != nil {
		return path
	}
	return h.Target
}

// within reports whether at least half of the spans of inner lie within ones of
// outer.
func within(inner, outer map[string][]span) bool {
	in, all := 0, 0
	for key, spans := range inner {
		all += len(spans)
		around := outer[key]
		latest := make([]time.Time, len(around)) // end of those that began up to here
		for i, s := range around {
			latest[i] = s.end
			if i > 0 && latest[i-1].After(s.end) {
				latest[i] = latest[i-1]
			}
		}
		for _, s := range spans {
			n := sort.Search(len(around), func(i int) bool { return !around[i].begin.Before(s.begin) })
			if n > 0 && !latest[n-1].Before(s.end) {
				in++
			}
		}
	}
	return in > 0 && 2*in >= all
}
