package gateway

import (
	"errors"
	"os"

	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// sendRequest sends the request to an origin and waits for the first octets of a
// response. It sends it twice if the first connection turns out to have been
// stale and nothing can come of it; see decideReplay.
func (x *exchange) sendRequest() bool {
	if !x.connect() {
		return false
	}
	for {
		x.transmit()
		err := x.fromOrigin()
		if err == nil {
			return true
		}
		if !x.retry(err) {
			return false
		}
	}
}

// transmit writes the head and what of the body came with it, and starts the
// upload of the rest. A failure leaves the request unwritten and is no more than
// that: the origin may have answered before it stopped reading (RFC 9112 section
// 9.5), and whether it did is found out by reading.
func (x *exchange) transmit() {
	if x.fault != Persists {
		return // the client went away while the connection was made
	}
	e := x.requestEdits()
	n, err := x.toOrigin(e, x.in.Unread()[x.head-e.Received():x.message])
	x.taken = n
	x.mark(&x.sent)
	x.dropPad()
	switch {
	case err != nil:
	case x.up.whole:
		x.written = true
		x.forget()
	default:
		x.startUpload()
	}
}

// requestEdits are those made when the request was admitted. Before it is sent
// again they are made again, from the same octets.
func (x *exchange) requestEdits() *heads.Edits {
	if x.pad == nil {
		h := &x.takePad().request
		if _, err := wire.ParseRequestHead(x.in.Unread()[:x.head], h); err != nil {
			panic(err) // it was parsed before
		}
		x.gateway.editor.Request(&x.pad.edits, h, x.conn.Remote())
	}
	return &x.pad.edits
}

// forget releases a request that was written to a new connection, since it will
// not be sent again: an exchange that waits for a slow origin holds no buffer.
func (x *exchange) forget() {
	if x.origin.Uses() > 1 {
		return
	}
	x.consume()
	if x.in.Len() == 0 {
		x.releaseIn()
	}
}

// consume drops the request from the buffer.
func (x *exchange) consume() {
	x.held = false
	x.in.Consume(x.message)
	x.message = 0
}

// toOrigin sends an edited head and what follows it, or with nil for edits the
// octets as they are. n is how many octets the kernel took.
func (x *exchange) toOrigin(e *heads.Edits, message []byte) (n int64, err error) {
	return x.send(x.origin.Conn, e, message)
}

// fromOrigin reads more of what the origin sends behind what the buffer holds.
// The buffer is borrowed when there is something to read, not before.
func (x *exchange) fromOrigin() error {
	if x.aborted() {
		return errAborted
	}
	o := x.origin
	o.ReadDeadline(x.responseDeadline())
	if x.out == nil {
		if err := o.WaitReadable(); err != nil {
			return err
		}
		x.out = x.loop.Buffer()
	}
	makeRoom(x.out)
	had := x.out.Len()
	n, err := x.out.FillFrom(o.Conn)
	if n > 0 {
		x.answered = true
		x.mark(&x.first)
	}
	if t := x.gateway.tap; t != nil {
		t.Outbound(o.Flow, x.out.Unread()[had:], "")
		t.PeerEnded(o.Flow, err)
	}
	return err
}

// errAborted is what waiting for the origin comes to when the client has gone.
var errAborted = errors.New("gateway: the client ended the exchange")

// responseDeadline bounds the waiting for the origin. While the request is on its
// way up, it is not the origin's turn: the bound on each write is enough.
func (x *exchange) responseDeadline() (none loop.Time) {
	if x.up.running {
		return none
	}
	return x.loop.Now().Add(x.gateway.config.ResponseTimeout)
}

// retry decides what is done about an origin connection that gave no response,
// and reports whether the request is to be sent again.
func (x *exchange) retry(err error) bool {
	if x.aborted() {
		return false
	}
	decision := decideReplay(attempt{
		reused:   x.origin.Uses() > 1,
		answered: x.answered,
		safe:     x.safe,
		taken:    x.taken > 0,
		held:     x.held,
		timedOut: errors.Is(err, os.ErrDeadlineExceeded),
	})
	x.gateway.counters.Replays[decision]++
	x.originErr = err
	switch decision {
	case Replayed:
		return x.again()
	case Abandoned:
		return x.fail(OriginStale)
	}
	return x.refuse(responseFailure(err))
}

// again replaces a stale connection by a new one to the same origin, unless that
// is no longer one of those which requests go to, or cannot be reached either.
func (x *exchange) again() bool {
	x.endUse()
	x.replayed, x.written, x.taken = true, false, 0
	var why Refusal
	if x.ticket.Origin().Gone() {
		x.gateway.origins.Leave(&x.ticket, origins.Unknown, "")
		return x.seek(why)
	}
	if why = x.dial(); why.refuses() {
		return x.fault == Persists && x.seek(why)
	}
	return true
}

// giveBack ends the use of the origin connection, and lets the next exchange have
// the place.
func (x *exchange) giveBack() {
	if x.origin != nil {
		x.endUse()
	}
	if x.ticket.Origin() != nil {
		x.leave()
	}
}

// endUse has the connection kept for another exchange, or closed.
func (x *exchange) endUse() {
	c := x.origin
	x.origin = nil
	p := c.Pool()
	x.originEnd = p.Decide(c, pool.Outcome{
		Failed:           x.originErr != nil,
		Aborted:          x.clientEnded(),
		RequestWritten:   x.written,
		ResponseEnded:    x.ended,
		Excess:           x.excess,
		RequestPersists:  x.sentPersists(),
		ResponsePersists: x.persists,
		Tunneled:         x.tunnel != nil,
		Draining:         x.gateway.draining,
	})
	p.Give(c, x.originEnd)
}

// clientEnded reports whether it was the client that brought the exchange to its
// end, or left it no other.
func (x *exchange) clientEnded() bool {
	return x.aborted() || x.end == ClientReset || x.end == ClientStalled || x.end == ClientTooSlow
}

// leave says how the origin has done.
// sentPersists reports whether the request, as it was sent to the origin, lets
// the connection persist. An edited one does: Connection was dropped from it, and
// HTTP/1.1 persists by itself.
func (x *exchange) sentPersists() bool {
	return !x.gateway.config.Verbatim || !x.last
}

func (x *exchange) leave() {
	verdict, why := decideHealth(x.hearing()), ""
	if verdict == origins.Failure {
		why = x.complaint()
	}
	x.gateway.origins.Leave(&x.ticket, verdict, why)
}
