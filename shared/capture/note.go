package capture

import (
	"github.com/hopwire/hopwire/shared/events"

	"bytes"
	"cmp"
	"strconv"
	"strings"
	"time"
)

// A Note is one that was recorded: as a syslog datagram (RFC 5424) among the packets,
// on an interface of its own.
type Note struct {
	events.Note
	At time.Time
	// Conn is the connection that the note is about, and Exchange what it was used
	// for; the zero values: none.
	Conn     events.ConnID
	Exchange events.Exchange
}

const (
	facility = 16 // local0
	// Of the severities of RFC 5424 section 6.2.1, a gateway has a use for two.
	severityWarning, severityInfo = 4, 6
	// structuredID carries the enterprise number that RFC 5612 sets aside for
	// documentation, since hopwire has none of its own.
	structuredID = "hopwire@32473"
	maxNote      = 48 << 10 // a datagram with its headers stays below 64 KiB
)

func severityOf(n *events.Note) int {
	if n.Warning {
		return severityWarning
	}
	return severityInfo
}

// appendNote appends what follows PROCID in RFC 5424: MSGID, structured data,
// message.
func appendNote(b []byte, conn events.ConnID, exchange events.Exchange, n *events.Note) []byte {
	start := len(b)
	b = append(append(b, cmp.Or(n.Kind, "-")...), ' ')
	structured := len(b)
	b = append(b, "["+structuredID...)
	bare := len(b)
	if conn != (events.ConnID{}) {
		b = append(conn.AppendTo(append(b, ` flow="`...)), '"')
	}
	if exchange != (events.Exchange{}) {
		b = append(exchange.AppendTo(append(b, ` exchange="`...)), '"')
	}
	for i := range n.Params {
		b = append(append(b, ' '), n.Params[i].Name...)
		b = append(appendEscaped(append(b, '=', '"'), n.Params[i].Value), '"')
	}
	if len(b) > bare {
		b = append(b, ']')
	} else {
		b = append(b[:structured], '-')
	}
	if n.Text != "" {
		b = append(append(b, ' '), n.Text...)
	}
	if over := len(b) - start - maxNote; over > 0 {
		b = append(b[:start+maxNote], "... (cut)"...)
	}
	return b
}

// appendEscaped escapes what would end a PARAM-VALUE (RFC 5424 section 6.3.3).
func appendEscaped(b []byte, value string) []byte {
	done := 0
	for i := range len(value) {
		if c := value[i]; c == '"' || c == '\\' || c == ']' {
			b = append(append(b, value[done:i]...), '\\')
			done = i
		}
	}
	return append(b, value[done:]...)
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
	n.Warning = code&7 <= severityWarning
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
	var err error
	switch name {
	case "flow":
		n.Conn, err = events.ParseConnID(value)
	case "exchange":
		n.Exchange, err = events.ParseExchange(value)
	}
	if name != "flow" && name != "exchange" || err != nil {
		n.Params = append(n.Params, events.Param{Name: name, Value: value})
	}
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
