package gateway

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/accesslog"
	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/loop"
)

// marks are the instants at which an exchange passed from one phase to the next.
// They are taken for the log only: a clock that nobody asks for is not read.
type marks struct {
	began     loop.Time // the first octet of the request was there
	headRead  loop.Time
	placed    loop.Time // it had its turn after waiting in the queue
	connected loop.Time
	sent      loop.Time // the head, and what of the body came with it
	first     loop.Time // octet of a response
	queued    bool
}

// mark takes the time of the first passing.
func (x *exchange) mark(t *loop.Time) {
	if x.gateway.log != nil && *t == 0 {
		*t = x.loop.Clock()
	}
}

// keepLine keeps the request line for the log, since the buffer will be used
// for other things by the end.
func (x *exchange) keepLine(line []byte) {
	if x.gateway.log != nil {
		x.line = append(x.line[:0], line...)
	}
}

// maxUnparsed bounds what the log shows of octets that are no request: enough to
// tell what they are, and little enough that a client which sends nothing else
// does not fill the disk.
const maxUnparsed = 256

// firstLine is what is there of the request line, behind the empty line that may
// stand before it.
func firstLine(octets []byte) []byte {
	octets = bytes.TrimPrefix(octets, crlf)
	if n := bytes.IndexAny(octets, "\r\n"); n >= 0 {
		octets = octets[:n]
	}
	return octets[:min(len(octets), maxUnparsed)]
}

// account counts the exchange, and writes it down where that is wanted.
func (x *exchange) account() {
	g := x.gateway
	x.accounted = true
	g.counters.Exchanges++
	if x.refusal.refuses() {
		g.counters.Refusals[x.refusal.Error]++
	}
	if g.log != nil {
		x.logLine()
	}
	if g.tap != nil {
		x.note()
	}
}

func (x *exchange) logLine() {
	e := accesslog.Entry{
		Client: x.conn.Remote(), RequestLine: x.line, Status: x.status, Octets: x.octets,
		ClientConn: x.client.serial, Request: x.client.requests,
		OriginConn: x.serial, Use: x.uses,
		ClientEnd: x.end.String(), Replayed: x.replayed,
		Tunnel: x.tunnel != nil, Inbound: x.inbound,
	}
	if x.gateway.config.LogOrigins {
		e.Origin = x.address
	}
	e.OriginEnd = x.originEnding()
	if x.refusal.refuses() && x.refusal.Error != NoError {
		e.Refusal = x.refusal.Error.String()
		e.Rule = x.refusal.Rule
	}
	x.phases(&e, x.loop.Clock())
	if g := x.gateway; g.log.Add(&e, x.loop.Wall()) {
		g.logTimer.Reset(accesslog.MaxAge)
	}
}

// originEnding says what became of the origin connection; empty if there was
// none.
func (x *exchange) originEnding() string {
	if x.serial == 0 {
		return ""
	}
	return x.originEnd.String()
}

// phases fills in the times between the marks. The phase whose mark was not
// reached is the one in which the exchange ended, and has all the time that was
// left.
func (m *marks) phases(e *accesslog.Entry, now loop.Time) {
	at := m.began
	phase := func(until loop.Time) time.Duration {
		if until == 0 {
			until = now
		}
		d := max(until.Sub(at), 0)
		at = max(at, until)
		return d
	}
	e.Read = phase(m.headRead)
	if m.queued {
		e.Queue = phase(m.placed)
	}
	e.Connect = phase(m.connected)
	e.Send = phase(m.sent)
	e.Wait = phase(m.first)
	e.Relay = phase(now)
	e.Total = now.Sub(m.began)
}

// note tells the recording what was decided.
func (x *exchange) note() {
	x.gateway.tap.Note(x.client.flow, "exchange", "",
		capture.Param{Name: "exchange", Value: x.identity()},
		capture.Param{Name: "status", Value: fmt.Sprint(x.status)},
		capture.Param{Name: "request-framing", Value: x.framed.String()},
		capture.Param{Name: "response-framing", Value: x.framing.String()},
		capture.Param{Name: "client-connection", Value: x.end.String()},
		capture.Param{Name: "origin-connection", Value: x.originEnding()},
		capture.Param{Name: "refusal", Value: x.refusal.String()},
		capture.Param{Name: "queued", Value: fmt.Sprint(x.queued)},
		capture.Param{Name: "replayed", Value: fmt.Sprint(x.replayed)},
	)
}

// identity is such as "c3#2 -> o1#7".
func (x *exchange) identity() string {
	var b strings.Builder
	fmt.Fprintf(&b, "c%d#%d -> ", x.client.serial, x.client.requests)
	if x.serial == 0 {
		b.WriteByte('-')
	} else {
		fmt.Fprintf(&b, "o%d#%d", x.serial, x.uses)
	}
	return b.String()
}
