package gateway

import (
	"cmp"
	"strconv"
	"time"

	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/jsonline"
	"github.com/hopwire/hopwire/shared/loop"
)

// A logEntry is what a gateway has to tell beyond the Common Log Format, behind
// which it stands in the line:
//
//	127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326
//	    read=14us connect=0us send=9us wait=210us relay=31us total=264us c3#2 -> o1#7 kept/kept
//
// (on one line). The size is that of the response's body as it went out, chunk
// framing included. The phases follow one another: from the first byte of the
// request to the end of its head, until an origin connection is at hand, until
// the request or what of it had arrived is written, until the first byte of the
// response, until its last. A request that had to wait until others were done with
// their connections has a phase queue=... behind read. c3#2 is the second request
// on client connection 3, o1#7 the seventh on origin connection 1, or - if the
// request reached none. Where there may be several origins, @ and an address say
// which one: o1#7@10.0.0.2:80, or -@10.0.0.2:80 when no connection could be made
// to any and this was the last one tried. The two words at the end say what became
// of the two connections. Behind them replayed says that the request was sent once
// more; then, and where only the client may do that, stale=o1#7 is the use of a kept
// connection that ended without a response, with its origin likewise, idle=5000123us for
// how long that had waited for the request, and sign=ended or sign=reset how it ended. ! and a name, and
// perhaps the rule that was broken, say why the gateway answered by itself, or broke a response off. An exchange that ended early
// spent its last time in the phase it was in. What a client sent that is no
// request, or did not come to the end of a head, has a line too: with its own first
// line, or the beginning of that.
//
// The line of an exchange that became a tunnel is written when that has ended.
// Its size is that of what went to the client, the last phase the life of the
// tunnel, and tunnel=30/2000 the bytes from and to the client.
//
// Where lines are objects they have the same, under the names that README lists.
type logEntry struct {
	read, queue, connect, send, wait, relay, total time.Duration

	clientConn uint64
	request    uint32        // on the client connection, from 1
	originConn uint64        // 0: the request reached no origin
	use        uint32        // of the origin connection, from 1
	origin     *loop.Address // chosen, or the last one tried; nil: not told

	clientEnd, originEnd string // what became of the connections; originEnd may be empty
	tunnel               bool   // the connection became one
	inbound, outbound    int64  // bytes of the tunnel
	replayed             bool   // sent once more
	stale                staleUse
	refusal              string // why the gateway answered by itself, or broke off; empty if it did not
	rule                 string // which rule was broken then; may be empty
}

// appendTo appends the rest of the line.
func (e *logEntry) appendTo(b []byte) []byte {
	return e.appendConnections(e.appendPhases(b))
}

func (e *logEntry) appendPhases(b []byte) []byte {
	b = appendPhase(b, " read=", e.read)
	if e.queue > 0 {
		b = appendPhase(b, " queue=", e.queue)
	}
	b = appendPhase(b, " connect=", e.connect)
	b = appendPhase(b, " send=", e.send)
	b = appendPhase(b, " wait=", e.wait)
	b = appendPhase(b, " relay=", e.relay)
	return appendPhase(b, " total=", e.total)
}

func appendPhase(b []byte, name string, d time.Duration) []byte {
	return append(appendCount(b, name, d.Microseconds()), "us"...)
}

func appendCount(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(b, name...), n, 10)
}

func (e *logEntry) appendConnections(b []byte) []byte {
	b = appendIdentity(append(b, ' '), 'c', e.clientConn, e.request)
	b = append(b, " -> "...)
	b = appendIdentity(b, 'o', e.originConn, e.use)
	b = appendOrigin(b, e.origin)
	b = append(b, ' ')
	b = append(b, e.clientEnd...)
	b = append(b, '/')
	b = append(b, cmp.Or(e.originEnd, "-")...)
	if e.tunnel {
		b = strconv.AppendInt(append(b, " tunnel="...), e.inbound, 10)
		b = strconv.AppendInt(append(b, '/'), e.outbound, 10)
	}
	if e.replayed {
		b = append(b, " replayed"...)
	}
	if e.stale.conn > 0 {
		b = appendIdentity(append(b, " stale="...), 'o', e.stale.conn, e.stale.use)
		if e.origin != nil {
			b = appendOrigin(b, e.stale.at)
		}
		b = appendPhase(b, " idle=", e.stale.idled)
		b = append(append(b, " sign="...), e.stale.sign...)
	}
	if e.refusal != "" {
		b = append(b, " !"...)
		b = append(b, e.refusal...)
		if e.rule != "" {
			b = append(b, ':')
			b = append(b, e.rule...)
		}
	}
	return b
}

