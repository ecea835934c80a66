package gateway

import (
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/jsonline"
	"github.com/hopwire/hopwire/shared/loop"
)

// A connEntry is what the log has of a connection that has ended, with
// Config.LogConnections. In the line it stands where an exchange has its own, behind a
// request line that is a dash:
//
//	127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "-" - - o1@10.0.0.2:80 keep-alive-timeout requests=7 age=50123ms local=10.0.0.1:40312
//
// The host is the peer. By its local address the connection to an origin is found in
// the origin's log, and in a capture.
type connEntry struct {
	side     byte // c or o
	serial   uint64
	conn     *loop.Conn
	origin   *loop.Address // nil: a client's
	cause    string
	requests uint32
	age      time.Duration
}

func (g *Gateway) logsConnections() bool { return g.log != nil && g.config.LogConnections }

// logClient tells the end of a client connection.
func (g *Gateway) logClient(c *client, cause Cause) {
	g.logConnection(&connEntry{'c', c.serial, c.conn, nil, cause.String(), c.requests, c.age()})
}

// logOrigin tells that of a connection to an origin.
func (g *Gateway) logOrigin(c *pool.Conn, cause pool.Cause) {
	g.logConnection(&connEntry{'o', c.Serial, c.Conn, c.Pool().Origin(), cause.String(), c.Uses(), c.Age()})
}

func (g *Gateway) logConnection(e *connEntry) {
	if g.log.JSON() {
		g.log.End(e.appendMembers(g.log.Object("edge", "connection")))
		return
	}
	g.log.End(e.appendTo(g.log.Begin(e.conn.Remote(), []byte("-"), 0, 0)))
}

func (e *connEntry) appendTo(b []byte) []byte {
	b = appendSerial(append(b, ' '), e.side, e.serial)
	b = appendOrigin(b, e.origin)
	b = append(append(b, ' '), e.cause...)
	b = appendCount(b, " requests=", int64(e.requests))
	b = append(appendCount(b, " age=", e.age.Milliseconds()), "ms"...)
	if at := addrPort(e.conn.LocalAddr()); e.origin != nil && at.IsValid() {
		b = at.AppendTo(append(b, " local="...))
	}
	return b
}

func (e *connEntry) appendMembers(b []byte) []byte {
	var space [32]byte
	b = jsonline.Text(b, "connection", appendSerial(space[:0], e.side, e.serial))
	if e.origin == nil {
		b = jsonline.Address(b, "client", e.conn.Remote())
	} else {
		b = appendAddress(b, "origin", e.origin)
		b = jsonline.Address(b, "local", addrPort(e.conn.LocalAddr()))
	}
	b = jsonline.Text(b, "cause", e.cause)
	b = jsonline.Number(b, "requests", int64(e.requests))
	return jsonline.Number(b, "age_ms", e.age.Milliseconds())
}
