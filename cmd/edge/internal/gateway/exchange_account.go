package gateway

import (
	"bytes"
	"time"

	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/jsonline"
	"github.com/hopwire/hopwire/shared/loop"
)

// notes are what is known of an exchange for the log and those who look only.
type notes struct {
	line        []byte        // the request line
	traceparent []byte        // by what the request belongs to a trace; empty: it does not, or the log does not say
	idled       time.Duration // for how long its origin connection had, if it was used before
	stale       staleUse
}

// A staleUse is the use of a kept origin connection that ended without a response.
type staleUse struct {
	conn  uint64 // 0: there was none
	use   uint32
	at    *loop.Address
	idled time.Duration
	sign  string // by which it was known
}

// noteStale is called when the request is sent again, or has to be by the client.
func (x *exchange) noteStale(sign error) {
	if x.timed() {
		u := &x.upstream
		x.notes.stale = staleUse{u.serial, u.uses, u.address, x.notes.idled, inWords(sign)}
	}
}

// marks are the instants at which an exchange passed from one phase to the next.
// They are taken for the log and for those who look: a clock that nobody asks for is
// not read. Without both there is but the first of them, by the turns of the loop.
type marks struct {
	requestBegun  loop.Time // its first byte was there
	headRead      loop.Time
	placed        loop.Time // it had its turn after waiting in the queue
	connected     loop.Time
	sent          loop.Time // the head, and what of the body came with it
	responseBegun loop.Time // its first byte was there
	queued        bool
}

// mark takes the time of the first passing.
func (x *exchange) mark(t *loop.Time) {
	if *t == 0 && x.timed() {
		*t = x.loop.Clock()
	}
}

// markBegun takes the time of the request's first byte.
func (x *exchange) markBegun() {
	if x.marks.requestBegun == 0 {
		x.marks.requestBegun = x.now()
	}
}

// timed reports whether somebody wants to know the phases.
func (x *exchange) timed() bool { return x.gateway.log != nil || x.gateway.tap != nil }

// now is the clock's time, or that of the loop's turn if nobody wants to know.
func (x *exchange) now() loop.Time {
	if x.timed() {
		return x.loop.Clock()
	}
	return x.loop.Now()
}

// maxUnparsed bounds what the log shows of bytes that are no request: enough to
// tell what they are, and little enough that a client which sends nothing else
// does not fill the disk.
const maxUnparsed = 256

// firstLine is what is there of the request line, behind the empty line that may
// stand before it.
func firstLine(came []byte) []byte {
	came = bytes.TrimPrefix(came, crlf)
	if n := bytes.IndexAny(came, "\r\n"); n >= 0 {
		came = came[:n]
	}
	return came[:min(len(came), maxUnparsed)]
}

// A RequestEnd says what a request came to.
type RequestEnd uint8

const (
	Answered    RequestEnd = iota // by an origin, whose whole response has gone to the client
	Declined                      // by an answer of the gateway's own
	Tunneled                      // it became a tunnel, which has ended
	BrokenOff                     // none of these: the client has no response, or a part of one
	RequestEnds                   // how many there are
)

func (e RequestEnd) String() string {
	return [...]string{"answered", "refused", "tunneled", "broken-off"}[e]
}

// requestEnd is what the request of an exchange that is over came to.
func (x *exchange) requestEnd() RequestEnd {
	switch {
	case x.tunnel != nil:
		return Tunneled
	case x.response.phase == complete:
		return Answered
	case x.end.refusal.refuses() && x.response.phase < relaying:
		return Declined
	}
	return BrokenOff
}

// account counts the exchange, and writes it down where that is wanted.
func (x *exchange) account() {
	g := x.gateway
	x.end.accounted = true
	g.counters.RequestEnds[x.requestEnd()]++
	g.counters.Responses[x.response.status]++
	now := x.now()
	if x.tunnel == nil {
		g.durations.Count(now.Sub(x.marks.requestBegun))
	}
	if x.end.refusal.refuses() {
		g.counters.Refusals[x.end.refusal.Error]++
		g.counters.countRule(x.end.refusal.Rule)
	}
	if g.log != nil {
		x.logLine(now)
	}
	if g.tap != nil {
		x.tellEnd()
	}
}

func (x *exchange) logLine(now loop.Time) {
	g := x.gateway
	e := logEntry{
		clientConn: x.client.serial, request: x.client.requests,
		originConn: x.upstream.serial, use: x.upstream.uses, replayed: x.upstream.replayed,
		clientEnd: x.end.client.String(), originEnd: x.originEnd(),
		stale: x.notes.stale,
	}
	if x.tunnel != nil {
		e.tunnel, e.inbound, e.outbound = true, x.tunnel.up.sent, x.response.sent
	}
	if g.config.LogOrigins || g.log.JSON() {
		e.origin = x.upstream.address
	}
	if r := x.end.refusal; r.refuses() && r.Error != NoError {
		e.refusal, e.rule = r.Error.String(), r.Rule
	}
	x.marks.phases(&e, now)
	if g.log.JSON() {
		g.log.End(x.appendObject(g.log.Object("edge", "exchange"), &e))
		return
	}
	line := g.log.Begin(x.client.conn.Remote(), x.notes.line, int(x.response.status), x.response.sent)
	g.log.End(e.appendTo(line))
}

// appendObject appends to a line that is an object what the text has, and beyond that
// the request's bytes, its trace, and the Proxy-Status that the client was told.
func (x *exchange) appendObject(b []byte, e *logEntry) []byte {
	b = e.appendIdentity(b)
	b = jsonline.Address(b, "client", x.client.conn.Remote())
	b = accesslog.AppendRequest(b, x.notes.line, x.request.head > 0)
	if len(x.notes.traceparent) > 0 {
		b = jsonline.Text(b, "traceparent", x.notes.traceparent)
	}
	if x.response.status > 0 {
		b = jsonline.Number(b, "status", int64(x.response.status))
	}
	b = jsonline.Number(b, "request_bytes", x.upload.length)
	b = jsonline.Number(b, "response_bytes", x.response.sent)
	b = e.appendMembers(b)
	if x.requestEnd() == Declined {
		var space [256]byte
		b = jsonline.Text(b, "proxy_status", x.end.refusal.appendProxyStatus(space[:0], x.gateway.config.Name))
	}
	return b
}

// originEnd says what became of the origin connection; empty if there was none.
func (x *exchange) originEnd() string {
	if x.upstream.serial == 0 {
		return ""
	}
	return x.end.origin.String()
}

// phases fills in the times between the marks. The phase whose mark was not
// reached is the one in which the exchange ended, and has all the time that was
// left.
func (m *marks) phases(e *logEntry, now loop.Time) {
	at := m.requestBegun
	phase := func(until loop.Time) time.Duration {
		if until == 0 {
			until = now
		}
		d := max(until.Sub(at), 0)
		at = max(at, until)
		return d
	}
	e.read = phase(m.headRead)
	if m.queued {
		e.queue = phase(m.placed)
	}
	e.connect = phase(m.connected)
	e.send = phase(m.sent)
	e.wait = phase(m.responseBegun)
	e.relay = phase(now)
	e.total = now.Sub(m.requestBegun)
}