// appendIdentity adds to an object by which name the exchange is known to recordings.
func (e *logEntry) appendIdentity(b []byte) []byte {
	var space [64]byte
	name := appendIdentity(space[:0], 'c', e.clientConn, e.request)
	if e.originConn > 0 {
		name = appendIdentity(append(name, " -> "...), 'o', e.originConn, e.use)
	}
	return jsonline.Text(b, "exchange", name)
}

// appendMembers adds what else of the entry there is to an object.
func (e *logEntry) appendMembers(b []byte) []byte {
	b = jsonline.Number(b, "read_us", e.read.Microseconds())
	if e.queue > 0 {
		b = jsonline.Number(b, "queue_us", e.queue.Microseconds())
	}
	b = jsonline.Number(b, "connect_us", e.connect.Microseconds())
	b = jsonline.Number(b, "send_us", e.send.Microseconds())
	b = jsonline.Number(b, "wait_us", e.wait.Microseconds())
	b = jsonline.Number(b, "relay_us", e.relay.Microseconds())
	b = jsonline.Number(b, "total_us", e.total.Microseconds())
	if e.origin != nil {
		b = appendAddress(b, "origin", e.origin)
	}
	b = jsonline.Text(b, "client_end", e.clientEnd)
	if e.originEnd != "" {
		b = jsonline.Text(b, "origin_end", e.originEnd)
	}
	if e.tunnel {
		b = jsonline.Number(b, "tunnel_inbound_bytes", e.inbound)
		b = jsonline.Number(b, "tunnel_outbound_bytes", e.outbound)
	}
	if e.replayed {
		b = jsonline.True(b, "replayed")
	}
	if e.stale.conn > 0 {
		b = e.stale.appendMembers(b)
	}
	if e.refusal != "" {
		b = jsonline.Text(b, "error", e.refusal)
		if e.rule != "" {
			b = jsonline.Text(b, "rule", e.rule)
		}
	}
	return b
}

func (s *staleUse) appendMembers(b []byte) []byte {
	var space [32]byte
	b = jsonline.Text(b, "stale", appendIdentity(space[:0], 'o', s.conn, s.use))
	b = appendAddress(b, "stale_origin", s.at)
	b = jsonline.Number(b, "stale_requests", int64(s.use-1))
	b = jsonline.Number(b, "stale_idle_us", s.idled.Microseconds())
	return jsonline.Text(b, "stale_sign", s.sign)
}

// appendAddress adds an origin's address to an object.
func appendAddress(b []byte, name string, at *loop.Address) []byte {
	if at.Path == "" {
		return jsonline.Address(b, name, at.TCP)
	}
	var space [len("unix:") + 108]byte // which is the longest path
	return jsonline.Text(b, name, append(append(space[:0], "unix:"...), at.Path...))
}

func appendIdentity(b []byte, side byte, conn uint64, n uint32) []byte {
	if conn == 0 {
		return append(b, '-')
	}
	b = append(appendSerial(b, side, conn), '#')
	return strconv.AppendUint(b, uint64(n), 10)
}

func appendSerial(b []byte, side byte, conn uint64) []byte {
	return strconv.AppendUint(append(b, side), conn, 10)
}

func appendOrigin(b []byte, at *loop.Address) []byte {
	switch {
	case at == nil:
		return b
	case at.Path != "":
		return accesslog.AppendEscaped(append(b, "@unix:"...), at.Path)
	}
	return at.TCP.AppendTo(append(b, '@'))
}
