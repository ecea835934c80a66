package server

import (
	"strconv"
	"time"

	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/shared/wire"
)

// serverName goes into every response, so that whoever looks at the octets of
// a hop can tell the origin's responses from a gateway's own.
const serverName = "hopwire-origin"

// appendStart appends what every response begins with. The Date comes first, so
// that its place in a prepared response is known.
func (w *worker) appendStart(b []byte, status int) []byte {
	w.tick()
	b = wire.AppendStatusLine(b, status, "")
	b = wire.AppendField(b, "Date", w.date)
	return wire.AppendField(b, "Server", serverName)
}

// dateAt is where the Date's value stands in a prepared response.
const dateAt = len("HTTP/1.1 200 OK\r\nDate: ")

// appendFileHead makes the head of the response to a plain GET of f over a
// connection that persists.
func (w *worker) appendFileHead(b []byte, f *site.File) []byte {
	b = w.appendStart(b, 200)
	f.Stamp = w.second
	b = appendType(b, f)
	b = wire.AppendFieldInt(b, "Content-Length", f.Size)
	b = appendValidators(b, f)
	b = wire.AppendField(b, "Accept-Ranges", "bytes")
	b = append(b, w.keepAlive...)
	return wire.AppendHeadEnd(b)
}

// appendForeignHead is appendFileHead for what a client has posted.
func (w *worker) appendForeignHead(b []byte, f *site.File) []byte {
	f.Foreign = true
	return w.appendFileHead(b, f)
}

// appendType appends what a client may take the content for. It must not guess that
// what another client has posted is a page, and a page of that one's must not act in
// the site's name.
func appendType(b []byte, f *site.File) []byte {
	b = wire.AppendField(b, "Content-Type", f.Type)
	if f.Foreign {
		b = append(b, "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: sandbox\r\n"...)
	}
	return b
}

// keepAliveFields tell a client until when it may send another request on a
// connection that persists, so that none is on its way while the connection is being
// closed (RFC 2068 section 19.7.1.1; the field is for one hop, so Connection names it).
// Below a second there is no number for that.
func keepAliveFields(timeout time.Duration) (b []byte) {
	if seconds := int64(timeout / time.Second); seconds > 0 {
		b = append(b, "Connection: keep-alive\r\nKeep-Alive: timeout="...)
		b = append(strconv.AppendInt(b, seconds, 10), "\r\n"...)
	}
	return b
}

func appendValidators(b []byte, f *site.File) []byte {
	if f.Modified != site.Undated {
		b = append(b, "Last-Modified: "...)
		b = wire.AppendDate(b, f.Modified)
		b = append(b, "\r\n"...)
	}
	return wire.AppendField(b, "ETag", f.ETag)
}

// stamp sets the Date of a prepared response, if it is of an earlier second.
func (w *worker) stamp(f *site.File) {
	w.tick()
	if f.Stamp != w.second {
		copy(f.Exclusive()[dateAt:], w.date)
		f.Stamp = w.second
	}
}

// begin starts a response to the request.
func (x *exchange) begin(status int) {
	x.status = status
	x.out = x.worker.appendStart(x.out, status)
}

// endHead says whether the connection persists, and for how long, and ends the head.
func (x *exchange) endHead() {
	switch keepAlive := x.worker.keepAlive; {
	case !x.persists:
		x.out = append(x.out, "Connection: close\r\n"...)
	case keepAlive == nil && x.head.Minor == 0:
		x.out = append(x.out, "Connection: keep-alive\r\n"...)
	default:
		x.out = append(x.out, keepAlive...)
	}
	x.out = wire.AppendHeadEnd(x.out)
}

// answerEmpty makes a whole response without content.
func (x *exchange) answerEmpty(status int) {
	x.begin(status)
	x.out = append(x.out, "Content-Length: 0\r\n"...)
	x.endHead()
}

// What can be done with a target, by what it names.
const (
	allowFile     = "GET, HEAD, OPTIONS"
	allowPost     = "POST, OPTIONS"
	allowAnything = "GET, HEAD, POST, OPTIONS"
)

// answerAllow makes a whole response that says what is allowed. One with 204
// has no Content-Length (RFC 9110 section 8.6).
func (x *exchange) answerAllow(status int, allow string) {
	x.begin(status)
	x.out = wire.AppendField(x.out, "Allow", allow)
	if status != 204 {
		x.out = append(x.out, "Content-Length: 0\r\n"...)
	}
	x.endHead()
}

// answerMoved sends the client to the directory whose name it gave without the
// trailing slash. The location is relative to the authority that the client
// used, which only the client knows.
func (x *exchange) answerMoved(query []byte) {
	x.begin(301)
	x.out = append(x.out, "Location: "...)
	x.out = site.AppendEscaped(x.out, x.scratch)
	x.out = append(x.out, '/')
	x.out = append(x.out, query...)
	x.out = append(x.out, "\r\nContent-Length: 0\r\n"...)
	x.endHead()
}

// appendContentRange appends which octets of f a response has.
func appendContentRange(b []byte, f *site.File, s site.Selection) []byte {
	b = appendRange(append(b, "Content-Range: "...), f, s)
	return append(b, "\r\n"...)
}

func appendRange(b []byte, f *site.File, s site.Selection) []byte {
	b = append(b, "bytes "...)
	if s.Status == 416 {
		b = append(b, '*')
	} else {
		b = strconv.AppendInt(b, s.Offset, 10)
		b = append(b, '-')
		b = strconv.AppendInt(b, s.Offset+s.Length-1, 10)
	}
	b = append(b, '/')
	return strconv.AppendInt(b, f.Size, 10)
}
