package gateway

import (
	"errors"
	"io"
	"os"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// An upload is the body of a request. What came with the head goes out with it; the
// rest goes up in a task of its own while the exchange's task waits for the
// response, so that either direction may wait for the other, or for none:
//
//	exchange: transmit ─► upload.start ─► readOrigin ··· relayResponse ─► upload.stop
//	                           │                                             ▲
//	upload:                    └─► read, scan, write, read, scan, write ─────┘ done
//
// Both run on one loop, never at the same time, and share the exchange.
type upload struct {
	exchange *exchange
	whole    bool // the body has been read to its end
	running  bool
	stopping bool // the exchange has no use for the rest
	expects  bool // the client waits for 100 before it sends the body
	heldBack bool // and nothing of it has come
	left     allowance
	since    loop.Time // when the wait for the client began
	done     loop.Signal
	body     wire.BodyScanner // not looked at for requests without one
}

// reset forgets the request before. The next one has no body as far as is known.
func (u *upload) reset() {
	u.whole, u.stopping, u.expects, u.heldBack = true, false, false, false
}

// begin is told that there is a body, and how it is framed. It returns how many of
// the bytes that came behind the head belong to it.
func (u *upload) begin(f wire.Framing, expects bool, came []byte) (n int, err error) {
	u.body.Reset(f)
	u.left = u.exchange.gateway.clientPace.begin()
	n, err = u.scan(came)
	u.expects, u.heldBack = expects, expects && n == 0
	return n, err
}

// scan takes bytes of the stream and returns how many of them are the body's.
func (u *upload) scan(p []byte) (n int, err error) {
	n, u.whole, err = u.body.Scan(p)
	return n, err
}

// leavesTooMuch reports whether more of the request will be left than is worth
// reading. A client that waited for 100 and is given a final status instead may
// send the body or not, and nobody can tell which (RFC 9110 section 10.1.1).
func (u *upload) leavesTooMuch() bool {
	return !u.whole && (u.expects || !u.running && u.body.Remaining() > discardAtMost)
}

// start begins to read and send the rest of the body.
func (u *upload) start() {
	u.running = true
	u.exchange.loop.Go(u)
}

// stop waits until the upload's task has ended. If it waits itself, for a client
// that has nothing more to say or for an origin whose connection was just closed,
// it is woken.
func (u *upload) stop() {
	x := u.exchange
	u.stopping = true
	for u.running {
		x.clientHop.conn.CancelRead()
		if u.done.Wait(x.loop, 0) != nil {
			break // the loop has been stopped
		}
	}
}

// Run is the upload's task.
func (u *upload) Run() {
	panicked := true
	defer func() { u.finish(panicked) }()
	u.exchange.request.written = u.relay()
	panicked = false
}

// finish is called as the task ends, in a panic's way too: the exchange's task may
// wait for it.
func (u *upload) finish(panicked bool) {
	x := u.exchange
	u.running = false
	if panicked {
		x.breakOff(Broken, Refusal{})
	}
	if x.upstream.conn != nil {
		x.originHop.conn.ReadDeadline(x.responseDeadline()) // from now on it is the origin's turn
	}
	u.done.FireAll()
}

// relay reports whether the whole body was written.
func (u *upload) relay() bool {
	for !u.whole && !u.stopping {
		step := u.copy
		if u.exchange.clientHop.splices(&u.body) {
			step = u.splice
		}
		if !step() {
			return false
		}
	}
	return u.whole
}

// copy reads once and writes what was read.
func (u *upload) copy() bool {
	in := &u.exchange.clientHop
	if len(in.unread()) == 0 {
		if err := u.read(); err != nil {
			return u.notRead(err)
		}
	}
	n, err := u.scan(in.unread())
	if err != nil {
		u.exchange.breakOff(Refused, malformedRequest(err))
		return false
	}
	if u.stopping {
		in.buffer.Consume(n)
		return false
	}
	_, err = u.exchange.originHop.send(in.unread()[:n])
	in.buffer.Consume(n)
	return err == nil
}

// splice moves bytes from socket to socket. Those that were taken count as read
// even if they are lost on their way, so that it stays known where the next
// request begins.
func (u *upload) splice() bool {
	x := u.exchange
	var pipe loop.Splice
	defer pipe.End()
	u.await()
	n, err := pipe.From(x.clientHop.conn, min(u.body.Remaining(), spliceAtOnce))
	u.came(n)
	u.body.Advance(int64(n))
	u.whole = u.body.Done()
	switch {
	case noPipe(err):
		x.clientHop.copies = true
		return true
	case err != nil:
		return u.notRead(err)
	case u.stopping:
		return false
	}
	return x.originHop.sendPipe(&pipe) == nil
}

// read reads more of the body.
func (u *upload) read() error {
	u.await()
	n, err := u.exchange.clientHop.fill()
	u.came(n)
	return err
}

// await begins to wait for more of the body. A client that holds it back until it
// is told to go on (RFC 9110 section 10.1.1) waits for the origin.
func (u *upload) await() {
	x := u.exchange
	p := &x.gateway.clientPace
	u.since = x.loop.Now()
	if u.heldBack {
		x.clientHop.conn.ReadDeadline(u.since.Add(p.idle))
	} else {
		x.clientHop.conn.ReadDeadline(p.deadline(u.left, u.since))
	}
}

// came ends the wait, with so many bytes.
func (u *upload) came(n int) {
	if !u.heldBack {
		u.left = u.exchange.gateway.clientPace.reckon(u.left, u.exchange.loop.Now().Sub(u.since), n)
	}
	u.heldBack = u.heldBack && n == 0
}

// invite is called when the client is told to go on. The time of one that has
// waited for that begins now.
func (u *upload) invite() {
	waited := u.heldBack
	u.expects, u.heldBack = false, false
	if waited && u.running {
		u.await()
	}
}

// notRead says what it means that the client does not send the rest.
func (u *upload) notRead(err error) bool {
	switch {
	case u.stopping || errors.Is(err, loop.ErrCanceled):
	case errors.Is(err, os.ErrDeadlineExceeded):
		u.exchange.breakOff(u.late())
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		u.exchange.breakOff(RequestTruncated, Refusal{})
	default:
		u.exchange.breakOff(ClientReset, Refusal{})
	}
	return false
}

// late says what a deadline that has passed in a wait for the body means.
func (u *upload) late() (Cause, Refusal) {
	if u.exchange.gateway.clientPace.tooSlow(u.left) {
		return RequestTooSlow, badRequest(408, "body-rate")
	}
	return RequestStalled, badRequest(408, "body-timeout")
}

// discardAtMost is how much of a request that nobody needs any more is read, so
// that the client may go on using its connection.
const discardAtMost = 256 << 10

// discard reads what is left of the body after the exchange has come to its end
// without it, and says what becomes of the client connection.
func (u *upload) discard() Cause {
	x := u.exchange
	until := x.loop.Now().Add(x.gateway.config.IdleTimeout)
	for left := discardAtMost; !u.whole; {
		n, err := u.scan(x.clientHop.unread())
		x.clientHop.buffer.Consume(n)
		left -= n
		switch {
		case err != nil:
			return Refused
		case u.whole:
			return Persists
		case left <= 0 || u.body.Remaining() > int64(left) || x.loop.Now() > until:
			return RequestUnread
		}
		switch err := u.read(); {
		case err == nil:
		case x.loop.Stopping():
			return CutOff
		case errors.Is(err, os.ErrDeadlineExceeded):
			why, _ := u.late() // an answer was given
			return why
		case err == io.EOF:
			return RequestTruncated
		default:
			return ClientReset
		}
	}
	return Persists
}
