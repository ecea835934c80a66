package plan

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/wire"
)

// ErrSeveralServers says that a capture has requests to several servers, of which
// the user has to choose.
var ErrSeveralServers = errors.New("requests to several servers")

// choose returns the connections that are to be replayed. Which hop a connection of
// somebody else's capture is of is a guess, which a server that is named overrules.
func (b *planner) choose(all []*capture.Connection, hop events.Hop, servers []netip.AddrPort) (chosen []*capture.Connection, err error) {
	passed := b.passedOn(serversOf(all, unknown), hop, len(servers) == 0)
	var others []*capture.Connection // of this hop
	elsewhere := false               // a server that is named is one of the other hop
	for _, c := range all {
		inner := unknown(c) && passed[c.Server]
		named := slices.ContainsFunc(servers, func(s netip.AddrPort) bool { return same(s, c.Server) })
		switch {
		case (c.Hop == events.OriginHop || inner) != (hop == events.OriginHop) && !(inner && named):
			b.otherHop++
			elsewhere = elsewhere || named
		case len(servers) == 0 || named:
			chosen = append(chosen, c)
		default:
			others = append(others, c)
		}
	}
	if len(chosen) == 0 && len(others) > 0 {
		hint := ""
		if elsewhere {
			hint = fmt.Sprintf("; --hop %v takes those to it", opposite(hop))
		}
		return nil, fmt.Errorf("it has no request of this hop to such a --server, only to %s%s", listed(serversOf(others, anyHop)), hint)
	}
	left := serversOf(chosen, unknown)
	if hop == events.ClientHop && len(servers) == 0 && len(left) > 1 {
		return nil, fmt.Errorf("it has %w (%s): say with --server which to take", ErrSeveralServers, listed(left))
	}
	if n := len(serversOf(chosen, func(c *capture.Connection) bool { return c.Hop == events.ClientHop })); n > 1 {
		b.chosen = append(b.chosen, fmt.Sprintf("the recording has connections to %d servers, all of which are replayed", n))
	}
	return chosen, nil
}

func unknown(c *capture.Connection) bool { return c.Hop == events.UnknownHop }
func anyHop(*capture.Connection) bool    { return true }

// same reports whether s, of which the address may be left open, is the server.
func same(s, server netip.AddrPort) bool {
	return s.Port() == server.Port() && (!s.Addr().IsValid() || s.Addr().Unmap() == server.Addr().Unmap())
}

// A recordedServer is a server and the connections to it.
type recordedServer struct {
	address     netip.AddrPort
	connections []*capture.Connection
	requests    int
	spans       map[bool]map[string][]span // see planner.spans
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
			s = &recordedServer{address: c.Server, spans: map[bool]map[string][]span{}}
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
// The origin is asked by one machine only, which does not ask the gateway itself.
// What it is asked lies within what is asked of the gateway, with the same method and
// target, one for one. Not all does: a gateway asks for health on its own. So it has
// to be so for half of what the origin has answered. All that may be chance if two
// servers have the same paths. So the machine that asks the origin has to be the
// gateway's by its address; or if addresses do not tell, since the gateway has several
// or all is on one machine, the responses have to be the same as well.
func (b *planner) passedOn(servers []*recordedServer, hop events.Hop, tell bool) map[netip.AddrPort]bool {
	if len(servers) < 2 || len(servers) > maxServers {
		return nil
	}
	passed := map[netip.AddrPort]bool{}
	for _, inner := range servers {
		for _, outer := range servers {
			if inner == outer || !b.passes(outer, inner) {
				continue
			}
			passed[inner.address] = true
			left := inner
			if hop == events.OriginHop {
				left = outer
			}
			if tell {
				b.chosen = append(b.chosen, fmt.Sprintf("the capture has both hops, %v passing on to %v: left out %s to %v, which --hop %v takes",
					outer.address, inner.address, english.Plural(left.requests, "request"), left.address, opposite(hop)))
			}
			break
		}
	}
	return passed
}

// passes reports whether outer seems to pass on requests to inner.
func (b *planner) passes(outer, inner *recordedServer) bool {
	client := inner.connections[0].Client.Addr()
	if len(inner.clients()) > 1 {
		return false
	}
	own, both := client == outer.address.Addr(), outer.clients()[client]
	if both && !own {
		return false
	}
	responses := both || !own
	return within(b.spans(inner, responses), b.spans(outer, responses))
}

// clients are the machines that have asked a server.
func (s *recordedServer) clients() map[netip.Addr]bool {
	clients := map[netip.Addr]bool{}
	for _, c := range s.connections {
		clients[c.Client.Addr()] = true
	}
	return clients
}

// A span is the time from a request to the end of its response.
type span struct{ begin, end time.Time }

// spans returns those of what was asked of a server and answered, in the order of
// their beginnings: by method and path, and by the response, if that is wanted.
func (b *planner) spans(s *recordedServer, responses bool) map[string][]span {
	if known := s.spans[responses]; known != nil {
		return known
	}
	spans := map[string][]span{}
	s.spans[responses] = spans
	for _, c := range s.connections {
		for i := range c.Exchanges {
			x := &c.Exchanges[i]
			if _, _, _, err := capture.ParseRequest(x.Request.Raw, &b.head); err != nil || len(x.Response.Raw) == 0 {
				continue
			}
			key := string(b.head.Method) + " " + string(path(&b.head))
			if responses {
				e, _ := expectationOf(&x.Response, b.head.Method)
				if e == nil {
					continue
				}
				key += fmt.Sprintf(" %d %x", e.Status, maphash.Bytes(b.seed, e.Content))
			}
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
// outer, each in another one.
func within(inner, outer map[string][]span) bool {
	in, all := 0, 0
	for key, spans := range inner {
		all += len(spans)
		in += pairs(spans, outer[key])
	}
	return in > 0 && 2*in >= all
}

// pairs counts how many of the spans of inner lie within ones of outer, if each is
// given the one that ends next of those that are free.
func pairs(inner, outer []span) (n int) {
	var free []time.Time // ends of those that have begun
	at := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(free, t, time.Time.Compare)
		return i
	}
	for _, s := range inner {
		for len(outer) > 0 && outer[0].begin.Before(s.begin) {
			free = slices.Insert(free, at(outer[0].end), outer[0].end)
			outer = outer[1:]
		}
		free = free[at(s.begin):]
		if i := at(s.end); i < len(free) {
			free = slices.Delete(free, i, i+1)
			n++
		}
	}
	return n
}
