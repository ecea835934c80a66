package gateway

import (
	"errors"
	"math"
	"net"
	"os"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

const (
	// spliceAtLeast is from how many bytes on a body is moved from socket to
	// socket by the kernel.
	spliceAtLeast = 64 << 10
	// spliceAtOnce is how many are taken at once, and so how many a slow peer may
	// leave in a pipe. Until close, where nobody knows how many there will be,
	// bytes are copied.
	spliceAtOnce = 64 << 10
	// coalesced is how many bytes behind an edited head are copied to be sent
	// with it in one piece, which is cheaper than a list of two.
	coalesced = 2 << 10
)

// sendHead writes what the edits on p make of the head at the start of message,
// and the rest of message. A head that is sent as it came is not touched. sent is
// how many bytes the kernel took. A trailer section is sent as a head is.
func (h *hop) sendHead(p *pad, message []byte) (sent int64, err error) {
	if p.edits.Untouched() {
		return h.send(message)
	}
	head, rest := p.compose(message)
	return h.write(p, head, rest)
}

// send writes bytes as they are.
func (h *hop) send(message []byte) (sent int64, err error) { return h.write(nil, nil, message) }

// write sets the deadline anew whenever the peer has taken some. The recording is
// told of each write, since the next one may wait until the connection has been
// closed, and of the edits with the first of them.
func (h *hop) write(p *pad, head, rest []byte) (sent int64, err error) {
	for len(head)+len(rest) > 0 && err == nil {
		h.awaitRoom()
		n := 0
		n, err = h.writeOnce(p, head, rest)
		if t := h.gateway.tap; t != nil {
			if n > 0 {
				t.Wrote(h.flow, firstOf(head, rest, n), h.writes, editsOn(p, sent == 0))
			}
			t.Failed(h.flow, err)
		}
		err = h.tookRoom(n, err)
		sent += int64(n)
		ofHead := min(n, len(head))
		head, rest = head[ofHead:], rest[n-ofHead:]
	}
	return sent, err
}

// editsOn are the edits in words. Those of one head are mostly those of the one before.
func editsOn(p *pad, first bool) string {
	if p == nil || !first {
		return ""
	}
	if p.text = p.edits.AppendText(p.text[:0]); string(p.text) != p.told {
		p.told = string(p.text)
	}
	return p.told
}

// firstOf is the first n bytes of two pieces.
func firstOf(head, rest []byte, n int) []byte {
	switch {
	case n <= len(head):
		return head[:n]
	case len(head) == 0:
		return rest[:n]
	}
	return append(head[:len(head):len(head)], rest[:n-len(head)]...)
}

// writeOnce writes what there is room for.
func (h *hop) writeOnce(p *pad, head, rest []byte) (int, error) {
	switch {
	case len(head) == 0:
		return h.conn.WriteOnce(rest)
	case len(rest) == 0:
		return h.conn.WriteOnce(head)
	}
	p.pieces = [2][]byte{head, rest}
	return h.conn.WritevOnce(p.pieces[:])
}

// splices reports whether the rest of a body that comes on this hop goes from
// socket to socket.
func (h *hop) splices(body *wire.BodyScanner) bool {
	left := body.Remaining()
	return left >= spliceAtLeast && left != math.MaxInt64 && h.maySplice() && len(h.unread()) == 0
}

// maySplice reports whether bytes may go by unseen. A recording wants to see them.
func (h *hop) maySplice() bool {
	return !h.copies && (h.gateway.tap == nil || h.gateway.tap.Splices())
}

// fillPipe reads into a pipe, which is empty.
func (h *hop) fillPipe(pipe *loop.Splice, most int64) (n int, err error) {
	n, err = pipe.From(h.conn, most)
	if t := h.gateway.tap; t != nil {
		t.Spliced(h.flow, n, err)
	}
	return n, err
}

// drainPipe writes what of a pipe there is room for.
func (h *hop) drainPipe(pipe *loop.Splice) (n int, err error) {
	n, err = pipe.To(h.conn)
	if t := h.gateway.tap; t != nil {
		t.SplicedTo(h.flow, n, err)
	}
	return n, err
}

// noPipe reports whether a splice failed for lack of a pipe, which is a lack of
// descriptors.
func noPipe(err error) bool {
	e, ok := err.(*net.OpError)
	return ok && e.Op == "pipe"
}

// sendPipe writes what the pipe holds.
func (h *hop) sendPipe(pipe *loop.Splice) error {
	for pipe.Held() > 0 {
		h.awaitRoom()
		n, err := h.drainPipe(pipe)
		if err = h.tookRoom(n, err); err != nil {
			return err
		}
	}
	return nil
}

// pace is what is asked of the peer.
func (h *hop) pace() *pace {
	if h.isOrigin {
		return &h.gateway.originPace
	}
	return &h.gateway.clientPace
}

const (
	// looks is into how many parts a wait is divided. The buffer is looked at
	// after each of them, so not at all in those that are over soon.
	looks     = 4
	notLooked = -1
)

// awaitRoom begins a wait until there is room, or goes on with it.
//
//	write ──► the kernel's send buffer ──► the peer's kernel acknowledges
//	            full: a wait begins
//	            a third of it empty: the wait ends
//
// That third may be a megabyte, for which a peer that takes a hundred kilobytes
// a second needs ten. So in a long wait the buffer is looked at now and then:
// bytes that have left it have gone by. What the peer's kernel has taken counts as
// taken by the peer; nobody on this side can know more.
func (h *hop) awaitRoom() {
	now := h.conn.Loop().Now()
	if h.since == 0 {
		h.since, h.unsent = now, notLooked
	}
	end := h.takesBy()
	h.conn.WriteDeadline(min(end, now.Add(end.Sub(h.since)/looks)))
}

// takesBy is when a wait for room has lasted too long.
func (h *hop) takesBy() loop.Time {
	end := h.pace().deadline(h.left, h.since)
	if h.hurried {
		end = min(end, h.since.Add(h.gateway.config.silence()))
	}
	return end
}

// hurry is called when the peer has said that it will close the connection. It may
// not be waited for as long as for others: its own peer may wait for what is written.
func (h *hop) hurry() {
	h.hurried = true
	if h.since == 0 {
		return
	}
	h.lookAtBuffer() // a wait that was never long may have had no look
	h.restartWait()
	h.conn.WriteDeadline(h.since.Add(h.gateway.config.silence() / looks))
}

// restartWait gives a peer that is waited for its time anew.
func (h *hop) restartWait() {
	if h.since != 0 {
		h.since = h.conn.Loop().Now()
	}
}

// tookRoom is told what the wait came to: bytes that were written, or an error. It
// returns nil in place of a deadline that was not the last.
func (h *hop) tookRoom(written int, err error) error {
	now := h.conn.Loop().Now()
	waited := now.Sub(h.since)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		h.left = h.pace().reckon(h.left, waited, max(written-int(h.seen), 0))
		h.seen = int32(max(int(h.seen)-written, 0))
		h.since = 0
		return err
	}
	if gone := h.lookAtBuffer(); gone > 0 {
		h.left = h.pace().reckon(h.left, waited, gone)
		h.seen += int32(gone)
		h.since = now
		return nil
	}
	if now < h.takesBy() {
		return nil
	}
	h.left = h.pace().reckon(h.left, waited, 0)
	h.since = 0
	return err
}

// lookAtBuffer returns how many bytes have left the send buffer since the last
// look.
func (h *hop) lookAtBuffer() (gone int) {
	n := h.conn.Unsent()
	if h.unsent != notLooked {
		gone = max(int(h.unsent)-n, 0)
	}
	h.unsent = int32(min(n, math.MaxInt32))
	return gone
}
