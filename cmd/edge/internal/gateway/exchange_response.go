package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// A phase is how far a response has come.
type phase uint8

const (
	waiting  phase = iota // no byte of any response has arrived
	started               // one has
	relaying              // the final response is on its way to the client
	complete              // it has come to its frame's end
)

// A responseState is what is known of the response.
type responseState struct {
	phase    phase
	framing  wire.FramingKind
	persists bool // the origin keeps its connection
	decode   bool // the client does not know the chunked coding
	excess   bool // bytes came behind it
	early    bool // it was complete before the request was
	seemsAll bool // cut off here, it would be taken for whole by some
	status   uint16
	interim  int32     // bytes of interim responses
	headBy   loop.Time // when the head, or the trailer section, has to be whole; 0: not bounded yet
	sent     int64     // bytes of the body, or of the tunnel, sent to the client
}

// maxInterim bounds the bytes of interim responses to one request: an origin that
// never comes to the final one would keep the exchange for ever.
const maxInterim = 64 << 10

// readResponse reads heads until the final one, and forwards the interim ones at
// once: the client may wait for them (RFC 9110 section 15.2). A response may come
// early, before the request has gone up; then the upload goes on beside it.
func (x *exchange) readResponse() (*wire.ResponseHead, bool) {
	h := &x.takePad().response
	for {
		if !x.readHead(h) {
			return nil, false
		}
		switch {
		case h.Status >= 200:
			return h, x.frameResponse(h)
		case h.Status == 101:
			return nil, x.switchProtocols(h)
		}
		if !x.forwardInterim(h) {
			return nil, false
		}
	}
}

// readHead reads one whole head, which stays in the buffer.
func (x *exchange) readHead(h *wire.ResponseHead) bool {
	seen := 0
	for {
		_, err := wire.ParseResponseHead(x.originHop.unread(), seen, h)
		switch {
		case err == nil:
			return true
		case err != wire.ErrIncomplete:
			return x.refuse(malformedResponse(err))
		}
		seen = len(x.originHop.unread())
		if err := x.readOrigin(); err != nil {
			x.upstream.err = err
			return x.refuse(responseFailure(err))
		}
	}
}

// forwardInterim sends an interim response on, unless the client speaks
// HTTP/1.0, which has none.
func (x *exchange) forwardInterim(h *wire.ResponseHead) bool {
	x.response.interim += int32(len(h.Raw))
	x.response.headBy = 0
	if _, r := frame(h, x.request.isHead); r.refuses() {
		return x.refuse(r)
	}
	if x.response.interim > maxInterim {
		return x.refuse(originError(HTTPProtocolError, "interim-responses-too-large"))
	}
	if h.Status == 100 {
		x.upload.invite()
	}
	if x.request.minor > 0 {
		x.gateway.editor.Response(&x.pad.edits, h, heads.ClientSide{})
		if _, err := x.clientHop.sendHead(x.pad, h.Raw); err != nil {
			return x.notTaken(err)
		}
	}
	x.originHop.buffer.Consume(len(h.Raw))
	return true
}

// frameResponse decides how the final response is framed, and what that means
// for both connections.
func (x *exchange) frameResponse(h *wire.ResponseHead) bool {
	framing, refusal := frame(h, x.request.isHead)
	if refusal.refuses() {
		return x.refuse(refusal)
	}
	verbatim := x.gateway.config.Verbatim
	r := &x.response
	r.status, r.framing = uint16(h.Status), framing.Kind
	r.persists = wire.ResponsePersists(h, framing)
	if keeps, ok := heads.KeepAliveTimeout(h); ok {
		x.upstream.conn.Announce(keeps)
		r.persists = r.persists && keeps > 0
	}
	r.decode = x.request.minor == 0 && framing.Kind == wire.Chunked && !verbatim
	x.pad.body.Reset(framing)
	x.pad.body.HoldTrailer(!r.decode && !verbatim)
	x.pad.named = x.pad.named[:0]
	if framing.Kind == wire.Chunked && h.NominatesAny() {
		x.pad.named = heads.AppendMembers(x.pad.named, h.Members(wire.FieldConnection))
	}
	x.gateway.origins.Answered(&x.ticket)
	switch {
	case framing.Kind == wire.UntilClose || r.decode:
		x.planClose(ResponseUnframed)
	case x.gateway.draining:
		x.planClose(Drained)
	case verbatim && !heads.PersistsAsSaid(h, framing, x.request.minor):
		x.planClose(OriginAsked)
	}
	return true
}

var methodHead, methodOther = []byte("HEAD"), []byte("GET")

// frame finds the framing of a response, or what forbids to send it on.
func frame(h *wire.ResponseHead, toHead bool) (wire.Framing, Refusal) {
	method := methodOther
	if toHead {
		method = methodHead
	}
	framing, err := wire.ResponseFraming(h, method)
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

// sendResponse sends the head, and what of the body is there, in one piece. A body
// to be decoded and a trailer section are only looked at: what is wrong with them
// can still be answered by 502.
func (x *exchange) sendResponse(h *wire.ResponseHead) bool {
	r := &x.response
	came := x.originHop.unread()
	body := &x.pad.body
	if r.decode {
		looked := *body
		body = &looked
	}
	n, _, err := body.Scan(came[len(h.Raw):])
	if err == nil {
		_, err = lookAtTrailer(body, came[len(h.Raw)+n:])
	}
	if err != nil {
		return x.refuse(malformedResponse(err))
	}
	if r.decode {
		n = 0
	}
	x.upload.frameRest(r.persists)
	x.gateway.editor.Response(&x.pad.edits, h, x.clientSide())
	r.phase, r.headBy = relaying, 0
	x.forgetRequest() // from here on it cannot be sent again, and a slow response holds no buffer for it
	x.upload.dropRest()
	x.originHop.reads = true
	_, err = x.clientHop.sendHead(x.pad, came[:len(h.Raw)+n])
	x.clientHop.writes = true
	if err != nil {
		return x.notTaken(err)
	}
	x.originHop.buffer.Consume(len(h.Raw) + n)
	r.sent += int64(n)
	return true
}

// clientSide is what the client is told of its connection.
func (x *exchange) clientSide() heads.ClientSide {
	return heads.ClientSide{
		Closes:    x.end.client != Persists,
		KeepAlive: x.end.client == Persists && x.request.minor == 0,
		HTTP10:    x.request.minor == 0,
	}
}
