package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/wire"
)

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
		switch {
		case h.Status >= 200:
			return x.frameResponse(h, n)
		case h.Status == 101:
			return x.switchProtocols(h, n)
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
// HTTP/1.0, which has none.
func (x *exchange) forwardInterim(h *wire.ResponseHead, n int) bool {
	x.interim += n
	if _, r := x.judge(h); r.refuses() {
		return x.refuse(r)
	}
	if x.interim > maxInterim {
		return x.refuse(originError(HTTPProtocolError, "interim-responses-too-large"))
	}
	if h.Status == 100 {
		x.expects = false
		x.up.invite(x)
	}
	if x.minor > 0 {
		x.gateway.editor.Response(&x.pad.edits, h, heads.ClientSide{})
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
	framing, r := x.judge(h)
	if r.refuses() {
		return x.refuse(r)
	}
	x.framing = framing.Kind
	x.status = h.Status
	x.persists = wire.ResponsePersists(h, framing)
	x.decode = x.minor == 0 && framing.Kind == wire.Chunked && !x.gateway.config.Verbatim
	x.decideClient()
	if x.gateway.config.Verbatim && !heads.PersistsAsSaid(h, framing, x.minor) {
		x.closing(OriginAsked)
	}
	x.pad.body.Reset(framing)
	x.gateway.origins.Answered(&x.ticket)
	x.answer = n
	return true
}

// judge finds the framing of a response, or what forbids to send it on.
func (x *exchange) judge(h *wire.ResponseHead) (wire.Framing, Refusal) {
	framing, err := wire.ResponseFraming(h, x.method())
	switch {
	case err != nil:
		return framing, malformedResponse(err)
	case codesNothing(h):
		return framing, originError(HTTPProtocolError, "transfer-encoding-without-content")
	case h.NominatesAny() && heads.TooManyOptions(h.Members(wire.FieldConnection)):
		return framing, originError(HTTPProtocolError, "connection-options-too-many")
	}
	return framing, Refusal{}
}

// codesNothing reports whether a response that never has content says how it is
// coded (RFC 9112 section 6.1). A client that went by the field would take the
// next response for this one's chunks.
func codesNothing(h *wire.ResponseHead) bool {
	if h.Status >= 200 && h.Status != 204 {
		return false
	}
	_, coded := h.Field(wire.FieldTransferEncoding)
	return coded
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
	x.gateway.editor.Response(e, &x.pad.response, x.clientSide())
	n, err := x.scanArrived()
	if err != nil {
		return x.refuse(malformedResponse(err))
	}
	x.begun = true
	if !x.toClient(e, x.out.Unread()[:x.answer+n]) {
		return false
	}
	x.out.Consume(x.answer + n)
	x.octets += int64(n)
	return true
}

// clientSide is what the client is told of its connection.
func (x *exchange) clientSide() heads.ClientSide {
	return heads.ClientSide{
		Closes:    x.end != Persists,
		KeepAlive: x.end == Persists && x.minor == 0,
		Decoded:   x.minor == 0,
	}
}

// scanArrived finds how much of the body, as it is sent on, came with the head. A
// body to be decoded is only looked at: what is wrong with it can still be
// answered by 502.
func (x *exchange) scanArrived() (n int, err error) {
	arrived := x.out.Unread()[x.answer:]
	if x.decode {
		body := x.pad.body
		_, _, err = body.Scan(arrived)
		return 0, err
	}
	n, _, err = x.pad.body.Scan(arrived)
	return n, err
}
