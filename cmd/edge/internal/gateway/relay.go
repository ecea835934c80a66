package gateway

import (
	"errors"
	"io"
	"math"
	"net"
	"os"

	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

const (
	// spliceAtLeast is from how many octets on a body is moved from socket to
	// socket by the kernel.
	spliceAtLeast = 64 << 10
	// spliceOctets is how many are taken at once, and so how many a slow peer
	// may leave in a pipe. Until close, where nobody knows how many there will
	// be, octets are copied.
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
	var malformed *wire.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return x.fail(ResponseStalled)
	case errors.As(err, &malformed):
		return x.fail(ResponseMalformed)
	}
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
	var pipe loop.Splice
	defer pipe.End()
	x.origin.ReadDeadline(x.responseDeadline())
	n, err := pipe.From(x.origin.Conn, min(x.pad.body.Remaining(), spliceOctets))
	x.pad.body.Advance(int64(n))
	switch {
	case noPipe(err):
		x.unspliced = true
		return true
	case err != nil:
		return x.cutOff(err)
	}
	err = x.spliceTo(x.conn, &pipe)
	x.octets += int64(n - pipe.Held())
	return err == nil || x.notTaken(err)
}

// spliceTo gives c what the pipe holds.
func (x *exchange) spliceTo(c *loop.Conn, pipe *loop.Splice) error {
	out, pace := x.outlet(c)
	for pipe.Held() > 0 {
		out.await(pace, c)
		n, err := pipe.To(c)
		if err = out.went(pace, c, n, err); err != nil {
			return err
		}
	}
	return nil
}

// noPipe reports whether a splice failed for lack of a pipe, which is a lack of
// descriptors.
func noPipe(err error) bool {
	e, ok := err.(*net.OpError)
	return ok && e.Op == "pipe"
}

// toClient sends an edited head and what follows it, or with nil for edits the
// octets as they are. A client that does not take them ends the exchange.
func (x *exchange) toClient(e *heads.Edits, message []byte) bool {
	_, err := x.send(x.conn, e, message)
	return err == nil || x.notTaken(err)
}

// notTaken ends the exchange because the client does not take the response.
func (x *exchange) notTaken(err error) bool {
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return x.fail(ClientReset)
	case x.gateway.pace.tooSlow(x.taking.left):
		return x.fail(ClientTooSlow)
	}
	return x.fail(ClientStalled)
}

// send writes what the edits make of the head at the start of message, and the
// rest of message; a head that is sent as it came is not touched. The deadline is
// set anew whenever the peer has taken some.
func (x *exchange) send(c *loop.Conn, e *heads.Edits, message []byte) (sent int64, err error) {
	var head []byte
	if e != nil && !e.Untouched() {
		head, message = x.compose(e, message)
	}
	out, pace := x.outlet(c)
	for len(head)+len(message) > 0 && err == nil {
		out.await(pace, c)
		n := 0
		n, err = x.writeOnce(c, head, message)
		if x.gateway.tap != nil && n > 0 {
			x.record(c, e, written(head, message, n))
			e = nil
		}
		err = out.went(pace, c, n, err)
		sent += int64(n)
		ofHead := min(n, len(head))
		head, message = head[ofHead:], message[n-ofHead:]
	}
	return sent, err
}

// compose puts an edited head together. Several pieces cost more than copying a
// small head and the little that may follow it.
func (x *exchange) compose(e *heads.Edits, message []byte) (head, rest []byte) {
	p := x.pad
	p.sent = e.AppendTo(p.sent[:0])
	rest = message[e.Received():]
	if len(rest) <= coalesced {
		p.sent = append(p.sent, rest...)
		rest = nil
	}
	return p.sent, rest
}

// writeOnce writes what there is room for.
func (x *exchange) writeOnce(c *loop.Conn, head, rest []byte) (int, error) {
	switch {
	case len(head) == 0:
		return c.WriteOnce(rest)
	case len(rest) == 0:
		return c.WriteOnce(head)
	}
	x.pad.pieces = [2][]byte{head, rest}
	return c.WritevOnce(x.pad.pieces[:])
}

// written is the first n octets of a list of two pieces, for the recording.
func written(head, rest []byte, n int) []byte {
	if n <= len(head) {
		return head[:n]
	}
	return append(head[:len(head):len(head)], rest[:n-len(head)]...)
}

// record tells the recording of octets that were just written to c, and with the
// first of a head of its edits. It is told of each write, since the next one may
// wait until c has been closed.
func (x *exchange) record(c *loop.Conn, e *heads.Edits, octets []byte) {
	if c == x.conn {
		x.gateway.tap.Outbound(x.client.flow, octets, e.String())
	} else {
		x.gateway.tap.Inbound(x.origin.Flow, octets, e.String())
	}
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
	p.sent = x.refusal.appendTo(p.sent[:0], x.gateway.config.Name, x.clientSide(), x.loop.Wall().Unix())
	x.toClient(nil, p.sent)
}
