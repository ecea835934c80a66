package capture

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"time"
)

// A Severity is a syslog severity (RFC 5424 section 6.2.1).
type Severity uint8

// The severities that a gateway has a use for.
const (
	Warning Severity = 4
	Info    Severity = 6
)

// A Param is one name and value of a note's structured data. The name is
// printable ASCII without '=', ']', '"' and space, 32 octets at most.
type Param struct{ Name, Value string }

// A Note is what the edge knows beyond octets: where a connection came from,
// why it was closed, which rule refused a message. It is recorded as a syslog
// datagram (RFC 5424) among the packets, on an interface of its own.
type Note struct {
	At       time.Time
	Severity Severity // zero means Info
	// Kind is the stable short name of what happened, such as "exchange";
	// printable ASCII without space, 32 octets at most. Empty means none.
	Kind string
	// Flow is the connection that the note is about; the zero value: none.
	Flow   FlowID
	Params []Param
	Text   string
}

const (
	facility = 16 // local0
	// structuredID carries the enterprise number that RFC 5612 sets aside for
	// documentation, since hopwire has none of its own.
	structuredID = "hopwire@32473"
	maxNote      = 48 << 10 // a datagram with its headers stays below 64 KiB
)

// appendBody appends what follows PROCID in RFC 5424: MSGID, structured data,
// message. It is made on the loop, and the rest by the writer.
func (n *Note) appendBody(b []byte) []byte {
	start := len(b)
	b = append(b, cmp.Or(n.Kind, "-")...)
	b = append(b, ' ')
	b = n.appendStructuredData(b)
	if n.Text != "" {
		b = append(b, ' ')
		b = append(b, n.Text...)
	}
	if over := len(b) - start - maxNote; over > 0 {
		b = append(b[:start+maxNote], "... (cut)"...)
	}
	return b
}

func (n *Note) appendStructuredData(b []byte) []byte {
	if n.Flow == (FlowID{}) && len(n.Params) == 0 {
		return append(b, '-')
	}
	b = append(b, "["+structuredID...)
	if n.Flow != (FlowID{}) {
		b = append(b, ` flow="`...)
		b = append(n.Flow.appendTo(b), '"')
	}
	for _, p := range n.Params {
		b = append(append(b, ' '), p.Name...)
		b = append(b, '=', '"')
		b = append(appendEscaped(b, p.Value), '"')
	}
	return append(b, ']')
}

// appendEscaped escapes what would end a PARAM-VALUE (RFC 5424 section 6.3.3).
func appendEscaped(b []byte, value string) []byte {
	for i := range len(value) {
		switch value[i] {
		case '"', '\\', ']':
			b = append(b, '\\')
		}
		b = append(b, value[i])
	}
	return b
}

// parseNote reads a datagram that the writer made; at is the packet's time,
// which is finer than the one in the message.
func parseNote(p []byte, at time.Time) (Note, bool) {
	n := Note{At: at}
	pri, rest, ok := bytes.Cut(p, []byte(">1 "))
	if !ok || len(pri) < 2 || pri[0] != '<' {
		return n, false
	}
	code, err := strconv.Atoi(string(pri[1:]))
	if err != nil {
		return n, false
	}
	n.Severity = Severity(code & 7)
	head := bytes.SplitN(rest, []byte(" "), 6) // time, host, application, process, kind, the rest
	if len(head) < 6 {
		return n, false
	}
	if kind := string(head[4]); kind != "-" {
		n.Kind = kind
	}
	n.Text = n.parseStructuredData(string(head[5]))
	return n, true
}

// parseStructuredData takes the element that is ours off s and returns the
// message behind it.
func (n *Note) parseStructuredData(s string) (text string) {
	rest, ours := strings.CutPrefix(s, "["+structuredID)
	if !ours {
		return strings.TrimPrefix(strings.TrimPrefix(s, "-"), " ")
	}
	for {
		rest = strings.TrimPrefix(rest, " ")
		name, after, ok := strings.Cut(rest, `="`)
		if !ok || strings.HasPrefix(rest, "]") {
			break
		}
		var value string
		value, rest = unescape(after)
		n.set(name, value)
	}
	return strings.TrimPrefix(strings.TrimPrefix(rest, "]"), " ")
}

func (n *Note) set(name, value string) {
	if id, err := ParseFlowID(value); name == "flow" && err == nil {
		n.Flow = id
		return
	}
	n.Params = append(n.Params, Param{name, value})
}

// unescape returns the value up to its closing quote, and what follows that.
func unescape(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}
