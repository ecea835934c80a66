package gateway

import "github.com/hopwire/hopwire/shared/wire"

// maxInterim bounds the octets of interim responses to one request: an origin
// that never comes to the final one would keep the exchange for ever.
const maxInterim = 64 << 10

// readResponse reads heads until the final one, and forwards the interim ones at
// once: the client may wait for them (RFC 9110 section 15.2).
func (x *exchange) readResponse() bool {
	h := &x.takePad().response
	for {
		n, ok := x.readHead(h)
		if !ok {
			return false
		}
		if h.Status >= 200 {
			return x.frameResponse(h, n)
		}
		if !x.forwardInterim(h, n) {
			return false
		}
	}
}

// readHead reads one whole head of n octets, which stay in the buffer.
func (x *exchange) readHead(h *wire.ResponseHead) (n int, ok bool) {
	for {
		n, err := wire.ParseResponseHead(x.out.Unread(), h)
		switch {
		case err == nil:
			return n, true
		case err != wire.ErrIncomplete:
			return 0, x.refuse(malformedResponse(err))
		}
		if err := x.fromOrigin(); err != nil {
			h.Reset() // or the next head would be taken for the rest of this one
			x.originErr = err
			return 0, x.refuse(responseFailure(err))
		}
	}
}

// forwardInterim sends an interim response on, unless the client speaks
// HTTP/1.0, which has none. A 101 answers an Upgrade that was not sent on.
func (x *exchange) forwardInterim(h *wire.ResponseHead, n int) bool {
	x.interim += n
	switch {
	case h.Status == 101:
		return x.refuse(originError(HTTPProtocolError, "switching-protocols-unasked"))
	case x.interim > maxInterim:
		return x.refuse(originError(HTTPProtocolError, "interim-responses-too-large"))
	}
	if h.Status == 100 {
		x.expects = false
		x.up.invite(x)
	}
	if x.minor > 0 {
		editResponse(&x.pad.edits, h, outbound{})
		if !x.toClient(&x.pad.edits, x.out.Unread()[:n]) {
			return false
		}
	}
	x.out.Consume(n)
	return true
}

// frameResponse decides how the final response is framed, and what that means
// for both connections.
func (x *exchange) frameResponse(h *wire.ResponseHead, n int) bool {
	framing, err := wire.ResponseFraming(h, x.method())
	if err != nil {
		return x.refuse(malformedResponse(err))
	}
	if h.NominatesAny() && tooManyOptions(h.Members(wire.FieldConnection)) {
		return x.refuse(originError(HTTPProtocolError, "connection-options-too-many"))
	}
	x.framing = framing.Kind
	x.status = h.Status
	x.persists = wire.ResponsePersists(h, framing)
	x.decode = x.minor == 0 && framing.Kind == wire.Chunked
	x.decideClient()
	x.pad.body.Reset(framing)
	x.gateway.origins.Answered(&x.ticket)
	x.answer = n
	return true
}

// method is that of the request, as far as the framing of the response depends
// on it.
func (x *exchange) method() []byte {
	if x.isHead {
		return methodHead
	}
	return methodOther
}

var methodHead, methodOther = []byte("HEAD"), []byte("GET")

// decideClient finds the reason, if there is one, why the client connection ends
// after this response.
func (x *exchange) decideClient() {
	switch {
	case x.framing == wire.UntilClose || x.decode:
		x.closing(ResponseUnframed)
	case x.gateway.draining:
		x.closing(Drained)
	case x.leavesRequest():
		x.closing(RequestUnread)
	}
}

// leavesRequest reports whether more of the request will be left than is worth
// reading. A client that waited for 100 and is given a final status instead may
// send the body or not, and nobody can tell which (RFC 9110 section 10.1.1).
func (x *exchange) leavesRequest() bool {
	return !x.up.whole && (x.expects || !x.up.running && x.up.body.Remaining() > drainOctets)
}

// sendResponse sends the head, and what of the body is there, in one piece.
func (x *exchange) sendResponse() bool {
	e := &x.pad.edits
	editResponse(e, &x.pad.response, outbound{
		closes:    x.end != Persists,
		keepAlive: x.end == Persists && x.minor == 0,
		decoded:   x.minor == 0,
	})
	n := 0
	if !x.decode {
		var err error
		if n, _, err = x.pad.body.Scan(x.out.Unread()[x.answer:]); err != nil {
			return x.refuse(malformedResponse(err))
		}
	}
	x.begun = true
	if !x.toClient(e, x.out.Unread()[:x.answer+n]) {
		return false
	}
	x.out.Consume(x.answer + n)
	x.octets += int64(n)
	return true
}
