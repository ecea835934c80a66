package gateway

import (
	"errors"
	"fmt"
	"os"

	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// sendRequest sends the request to an origin and waits for the first bytes of a
// response. It sends it twice if the first connection turns out to have been
// stale and nothing can come of it; see decideReplay.
func (x *exchange) sendRequest(h *wire.RequestHead) bool {
	x.ticket.Begin()
	if key, ok := x.gateway.config.Balance.Key(h); ok {
		x.ticket.HashBy(key)
	}
	if !x.connect(Refusal{}) {
		return false
	}
	for {
		x.transmit()
		err := x.readOrigin()
		if err == nil {
			return true
		}
		if !x.replay(err) {
			return false
		}
	}
}

// transmit writes the head and what of the body came with it, and starts the
// upload of the rest. A failure leaves the request unwritten and is no more than
// that: the origin may have answered before it stopped reading (RFC 9112 section
// 9.5), and whether it did is found out by reading.
func (x *exchange) transmit() {
	if x.broken() {
		return // the client went away while the connection was made
	}
	r := &x.request
	edits := x.requestEdits()
	skipped := r.head - edits.HeadLen() // an empty line that stood before the head
	message := x.clientHop.unread()[skipped:r.message]
	n, err := x.originHop.sendHead(x.pad, message)
	x.originHop.writes = true
	if r.taken = n > 0; r.taken {
		x.gateway.counters.countSent(x.upstream.replayed)
	}
	x.mark(&x.marks.sent)
	x.dropPad()
	switch {
	case err != nil:
	case x.upload.whole:
		r.written = true
		if x.upstream.uses == 1 {
			x.forgetRequest() // a new connection is not stale, so it will not be sent again
		}
	default:
		x.forgetRequest()
		x.upload.start()
	}
}

// requestEdits are those made when the request was admitted. Before it is sent
// again, or after a wait in the queue, they are made again from the same bytes.
func (x *exchange) requestEdits() *heads.Edits {
	if x.pad == nil {
		h := &x.takePad().request
		if _, err := wire.ParseRequestHead(x.clientHop.unread()[:x.request.head], 0, h); err != nil {
			// These bytes were parsed before. If they have changed since, they may
			// be another client's, and must not be sent.
			panic(fmt.Errorf("gateway: the head of a request under way has changed: %w", err))
		}
		x.gateway.editor.Request(&x.pad.edits, h, x.clientHop.conn.Remote())
	}
	return &x.pad.edits
}

// forgetRequest drops what was sent of the request from the buffer, so that it
// cannot be sent again. An exchange that waits for a slow origin holds no buffer.
func (x *exchange) forgetRequest() {
	if !x.request.held() {
		return
	}
	x.clientHop.buffer.Consume(x.request.message)
	x.request.message = 0
	if x.upload.whole && len(x.clientHop.unread()) == 0 {
		x.clientHop.release()
	}
}

// readOrigin reads more of what the origin sends behind what the buffer holds.
// The buffer is borrowed when there is something to read, not before.
func (x *exchange) readOrigin() error {
	if x.broken() {
		return errBrokenOff
	}
	origin := &x.originHop
	origin.conn.ReadDeadline(x.originDeadline())
	if origin.buffer == nil {
		if err := origin.conn.WaitReadable(); err != nil {
			return err
		}
		origin.borrow()
	}
	n, err := origin.fill()
	if n > 0 && x.response.phase == waiting {
		x.response.phase = started
		x.mark(&x.marks.responseBegun)
	}
	return err
}

// errBrokenOff is what waiting for the origin comes to when the exchange was broken off.
var errBrokenOff = errors.New("gateway: the exchange was broken off")

// originsTurn begins the origin's time anew: when the request has been written, or
// nothing more of it comes; and when the client begins a body unasked.
func (x *exchange) originsTurn() {
	x.response.headBy = 0
	switch {
	case x.upstream.conn == nil:
	case x.response.phase == complete:
		x.originHop.conn.CancelRead() // see upload.goOn
	default:
		x.originHop.conn.ReadDeadline(x.originDeadline())
	}
}

// originDeadline bounds the waiting for the origin. While a request is on its way
// up, it is not the origin's turn: the bound on each write is enough. A client that
// waits for 100, though, waits for the origin.
func (x *exchange) originDeadline() loop.Time {
	config := x.gateway.config
	r := &x.response
	switch {
	case x.upload.sending && !x.upload.heldBack:
		return 0
	case r.phase >= relaying && r.headBy == 0:
		return x.loop.Now().Add(config.StreamTimeout)
	case r.headBy == 0:
		r.headBy = x.loop.Now().Add(config.ResponseTimeout)
	}
	return r.headBy
}

// replay decides what is done about an origin connection that gave no response,
// and reports whether the request is to be sent again.
func (x *exchange) replay(err error) bool {
	if x.broken() {
		return false
	}
	decision := decideReplay(attempt{
		reused:   x.upstream.uses > 1,
		begun:    x.response.phase > waiting,
		safe:     x.request.safe,
		taken:    x.request.taken,
		held:     x.request.held(),
		timedOut: errors.Is(err, os.ErrDeadlineExceeded),
	})
	x.gateway.counters.Replays[decision]++
	x.tellReplay(decision, err)
	if decision != Reported {
		x.noteStale(err)
	}
	x.upstream.err = err
	switch decision {
	case Replayed:
		return x.reconnect()
	case Abandoned:
		return x.endBy(OriginStale)
	}
	return x.refuse(responseFailure(err))
}

// reconnect replaces a stale connection by a new one to the same origin, unless
// that is no longer one of those which requests go to, or cannot be reached
// either.
func (x *exchange) reconnect() bool {
	x.endUse()
	x.upstream.replayed, x.request.written, x.request.taken = true, false, false
	x.response.headBy = 0
	if x.ticket.Origin().Gone() {
		x.gateway.origins.Leave(&x.ticket, origins.Unknown, "")
		return x.connect(Refusal{})
	}
	if why := x.dial(); why.refuses() {
		return !x.broken() && x.connect(why)
	}
	return true
}
