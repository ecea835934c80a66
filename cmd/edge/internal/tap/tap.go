// Package tap records what a gateway reads, writes and decides.
//
//	          client                 gateway                  origin
//	            ├────────── Read ──────►├──── Wrote, edits ─────►│
//	flow c3  ═══╪═══════════════════════╪════════════════════════╪══ flow o1
//	            │◄─── Wrote, edits ─────┤◄───────── Read ────────┤
//	            │                       │                        │
//	            │     Closed: cause     │     Closed: cause      │
//	                          Note: the decisions of each exchange
//
// A gateway without a recording has no Tap, and pays a comparison with nil for
// every read and write.
package tap

import (
	"io"
	"net/netip"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
)

// A Flow is what the recording knows a connection by.
type Flow = capture.Flow

// A Tap records what happens on one loop. Its methods do not wait, and keep
// nothing that they are given. What the recording cannot take is left out and
// counted there.
type Tap struct {
	track *capture.Track
	wall  func() time.Time
}

// New returns a tap that tells the time by wall and records on track.
func New(track *capture.Track, wall func() time.Time) *Tap {
	return &Tap{track: track, wall: wall}
}

// Client begins the flow of connection number n from a client.
func (t *Tap) Client(n uint64, client, gateway netip.AddrPort) *Flow {
	return t.open(capture.ClientHop, n, client, gateway)
}

// Origin begins the flow of connection number n to an origin.
func (t *Tap) Origin(n uint64, gateway, origin netip.AddrPort) *Flow {
	return t.open(capture.OriginHop, n, gateway, origin)
}

func (t *Tap) open(hop capture.Hop, n uint64, client, server netip.AddrPort) *Flow {
	f := &Flow{FlowID: capture.FlowID{Hop: hop, N: n}, Client: client, Server: server}
	t.track.Open(f, t.wall())
	return f
}

// Read records what a read gave: bytes that the other side sent, or the end of its
// stream. Another error than that is not recorded.
func (t *Tap) Read(f *Flow, bytes []byte, err error) {
	t.data(f, peer(f), bytes, "")
	if err == io.EOF {
		t.track.End(f, peer(f), capture.FIN, t.wall(), "")
	}
}

// Wrote records bytes that the gateway has written. The comment says what was
// changed.
func (t *Tap) Wrote(f *Flow, bytes []byte, comment string) { t.data(f, own(f), bytes, comment) }

func (t *Tap) data(f *Flow, d capture.Direction, bytes []byte, comment string) {
	if len(bytes) > 0 {
		t.track.Data(f, d, t.wall(), bytes, comment)
	}
}

// PeerReset records that the other side reset the connection.
func (t *Tap) PeerReset(f *Flow) { t.track.End(f, peer(f), capture.RST, t.wall(), "") }

// Closed records that the gateway closed the connection, or reset it, and why. Of a
// close the kernel makes a reset, too, if bytes have arrived that were not read.
func (t *Tap) Closed(f *Flow, byReset bool, cause string) {
	if byReset {
		t.track.End(f, own(f), capture.RST, t.wall(), cause)
	} else {
		t.track.Close(f, own(f), t.wall(), cause)
	}
}

// own is the direction that the gateway sends in.
func own(f *Flow) capture.Direction {
	if f.Hop == capture.ClientHop {
		return capture.Outbound
	}
	return capture.Inbound
}

func peer(f *Flow) capture.Direction { return own(f) ^ 1 }

// Note records a decision about a flow.
func (t *Tap) Note(f *Flow, kind, text string, params ...capture.Param) {
	t.track.Note(&capture.Note{At: t.wall(), Kind: kind, Flow: f.FlowID, Params: params, Text: text})
}
