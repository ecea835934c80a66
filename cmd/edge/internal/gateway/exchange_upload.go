package gateway

import (
	"errors"
	"io"
	"os"

	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// An upload is the body of a request. What came with the head goes out with it; the
// rest goes up in a task of its own while the exchange's task waits for the
// response, so that either direction may wait for the other, or for none:
//
//	exchange: transmit ─► upload.start ─► readOrigin ··· relayResponse ─► upload.goOn
//	                           │                                             ▲
//	upload:                    └─► read, scan, write, read, scan, write ─────┘ done
//
// Both run on one loop, never at the same time, and share the exchange. When it
// turns out that nobody takes the rest, the task reads it all the same for as long
// as a response goes out: a client may read none of that before it has sent all.
type upload struct {
	exchange *exchange
	whole    bool // the body has been read to its end
	running  bool
	sending  bool  // it goes to the origin
	dropping bool  // nobody takes the rest
	stopping bool  // nobody needs it read
	begun    bool  // a byte of it has come
	heldBack bool  // the client waits for 100 before it sends the first one
	length   int64 // bytes of it that have been looked at
	left     allowance
	since    loop.Time // when the wait for the client began
	done     loop.Signal
	body     wire.BodyScanner // not looked at for requests without one
}

// reset forgets the request before. The next one has no body as far as is known.
func (u *upload) reset() {
	u.whole, u.dropping, u.stopping, u.heldBack, u.length = true, false, false, false, 0
}

// begin is told that there is a body, and how it is framed. It returns how many of
// the bytes that came behind the head belong to it and are not held.
func (u *upload) begin(f wire.Framing, expects bool, came []byte) (n int, err error) {
	u.body.Reset(f)
	u.body.HoldTrailer(!u.exchange.gateway.config.Verbatim)
	u.left = u.exchange.gateway.clientPace.begin()
	if n, err = u.scan(came); err == nil {
		var section []byte
		if section, err = lookAtTrailer(&u.body, came[n:]); err == nil && heads.TrailerMisspellsFraming(section) {
			err = errMisspelled
		}
	}
	u.begun, u.heldBack = n > 0, expects && n == 0 && !u.whole
	return n, err
}

// scan takes bytes of the stream and returns how many of them are the body's.
func (u *upload) scan(p []byte) (n int, err error) {
	n, u.whole, err = u.body.Scan(p)
	u.length += int64(n)
	return n, err
}

// start begins to read and send the rest of the body.
func (u *upload) start() {
	u.running, u.sending = true, true
	u.exchange.loop.Go(u)
}

// frameRest decides what becomes of the rest of the body when a final response is
// there and the request is not. As long as the origin reads, the rest goes on to it:
// a 202 may come first. After the response it still does if the origin keeps its
// connection. An origin that says that it will close it may need the rest for its
// response, but takes none afterwards, so the client is told that this is the last
// one. Nobody takes the rest if the origin has stopped reading, or is known to have
// closed; nor when the client has waited for 100: it may send the body or not, and
// nobody can tell which (RFC 9110 section 10.1.1).
func (u *upload) frameRest(persists bool) {
	x := u.exchange
	switch {
	case u.whole:
	case !u.sending || u.heldBack:
		u.dropping = true
		x.planClose(RequestUnread)
	case !persists:
		x.originHop.hurry()
		x.planClose(OriginAsked)
	case x.originHop.conn.Ended():
		x.originHop.hurry()
		x.planClose(RequestUnread)
	}
}

// dropRest has what nobody takes read while a response goes out. Even its head may
// find no room at a client that sends.
func (u *upload) dropRest() {
	if u.dropping && !u.running {
		u.running = true
		u.exchange.loop.Go(u)
	}
}

// goOn lets the rest of the body go to the origin after the response, until that
// is done or the origin ends its connection.
func (u *upload) goOn() {
	x := u.exchange
	for u.sending && !u.dropping && x.response.persists && !x.response.excess {
		if x.readOrigin() != loop.ErrCanceled {
			break // its end, or more than an answer
		}
	}
	x.originHop.release()
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
	x := u.exchange
	panicked := true
	defer func() { u.finish(panicked) }()
	if u.sending {
		x.request.written = u.relay()
		u.sending = false
		u.dropping = !u.whole && (u.dropping || x.response.phase == relaying)
		x.originsTurn()
	}
	for u.dropping && !u.stopping && !x.broken() && u.drop() {
	}
	panicked = false
}

// finish is called as the task ends, in a panic's way too: the exchange's task may
// wait for it.
func (u *upload) finish(panicked bool) {
	u.running, u.sending = false, false
	if panicked {
		u.exchange.breakOff(Broken, Refusal{})
	}
	u.done.FireAll()
}

// relay reports whether the whole body was written.
func (u *upload) relay() bool {
	for !u.whole && !u.stopping && !u.dropping {
		step := u.copy
		switch in := &u.exchange.clientHop; {
		case in.atTrailer(&u.body):
			step = u.trailer
		case in.splices(&u.body):
			step = u.splice
		}
		if !step() {
			return false
		}
	}
	return u.whole
}

// drop throws away what comes next. What is framed how is of no interest any more: the
// connection will be closed. A client that stops sending may have begun to read.
func (u *upload) drop() bool {
	in := &u.exchange.clientHop
	var err error
	if in.gateway.tap == nil {
		u.await()
		var n int
		n, err = in.conn.Discard()
		u.came(n)
	} else {
		in.borrow()
		in.buffer.Consume(len(in.unread()))
		err = u.read()
	}
	return err == nil || !errors.Is(err, os.ErrDeadlineExceeded) && u.notRead(err)
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
		return u.notRead(err)
	}
	if u.stopping || u.dropping {
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
	n, err := x.clientHop.fillPipe(&pipe, min(u.body.Remaining(), spliceAtOnce))
	u.came(n)
	u.body.Advance(int64(n))
	u.length += int64(n)
	u.whole = u.body.Done()
	switch {
	case noPipe(err):
		x.clientHop.copies = true
		return true
	case err != nil:
		return u.notRead(err)
	case u.stopping, u.dropping:
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
// is told to go on (RFC 9110 section 10.1.1) waits for the origin, whose time is
// bounded.
func (u *upload) await() {
	x := u.exchange
	g := x.gateway
	u.since = x.loop.Now()
	switch {
	case u.heldBack:
		x.clientHop.conn.ReadDeadline(0)
	case !u.begun:
		x.clientHop.conn.ReadDeadline(u.since.Add(g.config.BodyTimeout))
	default:
		x.clientHop.conn.ReadDeadline(g.clientPace.deadline(u.left, u.since))
	}
}

// came ends the wait, with so many bytes. That for the first one takes nothing from
// the allowance.
func (u *upload) came(n int) {
	x := u.exchange
	switch {
	case u.begun:
		u.left = x.gateway.clientPace.reckon(u.left, x.loop.Now().Sub(u.since), n)
	case n > 0:
		u.begun = true
		u.left = x.gateway.clientPace.reckon(u.left, 0, n)
	}
	if n > 0 {
		x.clientHop.restartWait() // who sends may read later
	}
	if u.heldBack && n > 0 {
		u.heldBack = false // it waits no longer, although nobody has told it to go on
		x.originsTurn()
	}
}

// invite is called when the client is told to go on. The time of one that has
// waited for that begins now.
func (u *upload) invite() {
	waited := u.heldBack
	u.heldBack = false
	if waited && u.running {
		u.await()
	}
}

// notRead says what it means that the client does not send the rest, or that it is
// malformed.
func (u *upload) notRead(err error) bool {
	var malformed *wire.Error
	switch {
	case errors.As(err, &malformed):
		u.exchange.breakOff(Refused, malformedRequest(err))
	case u.stopping || errors.Is(err, loop.ErrCanceled):
	case errors.Is(err, os.ErrDeadlineExceeded):
		u.exchange.breakOff(u.late())
	case u.dropping && err == io.EOF:
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		u.exchange.breakOff(RequestTruncated, Refusal{})
	default:
		u.exchange.breakOff(ClientReset, Refusal{})
	}
	return false
}

// late says what a deadline that has passed in a wait for the body means.
func (u *upload) late() (Cause, Refusal) {
	if u.begun && u.exchange.gateway.clientPace.tooSlow(u.left) {
		return RequestTooSlow, badRequest(408, "body-rate")
	}
	return RequestStalled, badRequest(408, "body-timeout")
}
