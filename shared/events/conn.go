package events

import (
	"fmt"
	"strconv"
	"strings"
)

// A Hop says on which side of the gateway a connection was seen.
type Hop uint8

const (
	// UnknownHop: it was seen by somebody else, who does not know of a gateway.
	UnknownHop Hop = iota
	// ClientHop: between a client and the edge.
	ClientHop
	// OriginHop: between the edge and the origin.
	OriginHop
)

// String is the hop's name, by which a recording has an interface for it.
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

// A Direction is the way that bytes go, in the words of RFC 9110 section 3.7:
// requests travel inbound, towards the origin; responses outbound, towards the
// client.
type Direction uint8

const (
	// Inbound bytes are sent by the side that opened the connection.
	Inbound Direction = iota
	// Outbound bytes are sent by the side that accepted it.
	Outbound
)

// String returns "inbound" or "outbound".
func (d Direction) String() string {
	if d == Inbound {
		return "inbound"
	}
	return "outbound"
}

// Reverse is the other direction.
func (d Direction) Reverse() Direction { return d ^ 1 }

// A Means is how one direction of a connection came to its end.
type Means uint8

const (
	// NotEnded: no end was seen.
	NotEnded Means = iota
	// FIN ends one direction in good order; the other may go on.
	FIN
	// RST ends both directions at once.
	RST
)

// String returns "FIN", "RST" or "none".
func (m Means) String() string { return [...]string{"none", "FIN", "RST"}[min(m, RST)] }

// A ConnID names a connection for people: c3 is the third connection, on the
// client side; o4 the fourth, on the origin side. N does not come back within one
// stream of events.
type ConnID struct {
	Hop Hop
	N   uint64
}

// String returns the name, such as "c3".
func (id ConnID) String() string { return string(id.AppendTo(nil)) }

// AppendTo appends the name to b.
func (id ConnID) AppendTo(b []byte) []byte {
	b = append(b, "?co"[min(id.Hop, OriginHop)])
	return strconv.AppendUint(b, id.N, 10)
}

// ParseConnID is the reverse of String.
func ParseConnID(s string) (ConnID, error) {
	hops := map[byte]Hop{'?': UnknownHop, 'c': ClientHop, 'o': OriginHop}
	if s != "" {
		hop, known := hops[s[0]]
		n, err := strconv.ParseUint(s[1:], 10, 64)
		if known && err == nil {
			return ConnID{Hop: hop, N: n}, nil
		}
	}
	return ConnID{}, fmt.Errorf("%q does not name a connection: write c or o and a number, such as c3", s)
}

// A Use is a place on a connection: which request on it, from 1.
type Use struct {
	Conn ConnID
	N    uint32
}

// AppendTo appends "c3#2" to b, or "-" for the zero value.
func (u Use) AppendTo(b []byte) []byte {
	if u == (Use{}) {
		return append(b, '-')
	}
	return strconv.AppendUint(append(u.Conn.AppendTo(b), '#'), uint64(u.N), 10)
}

func (u Use) String() string { return string(u.AppendTo(nil)) }

// ParseUse is the reverse of String.
func ParseUse(s string) (Use, error) {
	if s == "-" {
		return Use{}, nil
	}
	conn, number, ok := strings.Cut(s, "#")
	id, err := ParseConnID(conn)
	n, notNumber := strconv.ParseUint(number, 10, 32)
	if !ok || err != nil || notNumber != nil || n == 0 {
		return Use{}, fmt.Errorf("%q does not name an exchange: write a connection and the number of the request on it, such as c3#2", s)
	}
	return Use{Conn: id, N: uint32(n)}, nil
}

// An Exchange is named by its place on the client's connection and on the origin's.
// A capture by somebody else has only one hop, and its exchanges only the first.
type Exchange struct{ Client, Origin Use }

// AppendTo appends "c3#2 -> o1#7" to b, or "c3#2" while no connection to an origin is
// known; nothing for the zero value.
func (x Exchange) AppendTo(b []byte) []byte {
	switch {
	case x == (Exchange{}):
		return b
	case x.Origin == (Use{}):
		return x.Client.AppendTo(b)
	}
	return x.Origin.AppendTo(append(x.Client.AppendTo(b), " -> "...))
}

func (x Exchange) String() string { return string(x.AppendTo(nil)) }

// ParseExchange is the reverse of String, and takes "c3#2 -> -", too.
func ParseExchange(s string) (x Exchange, err error) {
	client, origin, both := strings.Cut(s, " -> ")
	if x.Client, err = ParseUse(client); err == nil && both {
		x.Origin, err = ParseUse(origin)
	}
	return x, err
}
