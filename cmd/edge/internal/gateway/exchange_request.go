package gateway

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/wire"
)

// A requestState is what is known of the request.
type requestState struct {
	begun   bool // a byte of it arrived
	minor   uint8
	framing wire.FramingKind
	isHead  bool   // the method is HEAD
	safe    bool   // the method is
	last    bool   // it says that no other one follows
	taken   bool   // the kernel took a byte of it
	written bool   // whole
	head    int    // bytes of its head, an empty line before it included
	message int    // bytes in the buffer that belong to it: the head and what of the body was there; 0: no longer held
	offer   []byte // the protocols that the client would switch to; empty if none was passed on
	named   []byte // the options of Connection, if a trailer section may have fields of these names
}

// held reports whether all of it that was sent is still in the buffer.
func (r *requestState) held() bool { return r.message > 0 }

// readRequest reads a whole head.
func (x *exchange) readRequest() (*wire.RequestHead, bool) {
	in := &x.clientHop
	in.conn.ReadDeadline(x.loop.Now().Add(x.gateway.config.HeadTimeout))
	seen := 0
	for {
		if len(in.unread()) > 0 {
			x.markBegun()
			h := &x.takePad().request
			n, err := wire.ParseRequestHead(in.unread(), seen, h)
			switch {
			case err == nil:
				x.request.head, in.reads = n, true
				x.mark(&x.marks.headRead)
				return h, true
			case err != wire.ErrIncomplete:
				x.beginRequest(firstLine(in.unread()))
				return nil, x.refuseAndClose(malformedRequest(err), Refused)
			}
		}
		seen = len(in.unread())
		if _, err := in.fill(); err != nil {
			return nil, x.noRequest(err)
		}
	}
}

// noRequest says what it means that the rest of a head, or any of it, does not
// come.
func (x *exchange) noRequest(err error) bool {
	came := x.clientHop.unread()
	begun := hasBegun(came)
	if begun {
		line := firstLine(came)
		x.beginRequest(line)
		x.request.isHead = x.request.isHead || bytes.HasPrefix(headSpace, line) // for all that is known
	}
	late := errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case x.loop.Stopping():
		return x.endBy(CutOff)
	case late && begun:
		return x.refuseAndClose(badRequest(408, "head-timeout"), RequestStalled)
	case late && len(came) > 0:
		return x.endBy(ClientIdle)
	case late:
		return false // the loop was told of bytes that were not there: idle again
	case err == io.EOF && begun:
		return x.endBy(RequestTruncated)
	case err == io.EOF:
		return x.endBy(ClientClosed)
	}
	return x.endBy(ClientReset)
}

var crlf = []byte("\r\n")

// hasBegun reports whether the bytes are the beginning of a request. The empty
// line that old clients send after content is none (RFC 9112 section 2.2): who is
// answered by 408 for it takes that for the answer to the next request.
func hasBegun(came []byte) bool {
	return len(came) > 0 && !bytes.HasPrefix(crlf, came)
}

var headSpace = []byte("HEAD ")

// beginRequest counts a request, and keeps its line for the log. What is refused is
// no head, but may say that its answer is to have no content.
func (x *exchange) beginRequest(line []byte) {
	x.request.begun = true
	x.request.isHead = bytes.HasPrefix(line, headSpace)
	x.client.requests++
	x.gateway.counters.Requests++
	if x.timed() {
		n := x.notes
		n.line, n.traceparent, n.stale = append(n.line[:0], line...), n.traceparent[:0], staleUse{}
	}
}

// refuseAndClose refuses a request behind which the next one cannot be found.
func (x *exchange) refuseAndClose(r Refusal, why Cause) bool {
	x.end.client = why
	return x.refuse(r)
}

// admit decides how the request is framed, whether it may go on, and what is
// changed in its head.
func (x *exchange) admit(h *wire.RequestHead) bool {
	r := &x.request
	x.beginRequest(h.Raw[:h.FieldsStart()-len(crlf)])
	r.minor, r.safe = h.Minor, isSafe(h)
	r.message = r.head
	if log := x.gateway.log; log != nil && log.JSON() {
		x.notes.traceparent = append(x.notes.traceparent, accesslog.Traceparent(h)...)
	}

	framing, err := wire.RequestFraming(h)
	if err != nil {
		return x.refuseAndClose(malformedRequest(err), Refused)
	}
	if heads.MisspellsFraming(h) {
		return x.refuseAndClose(malformedRequest(errMisspelled), Refused)
	}
	if r.last = !wire.RequestPersists(h); r.last {
		x.end.client = ClientAsked
	}
	if !x.beginBody(h, framing) {
		return false
	}
	if refusal := forbidden(h, x.gateway.config.Verbatim); refusal.refuses() {
		if h.Form == wire.AuthorityForm {
			x.planClose(Refused) // what a client sends after CONNECT is for the tunnel
		}
		return x.refuse(refusal)
	}
	if x.gateway.editor.Loops(h) {
		return x.refuse(originError(ProxyLoopDetected, "via"))
	}
	if x.gateway.editor.Request(&x.pad.edits, h, x.clientHop.conn.Remote()) == heads.Offered {
		r.offer = heads.AppendMembers(nil, h.Members(wire.FieldUpgrade))
	}
	return true
}

// errMisspelled refuses a field by which only an origin could frame the request.
var errMisspelled = &wire.Error{Status: 400, Rule: "framing-field-misspelled", Section: "RFC 3875 section 4.1.18"}

// beginBody finds how much of the body came with the head.
func (x *exchange) beginBody(h *wire.RequestHead, f wire.Framing) bool {
	x.request.framing = f.Kind
	if f.Kind == wire.None {
		return true
	}
	if f.Kind == wire.Chunked && h.NominatesAny() {
		x.request.named = heads.AppendMembers(nil, h.Members(wire.FieldConnection))
	}
	n, err := x.upload.begin(f, heads.ExpectsContinue(h), x.clientHop.unread()[x.request.head:])
	x.request.message += n
	if err != nil {
		return x.refuseAndClose(malformedRequest(err), Refused)
	}
	return true
}

// forbidden refuses what no gateway may forward, or this one does not.
func forbidden(h *wire.RequestHead, verbatim bool) Refusal {
	if h.Form == wire.AuthorityForm {
		return badRequest(501, "connect")
	}
	if scheme, _, _ := h.Absolute(); h.Form == wire.AbsoluteForm && !wire.EqualFold(scheme, "http") {
		return badRequest(421, "target-scheme")
	}
	if h.NominatesAny() && heads.TooManyOptions(h.Members(wire.FieldConnection)) {
		return badRequest(400, "connection-options-too-many")
	}
	if n, ok := heads.HopsLeft(h); ok && n == 0 && !verbatim {
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
