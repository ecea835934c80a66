package events

import (
	"net/netip"
	"time"
)

// A Flow is one connection while it is being looked at. It is a value inside
// whatever its owner keeps for the connection, and costs no allocation. The zero
// value is not open: what is told of it is not heard.
//
// The flow counts every byte that passes, kept or not. That is why a stream of
// events stays truthful when something had to be left out: offsets go on where they
// would have been, and every reader sees the gap.
type Flow struct {
	ConnID
	// Client opened the connection and Server accepted it. A zero address stands for
	// a Unix domain socket.
	Client, Server netip.AddrPort
	// Exchange is the one that the connection is used for; the zero value: none.
	Exchange Exchange
	// PeerReset: the gateway knows that the other side has reset the connection.
	PeerReset bool

	opened    time.Time
	announced uint8 // to which readers, a bit for each
	passed    [2]uint64
	ended     [2]bool
}

func (f *Flow) begin(at time.Time) {
	f.opened, f.announced = at, 0
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

// Skip is for n bytes that pass in direction d unseen.
func (f *Flow) Skip(d Direction, n uint64) { f.passed[d] += n }

// Passed is how many bytes have in direction d.
func (f *Flow) Passed(d Direction) uint64 { return f.passed[d] }
