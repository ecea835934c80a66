package gateway

import (
	"errors"
	"io"
	"math"
	"net"
	"os"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

const (
	// spliceAtLeast is from how many octets on a body is moved from socket to
	// socket by the kernel.
	spliceAtLeast = 64 << 10
	// spliceOctets is how many are moved before deadlines are set anew: a peer
	// that takes longer for them counts as stalled. Until close, where
	// nobody knows how many there will be, octets are copied.
	spliceOctets = 64 << 10
	// coalesced is how many octets behind an edited head are copied to be sent
	// with it in one piece, which is cheaper than a list of two.
	coalesced = 2 << 10
)

// relayResponse sends what is left of the response's body on as it comes. While
// the client does not take it, nothing more is read from the origin.
func (x *exchange) relayResponse() bool {
	for !x.pad.body.Done() && !x.ended {
		step := (*exchange).copyDown
		switch {
		case x.decode:
			step = (*exchange).decodeDown
		case x.splices(&x.pad.body, x.out):
			step = (*exchange).spliceDown
		}
		if !step(x) {
			return false
		}
	}
	x.ended = true
	x.excess = x.out != nil && x.out.Len() > 0
	x.releaseOut()
	return true
}

// more makes sure that the buffer holds something of the response.
func (x *exchange) more() bool {
	if x.out != nil && x.out.Len() > 0 {
		return true
	}
	if x.out != nil && !x.origin.Readable() {
		x.releaseOut() // a slow origin holds no buffer
	}
	if err := x.fromOrigin(); err != nil {
		return x.cutOff(err)
	}
	return true
}

// cutOff says what the end of the origin's stream, or its failure, means.
func (x *exchange) cutOff(err error) bool {
	if err == io.EOF && x.pad.body.End() == nil {
		x.ended = true
		return false
	}
	x.originErr = err
	return x.fail(ResponseTruncated)
}

// copyDown reads and writes once.
func (x *exchange) copyDown() bool {
	if !x.more() {
		return x.ended
	}
	n, _, err := x.pad.body.Scan(x.out.Unread())
	if err != nil {
		return x.cutOff(err)
	}
	ok := x.toClient(nil, x.out.Unread()[:n])
	x.octets += int64(n)
	x.out.Consume(n)
	return ok
}

// decodeDown is copyDown for a client that does not know the chunked coding: the
// content goes out alone, and the end of the connection ends it.
func (x *exchange) decodeDown() bool {
	if !x.more() {
		return x.ended
	}
	for x.out.Len() > 0 && !x.pad.body.Done() {
		content, n, _, err := x.pad.body.Content(x.out.Unread())
		if err != nil {
			return x.cutOff(err)
		}
		if len(content) > 0 && !x.toClient(nil, content) {
			return false
		}
		x.octets += int64(len(content))
		x.out.Consume(n)
	}
	return true
}

// splices reports whether a body goes from socket to socket from here on. A
// recording wants to see the octets.
func (x *exchange) splices(body *wire.BodyScanner, buffer *loop.Buffer) bool {
	left := body.Remaining()
	return left >= spliceAtLeast && left != math.MaxInt64 &&
		x.gateway.tap == nil && !x.unspliced && (buffer == nil || buffer.Len() == 0)
}

// spliceDown moves octets of the body from socket to socket.
func (x *exchange) spliceDown() bool {
	x.releaseOut()
	if x.fault != Persists {
		return false
	}
	x.origin.ReadDeadline(x.responseDeadline())
	x.conn.WriteDeadline(x.loop.Now().Add(x.gateway.config.IdleTimeout))
	n, err := x.conn.SpliceFrom(x.origin.Conn, min(x.pad.body.Remaining(), spliceOctets))
	x.pad.body.Advance(n)
	x.octets += n
	switch {
	case err == nil:
		return true
	case failedAt(err, "pipe"):
		x.unspliced = true
		return true
	case failedAt(err, "splice"):
		return x.notTaken(err)
	}
	return x.cutOff(err)
}

// failedAt reports in which part of a splice an error came up: "pipe" in making
// the pipe, which is a lack of descriptors, "splice" in writing; all else in
// reading.
func failedAt(err error, op string) bool {
	e, ok := err.(*net.OpError)
	return ok && e.Op == op
}

// toClient sends an edited head and what follows it, or with nil for edits the
// octets as they are. A client that does not take them ends the exchange.
func (x *exchange) toClient(e *Edits, message []byte) bool {
	x.conn.WriteDeadline(x.loop.Now().Add(x.gateway.config.IdleTimeout))
	n, err := x.send(x.conn, e, message)
	if t := x.gateway.tap; t != nil {
		t.Outbound(x.client.flow, x.sentOctets(e, message, n), e.String())
	}
	return err == nil || x.notTaken(err)
}

// notTaken ends the exchange because the client does not take the response.
func (x *exchange) notTaken(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return x.fail(ClientStalled)
	}
	return x.fail(ClientReset)
}

// send writes what the edits make of the head at the start of message, and the
// rest of message. Several pieces cost more than copying a small head does, so
// an edited head is put together first; one that is sent as it came is not
// touched.
func (x *exchange) send(c *loop.Conn, e *Edits, message []byte) (int64, error) {
	if e == nil || e.Untouched() {
		n, err := c.Write(message)
		return int64(n), err
	}
	p := x.pad
	p.sent = e.AppendTo(p.sent[:0])
	rest := message[len(e.raw):]
	if len(rest) <= coalesced {
		p.sent = append(p.sent, rest...)
		n, err := c.Write(p.sent)
		return int64(n), err
	}
	p.pieces = [2][]byte{p.sent, rest}
	return c.Writev(p.pieces[:])
}

// sentOctets is the first n octets of what send made of its arguments, for the
// tap.
func (x *exchange) sentOctets(e *Edits, message []byte, n int64) []byte {
	if e != nil {
		message = append(e.AppendTo(nil), message[len(e.raw):]...)
	}
	return message[:n]
}

// sendRefusal answers in the origin's place.
func (x *exchange) sendRefusal() {
	x.status = x.refusal.Status
	switch {
	case x.leavesRequest():
		x.closing(RequestUnread)
	case x.gateway.draining:
		x.closing(Drained)
	}
	p := x.takePad()
	p.sent = x.refusal.appendTo(p.sent[:0], x.gateway.config.Name, x.end != Persists, x.loop.Wall().Unix())
	x.toClient(nil, p.sent)
}
