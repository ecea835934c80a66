package gateway

import (
	"errors"
	"io"
	"os"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// relayResponse sends what is left of the response's body on as it comes. While
// the client does not take it, nothing more is read from the origin.
func (x *exchange) relayResponse() {
	r := &x.response
	for !x.pad.body.Done() && r.phase < complete {
		r.seemsAll = x.pad.body.LastChunkBegun()
		step := (*exchange).copyDown
		switch {
		case r.decode:
			step = (*exchange).decodeDown
		case x.originHop.atTrailer(&x.pad.body):
			step = (*exchange).trailerDown
		case x.originHop.splices(&x.pad.body):
			step = (*exchange).spliceDown
		}
		if !step(x) {
			return
		}
	}
	r.phase, r.early = complete, x.upload.sending
	r.excess = len(x.originHop.unread()) > 0
	x.originHop.release()
}

// readMore makes sure that the buffer holds something of the response.
func (x *exchange) readMore() bool {
	origin := &x.originHop
	if len(origin.unread()) > 0 {
		return true
	}
	if !origin.conn.Readable() {
		origin.release() // a slow origin holds no buffer
	}
	if err := x.readOrigin(); err != nil {
		return x.noMore(err)
	}
	return true
}

// noMore says what the end of the origin's stream, or its failure, means.
func (x *exchange) noMore(err error) bool {
	if err == io.EOF && x.pad.body.End() == nil {
		x.response.phase = complete
		return false
	}
	x.upstream.err = err
	var malformed *wire.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return x.endBy(ResponseStalled)
	case errors.As(err, &malformed):
		return x.endBy(ResponseMalformed)
	}
	return x.endBy(ResponseTruncated)
}

// copyDown reads and writes once.
func (x *exchange) copyDown() bool {
	if !x.readMore() {
		return x.response.phase == complete
	}
	came := x.originHop.unread()
	n, _, err := x.pad.body.Scan(came)
	if err != nil {
		return x.noMore(err)
	}
	sent, err := x.clientHop.send(came[:n])
	x.response.sent += sent
	x.originHop.buffer.Consume(n)
	return err == nil || x.notTaken(err)
}

// decodeDown is copyDown for a client that does not know the chunked coding: the
// content goes out alone, and the end of the connection ends it.
func (x *exchange) decodeDown() bool {
	if !x.readMore() {
		return x.response.phase == complete
	}
	for len(x.originHop.unread()) > 0 && !x.pad.body.Done() {
		content, n, _, err := x.pad.body.Content(x.originHop.unread())
		if err != nil {
			return x.noMore(err)
		}
		sent, err := x.clientHop.send(content)
		x.response.sent += sent
		if err != nil {
			return x.notTaken(err)
		}
		x.originHop.buffer.Consume(n)
	}
	return true
}

// spliceDown moves bytes of the body from socket to socket.
func (x *exchange) spliceDown() bool {
	x.originHop.release()
	if x.broken() {
		return false
	}
	var pipe loop.Splice
	defer pipe.End()
	x.originHop.conn.ReadDeadline(x.originDeadline())
	n, err := x.originHop.fillPipe(&pipe, min(x.pad.body.Remaining(), spliceAtOnce))
	x.pad.body.Advance(int64(n))
	switch {
	case noPipe(err):
		x.originHop.copies = true
		return true
	case err != nil:
		return x.noMore(err)
	}
	err = x.clientHop.sendPipe(&pipe)
	x.response.sent += int64(n - pipe.Held())
	return err == nil || x.notTaken(err)
}

// notTaken ends the exchange because the client does not take the response.
func (x *exchange) notTaken(err error) bool {
	switch {
	case x.loop.Stopping():
		return x.endBy(CutOff)
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return x.endBy(ClientReset)
	case x.gateway.clientPace.tooSlow(x.clientHop.left):
		return x.endBy(ClientTooSlow)
	}
	return x.endBy(ClientStalled)
}
