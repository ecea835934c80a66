package accesslog

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// An Entry is what one line tells. Its slices are read during Add only.
type Entry struct {
	Client      netip.AddrPort // zero for a Unix socket
	RequestLine []byte         // as received, or as much of it as there was
	Status      int            // 0: the client got no response
	Octets      int64          // of the response's body, or of the tunnel behind it
	Inbound     int64          // octets of the tunnel from the client
	Tunnel      bool           // the connection became one

	Read, Queue, Connect, Send, Wait, Relay, Total time.Duration

	ClientConn uint64
	Request    uint32        // on the client connection, from 1
	OriginConn uint64        // 0: the request reached no origin
	Use        uint32        // of the origin connection, from 1
	Origin     *loop.Address // chosen, or the last one tried; nil: not told

	ClientEnd, OriginEnd string // what became of the connections; OriginEnd may be empty
	Refusal              string // why the gateway answered by itself; empty if it did not
	Rule                 string // which rule was broken then; may be empty
	Replayed             bool   // sent once more, after a stale connection
}

// appendTo appends the line; stamp is the time in brackets.
func (e *Entry) appendTo(b, stamp []byte) []byte {
	b = e.appendCommon(b, stamp)
	b = e.appendPhases(b)
	b = e.appendConnections(b)
	return append(b, '\n')
}

// appendCommon appends the part in Common Log Format.
func (e *Entry) appendCommon(b, stamp []byte) []byte {
	b = appendHost(b, e.Client)
	b = append(b, " - - "...)
	b = append(b, stamp...)
	b = append(b, ` "`...)
	b = appendEscaped(b, e.RequestLine)
	b = append(b, `" `...)
	b = appendNumber(b, int64(e.Status))
	b = append(b, ' ')
	return appendNumber(b, e.Octets)
}

func appendHost(b []byte, client netip.AddrPort) []byte {
	if !client.IsValid() {
		return append(b, "unix"...)
	}
	return client.Addr().AppendTo(b)
}

// appendNumber writes a dash for zero, as the format wants it.
func appendNumber(b []byte, n int64) []byte {
	if n == 0 {
		return append(b, '-')
	}
	return strconv.AppendInt(b, n, 10)
}

// appendEscaped keeps a request line from ending the quotes or the line: a
// client that could do that would write log lines of its own.
func appendEscaped(b, line []byte) []byte {
	const hex = "0123456789abcdef"
	for _, c := range line {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7f:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}

func (e *Entry) appendPhases(b []byte) []byte {
	b = appendPhase(b, " read=", e.Read)
	if e.Queue > 0 {
		b = appendPhase(b, " queue=", e.Queue)
	}
	b = appendPhase(b, " connect=", e.Connect)
	b = appendPhase(b, " send=", e.Send)
	b = appendPhase(b, " wait=", e.Wait)
	b = appendPhase(b, " relay=", e.Relay)
	return appendPhase(b, " total=", e.Total)
}

func appendPhase(b []byte, name string, d time.Duration) []byte {
	b = append(b, name...)
	b = strconv.AppendInt(b, d.Microseconds(), 10)
	return append(b, "us"...)
}

func (e *Entry) appendConnections(b []byte) []byte {
	b = appendIdentity(append(b, ' '), 'c', e.ClientConn, e.Request)
	b = append(b, " -> "...)
	b = appendIdentity(b, 'o', e.OriginConn, e.Use)
	b = appendOrigin(b, e.Origin)
	b = append(b, ' ')
	b = append(b, e.ClientEnd...)
	b = append(b, '/')
	b = append(b, orDash(e.OriginEnd)...)
	if e.Tunnel {
		b = strconv.AppendInt(append(b, " tunnel="...), e.Inbound, 10)
		b = strconv.AppendInt(append(b, '/'), e.Octets, 10)
	}
	if e.Replayed {
		b = append(b, " replayed"...)
	}
	if e.Refusal != "" {
		b = append(b, " !"...)
		b = append(b, e.Refusal...)
		if e.Rule != "" {
			b = append(b, ':')
			b = append(b, e.Rule...)
		}
	}
	return b
}

func appendIdentity(b []byte, side byte, conn uint64, n uint32) []byte {
	if conn == 0 {
		return append(b, '-')
	}
	b = append(b, side)
	b = strconv.AppendUint(b, conn, 10)
	b = append(b, '#')
	return strconv.AppendUint(b, uint64(n), 10)
}

func appendOrigin(b []byte, at *loop.Address) []byte {
	switch {
	case at == nil:
		return b
	case at.Path != "":
		return appendEscaped(append(b, "@unix:"...), []byte(at.Path))
	}
	return at.TCP.AppendTo(append(b, '@'))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// A stamp is the time of a line, made once a second.
type stamp struct {
	second int64
	text   []byte
}

func (s *stamp) at(t time.Time) []byte {
	if second := t.Unix(); second != s.second || s.text == nil {
		s.second = second
		s.text = t.AppendFormat(s.text[:0], "[02/Jan/2006:15:04:05 -0700]")
	}
	return s.text
}
