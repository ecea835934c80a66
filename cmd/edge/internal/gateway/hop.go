package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/tap"
	"github.com/hopwire/hopwire/shared/loop"
)

// A hop is one of the two connections of an exchange: what its peer has sent, and
// how it is written to. What is read on one hop is written on the other:
//
//	client ──► fill ──► clientHop.buffer ──► originHop.send ──► origin
//	client ◄── clientHop.send ◄── originHop.buffer ◄── fill ◄── origin
type hop struct {
	gateway *Gateway
	conn    *loop.Conn
	flow    *tap.Flow // what those who look know the connection by

	// buffer holds what the peer has sent and is still needed; it is nil when
	// there is nothing to hold, and nothing to be read into it. On the client's
	// hop that is the request's head, as much of the body as came with it, and
	// perhaps the beginning of the next request.
	buffer *loop.Buffer

	// What the peer has been given of its time to take what is written; see
	// awaitRoom in hop_write.go.
	left   allowance
	since  loop.Time // when bytes were last seen to go, or the wait began; 0: no wait
	unsent int32     // bytes in the send buffer when it was looked at; notLooked
	seen   int32     // bytes that were reckoned when they left it, before it took others

	isOrigin bool
	hurried  bool // the peer will close its connection, and may have stopped reading
	copies   bool // nothing is spliced: the kernel had no pipe

	// For those who look: what is read, and what is written, is no head.
	reads, writes bool
}

// begin makes h the hop of another connection, whose peer has all its time left.
func (h *hop) begin(conn *loop.Conn, flow *tap.Flow) {
	h.conn, h.flow = conn, flow
	h.left, h.since, h.seen = h.pace().begin(), 0, 0
	h.hurried, h.copies, h.reads, h.writes = false, false, false, false
}

// unread is what the buffer holds. It stays where it is until fill or release.
func (h *hop) unread() []byte {
	if h.buffer == nil {
		return nil
	}
	return h.buffer.Unread()
}

// borrow makes sure that there is a buffer.
func (h *hop) borrow() {
	if h.buffer == nil {
		h.buffer = h.conn.Loop().Buffer()
	}
}

// release lets go of the buffer and of what it holds.
func (h *hop) release() {
	if h.buffer != nil {
		h.buffer.Release()
		h.buffer = nil
	}
}

// fill reads once behind what the buffer holds, and waits for it if need be.
func (h *hop) fill() (n int, err error) {
	b := h.buffer
	if len(b.Space()) < loop.BufferSize-b.Len() {
		b.Compact()
	}
	held := b.Len()
	n, err = b.FillFrom(h.conn)
	if t := h.gateway.tap; t != nil {
		t.Read(h.flow, b.Unread()[held:], err, h.reads)
	}
	return n, err
}
