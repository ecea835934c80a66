package gateway

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// readRequest reads a whole head.
func (x *exchange) readRequest() bool {
	x.conn.ReadDeadline(x.loop.Now().Add(x.gateway.config.HeadTimeout))
	for {
		if x.in.Len() > 0 {
			x.mark(&x.began)
			n, err := wire.ParseRequestHead(x.in.Unread(), &x.takePad().request)
			switch {
			case err == nil:
				x.head = n
				x.mark(&x.headRead)
				return true
			case err != wire.ErrIncomplete:
				x.beginUnparsed()
				x.end = Refused
				return x.refuse(malformedRequest(err))
			}
		}
		if err := x.readMore(); err != nil {
			return x.noRequest(err)
		}
	}
}

// readMore reads more of what the client sends behind what the buffer holds.
func (x *exchange) readMore() error {
	makeRoom(x.in)
	had := x.in.Len()
	_, err := x.in.FillFrom(x.conn)
	if t := x.gateway.tap; t != nil {
		t.Inbound(x.client.flow, x.in.Unread()[had:], "")
		t.PeerEnded(x.client.flow, err)
	}
	return err
}

var crlf = []byte("\r\n")

// makeRoom moves what is unread to the front, unless it is there already.
func makeRoom(b *loop.Buffer) {
	if len(b.Space()) < loop.BufferSize-b.Len() {
		b.Compact()
	}
}

// noRequest says what it means that the rest of a head, or any of it, does not
// come.
func (x *exchange) noRequest(err error) bool {
	if x.pad != nil {
		x.pad.request.Reset() // or the next head would be taken for the rest of this one
	}
	begun := hasBegun(x.in.Unread())
	if begun {
		x.beginUnparsed()
	}
	late := errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case x.loop.Stopping():
		return x.fail(CutOff)
	case late && begun:
		x.end = RequestStalled
		return x.refuse(badRequest(408, "head-timeout"))
	case late && x.in.Len() > 0:
		return x.fail(ClientIdle)
	case late:
		return false // the loop was told of octets that were not there: idle again
	case err == io.EOF && begun:
		return x.fail(RequestTruncated)
	case err == io.EOF:
		return x.fail(ClientClosed)
	}
	return x.fail(ClientReset)
}

// hasBegun reports whether the octets are the beginning of a request. The empty
// line that old clients send after content is none (RFC 9112 section 2.2): who is
// answered by 408 for it takes that for the answer to the next request.
func hasBegun(octets []byte) bool {
	return len(octets) > 0 && !bytes.HasPrefix(crlf, octets)
}

// beginUnparsed is for a request whose head is not, or not yet, one.
func (x *exchange) beginUnparsed() {
	x.begin()
	x.keepLine(firstLine(x.in.Unread()))
}

// begin counts a request.
func (x *exchange) begin() {
	x.asked = true
	x.client.requests++
}

// admit decides how the request is framed and whether it may go on.
func (x *exchange) admit() bool {
	h := &x.pad.request
	x.begin()
	x.minor, x.isHead, x.safe = h.Minor, h.Is("HEAD"), isSafe(h)
	x.message, x.held = x.head, true
	x.keepLine(h.Raw[:h.FieldsStart()-len(crlf)])

	framing, err := wire.RequestFraming(h)
	if err != nil {
		x.end = Refused
		return x.refuse(malformedRequest(err))
	}
	if x.last = !wire.RequestPersists(h); x.last {
		x.end = ClientAsked
	}
	if !x.beginBody(h, framing) {
		return false
	}
	if r := x.forbidden(h); r.refuses() {
		return x.refuse(r)
	}
	if x.gateway.editor.Request(&x.pad.edits, h, x.conn.Remote()) == heads.Offered {
		x.offer = heads.AppendProtocols(nil, h.Members(wire.FieldUpgrade))
	}
	return true
}

// beginBody finds how much of the body came with the head.
func (x *exchange) beginBody(h *wire.RequestHead, f wire.Framing) bool {
	x.framed = f.Kind
	if f.Kind == wire.None {
		return true
	}
	x.up.begin(f, x.gateway.pace.begin())
	_, expects := h.Field(wire.FieldExpect)
	x.expects = expects && x.minor > 0
	n, err := x.up.scan(x.in.Unread()[x.head:])
	x.message += n
	x.up.heldBack = x.expects && n == 0
	if err != nil {
		x.end = Refused
		return x.refuse(malformedRequest(err))
	}
	return true
}

// forbidden refuses what no gateway may forward, or this one does not.
func (x *exchange) forbidden(h *wire.RequestHead) Refusal {
	if h.Form == wire.AuthorityForm {
		x.closing(Refused) // what a client sends after CONNECT is for the tunnel
		return badRequest(501, "connect")
	}
	if scheme, _, _ := h.Absolute(); h.Form == wire.AbsoluteForm && !wire.EqualFold(scheme, "http") {
		return badRequest(421, "target-scheme")
	}
	if h.NominatesAny() && heads.TooManyOptions(h.Members(wire.FieldConnection)) {
		return badRequest(400, "connection-options-too-many")
	}
	if n, ok := heads.HopsLeft(h); ok && n == 0 && !x.gateway.config.Verbatim {
		return lastHop(h)
	}
	return Refusal{}
}

// lastHop answers a request that is to go no further (RFC 9110 section 7.6.2).
// TRACE, whose answer would show the request's fields to scripts that are not to
// see them, is not implemented here.
func lastHop(h *wire.RequestHead) Refusal {
	if h.Is("TRACE") {
		return badRequest(501, "max-forwards")
	}
	return Refusal{Status: 200, Rule: "max-forwards"}
}
