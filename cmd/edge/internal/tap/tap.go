// Package tap tells what a gateway reads, writes and decides.
//
//	          client                 gateway                  origin
//	            ├────────── Read ──────►├──── Wrote, edits ─────►│
//	flow c3  ═══╪═══════════════════════╪════════════════════════╪══ flow o1
//	            │◄─── Wrote, edits ─────┤◄───────── Read ────────┤
//	            │                       │                        │
//	            │     Closed: cause     │     Closed: cause      │
//	                          Note: the decisions of each exchange
//
// A gateway that nobody looks at has no Tap, and pays a comparison with nil for
// every read and write.
package tap

import (
	"errors"
	"io"
	"net/netip"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/shared/events"
)

// A Flow is what readers know a connection by.
type Flow = events.Flow

// A Tap tells what happens on one loop. Its methods do not wait, and keep nothing
// that they are given. What a reader cannot take is left out and counted.
type Tap struct {
	track *events.Track
	wall  func() time.Time
}

// New returns a tap that tells the time by wall.
func New(track *events.Track, wall func() time.Time) *Tap {
	return &Tap{track: track, wall: wall}
}

// Client begins the flow of connection number n from a client.
func (t *Tap) Client(n uint64, client, gateway netip.AddrPort) *Flow {
	return t.open(events.ClientHop, n, client, gateway)
}

// Origin begins the flow of connection number n to an origin.
func (t *Tap) Origin(n uint64, gateway, origin netip.AddrPort) *Flow {
	return t.open(events.OriginHop, n, gateway, origin)
}

func (t *Tap) open(hop events.Hop, n uint64, client, server netip.AddrPort) *Flow {
	f := &Flow{ConnID: events.ConnID{Hop: hop, N: n}, Client: client, Server: server}
	t.track.Open(f, t.wall())
	return f
}

// Read tells what a read gave: bytes that the other side sent, or the end of its
// stream. Another error than that is not told, but see [Tap.Failed]. Content is what is
// not, or perhaps not, the head of a message.
func (t *Tap) Read(f *Flow, bytes []byte, err error, content bool) {
	t.bytes(f, peer(f), bytes, content, "")
	if err == io.EOF {
		t.track.End(f, peer(f), events.FIN, t.wall(), "")
	}
	t.Failed(f, err)
}

// Failed is for the error of a read or write. If it says that the other side has reset
// the connection, the end of that is told as the other side's.
func (t *Tap) Failed(f *Flow, err error) {
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		f.PeerReset = true
	}
}

// Wrote tells of bytes that the gateway has written. The edits are what was changed
// in a head or trailer section that they begin with.
func (t *Tap) Wrote(f *Flow, bytes []byte, content bool, edits string) {
	t.bytes(f, own(f), bytes, content, edits)
}

func (t *Tap) bytes(f *Flow, d events.Direction, bytes []byte, content bool, edits string) {
	if len(bytes) > 0 {
		t.track.Bytes(f, d, t.wall(), bytes, content, edits)
	}
}

// Splices reports whether nobody who looks needs bytes that the kernel moves from
// socket to socket.
func (t *Tap) Splices() bool { return t.track.Spliced }

// Spliced tells how many bytes were moved so from a connection.
func (t *Tap) Spliced(f *Flow, n int, err error) {
	t.track.Gap(f, peer(f), t.wall(), uint64(n))
	t.Read(f, nil, err, true)
}

// SplicedTo tells how many were moved to one.
func (t *Tap) SplicedTo(f *Flow, n int, err error) {
	t.track.Gap(f, own(f), t.wall(), uint64(n))
	t.Failed(f, err)
}

// Passed tells, before the connection is closed, how many bytes the loop has read from
// it and written to it in all, modulo 2^32. What nobody was told of is a gap for those
// who look.
func (t *Tap) Passed(f *Flow, read, written uint32) {
	skipTo(f, peer(f), read)
	skipTo(f, own(f), written)
}

func skipTo(f *Flow, d events.Direction, n uint32) {
	if untold := int32(n - uint32(f.Passed(d))); untold > 0 {
		f.Skip(d, uint64(untold))
	}
}

// Closed tells that the gateway closed the connection, or reset it, or had it reset by
// the other side, and why. Of a close the kernel makes a reset, too, if bytes have
// arrived that were not read.
func (t *Tap) Closed(f *Flow, byReset bool, cause string) {
	if f.PeerReset {
		t.track.End(f, peer(f), events.RST, t.wall(), cause)
	}
	// What follows is heard where the other side had ended its direction before.
	if byReset {
		t.track.End(f, own(f), events.RST, t.wall(), cause)
	} else {
		t.track.Close(f, own(f), t.wall(), cause)
	}
}

// own is the direction that the gateway sends in.
func own(f *Flow) events.Direction {
	if f.Hop == events.ClientHop {
		return events.Outbound
	}
	return events.Inbound
}

func peer(f *Flow) events.Direction { return own(f) ^ 1 }

// Note begins a note of that kind, which Tell tells.
func (t *Tap) Note(kind string) *events.Draft { return t.track.Draft(kind, "", false) }

// Tell tells of a decision about a flow what Note began.
func (t *Tap) Tell(f *Flow) { t.track.Tell(f, t.wall()) }
