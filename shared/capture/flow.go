package capture

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// A Hop says on which side of the gateway a connection was seen.
type Hop uint8

const (
	// UnknownHop: the capture was made by somebody else.
	UnknownHop Hop = iota
	// ClientHop: between a client and the edge.
	ClientHop
	// OriginHop: between the edge and the origin.
	OriginHop
)

// String returns the name of the interface that holds the hop's packets.
func (h Hop) String() string {
	switch h {
	case ClientHop:
		return "client"
	case OriginHop:
		return "origin"
	default:
		return "unknown"
	}
}

// HopNamed returns the hop of that name; UnknownHop if there is none.
func HopNamed(name string) Hop {
	for _, h := range []Hop{ClientHop, OriginHop} {
		if h.String() == name {
			return h
		}
	}
	return UnknownHop
}

// A Direction is the way that octets go, in the words of RFC 9110 section 3.7:
// requests travel inbound, towards the origin; responses outbound, towards the
// client.
type Direction uint8

const (
	// Inbound octets are sent by the side that opened the connection.
	Inbound Direction = iota
	// Outbound octets are sent by the side that accepted it.
	Outbound
)

// String returns "inbound" or "outbound".
func (d Direction) String() string {
	if d == Inbound {
		return "inbound"
	}
	return "outbound"
}

func (d Direction) reverse() Direction { return d ^ 1 }

// An Ending is how one direction of a connection came to its end.
type Ending uint8

const (
	// NotEnded: no end was seen.
	NotEnded Ending = iota
	// FIN ends one direction in good order; the other may go on.
	FIN
	// RST ends both directions at once.
	RST
)

// String returns "FIN", "RST" or "none".
func (e Ending) String() string {
	return [...]string{"none", "FIN", "RST"}[min(e, RST)]
}

// A FlowID names a connection for people: c3 is the third connection, on the
// client side; o4 the fourth, on the origin side. N must not come back within
// one recording.
type FlowID struct {
	Hop Hop
	N   uint64
}

// String returns the name, such as "c3".
func (id FlowID) String() string { return string(id.appendTo(nil)) }

// appendTo appends the name to b.
func (id FlowID) appendTo(b []byte) []byte {
	b = append(b, "?co"[min(id.Hop, OriginHop)])
	return strconv.AppendUint(b, id.N, 10)
}

// ParseFlowID is the reverse of String.
func ParseFlowID(s string) (FlowID, error) {
	hops := map[byte]Hop{'?': UnknownHop, 'c': ClientHop, 'o': OriginHop}
	if s != "" {
		hop, known := hops[s[0]]
		n, err := strconv.ParseUint(s[1:], 10, 64)
		if known && err == nil {
			return FlowID{Hop: hop, N: n}, nil
		}
	}
	return FlowID{}, fmt.Errorf("%q does not name a connection: write c or o and a number, such as c3", s)
}

// A Flow is one connection while it is being recorded. It is a value inside
// whatever its owner keeps for the connection, and costs no allocation. The
// zero value is not open: to record on it does nothing.
//
// The flow counts every octet that passes, recorded or not. That is why a
// recording stays truthful when something had to be left out: the sequence
// numbers go on where they would have been, and every reader sees the hole.
type Flow struct {
	FlowID
	// Client opened the connection and Server accepted it. A zero address
	// stands for a Unix domain socket, which pcapng cannot express; the
	// package comment says what is written instead.
	Client, Server netip.AddrPort

	opened    time.Time
	announced bool // the opening has been recorded
	passed    [2]uint64
	ended     [2]bool
}

func (f *Flow) begin(at time.Time) {
	f.opened, f.announced = at, false
	f.passed, f.ended = [2]uint64{}, [2]bool{}
}

// sending reports whether direction d is open and not yet ended.
func (f *Flow) sending(d Direction) bool { return !f.opened.IsZero() && !f.ended[d] }

// finish notes the end of direction d, or of both when nothing more comes.
func (f *Flow) finish(d Direction, whole bool) {
	f.ended[d] = true
	if whole {
		f.ended = [2]bool{true, true}
	}
}
