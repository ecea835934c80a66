package gateway

import (
	"errors"
	"io"
	"os"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// An upload is the part of a request's body that had not arrived with its head.
// It goes up in a task of its own while the exchange's task waits for the
// response, so that either direction may wait for the other, or for none:
//
//	exchange: transmit ─► startUpload ─► fromOrigin ··· relayResponse ─► stopUpload
//	                           │                                             ▲
//	upload:                    └─► read, scan, write, read, scan, write ─────┘ ended
//
// Both run on one loop, never at the same time, and share the exchange.
type upload struct {
	exchange *exchange
	whole    bool // the body has been read to its end
	running  bool
	stopping bool    // the exchange has no use for the rest
	heldBack bool    // by the client, until it is told to go on; nothing of it has come
	refusal  Refusal // what was wrong with the body
	cause    Cause   // and what becomes of the client connection
	left     allowance
	since    loop.Time // when the wait for the client began
	ended    loop.Signal
	body     wire.BodyScanner // not looked at for requests without one
}

// reset forgets the request before. The next one has no body as far as is known.
func (u *upload) reset() { u.whole, u.stopping, u.refusal = true, false, Refusal{} }

// begin is told that there is a body, and for how long the client may keep the
// gateway waiting.
func (u *upload) begin(f wire.Framing, left allowance) {
	u.body.Reset(f)
	u.left = left
	u.whole = u.body.Done()
}

// scan takes octets of the stream and returns how many of them are the body's.
func (u *upload) scan(p []byte) (n int, err error) {
	n, u.whole, err = u.body.Scan(p)
	return n, err
}

// startUpload begins to read and send the rest of the body. What was sent leaves
// the buffer, so the request cannot be sent again.
func (x *exchange) startUpload() {
	x.consume()
	x.up.running = true
	x.loop.Go(&x.up)
}

// stopUpload waits until the upload's task has ended. If it waits itself, for a
// client that has nothing more to say or for an origin whose connection was just
// closed, it is woken.
func (x *exchange) stopUpload() {
	u := &x.up
	u.stopping = true
	for u.running {
		x.conn.CancelRead()
		if u.ended.Wait(x.loop, 0) != nil {
			break // the loop has been stopped
		}
	}
	if u.refusal.refuses() {
		x.refusal, x.end = u.refusal, u.cause
	}
}

// Run is the upload's task.
func (u *upload) Run() {
	broken := true
	defer func() { u.end(broken) }()
	u.exchange.written = u.relay(u.exchange)
	broken = false
}

// end is called as the task ends, in a panic's way too: the exchange's task may
// wait for it.
func (u *upload) end(broken bool) {
	x := u.exchange
	u.running = false
	if broken {
		x.abort(Broken)
	}
	if x.origin != nil {
		x.origin.ReadDeadline(x.responseDeadline()) // from now on it is the origin's turn
	}
	u.ended.FireAll()
}

// relay reports whether the whole body was written.
func (u *upload) relay(x *exchange) bool {
	for !u.whole && !u.stopping {
		step := u.copy
		if x.splices(&u.body, x.in) {
			step = u.splice
		}
		if !step(x) {
			return false
		}
	}
	return u.whole
}

// copy reads once and writes what was read.
func (u *upload) copy(x *exchange) bool {
	if x.in.Len() == 0 {
		if err := u.more(x); err != nil {
			return u.broken(x, err)
		}
	}
	n, err := u.scan(x.in.Unread())
	if err != nil {
		return u.refuse(x, Refused, malformedRequest(err))
	}
	piece := x.in.Unread()[:n]
	if u.stopping {
		x.in.Consume(n)
		return false
	}
	_, err = x.toOrigin(nil, piece)
	x.in.Consume(n)
	return err == nil
}

// more reads more of the body.
func (u *upload) more(x *exchange) error {
	u.await(x)
	had := x.in.Len()
	err := x.readMore()
	u.heard(x, x.in.Len()-had)
	return err
}

// splice moves octets from socket to socket. Those that were taken count as read
// even if they are lost on their way, so that it stays known where the next
// request begins.
func (u *upload) splice(x *exchange) bool {
	var pipe loop.Splice
	defer pipe.End()
	u.await(x)
	n, err := pipe.From(x.conn, min(u.body.Remaining(), spliceOctets))
	u.heard(x, n)
	u.body.Advance(int64(n))
	u.whole = u.body.Done()
	switch {
	case noPipe(err):
		x.unspliced = true
		return true
	case err != nil:
		return u.broken(x, err)
	case u.stopping:
		return false
	}
	return x.spliceTo(x.origin.Conn, &pipe) == nil
}

// broken says what it means that the client does not send the rest.
func (u *upload) broken(x *exchange, err error) bool {
	switch {
	case u.stopping || errors.Is(err, loop.ErrCanceled):
	case errors.Is(err, os.ErrDeadlineExceeded):
		cause, refusal := u.late(x)
		u.refuse(x, cause, refusal)
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		x.abort(RequestTruncated)
	default:
		x.abort(ClientReset)
	}
	return false
}

// refuse gives the exchange up because of what the client sent.
func (u *upload) refuse(x *exchange, why Cause, r Refusal) bool {
	u.cause, u.refusal = why, r
	if x.origin != nil {
		x.origin.Conn.Reset()
	}
	return false
}

// drainOctets is how much of a request that nobody needs any more is read, so
// that the client may go on using its connection.
const drainOctets = 256 << 10

// passOver reads what is left of the request after the exchange has come to its
// end without it.
func (x *exchange) passOver() {
	if x.message > 0 {
		x.consume()
	}
	until := x.loop.Now().Add(x.gateway.config.IdleTimeout)
	for left := drainOctets; !x.up.whole && x.end == Persists; {
		n, err := x.up.scan(x.in.Unread())
		x.in.Consume(n)
		left -= n
		switch {
		case err != nil:
			x.end = Refused
		case x.up.whole:
		case left <= 0 || x.up.body.Remaining() > int64(left) || x.loop.Now() > until:
			x.end = RequestUnread
		default:
			x.end = x.passOn()
		}
	}
}

// passOn reads more of what is passed over.
func (x *exchange) passOn() Cause {
	switch err := x.up.more(x); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		cause, _ := x.up.late(x) // an answer was given
		return cause
	case err == io.EOF:
		return RequestTruncated
	case err != nil:
		return ClientReset
	}
	return Persists
}
