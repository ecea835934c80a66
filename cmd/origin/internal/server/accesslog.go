package server

import (
	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/jsonline"
)

// named notes what the access log will say of the request: its octets may be
// gone when the response is complete.
func (x *exchange) named() {
	x.received(methodOf(&x.head))
	x.sent, x.came, x.owed, x.planned = 0, 0, 0, Broken
	x.traceparent = x.traceparent[:0]
	if log := x.worker.log; log != nil {
		x.line = append(x.line[:0], x.head.Raw[:x.head.FieldsStart()-len("\r\n")]...)
		if log.JSON() {
			x.traceparent = append(x.traceparent, accesslog.Traceparent(&x.head)...)
		}
	}
}

// nameless is named for a request whose head could not be read.
func (x *exchange) nameless() {
	x.received(methodUnread)
	x.sent, x.came = 0, 0
	x.line, x.traceparent = append(x.line[:0], noLine...), x.traceparent[:0]
}

const noLine = "-"

// account counts the response that was made, and writes the line for it.
func (x *exchange) account(end RequestEnd) {
	x.over(end, x.status)
	switch log := x.worker.log; {
	case log == nil:
	case log.JSON():
		log.End(x.appendObject(log.Object("origin", "exchange")))
	default:
		line := log.Begin(x.conn.Remote(), x.line, x.status, x.sent)
		if x.struckBy != "" {
			line = appendFault(line, x.struckBy)
		}
		if x.broke != "" {
			line = append(append(line, " !"...), x.broke...)
		}
		log.End(line)
	}
	x.struckBy, x.broke = "", ""
}

// appendObject appends what the text has to a line that is an object, and beyond that
// the bytes of content that were read, and the trace.
func (x *exchange) appendObject(b []byte) []byte {
	b = jsonline.Address(b, "client", x.conn.Remote())
	if string(x.line) != noLine {
		b = accesslog.AppendRequest(b, x.line, true)
	}
	if len(x.traceparent) > 0 {
		b = jsonline.Text(b, "traceparent", x.traceparent)
	}
	if x.status > 0 {
		b = jsonline.Number(b, "status", int64(x.status))
	}
	b = jsonline.Number(b, "request_bytes", x.came)
	b = jsonline.Number(b, "response_bytes", x.sent)
	if x.struckBy != "" {
		b = jsonline.Text(b, "fault", x.struckBy)
	}
	if x.broke != "" {
		b = jsonline.Text(b, "rule", string(x.broke))
	}
	return b
}

// account counts and logs a fault that is not of a request.
func (c *client) account(status int) {
	c.fault.Count()
	switch log := c.worker.log; {
	case log == nil:
	case log.JSON():
		b := jsonline.Address(log.Object("origin", "fault"), "client", c.conn.Remote())
		if status > 0 {
			b = jsonline.Number(b, "status", int64(status))
		}
		log.End(jsonline.Text(b, "fault", c.fault.Name()))
	default:
		log.End(appendFault(log.Begin(c.conn.Remote(), []byte(noLine), status, 0), c.fault.Name()))
	}
}

func appendFault(line []byte, name string) []byte { return append(append(line, " fault="...), name...) }
