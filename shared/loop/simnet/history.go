package simnet

import (
	"fmt"
	"hash/crc32"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// A Step is one thing that happened to one socket.
type Step struct {
	At   loop.Time
	What What
	// Conn is the connection's number, from 1 in the order of dialing; 0 for a
	// listener. Side is which end of it.
	Conn uint64
	Side Side
	// Octets is how many were moved, and Sum their CRC-32C.
	Octets int
	Sum    uint32
	// Data is the octets themselves. It is valid until History returns.
	Data []byte
	// Ready is what was reported.
	Ready loop.Ready
	// Err is what a socket was told of its connection's failure.
	Err syscall.Errno
}

// A Side is one end of a connection.
type Side uint8

const (
	// Acceptor is the side that a listener accepted.
	Acceptor Side = iota
	// Dialer is the side that connected.
	Dialer
)

// String is the side's name.
func (s Side) String() string {
	if s == Dialer {
		return "dialer"
	}
	return "acceptor"
}

// What says what happened in a Step.
type What uint8

// What the program did.
const (
	Dialed      What = iota + 1 // began to connect
	Accepted                    // was taken out of a listener
	Wrote                       // put octets into the send buffer
	Read                        // took octets out of the receive buffer
	ReadEnd                     // read the end of stream
	ClosedWrite                 // ended its sending direction
	Closed                      // was closed in order
	ClosedReset                 // was closed with a reset
)

// What the network did.
const (
	Connected    What = iota + 1 + ClosedReset // the connect has succeeded
	Arrived                                    // octets are in the receive buffer
	EndArrived                                 // the end of stream is behind them
	ResetArrived                               // the peer, or a Cut, has reset the connection
	WasCut                                     // the direction from this side broke, at its Cut
	Bounced                                    // octets found nobody, and were answered with a reset
)

// What the program was told.
const (
	Reported What = iota + 1 + Bounced // readiness, by Wait
	Failed                             // an error of the connection, by an operation
)

var whats = [...]string{
	Dialed: "dials", Accepted: "is accepted", Wrote: "writes", Read: "reads", ReadEnd: "reads the end",
	ClosedWrite: "closes its sending direction", Closed: "closes", ClosedReset: "closes with a reset",
	Connected: "is connected", Arrived: "receives", EndArrived: "receives the end", ResetArrived: "receives a reset",
	WasCut: "is cut off", Bounced: "answers bytes with a reset",
	Reported: "is reported", Failed: "is told",
}

// String says it as a part of a sentence, such as "receives".
func (w What) String() string {
	if int(w) < len(whats) && whats[w] != "" {
		return whats[w]
	}
	return fmt.Sprintf("What(%d)", uint8(w))
}

// String is the step as a line of text.
func (s Step) String() string {
	who := "a listener"
	if s.Conn > 0 {
		who = fmt.Sprintf("#%d %s", s.Conn, s.Side)
	}
	line := fmt.Sprintf("%14v  %-14s %v", time.Duration(s.At-beginning), who, s.What)
	switch {
	case s.Ready != 0:
		line += readyNames(s.Ready)
	case s.Err != 0:
		line += fmt.Sprintf(": %v", s.Err)
	case s.Octets > 0:
		line += fmt.Sprintf(" %d bytes (crc %08x)", s.Octets, s.Sum)
	}
	return line
}

func readyNames(r loop.Ready) string {
	names := ""
	for i, name := range [...]string{" read", " write", " end", " reset"} {
		if r&(1<<i) != 0 {
			names += name
		}
	}
	return names
}

// A history keeps a number that stands for all steps, and tells them to whoever
// wants to know.
type history struct {
	steps  uint64
	digest uint64
	tell   func(Step)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (w *World) recordOctets(s Step, octets []byte) {
	s.Data = octets
	s.Octets, s.Sum = len(octets), crc32.Checksum(octets, castagnoli)
	w.record(s)
}

func (w *World) record(s Step) {
	s.At = w.now
	h := &w.history
	h.steps++
	for _, v := range [...]uint64{
		uint64(s.At), s.Conn, uint64(s.What)<<24 | uint64(s.Side)<<16 | uint64(s.Ready),
		uint64(s.Octets)<<32 | uint64(s.Sum), uint64(s.Err),
	} {
		h.digest = mix(h.digest ^ v)
	}
	if h.tell != nil {
		h.tell(s)
	}
}

// mix is the finishing step of SplitMix64: it spreads each bit over all.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
